"""`import amsr_deploy` as its users meet it."""

from __future__ import annotations

import copy
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
from PIL import ExifTags, Image
from scale_cases import enlarged, write_model

import amsr_deploy
from amsr_deploy import image
from amsr_deploy.errors import AmsrError, UserError
from amsr_deploy.image.pillow import from_pillow
from amsr_deploy.mask import Mask
from amsr_deploy.runtime.settings import PictureSettings

RANDOM = np.random.default_rng(0)


@pytest.fixture
def upscaler(tmp_path: Path) -> amsr_deploy.Upscaler:
    """A model that repeats pixels twice."""
    return amsr_deploy.load(write_model(tmp_path / "twice.onnx", 2))


def test_what_can_be_used_is_listed() -> None:
    assert {"AmsrError", "Upscaler", "load", "upscale", "upscale_file", "__version__"} <= set(dir(amsr_deploy))
    assert amsr_deploy.AmsrError is AmsrError
    with pytest.raises(AttributeError, match="enlarge"):
        _ = amsr_deploy.enlarge


def test_an_upscaler_says_what_it_is(upscaler: amsr_deploy.Upscaler, tmp_path: Path) -> None:
    for part in ("twice.onnx", "x2", "dilation 5", "onnxruntime"):
        assert part in repr(upscaler)
    assert "dense" in repr(amsr_deploy.load(tmp_path / "twice.onnx", dense=True))


def test_warnings_are_printed_where_no_handler_is_set_up(tmp_path: Path) -> None:
    path = write_model(tmp_path / "twice.onnx", 2)
    code = f"import amsr_deploy; amsr_deploy.load({str(path)!r}, device='cpu', threads=9999)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (line,) = done.stderr.splitlines()
    assert line.startswith("9999 threads are more than the ")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16"])
def test_pillow_images_keep_their_kind(upscaler: amsr_deploy.Upscaler, mode: str) -> None:
    grey = mode in ("L", "LA", "1", "I;16")
    pixels = RANDOM.integers(0, 255, (9, 11, 3), dtype=np.uint8)
    small = Image.fromarray(pixels)
    if mode == "I;16":
        small = Image.fromarray(RANDOM.integers(0, 65535, (9, 11), dtype=np.uint16))
    elif mode != "RGB":
        small = small.convert(mode)
    small.info["icc_profile"] = b"profile"
    large = upscaler.upscale(small)
    assert large.size == (22, 18)
    if mode == "I;16":
        assert large.mode == "I;16"
    else:
        assert large.mode == ("L" if grey else "RGB") + ("A" if mode in ("RGBA", "LA") else "")
    if mode in ("L", "RGB", "RGBA", "LA", "I;16"):
        np.testing.assert_array_equal(np.asarray(large), enlarged(np.asarray(small), 2))
    if mode in ("L", "RGB"):
        assert large.info["icc_profile"] == b"profile"


def test_transparency_comes_through(upscaler: amsr_deploy.Upscaler) -> None:
    small = Image.new("RGBA", (6, 4), (200, 30, 30, 255))
    small.paste((0, 0, 0, 0), (0, 0, 3, 4))
    large = np.asarray(upscaler.upscale(small))
    assert (large[:, :4, 3] == 0).all()
    assert (large[:, 8:, 3] == 255).all()
    assert (large[:, 8:, :3] == (200, 30, 30)).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model": 3}, "`model` must be a str or a path, not of type int"),
        ({"model": None}, "`model` must be a str or a path, not of type NoneType"),
        ({"model": ["disp"]}, "`model` must be a str or a path, not of type list"),
        ({"threads": "all"}, "'all' threads cannot work"),
        ({"threads": 1.5}, "1.5 threads cannot work"),
        ({"threads": True}, "True threads cannot work"),
        ({"dilation": True}, "dilation True is not"),
        ({"tile": True}, "tile True is too small"),
    ],
)
def test_settings_of_another_type_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        amsr_deploy.load(**{"device": "cpu", **wrong})


def test_settings_are_those_of_load() -> None:
    arguments = get_type_hints(amsr_deploy.load)
    assert arguments.pop("return") is amsr_deploy.Upscaler
    assert get_type_hints(PictureSettings) == arguments


def test_numbers_may_be_those_of_numpy(tmp_path: Path) -> None:
    numbers: Any = {"scale": np.int8(2), "dilation": np.int64(3), "threads": np.int32(1)}
    assert amsr_deploy.load(write_model(tmp_path / "twice.onnx", 2), **numbers).dilation == 3


@pytest.mark.parametrize("mode", ["F", "I"])
def test_images_without_a_range_are_refused(upscaler: amsr_deploy.Upscaler, mode: str) -> None:
    with pytest.raises(UserError, match=mode):
        upscaler.upscale(Image.new(mode, (5, 5)))


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_images_without_pixels_are_refused(upscaler: amsr_deploy.Upscaler, size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match="must have pixels"):
        upscaler.upscale(Image.new("RGB", size))


def test_an_unknown_purpose_is_refused() -> None:
    with pytest.raises(UserError, match="'faces'; use clean or photo"):
        amsr_deploy.load(trained_for="faces")  # type: ignore[arg-type]


@pytest.mark.parametrize("picture", [None, [[1, 2, 3]], 5])
def test_what_is_no_picture_is_refused(upscaler: amsr_deploy.Upscaler, picture: Any) -> None:
    expected = f"an array, a Pillow image or the path of a file, not a {type(picture).__name__}"
    for take in (upscaler.upscale, upscaler.mask):
        with pytest.raises(UserError, match=expected):
            take(picture)


@pytest.mark.parametrize(
    ("most", "said"), [(1 + 2**-23, "1.0000001"), (1.000001, "1.000001"), (255, "255"), (1e9, "1e+09")]
)
def test_a_float_picture_out_of_range_is_told_with_what_to_do(
    upscaler: amsr_deploy.Upscaler, most: float, said: str
) -> None:
    with pytest.raises(UserError, match=re.escape(f"spans 0 to {said}; divide it by its white, such as 255, or clip")):
        upscaler.upscale(np.linspace(0, most, 27).reshape(3, 3, 3))


@pytest.mark.parametrize("of", [lambda upscaler: upscaler, amsr_deploy.VideoUpscaler])
@pytest.mark.parametrize("send", [pickle.dumps, copy.deepcopy])
def test_what_is_loaded_stays_in_its_process(
    upscaler: amsr_deploy.Upscaler, of: Callable[[amsr_deploy.Upscaler], object], send: Callable[[object], object]
) -> None:
    with pytest.raises(UserError, match=r"twice\.onnx.* cannot be copied or sent to another process; load it there"):
        send(of(upscaler))


def test_a_backbone_may_be_a_path() -> None:
    assert amsr_deploy.load(Path("carn"), device="cpu").metadata == amsr_deploy.load("carn", device="cpu").metadata
    with pytest.raises(AmsrError, match="'carm' is neither a file nor one of: "):
        amsr_deploy.load(Path("carm"))


def test_masked_arrays_are_refused_wherever_arrays_enter(upscaler: amsr_deploy.Upscaler) -> None:
    image = np.zeros((9, 11, 3), np.uint8)
    video, masked = amsr_deploy.VideoUpscaler(upscaler), np.ma.masked_less(image, 1)
    video.upscale(image)  # a next frame of this shape and type begins nothing anew
    for take in (upscaler.upscale, upscaler.mask, video.upscale):
        with pytest.raises(UserError, match=r"no masked array; fill it first: image\.filled\(\.\.\.\)"):
            take(masked)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.full((9, 11), 255, np.uint8), "must be bool, not uint8; give for example mask >= 128"),
        (np.full((9, 11), 0.2), "must be bool, not float64"),
        (np.ma.masked_equal(np.ones((9, 11), np.bool_), False), "no masked array; fill it first"),
        (np.ones((9, 11, 1), np.bool_), r"shape \(9, 11, 1\)"),
        ([[True]], "is a list"),
        (Mask(np.ones((9, 11), np.bool_), 0.5, 1), r"Mask object; .*: mask\.pixels"),
    ],
)
def test_a_mask_is_an_array_of_bool_wherever_it_enters(
    upscaler: amsr_deploy.Upscaler, tmp_path: Path, wrong: Any, message: str
) -> None:
    image = np.zeros((9, 11, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "small.png")
    for take in (
        upscaler.cost_share,
        lambda mask: upscaler.upscale(image, mask),
        lambda mask: upscaler.upscale(Image.fromarray(image), mask),
        lambda mask: upscaler.upscale_file(tmp_path / "small.png", tmp_path / "large.png", mask),
        lambda mask: amsr_deploy.VideoUpscaler(upscaler, mask=mask),
    ):
        with pytest.raises(UserError, match=message):
            take(wrong)
    assert not (tmp_path / "large.png").exists()


def test_masks_are_of_all_that_is_upscaled(upscaler: amsr_deploy.Upscaler, photo_file: Path) -> None:
    with Image.open(photo_file) as picture:
        expected = upscaler.mask(np.asarray(picture)).pixels
        for image in (picture, photo_file, str(photo_file)):
            np.testing.assert_array_equal(upscaler.mask(image).pixels, expected)


@pytest.mark.parametrize("scale", ["2", 2.5, True])
def test_a_scale_that_is_no_whole_number_is_refused(tmp_path: Path, scale: Any) -> None:
    for model in ("disp", write_model(tmp_path / "twice.onnx", 2)):
        with pytest.raises(UserError, match=f"`scale` {scale!r} is no whole number"):
            amsr_deploy.load(model, scale=scale)


@pytest.mark.parametrize("name", ["dense", "self_ensemble"])
@pytest.mark.parametrize("value", ["no", 8, None])
def test_what_is_neither_true_nor_false_is_refused(name: str, value: Any) -> None:
    with pytest.raises(UserError, match=f"`{name}` {value!r} must be True or False"):
        amsr_deploy.load(**{name: value})


def test_paths_arrays_and_images_agree(upscaler: amsr_deploy.Upscaler, tmp_path: Path) -> None:
    pixels = RANDOM.integers(0, 255, (9, 11, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "small.png")
    expected = enlarged(pixels, 2)
    for small in (pixels, Image.fromarray(pixels), tmp_path / "small.png", str(tmp_path / "small.png")):
        np.testing.assert_array_equal(np.asarray(upscaler.upscale(small)), expected)
    mask = np.ones((9, 11), np.bool_)
    np.testing.assert_array_equal(np.asarray(upscaler.upscale(tmp_path / "small.png", mask=mask)), expected)
    upscaler.upscale_file(tmp_path / "small.png", tmp_path / "large.png")
    upscaler.upscale_file(str(tmp_path / "small.png"), str(tmp_path / "large.tif"), mask)
    for name in ("large.png", "large.tif"):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / name)), expected)
    with pytest.raises(AmsrError, match=r"none\.png"):
        upscaler.upscale(tmp_path / "none.png")
    with pytest.raises(AmsrError, match=r"large\.xyz"):
        upscaler.upscale_file(tmp_path / "small.png", tmp_path / "large.xyz")
    with pytest.raises(UserError, match="`target` must be a str or a path, not of type NoneType"):
        upscaler.upscale_file(tmp_path / "small.png", None)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["RGB", "L", "I;16"])
@pytest.mark.parametrize("orientation", range(9))
def test_an_image_is_upright_like_its_file(
    upscaler: amsr_deploy.Upscaler, tmp_path: Path, mode: str, orientation: int
) -> None:
    pixels = RANDOM.integers(0, 255, (5, 7, 3), dtype=np.uint8)
    small = Image.fromarray(pixels if mode == "RGB" else pixels[..., 0].astype(np.uint16 if "16" in mode else np.uint8))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    small.save(tmp_path / "small.png", exif=exif)
    with Image.open(tmp_path / "small.png") as file:
        result = upscaler.upscale(file)
    np.testing.assert_array_equal(np.asarray(result), np.asarray(upscaler.upscale(tmp_path / "small.png")))
    assert result.size == ((10, 14) if orientation >= 5 else (14, 10))


def test_damaged_exif_of_an_image_costs_only_itself(upscaler: amsr_deploy.Upscaler) -> None:
    small = Image.new("RGB", (7, 5))
    small.info["exif"] = b"Exif\0\0no TIFF"
    assert upscaler.upscale(small).size == (14, 10)


def test_a_picture_never_takes_its_own_place(upscaler: amsr_deploy.Upscaler, tmp_path: Path) -> None:
    small, link = tmp_path / "small.png", tmp_path / "link.png"
    Image.fromarray(RANDOM.integers(0, 255, (9, 11, 3), dtype=np.uint8)).save(small)
    link.symlink_to(small)
    before = small.read_bytes()
    for source, target in ((small, small), (small, link), (link, small), (small, tmp_path / "." / "small.png")):
        with pytest.raises(UserError, match="is an input; choose another name"):
            upscaler.upscale_file(source, target)
    assert small.read_bytes() == before
    assert link.is_symlink()


def test_one_call_does_it_all(tmp_path: Path) -> None:
    model = write_model(tmp_path / "twice.onnx", 2)
    pixels = RANDOM.integers(0, 255, (9, 11, 3), dtype=np.uint8)
    np.testing.assert_array_equal(amsr_deploy.upscale(pixels, model=model), enlarged(pixels, 2))
    Image.fromarray(pixels).save(tmp_path / "small.png")
    amsr_deploy.upscale_file(tmp_path / "small.png", tmp_path / "large.png", model=model, dense=True)
    with Image.open(tmp_path / "large.png") as file:
        assert file.size == (22, 18)


def test_sixteen_bits_stay_in_files(upscaler: amsr_deploy.Upscaler, tmp_path: Path) -> None:
    samples = RANDOM.integers(0, 65535, (9, 11), dtype=np.uint16)
    image.write(tmp_path / "deep.png", from_pillow(Image.fromarray(samples)))
    upscaler.upscale_file(tmp_path / "deep.png", tmp_path / "large.png")
    deep = image.read(tmp_path / "large.png")
    assert deep.bits == 16
    np.testing.assert_array_equal(np.rint(deep.rgb[..., 0] * np.float32(65535)), enlarged(samples, 2))
    in_memory = upscaler.upscale(tmp_path / "deep.png")
    assert in_memory.mode == "I;16"
    np.testing.assert_array_equal(np.asarray(in_memory), enlarged(samples, 2))


def test_tiles_are_counted(tmp_path: Path) -> None:
    upscaler = amsr_deploy.load(write_model(tmp_path / "twice.onnx", 2), tile=20)
    steps: list[tuple[int, int]] = []
    upscaling = upscaler.prepare(np.zeros((50, 50, 3), np.float32), on_tile=lambda *step: steps.append(step))
    upscaling.run(np.dtype(np.uint8))
    total = len(steps)
    assert total > 1
    assert steps == [(done, total) for done in range(1, total + 1)]


def test_nothing_is_reported_to_anybody(tmp_path: Path) -> None:
    """ONNX Runtime would leave an identifier and a store of events in the home folder, and send them."""
    silenced = {"CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "GITHUB_ACTIONS", "TF_BUILD"}
    environment = {name: value for name, value in os.environ.items() if name not in silenced}
    done = subprocess.run(
        [sys.executable, "-c", "import amsr_deploy; amsr_deploy.load('fsrcnn')"],
        env={**environment, "HOME": str(tmp_path)},
        check=False,
    )
    assert done.returncode == 0
    assert not list(tmp_path.rglob("*onnxruntime*"))


def test_a_word_of_the_users_own_on_reports_stays() -> None:
    code = "import os, amsr_deploy; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "0"}
    assert subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).strip() == "0"
