"""What the options of `amsr infer` and `amsr mask` have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from amsr_deploy.commands.messages import setting
from amsr_deploy.commands.pictures.inputs import Inputs, find_inputs
from amsr_deploy.commands.pictures.outputs import Naming, wanted_handling
from amsr_deploy.commands.pictures.reporter import Reporter
from amsr_deploy.commands.report_file import check_report_file
from amsr_deploy.errors import UserError
from amsr_deploy.files import check_not_read

EXAMPLES = {
    "infer": """\
  amsr infer photo.jpg                  upscale a picture: photo_x4.png
  amsr infer photos/ -o large/          all pictures of a folder
  amsr infer photo.jpg --width 3840     to a size
""",
    "mask": """\
  amsr mask photo.jpg                   where a network would work: photo_mask.png
  amsr mask photo.jpg --overlay         the photo with that area tinted
  amsr mask photos/ -o masks/           all pictures of a folder
""",
}
"""What a command without pictures shows."""

Options = dict[str, Any]
"""What the command line gives, by the names of the parameters."""


def take(options: Options, *names: str) -> Options:
    """Take some options out of all of them."""
    return {name: options.pop(name) for name in names}


def take_naming(options: Options) -> Naming:
    """Make the naming of outputs."""
    extension = options.pop("extension")
    existing = wanted_handling(**take(options, "overwrite", "skip_existing"))
    return Naming(extension=extension and f".{extension}", existing=existing, **take(options, "output", "suffix"))


def take_reporter(options: Options) -> Reporter:
    """Make what reports on the pictures."""
    json_file = options.pop("json_file")
    check_report_file(json_file, ".json")
    return Reporter(setting("quiet"), json_file)


@contextmanager
def take_inputs(
    command: str, options: Options, naming: Naming, reporter: Reporter, read: Iterable[Path | None]
) -> Iterator[Inputs]:
    """Find the pictures of a command.

    Args:
        command: its name.
        options: what the command line gives.
        naming: how the outputs are named.
        reporter: its file is none that is read.
        read: other files that are.

    Raises:
        UserError: there are none, or the report would replace what is read.
    """
    names, files_from = options.pop("inputs"), options.pop("files_from")
    if not names and not files_from:
        click.echo(f"Usage: amsr {command} [OPTIONS] INPUTS...\n\n{EXAMPLES[command]}", err=True)
        raise UserError(f"no INPUTS; `amsr {command} --help` lists what there is")
    with find_inputs(names, files_from, options.pop("recursive"), naming.output, naming.suffix) as inputs:
        check_not_read(reporter.json_file, [*(each.path for each in inputs.pictures), files_from, *read])
        yield inputs
