"""The example in C++ makes the picture that the Python runtime makes with its mask."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from conftest import ROOT, osprey
from numpy.typing import NDArray
from PIL import Image

import amsr_deploy
from amsr_deploy import native
from amsr_deploy.runtime.shipped import shipped_model

HEADER = "onnxruntime_cxx_api.h"


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)


def link_library(folder: Path) -> Path:
    """Give the library in ONNX Runtime's Python package the names by which it is linked and loaded."""
    library = next((Path(onnxruntime.__file__).parent / "capi").glob("libonnxruntime.so.*"), None)
    if library is None:
        pytest.skip("this ONNX Runtime has its library inside its Python module: there is nothing to link")
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (folder / name).symlink_to(library)
    return folder / "libonnxruntime.so"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built against the ONNX Runtime of this Python."""
    if not shutil.which("cmake") or not shutil.which("c++"):
        pytest.skip("cmake or c++ is not installed")
    folder = tmp_path_factory.mktemp("cpp")
    library = link_library(folder)
    flags = (f"-DONNXRUNTIME_LIBRARY={library}", "-DCMAKE_CXX_FLAGS=-Werror")
    configured = run("cmake", "-S", ROOT / "examples" / "cpp", "-B", folder / "build", *flags)
    if HEADER in configured.stderr:
        pytest.skip(f"{HEADER} is not installed: apt-get install libonnxruntime-dev, or set ONNXRUNTIME_INCLUDE_DIR")
    assert configured.returncode == 0, configured.stderr
    built = run("cmake", "--build", folder / "build")
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "build" / "upscale"


@pytest.fixture
def photo_ppm(tmp_path: Path) -> Path:
    """A real photo of 61 x 47 pixels as PPM."""
    path = tmp_path / "photo.ppm"
    osprey().crop((150, 40, 211, 87)).convert("RGB").save(path)
    return path


def pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as file:
        return np.asarray(file)


def upscale(program: Path, photo: Path, *kernels: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Run the example with DISP, and Python with the mask that it found: both results."""
    result, mask = photo.with_name("result.ppm"), photo.with_name("mask.pgm")
    done = run(program, shipped_model("disp"), photo, result, mask, *kernels)
    assert done.returncode == 0, done.stderr
    masked = pixels(mask) > 0
    assert 0.1 < masked.mean() < 0.9
    upscaler = amsr_deploy.load("disp", precision="float32")
    return pixels(result), upscaler.upscale(pixels(photo), mask=masked)


def test_kernels_make_the_same_picture_as_in_python(program: Path, photo_ppm: Path) -> None:
    library = native.library_path()
    if library is None:
        pytest.skip("the native library was not built")
    result, expected = upscale(program, photo_ppm, library)
    np.testing.assert_array_equal(result, expected)


def test_functions_of_the_model_make_nearly_the_same_picture(program: Path, photo_ppm: Path) -> None:
    result, expected = upscale(program, photo_ppm)
    assert result.shape == expected.shape
    assert np.abs(result.astype(int) - expected).max() <= 1


def test_comments_in_a_header_are_skipped(program: Path, photo_ppm: Path) -> None:
    plain, _ = upscale(program, photo_ppm)
    photo_ppm.write_bytes(photo_ppm.read_bytes().replace(b"P6\n", b"P6\n# Created by GIMP\n#\n", 1))
    commented, _ = upscale(program, photo_ppm)
    np.testing.assert_array_equal(commented, plain)


@pytest.mark.parametrize(
    ("model", "photo", "message"),
    [
        ("swinir", None, "not a model of amsr-deploy that is masked by pixels"),
        ("disp", b"P6\n4 4\n255\nshort", "photo.ppm ends too soon"),
        ("disp", b"P6\n0 4\n255\n", "photo.ppm is not a binary PPM of 8 bits"),
        ("disp", b"P6\n# a comment without an end", "photo.ppm is not a binary PPM of 8 bits"),
        ("disp", b"", "photo.ppm is not a binary PPM of 8 bits"),
    ],
)
def test_what_does_not_fit_is_one_line(
    program: Path, photo_ppm: Path, model: str, photo: bytes | None, message: str
) -> None:
    if photo is not None:
        photo_ppm.write_bytes(photo)
    result = photo_ppm.with_name("result.ppm")
    done = run(program, shipped_model(model), photo_ppm, result, photo_ppm.with_name("mask.pgm"))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert message in done.stderr
    assert not result.exists()


def test_a_picture_that_is_missing_is_named(program: Path, tmp_path: Path) -> None:
    done = run(program, shipped_model("disp"), tmp_path / "none.ppm", tmp_path / "result.ppm", tmp_path / "mask.pgm")
    assert (done.returncode, done.stderr) == (1, f"upscale: error: {tmp_path / 'none.ppm'} cannot be read\n")
