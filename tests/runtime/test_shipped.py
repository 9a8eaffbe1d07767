"""Which models ship, by their files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scale_cases import enlarged, ship, write_model

import amsr_deploy
from amsr_deploy.errors import ModelError, UserError
from amsr_deploy.runtime.shipped import model_name, shipped_model, shipped_scales, shipped_weights, twin_path

PICTURE = np.random.default_rng(0).random((9, 11, 3), dtype=np.float32)


@pytest.fixture
def weights(shipped_folder: Path) -> Path:
    """A package that ships CARN of the scales 2 and 4 and FSRCNN of 2, and weights of CARN of 3."""
    ship(shipped_folder, "carn", 2, 4)
    ship(shipped_folder, "fsrcnn", 2)
    (shipped_folder / "carn_x3.safetensors").touch()
    return shipped_folder


def test_names_tell_scale_form_and_precision() -> None:
    assert model_name("carn", 4) == "carn_x4.onnx"
    assert model_name("disp", 2, dense=True, precision="float16") == "disp_x2_dense_fp16.onnx"


@pytest.mark.parametrize(
    ("model", "twin"),
    [
        ("carn_x4.onnx", "carn_x4_dense.onnx"),
        ("disp_x2_fp16.onnx", "disp_x2_dense_fp16.onnx"),
        ("disp_x4_photo.onnx", "disp_x4_photo_dense.onnx"),
        ("disp_x4_photo_fp16.onnx", "disp_x4_photo_dense_fp16.onnx"),
        ("photo_x4.onnx", "photo_x4_dense.onnx"),
        ("a_x2_b_x3_bf16.onnx", "a_x2_b_x3_dense_bf16.onnx"),
        ("mine.onnx", "mine_dense.onnx"),
        ("my_x4model.v2.onnx", "my_x4model.v2_dense.onnx"),
    ],
)
def test_the_twin_is_named_like_the_model(model: str, twin: str) -> None:
    assert twin_path(Path("folder") / model) == Path("folder") / twin


def test_scales_are_those_of_the_files(weights: Path) -> None:
    assert shipped_scales("carn") == shipped_scales("carn", dense=True) == (2, 4)
    assert shipped_scales("fsrcnn") == (2,)
    assert shipped_scales("swinir") == ()
    (weights / "carn_x4_dense.onnx").unlink()
    assert shipped_scales("carn", dense=True) == (2,)


def test_models_are_of_the_scale_or_the_largest(weights: Path) -> None:
    assert shipped_model("carn", 2) == weights / "carn_x2.onnx"
    assert shipped_model("carn", 2, dense=True) == weights / "carn_x2_dense.onnx"
    assert shipped_model("carn") == weights / "carn_x4.onnx"
    assert shipped_model("fsrcnn") == weights / "fsrcnn_x2.onnx"
    assert shipped_weights("carn") == shipped_weights("carn", 3) == weights / "carn_x3.safetensors"


@pytest.mark.usefixtures("weights")
def test_what_does_not_ship_is_said() -> None:
    with pytest.raises(ModelError, match=r"no x3 model of carn ships .*there is x2, x4"):
        shipped_model("carn", 3)
    with pytest.raises(ModelError, match="no dense model of swinir ships"):
        shipped_model("swinir", dense=True)
    with pytest.raises(ModelError, match="no x2 weights of carn ship"):
        shipped_weights("carn", 2)
    with pytest.raises(UserError, match="edsr"):
        shipped_model("edsr", 2)


@pytest.mark.parametrize(("scale", "factor"), [(2, 2), (4, 4), (None, 4)])
@pytest.mark.usefixtures("weights")
def test_load_takes_the_model_of_the_scale(scale: int | None, factor: int) -> None:
    for dense in (False, True):
        upscaler = amsr_deploy.load("carn", scale=scale, dense=dense)
        assert upscaler.metadata.scale == factor
        np.testing.assert_allclose(upscaler.upscale(PICTURE), enlarged(PICTURE, factor), atol=1e-6)


@pytest.mark.parametrize("scale", [2, 3])
def test_tiles_of_any_scale_fit_together(tmp_path: Path, scale: int) -> None:
    picture = np.random.default_rng(1).random((40, 50, 3), dtype=np.float32)
    path = write_model(tmp_path / "model.onnx", scale, mode="cubic")
    whole, tiled = (amsr_deploy.load(path, tile=tile).upscale(picture) for tile in (1000, 12))
    assert whole.shape == (40 * scale, 50 * scale, 3)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_a_file_has_its_own_scale(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx", 2)
    assert amsr_deploy.load(path).metadata.scale == amsr_deploy.load(path, scale=2).metadata.scale == 2
    with pytest.raises(UserError, match=r"model\.onnx upscales 2 times, not 4 times"):
        amsr_deploy.load(path, scale=4)


@pytest.mark.parametrize(
    ("twin", "counts"),
    [({"masked": False}, True), ({"masked": True}, False), ({"masked": False, "weights": "others"}, False)],
)
def test_dense_is_the_twin_beside_a_model(twin: dict[str, Any], counts: bool, tmp_path: Path) -> None:
    path = write_model(tmp_path / "a_x2.onnx", 2)
    write_model(tmp_path / "a_x2_dense.onnx", 2, offset=0.125, **twin)
    picture = PICTURE / 2
    for dense in (False, True):
        with amsr_deploy.load(path, device="cpu", dense=dense) as upscaler:
            takes_twin = dense and counts
            assert upscaler.model == ("a_x2_dense.onnx" if takes_twin else "a_x2.onnx")
            assert upscaler.is_masked != dense
            expected = enlarged(picture, 2) + (0.125 if takes_twin else 0)
            np.testing.assert_allclose(upscaler.upscale(picture), expected, atol=1e-6)
