"""Whole files of all kinds that are read, which cases change."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

Seed = tuple[str, bytes]
"""Suffix and content of a file."""


def photo(side: int = 24) -> Any:
    """Take a small part of the sample photo."""
    from PIL import Image

    with Image.open(Path(__file__).parents[2] / "examples" / "osprey.png") as file:
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


def pictures() -> list[Seed]:
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


def exif_pictures() -> list[Seed]:
    """Make EXIF data alone, which `read_exif` puts into files."""
    return [(".exif", exif_data())]


def models() -> list[Seed]:
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


def sidecars() -> list[Seed]:
    """Make what lies beside an engine."""
    model = ", ".join(f'"{name}": {value}' for name, value in METADATA.items())
    text = (
        '{"model": {' + model + '}, "source": "a.onnx", "edition": "tensorrt-rtx", "version": "1.7", '
        '"platform": "Linux x86_64", "gpu": null, "compute_capability": [8, 6], '
        '"profile": {"image": [[1, 3, 8, 8], [1, 3, 272, 480], [1, 3, 1088, 1920]], "index": [[0], [9], [99]]}, '
        '"plugins": null, "sha256": "00", "command": "amsr build-engine"}'
    )
    return [(".json", text.encode())]


def checkpoints() -> list[Seed]:
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


def videos() -> list[Seed]:
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
