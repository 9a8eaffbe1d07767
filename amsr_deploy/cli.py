"""The command line: one short function per command. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import click

from amsr_deploy import __version__
from amsr_deploy.descriptor import BACKBONES, STRATEGIES
from amsr_deploy.errors import AmsrError, MissingDependencyError

FILE = click.Path(path_type=Path)
backbone_option = click.option(
    "--backbone", type=click.Choice(list(BACKBONES)), default="carn", show_default=True, help="Network."
)
dilation_option = click.option(
    "--dilation", type=int, metavar="K", help="Side of the square that grows the mask, odd; the model's own by default."
)
strategy_option = click.option(
    "--strategy", type=click.Choice(STRATEGIES), default="kmeans", show_default=True, help="How the mask is found."
)


class Commands(click.Group):
    """A group that reports every failure in a line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if ctx.params["debug"]:
                raise
            sys.exit(report_failure(error))


def report_failure(error: Exception) -> int:
    """Print what went wrong as one line; returns the exit code."""
    if isinstance(error, AmsrError):
        message = str(error)
    elif isinstance(error, ModuleNotFoundError):
        message = str(MissingDependencyError(str(error.name), "torch", "this command"))
    elif isinstance(error, OSError):
        message = f"{error.filename or 'file'}: {error.strerror or error}"
    elif isinstance(error, MemoryError):
        message = "out of memory; use a smaller --tile or a smaller picture"
    else:
        message = f"unexpected {type(error).__name__}: {error}; run `amsr --debug ...` for the whole story"
    click.echo(f"amsr: error: {message}", err=True)
    return getattr(error, "exit_code", 1)


def show_warning(message: Warning | str, *_: Any) -> None:
    """Print a warning as one line."""
    click.echo(f"amsr: {message}", err=True)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="amsr")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def main(debug: bool) -> None:
    """Super-resolution (x4) that spends its work on edges and texture."""
    if not debug:
        warnings.showwarning = show_warning  # type: ignore[assignment]
        logging.basicConfig(format="amsr: %(message)s")


@main.command()
@click.argument("inputs", nargs=-1, required=True, type=FILE)
@click.option("-o", "--output", type=FILE, help="Output picture; with several inputs a folder.  [default: NAME_x4.png]")
@backbone_option
@click.option("--model", type=FILE, help="A model that `amsr export` wrote, instead of a shipped one.")
@dilation_option
@click.option("--threshold", type=float, metavar="SIGMA", help="Share of masked pixels that keeps a window (SwinIR).")
@strategy_option
@click.option("--mask", type=FILE, help="A mask of your own: a picture, white where the network shall work.")
@click.option("--dense", is_flag=True, help="Work everywhere.")
@click.option("--save-mask", type=FILE, help="Write the mask that was used as a picture.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option(
    "--tile", type=int, metavar="PIXELS", help="Largest side upscaled at once; follows from memory by default."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each picture.")
def infer(inputs: tuple[Path, ...], output: Path | None, backbone: str, model: Path | None, **options: Any) -> None:
    """Upscale pictures four times."""
    from amsr_deploy.runtime.pictures import infer_pictures

    failures = infer_pictures(inputs, output, model or backbone, click.echo, report_failure, **options)
    sys.exit(min(failures, 1))


@main.command()
@click.argument("photo", type=FILE)
@click.option("-o", "--output", type=FILE, help="Output picture.  [default: NAME_mask.png]")
@click.option("--overlay", is_flag=True, help="Write the photo with the masked area tinted.")
@click.option("--dilation", type=int, default=5, show_default=True, metavar="K", help="Side of the square, odd.")
@strategy_option
def mask(photo: Path, output: Path | None, overlay: bool, dilation: int, strategy: Any) -> None:
    """Write the mask of a photo as a picture."""
    from amsr_deploy.runtime.pictures import write_picture_mask

    click.echo(write_picture_mask(photo, output, overlay, dilation, strategy))


@main.command()
@backbone_option
@click.option("--weights", type=FILE, help="A checkpoint (.safetensors, .pth); the shipped weights by default.")
@click.option("--dense", is_flag=True, help="The dense network, without a mask.")
@click.option("--fp16", is_flag=True, help="float16 weights and arithmetic; inputs and outputs stay float32.")
@click.option("--output", type=FILE, help="Output file.  [default: BACKBONE_x4.onnx]")
def export(backbone: str, weights: Path | None, dense: bool, fp16: bool, output: Path | None) -> None:
    """Export a backbone to ONNX and compare it with PyTorch."""
    from amsr_deploy.export.command import export_backbone

    click.echo(export_backbone(backbone, weights, dense, fp16, output))


@main.command()
@click.argument("file", type=FILE)
def inspect(file: Path) -> None:
    """Show a model's inputs, operators, cost and metadata."""
    from amsr_deploy.export.inspection import print_model

    print_model(file)
