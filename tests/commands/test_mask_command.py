"""`amsr mask` shows the mask that `amsr infer` works on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import numpy as np
import pytest
from command_line import amsr, assert_refused, errors
from conftest import size
from hypothesis import HealthCheck, given, settings
from PIL import Image
from scale_cases import ship, write_model

from amsr_deploy.mask import compute_mask

if TYPE_CHECKING:
    from export_cases import Exports

OPTIONS = (
    (("--scale", 2), ("--scale", 3), ("--scale", 4), ("--scale", 5)),
    (("--width", 24), ("--width", 60), ("--width", 150), ("--height", 60), ("--height", 999), ("--megapixels", 0.01)),
    (("--for", "clean"), ("--for", "photo")),
    (("--backbone", "carn"), ("--backbone", "disp"), ("--model", "mine.onnx"), ("--model", "missing.onnx")),
    (("--dilation", 1), ("--dilation", 4), ("--dilation", 9)),
    (("--quality-level", "fast"), ("--quality-level", "balanced"), ("--quality-level", "best")),
    (("--budget", 0.3), ("--budget", 0.6), ("--budget", 1), ("--budget", 2)),
    (("--strategy", "median"), ("--strategy", "fixed")),
    (("--threshold", 0.5),),
)
"""Options of both commands, with values that belong to each; some are refused, alone or together."""
given_options = st.tuples(*(st.one_of(st.just(()), st.sampled_from(values)) for values in OPTIONS))


@pytest.fixture
def folder(photo_file: Path, shipped_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a photo and a model; models of other dilations than their backbones' ship."""
    ship(shipped_folder, "carn", 2, 4)
    ship(shipped_folder, "disp", 4, trained_for="photo")
    ship(shipped_folder, "disp", 2, 4)
    write_model(photo_file.with_name("mine.onnx"), 2)
    monkeypatch.chdir(photo_file.parent)
    return photo_file.parent


@given(options=given_options)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_mask_is_that_of_infer(folder: Path, options: tuple[tuple[object, ...], ...]) -> None:
    arguments = ["photo.png", *(word for option in options for word in option), "--json", "--overwrite"]
    used = amsr("infer", *arguments, "-o", "large.png", "--save-mask", "saved.png")
    shown = amsr("mask", *arguments, "-o", "shown.png")
    assert shown.exit_code == used.exit_code
    assert len(errors(shown)) == len(errors(used)) == min(used.exit_code, 1)
    if used.exit_code == 0:
        assert (folder / "shown.png").read_bytes() == (folder / "saved.png").read_bytes()
        told, expected = json.loads(shown.stdout), json.loads(used.stdout)
        for name in ("model", "density", "dilation", "cost_share"):
            assert told[name] == expected[name]
        assert shown.stderr == used.stderr
        assert size(folder / "shown.png") == (48, 40)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "options",
    [("--backbone", "span"), ("--backbone", "carn", "--for", "photo"), ("--width", 24), ("--width", 24, "--height", 9)],
)
def test_what_cannot_be_is_refused_alike(options: tuple[object, ...]) -> None:
    assert errors(amsr("mask", "photo.png", *options)) == errors(amsr("infer", "photo.png", *options)) != []


def test_mask_command(photo_file: Path) -> None:
    result = amsr("mask", photo_file, "--dilation", 3, "--strategy", "median")
    assert result.exit_code == 0, result.output
    for part in ("photo_mask.png", "density", "threshold", "rounds"):
        assert part in result.stdout
    with Image.open(photo_file) as file:
        image = np.asarray(file, dtype=np.float32) / 255
    with Image.open(photo_file.with_name("photo_mask.png")) as file:
        np.testing.assert_array_equal(np.asarray(file) > 127, compute_mask(image, 3, "median").pixels)
    assert amsr("mask", photo_file, "--overlay").exit_code == 0
    with Image.open(photo_file.with_name("photo_overlay.png")) as file:
        tinted = np.asarray(file.convert("RGB"), dtype=np.float32) / 255
    mask = compute_mask(image).pixels
    assert np.abs(tinted - image)[mask].max() > 0.1
    np.testing.assert_allclose(tinted[~mask], image[~mask], atol=1e-2)


def test_mask_command_knows_the_backbone(photo_file: Path) -> None:
    saved = photo_file.with_name("photo_mask.png")
    with Image.open(photo_file) as file:
        image = np.asarray(file, dtype=np.float32) / 255
    for arguments, dilation in ((("--backbone", "srresnet"), 7), (("--backbone", "srresnet", "--dilation", 3), 3)):
        assert amsr("mask", photo_file, *arguments, "--overwrite").exit_code == 0
        with Image.open(saved) as file:
            np.testing.assert_array_equal(np.asarray(file) > 127, compute_mask(image, dilation).pixels)
    result = amsr("mask", photo_file, "--backbone", "swinir", "--dilation", 3, "--overwrite")
    assert "(windows, dilation 3)" in result.stdout
    with Image.open(saved) as file:
        pixels = np.asarray(file) > 127
    padded = np.pad(compute_mask(image, 3).pixels, 8, mode="reflect")
    expected = np.zeros_like(padded)
    for shift in (0, 4):
        for y, x in np.ndindex(7 - shift // 4, 8 - shift // 4):
            window = np.s_[8 * y + shift : 8 * y + shift + 8, 8 * x + shift : 8 * x + shift + 8]
            expected[window] |= padded[window].mean() >= 0.5
    np.testing.assert_array_equal(pixels, expected[8:-8, 8:-8])
    everything = amsr("mask", photo_file, "--backbone", "swinir", "--dilation", 3, "--threshold", 0, "--overwrite")
    assert everything.exit_code == 0
    with Image.open(saved) as file:
        assert np.asarray(file).min() > 127


def test_mask_is_that_of_the_model_that_infer_takes(
    photo_file: Path, exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest of the folder, one that is named, or a shipped one."""
    monkeypatch.chdir(photo_file.parent)
    swinir, dense = exports("swinir"), exports("fsrcnn", masked=False)
    Path("mine_x4.onnx").write_bytes(swinir.read_bytes())
    named = {"mine_x4.onnx": (), swinir.name: ("--model", swinir), "disp_x4.onnx": ("--backbone", "disp")}
    for shown, arguments in named.items():
        infer, mask = (amsr(command, photo_file, *arguments, "--json", "--overwrite") for command in ("infer", "mask"))
        report = json.loads(mask.stdout)
        assert report["model"] == shown
        assert report["unit"] == ("pixels" if shown == "disp_x4.onnx" else "windows")
        assert report["density"] == pytest.approx(json.loads(infer.stdout)["density"])
    assert_refused(amsr("mask", photo_file, "--model", dense, "--overwrite"), dense.name, "it has no mask")


def make_transparent(path: Path, photo: Path) -> Path:
    """A photo whose lower part cannot be seen, and is noise."""
    with Image.open(photo) as file:
        pixels = np.asarray(file.convert("RGBA")).copy()
    pixels[20:] = np.random.default_rng(0).integers(0, 255, pixels[20:].shape, dtype=np.uint8)
    pixels[20:, :, 3] = 0
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("backbone", ["fsrcnn", "swinir"])
@pytest.mark.parametrize("transparent", [False, True])
def test_mask_shows_where_infer_works(photo_file: Path, backbone: str, transparent: bool, tmp_path: Path) -> None:
    source = make_transparent(tmp_path / "source.png", photo_file) if transparent else photo_file
    arguments, saved, shown = ("--backbone", backbone, "--json"), tmp_path / "saved.png", tmp_path / "shown.png"
    used = amsr("infer", source, *arguments, "--save-mask", saved, "--dilation", 3)
    told = amsr("mask", source, *arguments, "-o", shown, "--dilation", 3)
    density = json.loads(told.stdout)["density"]
    assert 0.1 < density < 0.9
    assert json.loads(used.stdout)["density"] == pytest.approx(density)
    with Image.open(saved) as one, Image.open(shown) as other:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_mask_of_a_picture_that_holds_no_whole_windows(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (13, 9, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    assert amsr("mask", tmp_path / "noise.png", "--backbone", "swinir").exit_code == 0
    assert size(tmp_path / "noise_mask.png") == (9, 13)
