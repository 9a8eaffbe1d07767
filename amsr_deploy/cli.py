"""The command line: one short function per command, no logic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from amsr_deploy import __version__
from amsr_deploy.descriptor import BACKBONES


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="amsr")
def main() -> None:
    """Super-resolution networks that spend their work on edges and texture."""


@main.command()
@click.option("--backbone", type=click.Choice(list(BACKBONES)), help="Network to train.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder of HR pictures.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the run.")
@click.option("--validation", type=click.Path(path_type=Path), help="Folder of HR pictures to validate on.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in --out.")
@click.option("--init", type=click.Path(path_type=Path), help="Start from a dense checkpoint, ours or a public one.")
@click.option("--config", type=click.Path(path_type=Path), help="Take all settings from the config.json of a run.")
@click.option("--steps", type=int, help="Length of the training.  [default: 100000]")
@click.option("--batch-size", type=int, help="Patches a step.  [default: the network's own]")
@click.option("--learning-rate", type=float, help="Peak of the cosine.  [default: the network's own]")
@click.option("--dilation", type=int, help="Dilation to train for.  [default: the network's own]")
@click.option("--masks", help="Mask schedule, such as dense:0.1,21:0.15,13:0.15,5: dilation and share of the steps.")
@click.option("--fixed-mask", is_flag=True, default=None, help="Masks of the final dilation from the first step on.")
@click.option("--uniform-patches", is_flag=True, help="Draw patches everywhere alike, not by their contrast.")
@click.option("--patch-size", type=int, help="Side of a patch in LR pixels.  [default: 32]")
@click.option("--reductions", help="Sizes at which HR pictures enter.  [default: 1,0.75,0.5]")
@click.option("--ema", type=float, help="Decay of the averaged weights.  [default: 0.999]")
@click.option("--seed", type=int, help="[default: 0]")
@click.option("--validate-every", type=int, help="Steps between validations and checkpoints.  [default: 1000]")
@click.option("--device", help="auto, cpu, cuda or cuda:N.  [default: auto]")
@click.option("--precision", type=click.Choice(["auto", "bfloat16", "float32"]), help="[default: auto]")
@click.option("--compile/--no-compile", default=None, help="Use torch.compile.  [default: on a GPU]")
@click.option("--tensorboard/--no-tensorboard", default=None, help="Write curves.  [default: where it is installed]")
def train(out: Path, resume: bool, tensorboard: bool | None, **options: Any) -> None:
    """Train a network with masks on a folder of pictures."""
    from amsr_deploy.training.session import run_session

    raise SystemExit(run_session(out, resume, tensorboard, options))
