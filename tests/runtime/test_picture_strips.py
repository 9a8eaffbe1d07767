"""A picture in strips is the picture in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from command_line import amsr
from PIL import Image, ImageDraw

import amsr_deploy
from amsr_deploy.image import Picture
from amsr_deploy.image.samples import channel_count, sample_strips
from amsr_deploy.runtime.picture_strips import PictureStrips, in_step


def make_picture(grey: bool, alpha: str, bits: Literal[8, 16]) -> Picture:
    random = np.random.default_rng(0)
    rgb = random.random((61, 47, 3), dtype=np.float32)
    planes = {
        "none": None,
        "opaque": np.ones((61, 47), np.float32),
        "edges": random.random((61, 47), dtype=np.float32).round() * np.float32(0.75),
    }
    return Picture(rgb[..., :1].repeat(3, axis=2) if grey else rgb, planes[alpha], grey, bits)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("alpha", ["none", "opaque", "edges"])
@pytest.mark.parametrize("grey", [False, True])
def test_strips_are_what_upscaling_in_memory_gives(grey: bool, alpha: str, bits: Literal[8, 16]) -> None:
    picture = make_picture(grey, alpha, bits)
    with amsr_deploy.load("fsrcnn", tile=40) as upscaler:
        whole = PictureStrips(upscaler.prepare, picture).whole()
        strips = PictureStrips(upscaler.prepare, picture)
        channels = channel_count(picture, grey=True)
        found = np.concatenate(list(strips.samples(channels, bits)))
    assert found.shape[:2] == strips.size == whole.size
    np.testing.assert_array_equal(found, np.concatenate(list(sample_strips(whole, bits, channels))))
    assert strips.seconds > 0


@pytest.fixture(scope="module")
def cutout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawing that only its alpha shows, as of a shadow or a logo: the colours have no edges."""
    alpha = Image.new("L", (48, 40))
    ImageDraw.Draw(alpha).ellipse((5, 4, 40, 33), fill=255)
    picture = Image.new("RGBA", alpha.size, "teal")
    picture.putalpha(alpha)
    path = tmp_path_factory.mktemp("cutout") / "cutout.png"
    picture.save(path)
    return path


def test_a_mask_of_the_caller_is_for_the_colours(cutout: Path) -> None:
    with amsr_deploy.load("fsrcnn") as upscaler:
        whole = upscaler.upscale(cutout)
        for mask in (upscaler.mask(cutout).pixels, np.zeros((40, 48), np.bool_)):
            np.testing.assert_array_equal(upscaler.upscale(cutout, mask=mask), whole)


@pytest.mark.parametrize(("budget", "dilation"), [(1, 65), (0.01, 1)])
def test_a_budget_is_for_colours_and_alpha_each(cutout: Path, budget: float, dilation: int, tmp_path: Path) -> None:
    """The small one pays for no dilation, the large one for any."""
    made = []
    for name, options in (("paid.png", ("--budget", budget)), ("grown.png", ("--dilation", dilation))):
        result = amsr("infer", cutout, "--backbone", "fsrcnn", "-o", tmp_path / name, *options)
        assert result.exit_code == 0, result.output
        with Image.open(tmp_path / name) as picture:
            made.append(np.asarray(picture))
    np.testing.assert_array_equal(*made)


def test_strips_of_other_heights_are_cut_to_each_other() -> None:
    colours = np.arange(20, dtype=np.uint8).reshape(10, 2, 1)
    alphas = np.arange(20, dtype=np.float32).reshape(10, 2)
    pairs = list(in_step(iter([colours[:6], colours[6:]]), iter([alphas[:1], alphas[1:7], alphas[7:]])))
    assert all(len(colour) == len(alpha) for colour, alpha in pairs)
    np.testing.assert_array_equal(np.concatenate([colour for colour, _ in pairs]), colours)
    np.testing.assert_array_equal(np.concatenate([alpha for _, alpha in pairs]), alphas)
