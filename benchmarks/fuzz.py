"""Readers of files on damaged ones: no crash, no hang, no exception that is not an AmsrError, no memory over a bound.

    python benchmarks/fuzz.py --minutes 5               all readers in turns
    python benchmarks/fuzz.py --reader picture --minutes 1
    python benchmarks/fuzz.py --reader picture --case 4711 --save damaged.png   one case once more, in this process

Cases are real files that are changed: bytes and bits, cuts, pieces of others, large numbers in place of sizes. They
follow from the seed and their number. They run in a process of their own, so that a crash costs one case only.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import random
import re
import resource
import struct
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.errors import AmsrError
from amsr_deploy.system.memory import peak_memory

if TYPE_CHECKING:
    from amsr_deploy.image import Picture

SECONDS = 60
"""Longest time for a case."""
MEMORY = 1 << 30
"""Most bytes that a case may add to the process..."""
PIXEL_MEMORY = 32
"""... and for each pixel that is read, whatever made the file tell so many: samples, as floats, and one copy."""
FRAMES = 4
"""Frames that a decoder may hold."""
ADDRESS_SPACE = 1 << 34
"""Bytes that the process may ask for at all, so that no case takes the machine down."""
NUMBERS = (
    0,
    1,
    2,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63,
    2**64 - 1,
)
WORDS = (
    b"-1",
    b"0",
    b"1e999",
    b"NaN",
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"true",
    b"99999999999999999999",
    b"[" * 5000,
    b'"\\ud800"',
)


@dataclass(frozen=True)
class Reader:
    """What is tried.

    Attributes:
        seeds: makes whole files: their suffixes and contents.
        read: reads a file, and returns its pixels; may raise an AmsrError.
    """

    seeds: Callable[[], list[tuple[str, bytes]]]
    read: Callable[[Path], int]


@dataclass
class Found:
    """What went wrong, and how often; the first case of each kind is kept."""

    cases: int = 0
    refused: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)

    def add(self, number: int, problem: str) -> None:
        """Count a problem of a case."""
        self.problems[problem] += 1
        self.first.setdefault(problem, number)


def damaged(seeds: Sequence[tuple[str, bytes]], chance: random.Random) -> tuple[str, bytes]:
    """Change one of some files."""
    suffix, content = chance.choice(seeds)
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        chance.choice(CHANGES)(data, chance, seeds)
    return suffix, with_checksums(bytes(data)) if chance.random() < 0.7 else bytes(data)


def place(data: bytearray, chance: random.Random) -> int:
    """Choose where a file is changed: more often near its beginning, where headers are."""
    return chance.randrange(min(len(data), chance.choice((16, 64, 256, 1024, 1 << 30))) or 1)


def flip(data: bytearray, chance: random.Random, _: object) -> None:
    """Flip bits."""
    for _ in range(chance.choice((1, 1, 2, 16))):
        if data:
            data[place(data, chance)] ^= 1 << chance.randrange(8)


def overwrite(data: bytearray, chance: random.Random, _: object) -> None:
    """Put random bytes in the place of others."""
    start, size = place(data, chance), chance.choice((1, 2, 4, 16))
    data[start : start + size] = chance.randbytes(size)


def enlarge(data: bytearray, chance: random.Random, _: object) -> None:
    """Put a number that is special in the place of bytes, which may be a size."""
    width = chance.choice((1, 2, 4, 4, 8))
    start = place(data, chance)
    number = chance.choice(NUMBERS) % 256**width
    data[start : start + width] = number.to_bytes(width, chance.choice(("little", "big")))


def cut(data: bytearray, chance: random.Random, _: object) -> None:
    """Cut the file off."""
    del data[place(data, chance) :]


def drop(data: bytearray, chance: random.Random, _: object) -> None:
    """Take a piece out."""
    start = place(data, chance)
    del data[start : start + chance.choice((1, 4, 12, 64, 1024))]


def splice(data: bytearray, chance: random.Random, seeds: Sequence[tuple[str, bytes]]) -> None:
    """Insert a piece of another file, or let the rest be that of another one."""
    other = bytearray(chance.choice(seeds)[1])
    start, begin = place(data, chance), place(other, chance)
    if chance.random() < 0.5:
        data[start:] = other[begin:]
    else:
        data[start:start] = other[begin : begin + chance.choice((4, 12, 64, 1024))]


def reword(data: bytearray, chance: random.Random, _: object) -> None:
    """Put another word in the place of a number or a text, as JSON has them."""
    words = list(re.finditer(rb'-?[0-9]+(\.[0-9]+)?|"[^"]{0,40}"', bytes(data[: 1 << 16])))
    if words:
        word = chance.choice(words)
        data[word.start() : word.end()] = chance.choice(WORDS)


def resize(data: bytearray, chance: random.Random, _: object) -> None:
    """Tell another width and height, where the file tells those of the seeds."""
    width, order = chance.choice((2, 4)), chance.choice(("little", "big"))
    for side in chance.choice(((20, 24), (48, 64), (20,), (24,))):
        other = chance.choice((1, 300, 3_000, 20_000, 65_535, 2**31 - 1)) % 256**width
        data[:] = data.replace(side.to_bytes(width, order), other.to_bytes(width, order), chance.choice((1, 2, -1)))


CHANGES = (flip, overwrite, enlarge, enlarge, cut, drop, splice, resize, reword)


def with_checksums(data: bytes) -> bytes:
    """Make the checksums of a PNG right, so that what follows them is read; other files stay."""
    if not data.startswith(b"\x89PNG"):
        return data
    result, at = bytearray(data), 8
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            break
        result[end : end + 4] = struct.pack(">I", zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return bytes(result)


def photo(side: int = 24) -> Any:
    """Take a small part of the sample photo."""
    from PIL import Image

    with Image.open(Path(__file__).parent.parent / "examples" / "osprey.png") as file:
        return file.convert("RGB").crop((200, 80, 200 + side, 80 + side - 4))


def exif_data() -> bytes:
    """Make EXIF with all that is moved, turned, scaled or dropped."""
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112], exif[0x011A], exif[0x011B], exif[0x0128] = 6, 300.0, 150.0, 2
    exif[0x010F] = "maker"
    details = exif.get_ifd(0x8769)
    details.update({0xA002: 24, 0xA003: 20, 0x9214: (10, 10, 4, 6), 0xA214: (3, 5), 0x927C: b"note", 0xA20E: 4000.0})
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 14.0)})
    return exif.tobytes()


def pictures() -> list[tuple[str, bytes]]:
    """Make files of all formats that are read, in their kinds."""
    from PIL import ImageCms

    from amsr_deploy import image
    from amsr_deploy.image import Metadata, Picture

    colour = photo()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    grey, alpha, palette, ink = (colour.convert(mode) for mode in ("L", "RGBA", "P", "CMYK"))
    extras = {"exif": exif_data(), "icc_profile": profile}
    kinds: list[tuple[str, Any, dict[str, Any]]] = [
        (".png", colour, extras),
        (".png", palette, {"transparency": 3, "dpi": (72, 72)}),
        (".png", alpha, {}),
        (".png", grey.convert("1"), {}),
        (".png", grey.convert("I;16"), {}),
        (".jpg", colour, {**extras, "progressive": True}),
        (".jpg", grey, {"restart_marker_blocks": 1, "dpi": (300, 300)}),
        (".jpg", ink, {}),
        (".webp", alpha, {**extras, "lossless": True}),
        (".webp", colour, {}),
        (".tif", colour, extras),
        (".tif", colour, {"compression": "tiff_lzw"}),
        (".tif", alpha, {"compression": "tiff_adobe_deflate"}),
        (".tif", grey.convert("1"), {"compression": "group4"}),
        (".tif", colour, {"compression": "jpeg"}),
        (".tif", ink, {}),
        (".tif", palette, {}),
        (".gif", palette, {"transparency": 1}),
        (".bmp", colour, {}),
        (".bmp", palette, {}),
        (".avif", alpha, extras),
    ]
    files = [(suffix, encoded(picture, suffix, options)) for suffix, picture, options in kinds]
    deep = np.asarray(colour, dtype=np.float32) / 255
    with tempfile.TemporaryDirectory() as folder:
        for suffix, bits in ((".png", 16), (".tif", 16), (".jxl", 16), (".jxl", 8)):
            path = Path(folder, f"deep{suffix}")
            image.write(path, Picture(deep, bits=bits, metadata=Metadata(icc_profile=profile)))
            files.append((suffix, path.read_bytes()))
    try:
        import pillow_heif
    except ModuleNotFoundError:
        return files
    pillow_heif.register_heif_opener()
    return [*files, (".heic", encoded(colour, ".heif", extras))]


def encoded(picture: Any, suffix: str, options: dict[str, Any]) -> bytes:
    """Encode a picture as a file of a format."""
    from PIL import Image

    Image.init()
    file = io.BytesIO()
    picture.save(file, Image.EXTENSION[suffix], **options)
    return file.getvalue()


def exif_pictures() -> list[tuple[str, bytes]]:
    """Make EXIF data alone, which `read_exif` puts into files."""
    return [(".exif", exif_data())]


def models() -> list[tuple[str, bytes]]:
    """Make models without their weights: metadata, and fields that are skipped."""
    metadata = {f"amsr.{name}": value for name, value in METADATA.items()}
    entries = [field_of(14, field_of(1, key.encode()) + field_of(2, value.encode())) for key, value in metadata.items()]
    body = b"\x08\x09" + field_of(2, b"pytorch") + field_of(7, bytes(300)) + b"".join(entries)
    return [(".onnx", body), (".onnx", body + field_of(8, b"\x0a\x00\x10\x14"))]


METADATA = {
    "backbone": '"carn"', "masked": "true", "body": '"pixels"', "scale": "4", "dilation": "5",
    "threshold": "0.0", "window_size": "1", "halo": "8", "bytes_per_pixel": "9000",
    "precision": '"float32"', "cost": '{"fixed": 1000.0, "body": 5000.0}', "weights_sha256": '"00ff"',
    "tools": '{"torch": "2"}', "values_per_pixel": "64", "mask_loss": "0.0",
}  # fmt: skip
"""What a model says about itself, in JSON."""


def field_of(number: int, content: bytes) -> bytes:
    """Make a field of Protocol Buffers."""
    length, size = len(content), bytearray()
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + content


def sidecars() -> list[tuple[str, bytes]]:
    """Make what lies beside an engine."""
    model = ", ".join(f'"{name}": {value}' for name, value in METADATA.items())
    text = (
        '{"model": {' + model + '}, "source": "a.onnx", "edition": "tensorrt-rtx", "version": "1.7", '
        '"platform": "Linux x86_64", "gpu": null, "compute_capability": [8, 6], '
        '"profile": {"image": [[1, 3, 8, 8], [1, 3, 272, 480], [1, 3, 1088, 1920]], "index": [[0], [9], [99]]}, '
        '"plugins": null, "sha256": "00", "command": "amsr build-engine"}'
    )
    return [(".json", text.encode())]


def checkpoints() -> list[tuple[str, bytes]]:
    """Save weights of the smallest networks, ours and as PyTorch saves them."""
    import torch
    from safetensors.torch import save

    from amsr_deploy import models as networks

    weights = {name: networks.create(name).state_dict() for name in ("fsrcnn", "disp", "carn")}
    span = with_branches(networks.create("span", channels=8, blocks=1).state_dict())
    file = io.BytesIO()
    torch.save({"params": weights["fsrcnn"]}, file)
    facts = {"backbone": "fsrcnn", "scale": "4", "masks": "kmeans"}
    return [
        (".safetensors", save(weights["fsrcnn"], facts)),
        (".safetensors", save(weights["disp"])),
        (".safetensors", save(weights["carn"])),
        (".safetensors", save(span)),
        (".pth", file.getvalue()),
    ]


def with_branches(weights: Mapping[str, Any]) -> dict[str, Any]:
    """Put random branches, as public checkpoints of SPAN have them, beside each 3x3 convolution of its weights."""
    import torch

    branches = dict(weights)
    for name, kernel in weights.items():
        prefix, found, _ = name.partition(".eval_conv.weight")
        if found:
            outputs, inputs = kernel.shape[:2]
            shapes = {"sk": (outputs, inputs, 1, 1), "conv.0": (2 * inputs, inputs, 1, 1),
                      "conv.1": (2 * outputs, 2 * inputs, 3, 3), "conv.2": (outputs, 2 * outputs, 1, 1)}  # fmt: skip
            for part, shape in shapes.items():
                branches |= {
                    f"{prefix}.{part}.weight": torch.rand(shape),
                    f"{prefix}.{part}.bias": torch.rand(shape[0]),
                }
    return branches


def videos() -> list[tuple[str, bytes]]:
    """Make short videos in some containers and codecs."""
    import av

    kinds = [("mp4", "mpeg4"), ("matroska", "libx264"), ("avi", "mpeg4"), ("yuv4mpegpipe", "wrapped_avframe"),
             ("webm", "libvpx"), ("mpegts", "mpeg2video"), ("mov", "mjpeg"), ("gif", "gif")]  # fmt: skip
    frame = np.asarray(photo(64).crop((0, 0, 64, 48)))
    files = []
    for kind, codec in kinds:
        file = io.BytesIO()
        with av.open(file, "w", format=kind) as container:
            stream: Any = container.add_stream(codec, rate=25)
            stream.width, stream.height = 64, 48
            stream.pix_fmt = {"mjpeg": "yuvj420p", "gif": "rgb8"}.get(codec, "yuv420p")
            for shift in range(4):
                picture = av.VideoFrame.from_ndarray(np.roll(frame, shift, 1), format="rgb24")
                container.mux(stream.encode(picture.reformat(format=stream.pix_fmt)))
            container.mux(stream.encode())
        files.append((f".{kind}", file.getvalue()))
    return files


def read_picture(path: Path) -> int:
    """Read a picture, and write it twice as large where it is small: what was read must be fit to be written."""
    from amsr_deploy import image

    picture = image.read(path)
    height, width = picture.size
    if height * width <= 1 << 16:
        larger = twice(picture)
        with tempfile.TemporaryDirectory() as folder:
            image.write(Path(folder, "larger.tif"), larger)
            image.write(Path(folder, "larger.png"), larger)
    return height * width


def twice(picture: Picture) -> Picture:
    """Make a picture twice as large by repeated pixels, and all that is said of it."""

    def repeated(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        return pixels.repeat(2, axis=0).repeat(2, axis=1)

    height, width = picture.size
    return replace(
        picture,
        rgb=repeated(picture.visible),
        alpha=None if picture.alpha is None else repeated(picture.alpha),
        metadata=picture.metadata.scaled(picture.size, (2 * height, 2 * width)),
    )


def read_exif(path: Path) -> int:
    """Read and write EXIF data in a JPEG and in a PNG."""
    data = path.read_bytes()[: (1 << 16) - 10]
    exif = data if data.startswith(b"Exif\0\0") else b"Exif\0\0" + data
    jpeg = encoded(photo(), ".jpg", {})
    png = encoded(photo(), ".png", {})
    path.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])
    read_picture(path)
    chunk = b"eXIf" + exif[6:]
    path.write_bytes(
        png[:33] + struct.pack(">I", len(exif) - 6) + chunk + struct.pack(">I", zlib.crc32(chunk)) + png[33:]
    )
    return read_picture(path)


def read_mask(path: Path) -> int:
    """Read a mask for a picture of its size."""
    from amsr_deploy import image

    return int(image.read_mask(path, image.read(path).size).size)


def read_model(path: Path) -> int:
    """Read a model's metadata, and use it."""
    from amsr_deploy.model_file import read_metadata

    read_metadata(path).cost.share(0.5)
    return 0


def read_engine(path: Path) -> int:
    """Read the sidecar of an engine, and use it."""
    from amsr_deploy.runtime.backends.tensorrt.sidecar import read_sidecar

    engine = path.with_suffix(".engine")
    engine.touch()
    sidecar = read_sidecar(engine)
    _ = sidecar.largest, sidecar.model.cost.share(0.5)
    return 0


def read_weights(path: Path) -> int:
    """Read a network from a checkpoint."""
    from amsr_deploy.models.checkpoint import read_network

    read_network(path)
    return 0


def read_video(path: Path) -> int:
    """Read the first frames of a video, and make pictures of two."""
    from amsr_deploy.video.reader import Decoded
    from amsr_deploy.video.reader import Reader as VideoReader

    reader = VideoReader(path)
    try:
        for number, item in zip(range(32), reader.items(), strict=False):
            if isinstance(item, Decoded) and item.frame is not None and number < 2:
                item.rgb()
        _ = reader.frames
        height, width = reader.size
        return FRAMES * height * width
    finally:
        reader.close()


READERS = {
    "picture": Reader(pictures, read_picture),
    "mask": Reader(pictures, read_mask),
    "exif": Reader(exif_pictures, read_exif),
    "onnx": Reader(models, read_model),
    "sidecar": Reader(sidecars, read_engine),
    "checkpoint": Reader(checkpoints, read_weights),
    "video": Reader(videos, read_video),
}


def case(seeds: Sequence[tuple[str, bytes]], seed: int, number: int) -> tuple[str, bytes]:
    """Make a case; whole files come first, which must be read."""
    if number < len(seeds):
        return seeds[number]
    return damaged(seeds, random.Random(f"{seed} {number}"))


def attempt(reader: Reader, path: Path) -> tuple[str, int]:
    """Read a file; return `read` with its pixels, `refused`, or what went wrong and where."""
    try:
        return "read", reader.read(path)
    except AmsrError as error:
        text = str(error)
        return ("refused" if text.strip() and "\n" not in text else f"a message that is no line: {text!r}"), 0
    except Exception as error:
        where = [f"{Path(each.filename).name}:{each.lineno}" for each in traceback.extract_tb(error.__traceback__)]
        return f"{type(error).__name__} at {' '.join(where[-3:])}: {str(error)[:100]}", 0


def peak() -> int:
    """Return the most bytes of memory since `forget_peak`."""
    return peak_memory() or 0


def forget_peak() -> int:
    """Begin to measure; returns the memory in use."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak()


def serve(pipe: Connection) -> None:
    """Do the cases that arrive, (reader, seed, number) each, in a process that may not survive them."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # codecs say there what they think of the files
    seeds: dict[str, list[tuple[str, bytes]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        while (task := pipe.recv()) is not None:
            name, seed, number = task
            if name not in seeds:
                seeds[name] = READERS[name].seeds()
            suffix, content = case(seeds[name], seed, number)
            path = Path(folder, f"case{suffix}")
            path.write_bytes(content)
            pipe.send("ready")
            before = forget_peak()
            outcome, pixels = attempt(READERS[name], path)
            used = peak() - before
            if number < len(seeds[name]) and outcome != "read":
                outcome = f"a whole file is not read: {outcome}"
            if used > MEMORY + PIXEL_MEMORY * pixels:
                outcome = f"{used >> 20} MiB for a {suffix} that is {outcome}"
            pipe.send(outcome)


class Child:
    """A process that does cases; it is started again where a case ended it."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=serve, args=(other,), daemon=True)
        self._process.start()
        other.close()

    def outcome(self, name: str, seed: int, number: int) -> str:
        """Do a case; see `attempt`. A crash or a hang is an outcome, too."""
        self._pipe.send((name, seed, number))
        try:
            assert self._pipe.recv() == "ready"  # seeds are made first, which takes its time
            if self._pipe.poll(SECONDS):
                return str(self._pipe.recv())
            outcome = f"no end within {SECONDS} s"
        except (EOFError, ConnectionError):
            self._process.join()
            outcome = f"the process ended with {self._process.exitcode}"
        self._process.kill()
        self._process.join()
        self._start()
        return outcome

    def close(self) -> None:
        """End the process."""
        self._pipe.send(None)
        self._process.join()


def explore(cases: Iterator[tuple[str, int]], seed: int) -> dict[str, Found]:
    """Do cases, each a reader's name and a number; return what was found by reader."""
    found: dict[str, Found] = {}
    child = Child()
    for name, number in cases:
        outcome = child.outcome(name, seed, number)
        result = found.setdefault(name, Found())
        result.cases += 1
        result.refused += outcome == "refused"
        if outcome not in ("read", "refused"):
            result.add(number, outcome)
    child.close()
    return found


def turns(names: Sequence[str], seconds: float) -> Iterator[tuple[str, int]]:
    """Take readers in turns, with the numbers of their cases; each gets the same share of the time."""
    for name in names:
        until = time.monotonic() + seconds / len(names)
        number = 0
        while time.monotonic() < until:
            yield name, number
            number += 1


def main() -> int:
    """Run, and print what was found; 1 where that is anything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--reader", choices=READERS, action="append")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="one case of one reader, in this process")
    parser.add_argument("--save", type=Path, help="write that case to a file")
    options = parser.parse_args()
    names = options.reader or list(READERS)
    if options.case is not None:
        suffix, content = case(READERS[names[0]].seeds(), options.seed, options.case)
        path = options.save or Path(tempfile.mkdtemp(), f"case{suffix}")
        path.write_bytes(content)
        READERS[names[0]].read(path)
        return 0
    found = explore(turns(names, 60 * options.minutes), options.seed)
    for name, result in found.items():
        print(f"{name}: {result.cases} cases, {result.refused} refused, {sum(result.problems.values())} problems")
        for problem, count in result.problems.most_common():
            print(f"  {count} x case {result.first[problem]}: {problem}")
    return int(any(result.problems for result in found.values()))


if __name__ == "__main__":
    sys.exit(main())
