"""Cuts are found, and what moves, fades or flickers between them is one scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from conftest import osprey
from numpy.typing import NDArray
from PIL import Image

from amsr_deploy.video.cuts import CutDetector, block_colours

Frame = NDArray[np.float32]
COUNT = 12
WIDTH, HEIGHT = 160, 90


def shot(left: float = 60, top: float = 30, zoom: float = 1) -> Frame:
    """What a camera sees that looks at a part of a photo."""
    box = (left, top, left + WIDTH / zoom, top + HEIGHT / zoom)
    part = osprey().convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=box)
    return np.asarray(part, np.float32) / 255


def other_shot(left: float = 60) -> Frame:
    """Another place: colours in another order, upside down."""
    return shot(left)[::-1, :, ::-1] * np.float32(0.6)


def pan(step: float) -> Iterator[Frame]:
    return (shot(60 + step * k) for k in range(COUNT))


def shake() -> Iterator[Frame]:
    return (shot(60 + x, 30 + y) for x, y in np.random.default_rng(0).normal(0, 3, (COUNT, 2)))


def fade(over: int) -> Iterator[Frame]:
    """From black, and to black."""
    return (shot() * np.float32(min(k, 2 * over - k) / over) for k in range(2 * over + 1))


def cross_fade(over: int) -> Iterator[Frame]:
    return (shot() + (other_shot() - shot()) * np.float32(k / over) for k in range(over + 1))


def grain(deviation: float) -> Iterator[Frame]:
    noise = np.random.default_rng(0).normal(0, deviation / 255, (COUNT, HEIGHT, WIDTH, 3))
    return (np.clip(shot() + each, 0, 1).astype(np.float32) for each in noise)


def thing() -> Iterator[Frame]:
    """A square that crosses a third of what a standing camera sees."""
    for k in range(COUNT):
        frame = shot()
        frame[18:72, 8 * k : 8 * k + 54] = 1 - frame[18:72, 8 * k : 8 * k + 54]
        yield frame


def drawn(times: int) -> Iterator[Frame]:
    """A pan that gets faster, of drawings each of which is shown several times, with nothing but noise between them."""
    return (shot(20 + 2 * (k // times) ** 2) + np.float32(k % 2 / 255) for k in range(10 * times))


ONE_SCENE: dict[str, Callable[[], Iterator[Frame]]] = {
    "pan of a pixel": lambda: pan(1),
    "pan of 3 pixels": lambda: pan(3),
    "pan of 8 pixels": lambda: pan(8),
    "zoom in": lambda: (shot(zoom=1.04**k) for k in range(COUNT)),
    "zoom out": lambda: (shot(zoom=1.5 / 1.04**k) for k in range(COUNT)),
    "shaking camera": shake,
    "fades in 12 frames": lambda: fade(12),
    "fades in 25 frames": lambda: fade(25),
    "cross-fade in 8 frames": lambda: cross_fade(8),
    "cross-fade in 25 frames": lambda: cross_fade(25),
    "fine grain": lambda: grain(4),
    "coarse grain": lambda: grain(16),
    "moving thing": thing,
    "drawings shown twice": lambda: drawn(2),
    "drawings shown thrice": lambda: drawn(3),
}


def beginnings(frames: Iterator[Frame]) -> list[int]:
    cuts = CutDetector()
    return [number for number, frame in enumerate(frames) if cuts.begins_scene(frame)]


@pytest.mark.parametrize("kind", ONE_SCENE)
def test_what_is_not_cut_is_one_scene(kind: str) -> None:
    assert beginnings(ONE_SCENE[kind]()) == [0]


@pytest.mark.parametrize(("step", "brightness"), [(0, 1), (1, 1), (8, 1), (0, 0.4), (1, 0.4)])
def test_a_cut_begins_a_scene(step: float, brightness: float) -> None:
    """In cameras that stand or move by some pixels a frame, in bright and in dark places."""
    shots = [shot(40 + step * k) for k in range(4)] + [other_shot(40 + step * k) for k in range(4)]
    assert beginnings(frame * np.float32(brightness) for frame in shots) == [0, 4]


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (7, 3), (5, 64), (90, 160), (161, 91)])
def test_blocks_share_out_all_pixels_of_a_picture(size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).random((*size, 3), np.float32)
    colours = block_colours(picture)
    assert max(colours.shape[:2]) <= 8
    assert colours.min() >= picture.min()
    assert colours.max() <= picture.max()
    moved = block_colours(picture + np.float32(0.25))
    np.testing.assert_allclose(moved, colours + 0.25, atol=1e-6)
