"""The command line: one short function per command. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import functools
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import click

from amsr_deploy import __version__
from amsr_deploy.descriptor import BACKBONES, DEFAULT_BACKBONE, OPTIMIZERS, SCALES, STRATEGIES
from amsr_deploy.errors import AmsrError, missing_dependency, with_options

FILE = click.Path(path_type=Path, readable=False)  # what cannot be read is said for each file, as what is missing
network_option = click.option(
    "--backbone",
    type=click.Choice(list(BACKBONES)),
    help=f"Network that ships with the package.  [default: {DEFAULT_BACKBONE}]",
)
backbone_option = click.option(
    "--backbone", type=click.Choice(list(BACKBONES)), default=DEFAULT_BACKBONE, show_default=True, help="Network."
)
dilation_option = click.option(
    "--dilation", type=int, metavar="K", help="Side of the square that grows the mask, odd; the model's own by default."
)
threshold_option = click.option(
    "--threshold", type=float, metavar="SIGMA", help="Share of masked pixels that keeps a window (SwinIR)."
)
tile_option = click.option(
    "--tile", type=int, metavar="PIXELS", help="Largest side upscaled at once; follows from memory by default."
)
threads_option = click.option("--threads", type=int, metavar="N", help="CPU threads; one for each core by default.")
scale_option = click.option(
    "--scale",
    type=click.IntRange(min(SCALES), max(SCALES)),
    metavar="2|3|4",
    help="Scale of the shipped model; the largest that ships by default.",
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
    if isinstance(error, ModuleNotFoundError):
        error = missing_dependency(error) or error
    if isinstance(error, AmsrError):
        message = str(error)
    elif isinstance(error, BrokenPipeError):
        message = "nobody reads the output any more; what was left is not done"
    elif isinstance(error, OSError):
        message = f"{error.filename or 'file'}: {error.strerror or error}"
    elif isinstance(error, MemoryError):
        message = "out of memory; use a smaller `tile` or a smaller picture"
    else:
        message = f"unexpected {type(error).__name__}: {error}; run `amsr --debug ...` for the whole story"
    click.echo(f"amsr: error: {with_options(message, option_names())}", err=True)
    return getattr(error, "exit_code", 1)


@functools.cache
def option_names() -> dict[str, str]:
    """The option that sets each argument, in all commands together."""
    parameters = [parameter for command in main.commands.values() for parameter in command.params]
    return {str(option.name): option.opts[0] for option in parameters if isinstance(option, click.Option)}


def show_warning(message: Warning | str, *_: Any) -> None:
    """Print a warning as one line."""
    click.echo(f"amsr: {with_options(str(message), option_names())}", err=True)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="amsr")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def main(debug: bool) -> None:
    """Super-resolution that spends its work on edges and texture."""
    if not debug:
        warnings.showwarning = show_warning  # type: ignore[assignment]
        logging.basicConfig(format="amsr: %(message)s")


@main.command()
@click.argument("inputs", nargs=-1, required=True, type=FILE)
@click.option("-o", "--output", type=FILE, help="Output picture, or a folder.  [default: NAME_x4.png, as the size is]")
@click.option("--scale", type=int, metavar="2|3|4", help="Upscaling factor; the model's own by default.")
@click.option("--width", type=int, metavar="PIXELS", help="Width of the output, in place of a scale.")
@click.option("--height", type=int, metavar="PIXELS", help="Height of the output, in place of a scale.")
@click.option("--megapixels", type=float, metavar="M", help="Area of the output, in place of a scale.")
@network_option
@click.option("--model", type=FILE, help="An ONNX or engine of yours, instead of a shipped model.")
@dilation_option
@threshold_option
@strategy_option
@click.option("--mask", type=FILE, help="A mask of your own: a picture, white where the network shall work.")
@click.option("--dense", is_flag=True, help="Work everywhere.")
@click.option("--save-mask", type=FILE, help="Write the mask that was used as a picture.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "tensorrt"]), default="auto", show_default=True)
@tile_option
@threads_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each picture that is written.")
def infer(
    inputs: tuple[Path, ...],
    output: Path | None,
    scale: int | None,
    width: int | None,
    height: int | None,
    megapixels: float | None,
    backbone: str | None,
    model: Path | None,
    **options: Any,
) -> None:
    """Upscale pictures, by a scale or to a size.

    Without --model and --backbone the newest export of the current folder does the work, else the shipped model: the
    smallest that is enough. Where it makes more than was asked for, its result is reduced.
    """
    from amsr_deploy.commands.infer import infer_pictures
    from amsr_deploy.commands.output_size import OutputSize
    from amsr_deploy.runtime.shipped import chosen_model

    chosen, wanted = chosen_model(backbone, model, Path()), OutputSize(scale, width, height, megapixels)
    failures = infer_pictures(inputs, output, chosen, click.echo, report_failure, wanted=wanted, **options)
    sys.exit(min(failures, 1))


@main.command()
@click.argument("photo", type=FILE)
@click.option("-o", "--output", type=FILE, help="Output picture.  [default: NAME_mask.png, NAME_overlay.png]")
@click.option("--overlay", is_flag=True, help="Write the photo with the masked area tinted.")
@backbone_option
@dilation_option
@threshold_option
@strategy_option
def mask(photo: Path, **options: Any) -> None:
    """Write the mask of a photo as a picture."""
    from amsr_deploy.commands.mask import write_picture_mask

    click.echo(write_picture_mask(photo, **options))


@main.command()
@click.option(
    "--backbone",
    type=click.Choice(list(BACKBONES)),
    help=f"Network.  [default: that of --weights, or {DEFAULT_BACKBONE}]",
)
@click.option("--weights", type=FILE, help="A checkpoint (.safetensors, .pth); the shipped weights by default.")
@click.option("--scale", type=click.IntRange(2, 4), help="Upscaling factor.  [default: that of the weights]")
@click.option("--dense", is_flag=True, help="The dense network, without a mask.")
@click.option("--fp16", is_flag=True, help="float16 inside; inputs and outputs stay float32.")
@click.option("--bf16", is_flag=True, help="bfloat16 inside, for the CPU's native kernels.")
@click.option("--output", type=FILE, help="Output file.  [default: BACKBONE_xSCALE.onnx]")
def export(fp16: bool, bf16: bool, **options: Any) -> None:
    """Export a backbone to ONNX and compare it with PyTorch."""
    from amsr_deploy.commands.export import export_backbone, wanted_precision

    click.echo(export_backbone(precision=wanted_precision(fp16, bf16), **options))


@main.command("build-engine")
@click.argument("model", required=False, type=FILE)
@click.option("--fp16", is_flag=True, help="Compute in float16; inputs and outputs stay float32.")
@click.option(
    "--edition",
    "--flavour",
    "edition",
    type=click.Choice(["auto", "tensorrt", "tensorrt-rtx"]),
    default="auto",
    show_default=True,
    help="tensorrt: for this GPU, with plugins; tensorrt-rtx: for any RTX GPU, built anywhere.",
)
@click.option("--min-shape", metavar="HxW", help="Smallest input.  [default: 8x8]")
@click.option("--opt-shape", metavar="HxW", help="Input that the engine is tuned for.  [default: 272x480]")
@click.option("--max-shape", metavar="HxW", help="Largest input; larger pictures are tiled.  [default: 1088x1920]")
@click.option(
    "--timing-cache", type=FILE, help="Timings of kernels, kept for the next build.  [default: in your cache]"
)
@click.option(
    "--in-place/--no-in-place",
    default=None,
    help="Let plugins write over their input, a preview feature of TensorRT.  [default: from TensorRT 10.7 on]",
)
@click.option("--output", type=FILE, help="Output file.  [default: a name that tells what the engine is]")
def build_engine(model: Path | None, fp16: bool, **options: Any) -> None:
    """Build a TensorRT engine of MODEL, an ONNX file.

    Without MODEL it takes the newest export of this folder, else the default model of the package.
    """
    from amsr_deploy.commands.build_engine import build_engine

    click.echo(build_engine(model, fp16, **options))


@main.command()
@click.argument("file", type=FILE)
def inspect(file: Path) -> None:
    """Show the inputs, operators, cost and metadata of a model or an engine."""
    if file.suffix == ".engine":
        from amsr_deploy.commands.inspect import print_engine

        print_engine(file)
    else:
        from amsr_deploy.commands.inspect import print_model

        print_model(file)


@main.command()
def doctor() -> None:
    """Show versions, devices and kernels, what is missing and what that costs."""
    from amsr_deploy.commands.doctor import examine, is_sound

    for thing, state in examine():
        click.echo(f"{thing:<14}{state}")
    sys.exit(not is_sound())


@main.command()
@click.option("--backbone", type=click.Choice(list(BACKBONES)), help="Network to train.  [default: that of --init]")
@click.option("--scale", type=click.IntRange(2, 4), help="Upscaling factor.  [default: 4, or that of --init]")
@click.option("--channels", type=int, help="Width of the network (disp, span).  [default: the usual one]")
@click.option("--blocks", type=int, help="Depth of the network (disp, span, srresnet).  [default: the usual one]")
@click.option("--data", type=FILE, multiple=True, help="Folder of HR pictures, or a packed file; may be given again.")
@click.option("--out", type=FILE, required=True, help="Folder of the run.")
@click.option("--validation", type=FILE, help="Folder of HR pictures to validate on.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in --out.")
@click.option("--init", type=FILE, help="Start from a dense checkpoint, ours or a public one.")
@click.option("--config", type=FILE, help="Take all settings from the config.json of a run.")
@click.option("--steps", type=int, help="Length of the training.  [default: 100000]")
@click.option("--minutes", type=float, help="Length of the training in time, in place of --steps.")
@click.option("--batch-size", type=int, help="Patches a step.  [default: the network's own]")
@click.option("--learning-rate", type=float, help="Peak of the cosine.  [default: the network's own]")
@click.option("--dilation", type=int, help="Dilation to train for.  [default: the network's own]")
@click.option("--masks", help="Mask schedule, such as dense:0.1,21:0.15,13:0.15,5: dilation and share of the steps.")
@click.option("--fixed-mask", is_flag=True, default=None, help="Masks of the final dilation from the first step on.")
@click.option("--uniform-patches", is_flag=True, help="Draw patches everywhere alike, not by their contrast.")
@click.option("--patch-size", type=int, help="Side of a patch in LR pixels.  [default: 32]")
@click.option("--reductions", help="Sizes at which HR pictures enter.  [default: 1,0.75,0.5]")
@click.option("--optimizer", type=click.Choice(OPTIMIZERS), help="[default: the network's own]")
@click.option("--permuted", type=float, help="Share of patches whose colours change places.  [default: 0.33]")
@click.option("--synthetic", type=float, help="Share of patches from drawn pictures.  [default: 0.04]")
@click.option("--ema", type=float, help="Decay of the averaged weights.  [default: 0.999]")
@click.option("--seed", type=int, help="[default: 0]")
@click.option("--validate-every", type=int, help="Steps between validations and checkpoints.  [default: 1000]")
@click.option("--save-minutes", type=float, help="Minutes between checkpoints at most.  [default: 10]")
@click.option("--device", help="auto, cpu, cuda or cuda:N.  [default: auto]")
@click.option("--precision", type=click.Choice(["auto", "bfloat16", "float32"]), help="[default: auto]")
@click.option("--compile/--no-compile", default=None, help="Use torch.compile.  [default: on a GPU]")
@click.option("--tensorboard/--no-tensorboard", default=None, help="Write curves.  [default: where it is installed]")
def train(out: Path, resume: bool, tensorboard: bool | None, save_minutes: float | None, **options: Any) -> None:
    """Train a network with masks on a folder of pictures."""
    from amsr_deploy.commands.train import run_session

    sys.exit(run_session(out, resume, tensorboard, save_minutes, options))


@main.command("eval")
@network_option
@scale_option
@click.option("--model", type=FILE, help="A model that `amsr export` wrote, instead of a shipped one.")
@click.option("--data", type=FILE, required=True, help="Folder of HR pictures.")
@click.option("--dilation", "dilations", metavar="K,K,...", help="Dilations to compare; the model's own by default.")
@threshold_option
@strategy_option
@tile_option
@click.option("--dense", is_flag=True, help="Measure the dense network: by itself, or with --dilation too.")
@click.option("--json", "json_file", type=FILE, help="Write the figures as JSON; - prints them instead of tables.")
def evaluate(backbone: str | None, model: Path | None, data: Path, **options: Any) -> None:
    """Measure a model on a folder of HR pictures."""
    from amsr_deploy.commands.eval import evaluate_folder
    from amsr_deploy.runtime.shipped import chosen_model

    sys.exit(min(evaluate_folder(chosen_model(backbone, model), data, fail=report_failure, **options), 1))


@main.command()
@click.option(
    "--data", "folders", type=FILE, multiple=True, required=True, help="Folder of HR pictures; may be given again."
)
@click.option(
    "--backbone",
    "backbones",
    type=click.Choice(list(BACKBONES)),
    multiple=True,
    help="Network; all that ship by default.",
)
@scale_option
@click.option("--model", type=FILE, help="A masked model that `amsr export` wrote, instead of shipped ones.")
@click.option("--dense-model", type=FILE, help="Its dense twin.")
@click.option("--operators", is_flag=True, help="Time the masked convolution by itself.")
@click.option("--channels", type=int, multiple=True, help="Of the layers that --operators times.  [default: 64]")
@click.option("--crossover", is_flag=True, help="Find the density above which the dense network is faster.")
@click.option("--openvino", is_flag=True, help="Time the dense networks in OpenVINO too.")
@click.option(
    "--width", type=int, default=2048, show_default=True, help="Width that HR pictures are reduced to; 0: none."
)
@click.option("--pictures", "count", type=int, help="Most pictures of each folder; all by default.")
@click.option("--threads", type=int, default=2, show_default=True, help="CPU threads.")
@click.option("--repeats", type=int, default=5, show_default=True, help="Measurements whose median counts.")
@click.option("--json", "json_file", type=FILE, help="Write the figures as JSON; - prints them instead of tables.")
@click.option("--markdown", type=FILE, help="Put the tables into a Markdown file, in place of those of the last time.")
def bench(folders: tuple[Path, ...], **options: Any) -> None:
    """Time masked networks against dense ones on this machine."""
    from amsr_deploy.commands.bench import run_benchmarks

    sys.exit(min(run_benchmarks(folders, fail=report_failure, **options), 1))


@main.command()
@click.argument("source", metavar="INPUT", type=FILE)
@click.option("-o", "--output", type=FILE, help="Output file; - is y4m.  [default: NAME_x2, as the size is]")
@click.option("--scale", type=int, metavar="2|3|4", help="Upscaling factor; the smallest of the model by default.")
@click.option("--height", type=int, metavar="PIXELS", help="Height of the output, in place of a scale.")
@network_option
@click.option("--model", type=FILE, help="An ONNX or engine of yours, instead of a shipped model.")
@dilation_option
@threshold_option
@strategy_option
@click.option("--mask", type=FILE, help="A mask for all frames: a picture, white where the network shall work.")
@click.option("--dense", is_flag=True, help="Work everywhere.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda", "tensorrt"]), default="auto", show_default=True)
@threads_option
@click.option(
    "--tolerance",
    type=float,
    default=3,
    show_default=True,
    metavar="VALUES",
    help="Keep tiles whose input differs by no more, of 255; 0 is exact.",
)
@click.option(
    "--tile", type=int, default=32, show_default=True, metavar="PIXELS", help="Side of the tiles that are kept."
)
@click.option("--no-reuse", "reuse", flag_value=False, default=True, help="Compute all tiles of all frames.")
@click.option("--start", type=float, default=0, metavar="SECONDS", help="Leave out what comes before.")
@click.option("--duration", type=float, metavar="SECONDS", help="Leave out what comes after.")
@click.option("--deinterlace", is_flag=True, help="Make whole frames of interlaced ones.")
@click.option("--encoder", help="FFmpeg's name of it.  [default: libx264; libx265 for more than 8 bits; VP9 in .webm]")
@click.option("--crf", type=float, help="Rate factor: smaller is better and larger.  [default: 17 with libx264]")
@click.option("--preset", help="The encoder's dial between speed and size.  [default: medium]")
@click.option("--pixel-format", help="FFmpeg's name of it.  [default: that of INPUT, or the nearest]")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object at the end.")
def video(source: Path, output: Path | None, backbone: str | None, model: Path | None, **options: Any) -> None:
    """Upscale a video; what does not change from frame to frame is not computed again.

    INPUT is any file that FFmpeg decodes; - is y4m from a pipe. Sound, subtitles, chapters and colour tags are kept.
    """
    from amsr_deploy.commands.video import upscale_video
    from amsr_deploy.runtime.shipped import chosen_model

    show = functools.partial(click.echo, err=str(output or source) == "-")
    done = upscale_video(source, output, chosen_model(backbone, model, Path()), show, **options)
    sys.exit(0 if done else 130)
