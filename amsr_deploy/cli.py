"""The command line: the options of each command, which go to `run` of the module in `commands` that has its name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from amsr_deploy import __version__
from amsr_deploy.commands.effort import LEVELS
from amsr_deploy.commands.group import Commands
from amsr_deploy.commands.types import DILATIONS, MASKS, REDUCTIONS, SIZE, FileName
from amsr_deploy.dependencies import EXPORT_MODULES, check_modules
from amsr_deploy.descriptor import (
    BACKBONES,
    DEFAULT_BACKBONE,
    DEVICES,
    LOSSES,
    OPTIMIZERS,
    PRECISION_CHOICES,
    PURPOSES,
    SCALES,
    STRATEGIES,
)

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
FILE = FileName(path_type=Path, readable=False)  # what cannot be read is said for each file, as what is missing


def together(*options: Decorator) -> Decorator:
    """Make one decorator of those of several options, which help shows in this order."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


size_options = together(
    click.option("--scale", type=int, metavar="2|3|4", help="Upscaling factor.  [default: the model's own]"),
    click.option("--width", type=int, metavar="PIXELS", help="Width of the upscaled picture, in place of a scale."),
    click.option("--height", type=int, metavar="PIXELS", help="Height of the upscaled picture, in place of a scale."),
    click.option("--megapixels", type=float, metavar="M", help="Area of the upscaled picture, in place of a scale."),
)
network_option = click.option(
    "--backbone",
    type=click.Choice(list(BACKBONES)),
    help=f"Network whose weights ship with the package.  [default: {DEFAULT_BACKBONE}]",
)
model_option = click.option(
    "--model", type=FILE, help="An ONNX or engine of yours.  [default: the newest here, else a shipped one]"
)
dilation_option = click.option(
    "--dilation",
    type=int,
    metavar="K",
    help="Side of the square that grows the mask, odd.  Larger: slower, better.  [default: the model's own, 5 to 11]",
)
level_option = click.option(
    "--quality-level",
    "level",
    type=click.Choice(list(LEVELS)),
    help="Dilation by name: fast is 1, balanced the model's own (5 to 11), best 21.",
)
budget_option = click.option(
    "--budget", type=float, metavar="SHARE", help="The largest dilation that costs at most this share of dense, as 0.4."
)
threshold_option = click.option(
    "--threshold",
    type=float,
    metavar="SIGMA",
    help="Share of masked pixels that keeps a window (SwinIR).  Smaller: slower, better.  [default: the model's, 0.5]",
)
device_option = click.option(
    "--device",
    type=click.Choice(DEVICES),
    default="auto",
    show_default=True,
    help="Where to run; auto is the best of tensorrt, cuda and cpu that is there.  The others: docs/deploy.md.",
)
tile_option = click.option(
    "--tile", type=int, metavar="PIXELS", help="Largest side upscaled at once.  [default: as memory allows]"
)
threads_option = click.option(
    "--threads", type=int, metavar="N", help="CPU threads, never more than cores.  [default: one for each core]"
)
precision_option = click.option(
    "--precision",
    type=click.Choice(PRECISION_CHOICES),
    default="auto",
    show_default=True,
    help="Of the arithmetic on the CPU; auto is bfloat16 where the processor is faster in it and the model has it.",
)
scale_option = click.option(
    "--scale", type=click.Choice(SCALES), help="Scale of the shipped model; the largest that ships by default."
)
for_option = click.option(
    "--for",
    "trained_for",
    type=click.Choice(PURPOSES),
    help="Shipped model for clean pictures, or for photos with noise and JPEG damage.  [default: clean]",
)
self_ensemble_option = click.option(
    "--self-ensemble", is_flag=True, help="Take the mean of eight turned and mirrored runs: 8 times slower, better."
)
strategy_option = click.option(
    "--strategy", type=click.Choice(STRATEGIES), default="kmeans", show_default=True, help="How the mask is found."
)
JSON_LINES, JSON_WHOLE = "a line with an object for each picture", "one object"


def json_option(content: str) -> Decorator:
    """Make the option that writes figures as JSON, which have that content."""
    text = f"Write figures as JSON ({content}), to a file or (-) in place of text."
    return click.option("--json", "json_file", type=FILE, metavar="[FILE.json]", help=text)


def picture_options(suffix: str) -> Decorator:
    """Make what adds the options of commands that read pictures and write others, whose names have a suffix."""
    return together(
        click.argument("inputs", nargs=-1, type=FILE),
        click.option(
            "-o", "--output", type=FILE, help="Output folder; for one picture a file, or - for standard output."
        ),
        click.option("-r", "--recursive", is_flag=True, help="Search the folders below a folder; -o keeps the tree."),
        click.option("--files-from", type=FILE, metavar="FILE", help="Read more INPUTS from a file, one a line."),
        click.option(
            "--format",
            "extension",
            type=click.Choice(["png", "jpg", "webp", "tiff", "avif", "jxl", "bmp"]),
            help="Format of the outputs.  [default: that of --output, else png]",
        ),
        click.option("--suffix", metavar="TEXT", help=f"Ending of the outputs' names.  [default: {suffix}]"),
        click.option("--overwrite", is_flag=True, help="Replace outputs that exist."),
        click.option("--skip-existing", is_flag=True, help="Keep outputs that exist; make those that are missing."),
    )


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="amsr")
def main() -> None:
    """Upscale photos with networks that spend their work on edges and texture."""


@main.command(short_help="Upscale pictures, by a scale or to a size.")
@picture_options("_x4, as the size is")
@size_options
@network_option
@for_option
@model_option
@dilation_option
@level_option
@budget_option
@threshold_option
@strategy_option
@click.option(
    "--mask", type=FILE, help="A mask of your own for the colours: a picture, white where the network shall work."
)
@click.option("--dense", is_flag=True, help="Work everywhere: slower, best.")
@self_ensemble_option
@click.option("--save-mask", type=FILE, help="Write a picture that is white where the network worked.")
@click.option("--compare", is_flag=True, help="Write NAME_compare.png too: input, mask, bicubic, result, and a crop.")
@click.option(
    "--quality", type=click.IntRange(1, 100), help="Of JPEG, WebP, AVIF, JPEG XL.  Larger: better, larger files."
)
@click.option("--lossless", is_flag=True, help="Keep every sample (WebP, JPEG XL).")
@click.option(
    "--compression", type=click.Choice(["fast", "small"]), default="fast", show_default=True, help="Of PNG, TIFF."
)
@click.option("--strip-metadata", is_flag=True, help="Leave out EXIF, XMP, IPTC and texts.")
@device_option
@tile_option
@threads_option
@precision_option
@click.option("--shard", metavar="I/N", help="Take part I of N of the pictures only, on one of N machines: 2/8.")
@click.option(
    "--ray",
    metavar="[ADDRESS]",
    help="Spread the pictures over a Ray cluster: HOST:PORT, auto or, without an address, one that starts here.",
)
@json_option(JSON_LINES)
def infer(**options: Any) -> None:
    """Upscale pictures, by a scale or to a size.

    INPUTS are pictures, folders, patterns like '*.png', or - for standard input. Without --model, --backbone and --for
    the newest export or engine of the current folder does the work, else the shipped model: the smallest that is
    enough. Where it makes more than was asked for, its result is reduced.

    Formats: PNG, JPEG, WebP, TIFF, AVIF, JPEG XL and BMP are read and written; GIF, MPO and, with the extra heic, HEIC
    are read.

    \b
    Examples:
      amsr infer photo.jpg                       photo_x4.png
      amsr infer photos/ -r -o large/            all pictures of a folder and those below it
      amsr infer photo.jpg --width 3840          to a size
      amsr infer photo.jpg --for photo -o clean.png      a photo with noise or JPEG damage
      amsr infer photo.jpg --format webp --quality 90
      amsr infer - -o - < small.png > large.png
    """
    from amsr_deploy.commands.infer import run

    sys.exit(run(**options))


@main.command(short_help="Write the masks of pictures as pictures.")
@picture_options("_mask or _overlay")
@click.option("--overlay", is_flag=True, help="Write the photo with the masked area tinted.")
@size_options
@network_option
@for_option
@model_option
@dilation_option
@level_option
@budget_option
@threshold_option
@strategy_option
@json_option(JSON_LINES)
def mask(**options: Any) -> None:
    """Write the masks of pictures as pictures: white where a network would work.

    The model and the mask are those that `amsr infer` takes with the same options: the model is the newest export or
    engine of the current folder, else the shipped DISP.

    Formats: PNG, JPEG, WebP, TIFF, AVIF, JPEG XL and BMP are read and written; GIF, MPO and, with the extra heic, HEIC
    are read.

    \b
    Examples:
      amsr mask photo.jpg                        photo_mask.png
      amsr mask photos/ --overlay -o masks/      a tinted copy of each photo
      amsr mask photo.jpg --dilation 11          a larger mask
      amsr mask photo.jpg --width 3840           the mask of `amsr infer` with this width
    """
    from amsr_deploy.commands.mask import run

    sys.exit(run(**options))


@main.command()
@click.option(
    "--backbone",
    type=click.Choice(list(BACKBONES)),
    help=f"Network; without shipped weights it needs --weights.  [default: that of --weights, or {DEFAULT_BACKBONE}]",
)
@click.option("--weights", type=FILE, help="A checkpoint (.safetensors, .pth); the shipped weights by default.")
@click.option("--scale", type=click.Choice(SCALES), help="Upscaling factor.  [default: that of the weights]")
@click.option(
    "--for",
    "trained_for",
    type=click.Choice(PURPOSES),
    help="Shipped weights to export, clean by default; with --weights: what they are for, where they do not say it.",
)
@click.option("--dense", is_flag=True, help="Export the dense network, without a mask.")
@click.option("--fp16", is_flag=True, help="Compute in float16; inputs and outputs stay float32.")
@click.option("--bf16", is_flag=True, help="Compute in bfloat16, for the native CPU kernels.")
@click.option("-o", "--output", type=FILE, help="Output file.  [default: BACKBONE_xSCALE.onnx]")
@click.option("--force", is_flag=True, help="Export masked even where the mask costs more than 0.5 dB.")
def export(**options: Any) -> None:
    """Export a backbone to ONNX and compare it with PyTorch.

    \b
    Examples:
      amsr export --backbone carn                carn_x4.onnx
      amsr export --weights runs/disp/weights.safetensors
      amsr export --weights public.pth --dense   a network that was trained without masks
    """
    from amsr_deploy.commands.export import run

    sys.exit(run(**options))


@main.command("build-engine")
@click.argument("model", required=False, type=FILE)
@for_option
@click.option("--fp16", is_flag=True, help="Compute in float16; inputs and outputs stay float32.")
@click.option(
    "--edition",
    type=click.Choice(["auto", "tensorrt", "tensorrt-rtx"]),
    default="auto",
    show_default=True,
    help="tensorrt: for this GPU, with plugins; tensorrt-rtx: for any RTX GPU, built anywhere.",
)
@click.option("--min-shape", type=SIZE, metavar="HxW", help="Smallest input.  [default: 8x8]")
@click.option("--opt-shape", type=SIZE, metavar="HxW", help="Input that the engine is tuned for.  [default: 272x480]")
@click.option(
    "--max-shape", type=SIZE, metavar="HxW", help="Largest input; larger pictures are tiled.  [default: 1088x1920]"
)
@click.option(
    "--timing-cache",
    type=FILE,
    help="File that keeps the timings of kernels for the next build.  [default: in your cache folder]",
)
@click.option(
    "--in-place/--no-in-place",
    default=None,
    help="Let plugins overwrite their input, a preview feature of TensorRT.  [default: on from TensorRT 10.7]",
)
@click.option(
    "-o", "--output", type=FILE, help="Output file.  [default: named after model, precision, edition and sizes]"
)
def build_engine(**options: Any) -> None:
    """Build a TensorRT engine of MODEL, an ONNX file.

    Without MODEL it uses the newest export of this folder, else the default model of the package, and with --for that
    one before the folder's.

    \b
    Examples:
      amsr build-engine --fp16                   the newest export here
      amsr build-engine carn_x4.onnx --max-shape 2160x3840
      amsr build-engine --edition tensorrt-rtx   for any RTX GPU
    """
    from amsr_deploy.commands.build_engine import run

    sys.exit(run(**options))


@main.command(short_help="Show what a model or an engine holds.")
@click.argument("file", type=FILE)
def inspect(**options: Any) -> None:
    """Show the inputs, operators, cost and metadata of a model or an engine."""
    from amsr_deploy.commands.inspect import run

    sys.exit(run(**options))


@main.command(short_help="Show what is installed and what is missing.")
def doctor() -> None:
    """Show versions, devices and kernels, what is missing and what that costs."""
    from amsr_deploy.commands.doctor import run

    sys.exit(run())


@main.command()
@click.option("--backbone", type=click.Choice(list(BACKBONES)), help="Network to train.  [default: that of --init]")
@click.option("--scale", type=click.Choice(SCALES), help="Upscaling factor.  [default: 4, or that of --init]")
@click.option(
    "--channels", type=int, help="Width of the network, where it has such a choice.  [default: the usual one]"
)
@click.option("--blocks", type=int, help="Depth of the network, where it has such a choice.  [default: the usual one]")
@click.option("--data", type=FILE, multiple=True, help="Folder of HR pictures, or a packed tar file; may be repeated.")
@click.option("-o", "--output", "--out", "out", type=FILE, required=True, help="Folder of the run.")
@click.option("--validation", type=FILE, help="Folder of HR pictures to validate on.")
@click.option("--resume", is_flag=True, help="Continue from the checkpoint in --out.")
@click.option("--init", type=FILE, help="Checkpoint to start from, ours or a public one.")
@click.option("--config", type=FILE, help="Take all settings from the config.json of a run.")
@click.option("--steps", type=int, help="Length of the training.  [default: 100000]")
@click.option("--minutes", type=float, help="Length of the training in minutes, instead of --steps.")
@click.option("--batch-size", type=int, help="Patches per step.  [default: the network's own]")
@click.option("--learning-rate", type=float, help="Peak of the cosine schedule.  [default: the network's own]")
@click.option("--dilation", type=int, help="Dilation to train for.  [default: the network's own]")
@click.option(
    "--masks", type=MASKS, help="Mask schedule, such as dense:0.1,21:0.15,13:0.15,5: dilation and share of the steps."
)
@click.option("--fixed-mask", is_flag=True, default=None, help="Use the final dilation from the first step on.")
@click.option("--uniform-patches", is_flag=True, help="Sample training patches uniformly, not by their contrast.")
@click.option("--patch-size", type=int, help="Side of a patch in LR pixels.  [default: 32]")
@click.option(
    "--reductions", type=REDUCTIONS, help="Factors by which HR pictures are also reduced.  [default: 1,0.75,0.5]"
)
@click.option("--loss", type=click.Choice(LOSSES), help="Absolute, squared differences, or PSNR.  [default: l1]")
@click.option(
    "--optimizer",
    type=click.Choice(OPTIMIZERS),
    help="Adam, or Muon for the masked part.  [default: the network's own]",
)
@click.option("--weight-decay", type=float, help="Decay of the weights that learn with Muon.  [default: 0]")
@click.option("--permuted", type=float, help="Share of patches with permuted colour channels.  [default: 0.33]")
@click.option("--synthetic", type=float, help="Share of patches from synthetic pictures.  [default: 0.04]")
@click.option(
    "--degraded", is_flag=True, default=None, help="Train for photos that are blurred, noisy and compressed (JPEG)."
)
@click.option("--ema", type=float, help="Decay of the averaged weights.  [default: 0.999]")
@click.option("--seed", type=int, help="Decides the first weights and all batches.  [default: 0]")
@click.option("--validate-every", type=int, help="Steps between validations and checkpoints.  [default: 1000]")
@click.option("--save-minutes", type=float, help="Longest time between two checkpoints, in minutes.  [default: 10]")
@click.option("--device", help="auto, cpu, cuda or cuda:N.  [default: auto]")
@click.option(
    "--precision",
    type=click.Choice(PRECISION_CHOICES),
    help="Of the arithmetic; auto is bfloat16 where the device computes in it.  [default: auto]",
)
@click.option("--compile/--no-compile", default=None, help="Use torch.compile.  [default: on for GPUs]")
@click.option(
    "--tensorboard/--no-tensorboard", default=None, help="Write curves for TensorBoard.  [default: if it is installed]"
)
def train(**options: Any) -> None:
    """Train a network with masks on a folder of pictures.

    \b
    Examples:
      amsr train --backbone disp --data photos/ --out runs/disp
      amsr train --out runs/disp --resume        go on after Ctrl-C
      amsr train --init public.pth --data photos/ --out runs/mine --steps 2400
    """
    check_modules(["torch", "safetensors", "filelock"], "train", "amsr train")
    from amsr_deploy.commands.train import run

    sys.exit(run(**options))


@main.command("eval", short_help="Measure PSNR and SSIM on a folder of pictures.")
@click.option("--data", type=FILE, required=True, help="Folder of HR pictures.")
@click.option(
    "--backbone",
    "backbones",
    type=click.Choice(list(BACKBONES)),
    multiple=True,
    help=f"Network whose weights ship with the package; may be given again.  [default: {DEFAULT_BACKBONE}]",
)
@scale_option
@click.option(
    "--for",
    "trained_for",
    type=click.Choice(PURPOSES),
    multiple=True,
    help="Shipped models for clean pictures, or for photos; may be given again.  [default: clean]",
)
@click.option("--model", type=FILE, help="A model that `amsr export` wrote, instead of a shipped one.")
@click.option("--lr", "lr_folder", type=FILE, help="Folder of their LR pictures: NAME or NAMEx4; made by default.")
@click.option("--degraded", is_flag=True, help="Blur the LR pictures, add noise and JPEG damage: the same each time.")
@click.option("--dilation", "dilations", type=DILATIONS, help="Dilations to compare; the model's own by default.")
@threshold_option
@strategy_option
@tile_option
@click.option("--dense", is_flag=True, help="Measure the dense network, alone or beside the dilations of --dilation.")
@self_ensemble_option
@click.option(
    "--precision",
    type=click.Choice(PRECISION_CHOICES),
    help="Of the arithmetic on the CPU; `infer` takes auto.  [default: that of the file, float32 of a shipped one]",
)
@json_option(JSON_WHOLE)
@click.option("--csv", "csv_file", type=FILE, help="Write the figures as CSV, a line for each picture.")
@click.option("--plot", "plot_file", type=FILE, help="Draw quality against cost into a PNG file; needs matplotlib.")
def evaluate(**options: Any) -> None:
    """Measure models, and bicubic interpolation, on a folder of HR pictures.

    \b
    Examples:
      amsr eval --data set14/ --dilation 1,5,11  quality and cost of each
      amsr eval --backbone disp --backbone carn --data set14/ --csv scores.csv --plot scores.png
      amsr eval --data set14/ --lr set14_x4/     with LR pictures of the set's own
      amsr eval --data set14/ --degraded --for clean --for photo
    """
    from amsr_deploy.commands.eval import run

    sys.exit(run(**options))


@main.command()
@click.option(
    "--data", "folders", type=FILE, multiple=True, required=True, help="Folder of HR pictures; may be repeated."
)
@click.option(
    "--backbone",
    "backbones",
    type=click.Choice(list(BACKBONES)),
    multiple=True,
    help="Network; may be repeated.  [default: all that ship]",
)
@scale_option
@for_option
@click.option("--model", type=FILE, help="A masked model that `amsr export` wrote, instead of shipped ones.")
@click.option("--dense-model", type=FILE, help="The dense twin of --model, by `amsr export --dense`.")
@click.option("--operators", is_flag=True, help="Time the masked convolution alone.")
@click.option(
    "--channels",
    type=click.IntRange(1),
    multiple=True,
    help="Channels of the layers that --operators times; may be repeated.  [default: 64]",
)
@click.option("--openvino", is_flag=True, help="Time the dense networks in OpenVINO too.")
@click.option(
    "--width", type=int, default=2048, show_default=True, help="Width that HR pictures are reduced to; 0 keeps them."
)
@click.option(
    "--pictures", "count", type=click.IntRange(1), help="Largest number of pictures from each folder.  [default: all]"
)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True, help="CPU threads.")
@click.option(
    "--repeats", type=click.IntRange(1), default=5, show_default=True, help="Measurements; their median is reported."
)
@json_option(JSON_WHOLE)
@click.option("--markdown", type=FILE, help="Write the tables into a Markdown file, replacing earlier ones.")
def bench(**options: Any) -> None:
    """Time masked networks against dense ones on this machine.

    \b
    Examples:
      amsr bench --backbone disp --data photos/
      amsr bench --data photos/ --operators      the masked convolution alone
      amsr bench --model mine.onnx --dense-model mine_dense.onnx --data photos/
    """
    check_modules(EXPORT_MODULES, "torch", "amsr bench")
    from amsr_deploy.commands.bench import run

    sys.exit(run(**options))


@main.command(short_help="Upscale a video.")
@click.argument("source", metavar="INPUT", type=FILE)
@click.option("-o", "--output", type=FILE, help="Output file; - is y4m.  [default: NAME_x2, as the size is]")
@click.option("--scale", type=int, metavar="2|3|4", help="Upscaling factor; the smallest of the model by default.")
@click.option("--height", type=int, metavar="PIXELS", help="Height of the output, in place of a scale.")
@network_option
@for_option
@model_option
@dilation_option
@level_option
@budget_option
@threshold_option
@strategy_option
@click.option("--mask", type=FILE, help="A mask for all frames: a picture, white where the network shall work.")
@click.option("--dense", is_flag=True, help="Work everywhere.")
@device_option
@threads_option
@precision_option
@click.option(
    "--tolerance",
    type=float,
    default=3,
    show_default=True,
    metavar="VALUES",
    help="Keep tiles whose input differs by no more, of 255; 0 is exact.",
)
@click.option(
    "--tile",
    type=int,
    metavar="PIXELS",
    help="Side of the tiles that are kept.  [default: 16; 8 with --tolerance 0; 32 on GPUs and SwinIR]",
)
@click.option("--no-reuse", "reuse", flag_value=False, default=True, help="Compute all tiles of all frames, exactly.")
@click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
@click.option("--start", type=float, default=0, metavar="SECONDS", help="Begin at this time of INPUT.")
@click.option("--duration", type=float, metavar="SECONDS", help="Take no more than this.  [default: all]")
@click.option("--deinterlace", is_flag=True, help="Make whole frames of interlaced ones.")
@click.option(
    "--encoder", help="By FFmpeg's name of it.  [default: libx264; libx265 for more than 8 bits; libvpx-vp9 in .webm]"
)
@click.option(
    "--crf",
    type=float,
    help="Rate factor: smaller is better and larger.  [default: 17 with libx264, 19 with libx265, 24 with VP9 and AV1]",
)
@click.option(
    "--preset",
    help="Speed against size: ultrafast to placebo with libx264 and libx265, -1 to 13 with libsvtav1.  "
    "[default: medium; 8 with libsvtav1]",
)
@click.option(
    "--pixel-format",
    help="Of the output, by FFmpeg's name of it, as yuv444p.  [default: that of INPUT, or the nearest]",
)
@json_option(JSON_WHOLE)
def video(**options: Any) -> None:
    """Upscale a video; what does not change from frame to frame is not computed again.

    INPUT is any file that FFmpeg decodes; - is y4m from a pipe. Sound, subtitles, chapters and colour tags are kept.
    The model is chosen as by `amsr infer`.

    \b
    Examples:
      amsr video clip.mp4                        clip_x2.mp4
      amsr video clip.mp4 --height 2160          to a size
      amsr video clip.mp4 --tolerance 0 -o clip_exact.mkv
      amsr video clip.mp4 --start 10 --duration 5 --encoder libx265
    """
    from amsr_deploy.commands.video import run

    sys.exit(run(**options))
