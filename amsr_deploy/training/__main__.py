"""`amsr train` where there is only PyTorch, safetensors, NumPy and Pillow: with the same options, without click.

`amsr train --help` explains them all, on any machine where the package is installed.

python -m amsr_deploy.training --backbone disp --data photos --out runs/disp --minutes 60
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

from amsr_deploy.commands.train import DIMENSIONS, run_session
from amsr_deploy.errors import AmsrError, with_options
from amsr_deploy.training.config import Config, parse_reductions

TYPES: dict[str, Callable[[str], object]] = {
    "int": int,
    "float": float,
    "float | None": float,
    "tuple[float, ...]": parse_reductions,
}
"""How the fields of a Config are read, by their types; all others are text."""
OTHERWISE = ("data", "degraded", "dimensions", "texture", "compile")
"""Fields whose options are no plain `--name value`."""


def parser() -> argparse.ArgumentParser:
    """Make the options of `amsr train` from the fields of a Config."""
    parser = argparse.ArgumentParser("python -m amsr_deploy.training", description=__doc__)
    add = parser.add_argument
    add("-o", "--output", "--out", dest="out", type=Path, required=True, help="folder of the run")
    add("--resume", action="store_true")
    add("--save-minutes", type=float, help="minutes between checkpoints at most")
    add("--data", action="append", help="folder of HR pictures, or a packed file; may be given again")
    add("--config", help="take all settings from the config.json of a run")
    for name in (*DIMENSIONS, "dilation"):
        add(f"--{name}", type=int)
    for name in ("degraded", "fixed-mask", "uniform-patches"):
        add(f"--{name}", action="store_true", default=None)
    for name in ("compile", "tensorboard"):
        add(f"--{name}", action=argparse.BooleanOptionalAction, default=None)
    for field in fields(Config):
        if field.name not in OTHERWISE:
            add(f"--{field.name.replace('_', '-')}", type=TYPES.get(str(field.type), str))
    return parser


def option_names() -> dict[str, str]:
    """Map each argument to the option that sets it."""
    return {action.dest: action.option_strings[0] for action in parser()._actions}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train as the command line asks, and return the exit code."""
    try:
        return run_session(**vars(parser().parse_args(arguments)))
    except AmsrError as error:
        print(f"error: {with_options(str(error), option_names())}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
