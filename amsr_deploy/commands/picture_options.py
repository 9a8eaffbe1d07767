"""From the options of `amsr infer` and `amsr mask` to what they ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from amsr_deploy.commands.batch import Reporter
from amsr_deploy.commands.effort import Effort
from amsr_deploy.commands.infer import infer_pictures
from amsr_deploy.commands.inputs import Inputs, find_inputs
from amsr_deploy.commands.messages import setting
from amsr_deploy.commands.output_size import OutputSize
from amsr_deploy.commands.outputs import Naming, wanted_handling
from amsr_deploy.commands.report_file import check_report_file
from amsr_deploy.commands.request import Request
from amsr_deploy.commands.shard import Shard
from amsr_deploy.errors import UserError
from amsr_deploy.files import check_not_read
from amsr_deploy.image import WriteOptions
from amsr_deploy.runtime.newest import wanted_model

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


def run_infer(backbone: str | None, model: Path | None, **options: Any) -> int:
    """Upscale pictures as the options of `amsr infer` ask, and return the exit code."""
    part, address = options.pop("shard"), options.pop("ray")
    shard = None if part is None else Shard.parse(part)
    naming, reporter = take_naming(options), take_reporter(options)
    if shard:
        reporter.json_file = shard.own_report(reporter.json_file)
    request = Request(
        OutputSize(**take(options, "scale", "width", "height", "megapixels")),
        Effort(**take(options, "dilation", "level", "budget")),
        naming,
        WriteOptions(**take(options, "quality", "lossless", "strip_metadata", "compression")),
        **take(options, "mask", "save_mask", "compare"),
        shard=shard,
    )
    read = [request.mask, model]
    with take_inputs("infer", options, naming, reporter, read) as inputs:
        chosen = wanted_model(backbone, model, options["device"], options["trained_for"])
        if address is None:
            return infer_pictures(inputs, chosen, request, reporter, **options)
        from amsr_deploy.commands.spread import spread_pictures  # here, because few need it

        return spread_pictures(inputs, chosen, request, reporter, address, **options)


def run_mask(backbone: str | None, model: Path | None, **options: Any) -> int:
    """Write masks as the options of `amsr mask` ask, and return the exit code."""
    from amsr_deploy.commands.mask import mask_pictures, wanted_mask  # here, because `amsr infer` needs none of it

    naming, reporter = take_naming(options), take_reporter(options)
    with take_inputs("mask", options, naming, reporter, [model]) as inputs:
        chosen = wanted_model(backbone, model, "auto")
        return mask_pictures(inputs, wanted_mask(chosen, **options), naming, reporter)


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
    command: str, options: Options, naming: Naming, reporter: Reporter, read: Iterable[Path | None] = ()
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
