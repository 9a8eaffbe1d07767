"""The models that ship with the package: weights, exported files and model card belong together."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
import torch
from drawn_cases import controls_of_opposite_colours, drawn_pages
from numpy.typing import NDArray

import amsr_deploy
from amsr_deploy import models, native
from amsr_deploy.descriptor import BACKBONES, DEFAULT_BACKBONE, PURPOSES, SCALES, Purpose, describe
from amsr_deploy.export.onnx import InferenceForm, digest
from amsr_deploy.metadata import SELECTIONS, Metadata
from amsr_deploy.models.checkpoint import read_network
from amsr_deploy.runtime.backends.precision import bfloat16_form
from amsr_deploy.runtime.shipped import WEIGHTS, model_name, shipped_model, shipped_weights, weights_name

Shipped = tuple[str, int, Purpose]
SHIPPED: list[Shipped] = [
    model for model in itertools.product(BACKBONES, SCALES, PURPOSES) if (WEIGHTS / weights_name(*model)).is_file()
]


def trained(model: Shipped) -> models.Network:
    backbone, scale, purpose = model
    return read_network(shipped_weights(backbone, scale, purpose), backbone, scale)


@functools.cache
def session(model: Path) -> ort.InferenceSession:
    """A model file, loaded once: its operators are functions of many nodes."""
    return ort.InferenceSession(model, providers=["CPUExecutionProvider"])


def selections(image: np.ndarray) -> dict[str, np.ndarray]:
    """Every third pixel, or the first two windows, whichever a model takes."""
    return {"index": np.arange(0, image[0, 0].size, 3), "windows": np.arange(2), "shifted_windows": np.arange(2)}


def upscale(model: Path, image: np.ndarray) -> np.ndarray:
    """The output of a model file for a picture."""
    inputs = {"image": image, **selections(image)}
    return session(model).run(None, {each.name: inputs[each.name] for each in session(model).get_inputs()})[0]


def test_something_ships() -> None:
    assert {("fsrcnn", 4, "clean"), ("carn", 4, "clean")} <= set(SHIPPED)


def test_every_file_of_weights_is_known() -> None:
    assert {path.name for path in WEIGHTS.glob("*.safetensors")} == {weights_name(*model) for model in SHIPPED}


@pytest.mark.parametrize("masked", [True, False], ids=["masked", "dense"])
@pytest.mark.parametrize("model", SHIPPED)
def test_shipped_onnx_computes_as_the_shipped_weights(model: Shipped, masked: bool) -> None:
    backbone, scale, purpose = model
    image = np.random.default_rng(0).random((1, 3, 16, 24), dtype=np.float32)
    names = SELECTIONS[describe(backbone).body] if masked else ()
    inputs = [torch.from_numpy(value) for value in (image, *(selections(image)[name] for name in names))]
    expected = InferenceForm(trained(model).eval(), masked)(*inputs).detach().numpy()
    np.testing.assert_allclose(upscale(shipped_model(backbone, scale, not masked, purpose), image), expected, atol=1e-5)


DRAWN = [page for seed in range(2) for page in drawn_pages(np.random.default_rng(seed))]
OPPOSITE = controls_of_opposite_colours(np.random.default_rng(0))


def assert_near_the_range(model: Shipped, pages: list[NDArray[np.float32]]) -> None:
    """Of 40 such pages of each kind all models stay in [-0.76, 1.85]."""
    backbone, scale, purpose = model
    for page in pages:
        upscaled = upscale(shipped_model(backbone, scale, True, purpose), page.transpose(2, 0, 1)[None])
        assert upscaled.min() > -1
        assert upscaled.max() < 2


@pytest.mark.parametrize("model", SHIPPED)
def test_drawn_pictures_stay_near_the_range(model: Shipped) -> None:
    """Photos alone took DISP x4 a hundredfold out of it on dithers, and eightfold at letters: black specks on paper."""
    assert_near_the_range(model, DRAWN)


@pytest.mark.parametrize("model", SHIPPED)
def test_lines_of_opposite_colours_stay_near_the_range(model: Shipped) -> None:
    """Kernels that had grown without a weight decay took DISP x4 a hundredfold out of it there: specks."""
    assert_near_the_range(model, OPPOSITE)


IN_BFLOAT16 = [model for model in SHIPPED if bfloat16_form(shipped_model(*model[:2], False, model[2]))]


def test_the_default_network_and_the_best_one_ship_in_bfloat16() -> None:
    assert {model for model in SHIPPED if model[0] in (DEFAULT_BACKBONE, "swinir")} == set(IN_BFLOAT16)


@pytest.mark.skipif(native.library_path() is None, reason="the native operators are not built")
@pytest.mark.parametrize("model", IN_BFLOAT16)
def test_bfloat16_changes_little(model: Shipped, photo: np.ndarray) -> None:
    backbone, scale, purpose = model
    settings: dict[str, Any] = {"scale": scale, "trained_for": purpose, "device": "cpu"}
    exact, fast = (amsr_deploy.load(backbone, precision=precision, **settings) for precision in ("float32", "bfloat16"))
    assert fast.metadata.precision == "bfloat16"
    difference = exact.upscale(photo) - fast.upscale(photo)
    assert 20 * np.log10(1 / np.sqrt(np.mean(difference**2))) > 50


@pytest.mark.skipif(native.library_path() is None, reason="the native operators are not built")
@pytest.mark.parametrize("model", IN_BFLOAT16)
def test_a_ramp_of_16_bits_has_no_steps_in_bfloat16(model: Shipped) -> None:
    backbone, scale, purpose = model
    levels = np.linspace(38_000, 62_000, 600).round().astype(np.uint16)
    ramp = np.broadcast_to(levels[:, None], (16, 600, 3))
    settings: dict[str, Any] = {"scale": scale, "trained_for": purpose, "device": "cpu", "precision": "bfloat16"}
    result = amsr_deploy.load(backbone, **settings).upscale(ramp)
    assert len(np.unique(result[8 * scale, :, 1])) >= len(levels)


@pytest.mark.parametrize("model", SHIPPED)
def test_shipped_onnx_names_its_weights(model: Shipped) -> None:
    backbone, scale, purpose = model
    for dense in (False, True):
        path = shipped_model(backbone, scale, dense, purpose)
        metadata = Metadata.from_properties(session(path).get_modelmeta().custom_metadata_map)
        assert (metadata.backbone, metadata.scale, metadata.trained_for) == model
        assert metadata.weights_sha256 == digest(trained(model))
        assert metadata.masked is not dense


@pytest.mark.parametrize("model", SHIPPED)
def test_weights_are_finite_and_on_the_card(model: Shipped) -> None:
    backbone, scale, purpose = model
    assert all(torch.isfinite(value).all() for value in trained(model).state_dict().values())
    assert f"`{model_name(backbone, scale, trained_for=purpose)}`" in (WEIGHTS / "MODEL_CARD.md").read_text()


COLOURS = [
    (backbone, scale) for backbone, scale, purpose in SHIPPED if (backbone, purpose) == (DEFAULT_BACKBONE, "clean")
]


@pytest.mark.parametrize(("backbone", "scale"), COLOURS)
class TestColours:
    """What is drawn, not photographed: paper is white, pure colours stay pure, grey stays grey."""

    def test_flat_colours_stay_as_they_are(self, backbone: str, scale: int) -> None:
        upscaler = amsr_deploy.load(backbone, scale=scale)
        for colour in itertools.product((0, 64, 128, 192, 255), repeat=3):
            result = upscaler.upscale(np.full((9, 9, 3), colour, dtype=np.uint8)).astype(int)
            allowed = 0 if colour in ((0, 0, 0), (255, 255, 255)) else 2
            assert np.abs(result - colour).max() <= allowed, colour

    def test_a_grey_photo_stays_grey(self, backbone: str, scale: int, photo: np.ndarray) -> None:
        grey = np.rint(photo.mean(axis=2, keepdims=True).repeat(3, axis=2) * 255).astype(np.uint8)
        result = amsr_deploy.load(backbone, scale=scale).upscale(grey).astype(int)
        assert np.abs(result - result.mean(axis=2, keepdims=True)).max() <= 2
        assert abs(result.mean() - grey.mean()) < 2
