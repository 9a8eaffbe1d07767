"""A self-ensemble: the mean of the results for a picture turned and mirrored in eight ways."""

from __future__ import annotations

import json
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from command_line import amsr
from export_cases import Exports
from hypothesis import given, settings
from numpy.typing import NDArray

import amsr_deploy
from amsr_deploy.errors import ImageError, UserError
from amsr_deploy.image.orientation import INVERSE, turned
from amsr_deploy.runtime.self_ensemble import VIEWS
from amsr_deploy.runtime.upscaler import Upscaler
from amsr_deploy.system import memory

ROUNDING = 1e-6


@pytest.fixture(scope="module")
def model(exports: Exports) -> Path:
    return exports("disp")


@pytest.fixture(scope="module")
def ensemble(model: Path) -> Upscaler:
    return amsr_deploy.load(model, self_ensemble=True)


def run(*arguments: object) -> str:
    """Run `amsr`, and return what it prints."""
    result = amsr(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def random_picture(height: int, width: int) -> NDArray[np.float32]:
    return np.random.default_rng(height * 100 + width).random((height, width, 3), np.float32)


def test_views_are_eight_and_can_be_undone() -> None:
    picture = random_picture(5, 7)
    views = {orientation: turned(picture, orientation) for orientation in INVERSE}
    assert len({(each.shape, each.tobytes()) for each in views.values()}) == VIEWS
    for orientation, each in views.items():
        np.testing.assert_array_equal(turned(each, INVERSE[orientation]), picture)


@pytest.mark.parametrize("name", ["disp", "swinir"])
def test_the_result_is_the_mean_of_those_of_all_views(name: str, exports: Exports, photo: NDArray[np.float32]) -> None:
    once, ensemble = (amsr_deploy.load(exports(name), self_ensemble=chosen) for chosen in (False, True))
    mask = once.mask(photo).pixels
    results = []
    for quarters in range(4):
        picture, region = np.rot90(photo, quarters), np.rot90(mask, quarters)
        results.append(np.rot90(once.upscale(picture, region), -quarters))
        results.append(np.rot90(once.upscale(picture[::-1], region[::-1])[::-1], -quarters))
    np.testing.assert_allclose(ensemble.upscale(photo), np.mean(results, axis=0), atol=ROUNDING)


@settings(max_examples=10)
@given(height=st.integers(1, 24), width=st.integers(1, 24), orientation=st.sampled_from(sorted(INVERSE)))
def test_a_turned_picture_gives_the_turned_result(
    ensemble: Upscaler, height: int, width: int, orientation: int
) -> None:
    picture = random_picture(height, width)
    mask = picture[..., 0] > 0.5
    result = turned(ensemble.upscale(turned(picture, orientation), turned(mask, orientation)), INVERSE[orientation])
    np.testing.assert_allclose(result, ensemble.upscale(picture, mask), atol=ROUNDING)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_samples_are_rounded_once(ensemble: Upscaler, photo: NDArray[np.float32], dtype: type) -> None:
    samples = (photo * np.iinfo(dtype).max).round().astype(dtype)
    exact = ensemble.upscale(samples / np.float32(np.iinfo(dtype).max)) * float(np.iinfo(dtype).max)
    assert np.abs(ensemble.upscale(samples) - exact).max() < 0.51


def test_a_picture_without_colour_gets_none(ensemble: Upscaler, photo: NDArray[np.float32]) -> None:
    result = ensemble.upscale(photo[..., :1].repeat(3, axis=2))
    assert (result == result[..., :1]).all()


def test_it_keeps_the_mask_and_costs_eight_times_as_much(
    model: Path, ensemble: Upscaler, photo: NDArray[np.float32]
) -> None:
    once, mean = amsr_deploy.load(model).prepare(photo), ensemble.prepare(photo)
    assert once.mask
    assert mean.mask
    np.testing.assert_array_equal(mean.mask.pixels, once.mask.pixels)
    assert (mean.density, mean.cost_share) == (once.density, VIEWS * once.cost_share)


def test_tiles_are_counted_over_all_views(model: Path, photo: NDArray[np.float32]) -> None:
    counts: list[tuple[int, int]] = []
    upscaler = amsr_deploy.load(model, tile=64, self_ensemble=True)
    upscaler.prepare(photo, on_tile=lambda *count: counts.append(count)).run(np.dtype(np.uint8))
    total = counts[-1][1]
    assert total % VIEWS == 0
    assert counts == [(done, total) for done in range(1, total + 1)]


def test_a_network_may_work_everywhere_too(model: Path, photo: NDArray[np.float32]) -> None:
    dense, everywhere = (amsr_deploy.load(model, dense=True, self_ensemble=chosen) for chosen in (False, True))
    assert everywhere.prepare(photo).mask is None
    assert not np.array_equal(everywhere.upscale(photo), dense.upscale(photo))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_too_little_memory_is_told(ensemble: Upscaler, dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sum and the result of a view, both in float32, and the mean must fit."""
    picture = np.zeros((6, 10, 3), dtype)
    values = ensemble.metadata.scale**2 * picture.size
    needed = values * (4 + 4 + picture.itemsize)
    monkeypatch.setattr(memory, "available_memory", lambda: needed)
    ensemble.upscale(picture)
    monkeypatch.setattr(memory, "available_memory", lambda: needed - 1)
    with pytest.raises(ImageError, match=r"the mean of results of 40x24 pixels .* leave out `self_ensemble`"):
        ensemble.upscale(picture)


def test_the_command_line_has_it(model: Path, photo_file: Path, tmp_path: Path) -> None:
    target, once = tmp_path / "mean.png", tmp_path / "once.png"
    report = json.loads(run("infer", photo_file, "--model", model, "-o", target, "--self-ensemble", "--json", "-"))
    run("infer", photo_file, "--model", model, "-o", once)
    assert report["cost_share"] > 1
    assert target.read_bytes() != once.read_bytes()


@pytest.mark.parametrize("spread", [[], ["--ray"]])
def test_no_budget_pays_for_it(spread: list[str], folder: Path) -> None:
    result = amsr("infer", folder, "--self-ensemble", "--budget", 1, *spread)
    assert result.exit_code == 2
    assert result.stderr == (
        "amsr: error: --self-ensemble makes eight runs: it cannot be combined with --budget; give --dilation\n"
    )


def test_eval_compares_it(model: Path, folder: Path) -> None:
    options = ("eval", "--model", model, "--data", folder, "--json", "-")
    (mean,), (once,) = (json.loads(run(*options, *more))["runs"] for more in (["--self-ensemble"], []))
    assert mean["model"] == once["model"] == str(model)
    assert (mean["self_ensemble"], once["self_ensemble"]) == (True, False)
    assert mean["mean"]["psnr_y"] != once["mean"]["psnr_y"]
    assert " with self-ensemble x4" in " ".join(run(*options[:-2], "--self-ensemble").split())


def test_videos_take_none(model: Path) -> None:
    with pytest.raises(UserError, match="a self-ensemble is for single pictures; leave out `self_ensemble`"):
        amsr_deploy.VideoUpscaler(model, self_ensemble=True)
