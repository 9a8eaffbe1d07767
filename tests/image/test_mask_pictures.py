"""Masks as pictures: of every mode, drawn in alpha, laid over the input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from picture_cases import from_samples, photo
from PIL import Image

from amsr_deploy import image
from amsr_deploy.errors import ImageError


@given(mask=hnp.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_masks_round_trip(scratch: Path, mask: NDArray[np.bool_]) -> None:
    image.write_mask(scratch / "mask.png", mask)
    np.testing.assert_array_equal(image.read_mask(scratch / "mask.png", mask.shape), mask)


MASK = np.array([[True, False, True], [False, False, True]])


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "RGB", "P", "LA", "RGBA"])
def test_masks_of_every_mode(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        drawn = Image.fromarray(np.where(MASK, 65535, 20000).astype(np.uint16))
    else:
        drawn = Image.fromarray(np.where(MASK, 255, 60).astype(np.uint8)).convert(mode)
    drawn.save(tmp_path / "mask.png")
    np.testing.assert_array_equal(image.read_mask(tmp_path / "mask.png", (2, 3)), MASK)


@pytest.mark.parametrize("colour", [0, 128, 255])
def test_masks_drawn_in_alpha(tmp_path: Path, colour: int) -> None:
    samples = np.full((2, 3, 4), colour, dtype=np.uint8)
    samples[..., 3] = np.where(MASK, 255, 0)
    Image.fromarray(samples).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(image.read_mask(tmp_path / "mask.png", (2, 3)), MASK)


def test_transparent_white_is_no_mask(tmp_path: Path) -> None:
    samples = np.array([[[255, 255, 255, 255], [255, 255, 255, 0], [0, 0, 0, 255]]], dtype=np.uint8)
    Image.fromarray(samples).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(image.read_mask(tmp_path / "mask.png", (1, 3)), [[True, False, False]])


def test_mask_of_another_size(tmp_path: Path) -> None:
    image.write_mask(tmp_path / "mask.png", MASK)
    with pytest.raises(ImageError, match=r"3 x 2 pixels, the picture 5 x 4"):
        image.read_mask(tmp_path / "mask.png", (4, 5))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_overlay_tints_the_mask_and_nothing_else(channels: int) -> None:
    picture = from_samples(photo(2, 3, channels))
    shown = image.overlay(picture, MASK)
    assert not shown.grey
    np.testing.assert_array_equal(shown.rgb[~MASK], picture.rgb[~MASK])
    red, green, _ = np.moveaxis(shown.rgb[MASK], -1, 0)
    assert (red >= 0.5).all()
    assert (green <= 0.5).all()
