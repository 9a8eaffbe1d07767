"""Scales and sizes on the command line: the right model, size and name, with all that belongs to a picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import amsr, assert_refused
from conftest import size
from PIL import Image
from scale_cases import enlarged, ship, write_model

from amsr_deploy import image
from amsr_deploy.image import Metadata, Picture
from amsr_deploy.runtime.upscaler import Upscaler


@pytest.fixture
def weights(shipped_folder: Path) -> Path:
    """A package that ships DISP of the scales 2 and 4, and FSRCNN of 2."""
    ship(shipped_folder, "disp", 2, 4)
    ship(shipped_folder, "fsrcnn", 2)
    return shipped_folder


@pytest.mark.parametrize(
    ("options", "name", "pixels", "model", "reduction"),
    [
        ([], "photo_x4.png", (192, 160), "disp_x4.onnx", None),
        (["--backbone", "fsrcnn"], "photo_x2.png", (96, 80), "fsrcnn_x2.onnx", None),
        (["--scale", 4], "photo_x4.png", (192, 160), "disp_x4.onnx", None),
        (["--scale", 3], "photo_x3.png", (144, 120), "disp_x4.onnx", "x4 result reduced to x3 by Lanczos"),
        (["--scale", 2], "photo_x2.png", (96, 80), "disp_x2.onnx", None),
        (["--scale", 2, "--dense"], "photo_x2.png", (96, 80), "disp_x2_dense.onnx", None),
        (["--width", 80], "photo_80x67.png", (80, 67), "disp_x2.onnx", "x2 result reduced to 80x67 by Lanczos"),
        (["--height", 100], "photo_120x100.png", (120, 100), "disp_x4.onnx", "x4 result reduced to 120x100 by Lanczos"),
        (["--height", 80], "photo_96x80.png", (96, 80), "disp_x2.onnx", None),
        (["--megapixels", 0.03072], "photo_192x160.png", (192, 160), "disp_x4.onnx", None),
    ],
)
@pytest.mark.usefixtures("weights")
def test_size_name_and_report(
    options: list[object], name: str, pixels: tuple[int, int], model: str, reduction: str | None, photo_file: Path
) -> None:
    line = amsr("infer", photo_file, *options)
    assert line.exit_code == 0, line.output
    target = photo_file.with_name(name)
    assert size(target) == pixels
    assert line.stdout.startswith(f"{target}: {model} (shipped), ")
    assert line.stdout.rstrip().endswith(f", {reduction}" if reduction else " s")
    report = json.loads(amsr("infer", photo_file, *options, "--json", "--overwrite").stdout)
    expected = (str(target), model, 4 if "x4" in model else 2, reduction)
    assert (report["output"], report["model"], report["scale"], report["reduction"]) == expected


def test_a_reduced_result_is_that_picture(weights: Path, photo_file: Path) -> None:
    """Pixels repeated four times, reduced by half, are repeated twice, but for Lanczos' overshoot: none on average."""
    (weights / "disp_x2.onnx").unlink()
    assert amsr("infer", photo_file, "--scale", 2).exit_code == 0
    with Image.open(photo_file) as small, Image.open(photo_file.with_name("photo_x2.png")) as large:
        expected, reduced = enlarged(np.asarray(small, dtype=np.float32), 2), np.asarray(large, dtype=np.float32)
    assert np.abs(reduced - expected).mean() < 4
    assert reduced.mean() == pytest.approx(expected.mean(), abs=0.1)


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.usefixtures("weights")
def test_all_that_belongs_to_a_picture_gets_the_size(tmp_path: Path, grey: bool) -> None:
    """16 bits, alpha, grey, EXIF that tells a size: a smooth picture keeps its values to much less than 8 bits."""
    y, x = np.mgrid[:20, :30].astype(np.float32)
    rgb = np.repeat((0.2 + 0.5 * (x + y) / 50)[..., None], 3, axis=2)
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA002: 30, 0xA003: 20})
    picture = Picture(
        rgb, alpha=np.where(x < 15, 1, 0).astype(np.float32), grey=grey, bits=16, metadata=Metadata(exif=exif.tobytes())
    )
    image.write(tmp_path / "deep.png", picture)
    write_model(tmp_path / "cubic.onnx", 4, mode="cubic")
    result = amsr("infer", tmp_path / "deep.png", "--model", tmp_path / "cubic.onnx", "--width", 75)
    assert result.exit_code == 0, result.output
    large = image.read(tmp_path / "deep_75x50.png")
    assert (large.size, large.bits, large.grey) == ((50, 75), 16, grey)
    assert large.alpha is not None
    assert (large.alpha[:, :33] == 1).all()
    assert (large.alpha[:, 42:] == 0).all()
    rows, columns = np.mgrid[:50, :75]
    expected = 0.2 + 0.5 * ((columns + 0.5) / 2.5 - 0.5 + (rows + 0.5) / 2.5 - 0.5) / 50
    inside = np.s_[8:-8, 8:28]
    np.testing.assert_allclose(large.rgb[..., 1][inside], expected[inside], atol=2e-4)
    with Image.open(tmp_path / "deep_75x50.png") as file:
        details = file.getexif().get_ifd(0x8769)
    assert (details[0xA002], details[0xA003]) == (75, 50)


@pytest.mark.usefixtures("weights")
def test_turned_pictures_get_the_width_that_is_seen(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "turned.jpg", exif=exif)
    assert amsr("infer", tmp_path / "turned.jpg", "--width", 45).exit_code == 0
    assert size(tmp_path / "turned_45x60.png") == (45, 60)


@pytest.mark.usefixtures("weights")
def test_pictures_of_a_batch_get_the_model_that_each_needs(photo_file: Path, tmp_path: Path) -> None:
    wide, narrow, tiny = (photo_file.with_name(f"{name}.png") for name in ("wide", "narrow", "tiny"))
    for path, width in ((wide, 60), (narrow, 30), (tiny, 9)):
        Image.new("RGB", (width, 10), "teal").save(path)
    out = tmp_path / "out"
    result = amsr("infer", wide, narrow, tiny, "--width", 90, "-o", out, "--json")
    assert result.exit_code == 1
    assert "tiny.png is 9x10: x4, the most there is, makes 36x40 of it" in result.stderr
    reports = [json.loads(line) for line in result.stdout.splitlines()]
    assert "error" in reports.pop()
    assert [(report["scale"], Path(report["output"]).name) for report in reports] == [
        (2, "wide_90x15.png"),
        (4, "narrow_90x30.png"),
    ]
    assert sorted(path.name for path in out.iterdir()) == ["narrow_90x30.png", "wide_90x15.png"]


def test_a_model_file_has_its_own_scale(photo_file: Path, tmp_path: Path) -> None:
    model = write_model(tmp_path / "mine.onnx", 3)
    infer = ("infer", photo_file, "--model", model)
    assert amsr(*infer).exit_code == 0
    assert size(photo_file.with_name("photo_x3.png")) == (144, 120)
    assert "x3 result reduced to x2 by Lanczos" in amsr(*infer, "--scale", 2).stdout
    assert size(photo_file.with_name("photo_x2.png")) == (96, 80)
    assert_refused(amsr(*infer, "--scale", 4), "scale 4 is larger than that of the model, 3", code=2)
    assert_refused(amsr(*infer, "--width", 145), "x3, the most there is, makes 144x120 of it", code=1)
    assert "reduced to 100x83" in amsr(*infer, "--width", 100, "-o", tmp_path / "named.png").stdout
    assert size(tmp_path / "named.png") == (100, 83)


@pytest.mark.usefixtures("weights")
def test_sizes_that_cannot_be(photo_file: Path, tmp_path: Path) -> None:
    infer = ("infer", photo_file)
    assert_refused(amsr(*infer, "--backbone", "fsrcnn", "--scale", 3), "scale 3 is larger than", code=2)
    assert_refused(amsr(*infer, "--width", 0), "width 0", code=2)
    assert_refused(amsr(*infer, "--height", "tall"), "--height", code=2)
    assert_refused(amsr(*infer, "--width", 100, "--megapixels", 1), "--width and --megapixels", code=2)
    assert_refused(amsr(*infer, "--width", 48), "photo.png is 48x40", "not enlarge", code=1)
    assert_refused(amsr(*infer, "--backbone", "swinir", "--scale", 2), "no model of swinir ships", code=1)
    assert list(tmp_path.glob("*.png")) == [photo_file]


@pytest.mark.usefixtures("weights")
def test_formats_end_at_the_size_of_the_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (5000, 2)).save(tmp_path / "long.png")
    infer = ("infer", tmp_path / "long.png", "-o", tmp_path / "long.webp", "--overwrite")
    assert amsr(*infer, "--scale", 3).exit_code == 0
    assert size(tmp_path / "long.webp") == (15_000, 6)
    monkeypatch.setattr(Upscaler, "prepare", lambda *_: pytest.fail("it should be said before the work"))
    assert_refused(amsr(*infer), "16383 pixels a side, not 20000", code=1)


@pytest.mark.usefixtures("weights")
def test_outputs_of_a_size_replace_no_input(photo_file: Path) -> None:
    other = photo_file.with_name("photo_96x80.png")
    Image.new("RGB", (50, 40), "teal").save(other)
    before = other.read_bytes()
    result = amsr("infer", photo_file, other, "--height", 80)
    assert result.exit_code == 1
    assert "photo_96x80.png is an input" in result.stderr
    assert other.read_bytes() == before
    assert size(photo_file.with_name("photo_96x80_100x80.png")) == (100, 80)
    twin = photo_file.with_suffix(".bmp")
    Image.open(photo_file).save(twin)
    both = amsr("infer", photo_file, twin, "--height", 100)
    assert both.exit_code == 1
    assert "photo_120x100.png is the result of" in both.stderr


@pytest.mark.usefixtures("weights")
def test_eval_reduces_by_the_scale_of_the_model(folder: Path) -> None:
    for path in folder.iterdir():  # sides that are no multiples of 3
        Image.open(path).convert("RGB").crop((0, 0, 97, 95)).save(path)
    for scale in (2, 4):
        result = amsr("eval", "--scale", scale, "--data", folder, "--json", "-")
        assert result.exit_code == 0, result.output
        content = json.loads(result.stdout)
        assert content["scale"] == scale
        assert content["mean"]["psnr_y"] == pytest.approx(repeated_psnr(folder, scale), abs=1e-3)
    assert "disp x2 on pictures" in amsr("eval", "--scale", 2, "--data", folder).stdout
    assert_refused(amsr("eval", "--scale", 5, "--data", folder), "5", code=2)
    assert_refused(amsr("eval", "--scale", 3, "--data", folder), "no x3 model of disp", "x2, x4", code=1)
    model = write_model(folder / "x3.onnx", 3)
    own = json.loads(amsr("eval", "--model", model, "--data", folder, "--json", "-").stdout)
    assert own["scale"] == 3
    assert own["mean"]["psnr_y"] == pytest.approx(repeated_psnr(folder, 3), abs=1e-3)
    assert_refused(
        amsr("eval", "--model", model, "--scale", 2, "--data", folder), "upscales 3 times, not 2 times", code=2
    )


def repeated_psnr(folder: Path, scale: int) -> float:
    """Mean PSNR-Y of pictures that are reduced and whose pixels are then repeated, without a border of the scale."""
    figures = []
    for path in folder.glob("*.png"):
        with Image.open(path) as file:
            hr = file.convert("RGB").crop((0, 0, 97 // scale * scale, 95 // scale * scale))
        lr = hr.resize((hr.width // scale, hr.height // scale), Image.Resampling.BICUBIC)
        weights = np.array([65.481, 128.553, 24.966]) / 255
        error = (np.asarray(hr, dtype=np.float64) - enlarged(np.asarray(lr, dtype=np.float64), scale)) @ weights
        figures.append(20 * np.log10(255 / np.sqrt(np.mean(error[scale:-scale, scale:-scale] ** 2))))
    return float(np.mean(figures))


@pytest.mark.usefixtures("quick_peak")
def test_bench_measures_models_of_each_scale(weights: Path, folder: Path) -> None:
    quick = ("bench", "--data", folder, "--width", 128, "--threads", 1, "--repeats", 1, "--json", "-")
    sizes = {}
    for options in (["--scale", 2], ["--backbone", "disp"], []):
        result = amsr(*quick, *options)
        assert result.exit_code == 0, result.output
        for network in json.loads(result.stdout)["networks"]:
            sizes[network["name"]] = network["photos"][0]["size"]
    assert sizes == {"disp": [25, 32], "fsrcnn": [51, 64], "disp x2": [51, 64], "fsrcnn x2": [51, 64]}
    files = ("--model", weights / "disp_x2.onnx", "--dense-model", weights / "disp_x2_dense.onnx")
    assert json.loads(amsr(*quick, *files).stdout)["networks"][0]["photos"][0]["size"] == [51, 64]
    assert_refused(amsr(*quick, *files, "--scale", 2), "--scale", code=2)
    assert_refused(amsr(*quick, "--scale", 3), "scale 3", code=1)
    assert_refused(amsr(*quick, "--backbone", "fsrcnn", "--scale", 4), "no x4 model of fsrcnn", code=1)


def test_help_does_not_promise_four_times() -> None:
    for arguments in (["--help"], ["infer", "--help"]):
        text = amsr(*arguments).stdout
        assert "four times" not in text
        assert "(x4)" not in text
    for option in ("--scale 2|3|4", "--width", "--height", "--megapixels"):
        assert option in text
