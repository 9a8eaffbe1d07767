"""The size of the output: what is refused, which model is enough, and what a reduction leaves of a picture."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scale_cases import strips_by

from amsr_deploy.commands.output_size import OutputSize, Plan, reduce_to
from amsr_deploy.errors import ImageError, UserError
from amsr_deploy.image import Picture

SOURCE = Path("photo.png")
SIDES = st.integers(1, 3000)


@pytest.mark.parametrize(
    ("wanted", "scales", "plan"),
    [
        (OutputSize(), [2], Plan(2, (80, 96), "x2", False)),
        (OutputSize(scale=2), [2, 4], Plan(2, (80, 96), "x2", False)),
        (OutputSize(scale=2), [4], Plan(4, (80, 96), "x2", True)),
        (OutputSize(scale=3), [2, 4], Plan(4, (120, 144), "x3", True)),
        (OutputSize(width=50), [2, 4], Plan(2, (42, 50), "50x42", True)),
        (OutputSize(width=96), [2, 4], Plan(2, (80, 96), "96x80", False)),
        (OutputSize(width=97), [2, 4], Plan(4, (81, 97), "97x81", True)),
        (OutputSize(height=160), [2, 4], Plan(4, (160, 192), "192x160", False)),
        (OutputSize(megapixels=0.004), [2, 4], Plan(2, (58, 69), "69x58", True)),
        (OutputSize(megapixels=0.03072), [2, 4], Plan(4, (160, 192), "192x160", False)),
    ],
)
def test_the_smallest_model_that_is_enough(wanted: OutputSize, scales: list[int], plan: Plan) -> None:
    assert wanted.plan(SOURCE, (40, 48), scales) == plan
    assert plan.scale in wanted.models(scales)
    reduction = f"x{plan.scale} result reduced to {plan.label} by Lanczos"
    assert plan.reduction == (reduction if plan.reduced else None)


def test_only_models_that_may_be_needed() -> None:
    assert OutputSize().models([2, 4]) == [4]
    assert OutputSize(scale=2).models([2, 3, 4]) == [2]
    assert OutputSize(scale=2).models([4, 3]) == [3]
    assert OutputSize(height=100).models([4, 2]) == [2, 4]
    with pytest.raises(UserError, match="scale 3 is larger than that of the model, 2; give 2 or less"):
        OutputSize(scale=3).models([2])


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"scale": 5}, "scale 5 is none of: 2, 3, 4"),
        ({"scale": 0}, "scale 0 is none of"),
        ({"width": 0}, "width 0 is no size"),
        ({"height": -3}, "height -3 is no size"),
        ({"megapixels": 0.0}, "megapixels 0.0 is no size"),
        ({"megapixels": float("inf")}, "megapixels inf is no size"),
        ({"megapixels": float("nan")}, "megapixels nan is no size"),
        ({"scale": 2, "width": 100}, "--scale and --width set the size each; give one of them"),
        ({"height": 2, "megapixels": 1}, "--height and --megapixels"),
    ],
)
def test_what_is_no_size(wanted: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        OutputSize(**wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (OutputSize(width=48), r"photo\.png is 48x40: 48x40 would not enlarge it"),
        (OutputSize(height=10), r"photo\.png is 48x40: 12x10 would not enlarge it"),
        (OutputSize(megapixels=0.00192), "48x40 would not enlarge it"),
        (OutputSize(width=193), r"photo\.png is 48x40: x4, the most there is, makes 192x160 of it, not 193x161"),
        (OutputSize(megapixels=8), "makes 192x160 of it, not 3098x2582"),
    ],
)
def test_sizes_that_a_picture_cannot_get(wanted: OutputSize, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        wanted.plan(SOURCE, (40, 48), [2, 4])


@given(height=SIDES, width=SIDES, share=st.floats(0.01, 1))
def test_every_size_up_to_the_largest_can_be_had(height: int, width: int, share: float) -> None:
    wide = width + max(round(share * 3 * width), 1)
    area = height * width * (2.3 + share * 13.7)
    for wanted in (OutputSize(width=wide), OutputSize(megapixels=area / 1e6)):
        plan = wanted.plan(SOURCE, (height, width), [2, 3, 4])
        assert all(side <= plan.scale * small for side, small in zip(plan.size, (height, width), strict=True))
        smaller = [scale for scale in (2, 3) if scale < plan.scale]
        assert all(plan.size[0] > scale * height or plan.size[1] > scale * width for scale in smaller)
        assert abs(plan.size[0] - plan.size[1] * height / width) <= 0.5 + 0.5 * height / width + 1e-6
    assert OutputSize(width=wide).plan(SOURCE, (height, width), [4]).size[1] == wide


def waves(height: int, width: int, lengths: float) -> NDArray[np.float32]:
    """Diagonal waves [height, width, 3] around 0.5, that many to a width."""
    y, x = np.mgrid[:height, :width]
    wave = 0.5 + 0.4 * np.sin(2 * np.pi * lengths * ((x + 0.5) / width + (y + 0.5) / height))
    return np.repeat(wave[..., None], 3, axis=2).astype(np.float32)


def test_a_reduction_keeps_what_fits_and_its_precision() -> None:
    """Waves come out as if they had been made at the new size; 8 bits would be off by 2e-3."""
    large, inside = waves(160, 192, 4), np.s_[6:-6, 6:-6]
    small = reduce_to(large, (90, 108))
    assert small.dtype == np.float32
    np.testing.assert_allclose(small[inside], waves(90, 108, 4)[inside], atol=5e-4)


def test_a_reduction_drops_what_does_not_fit() -> None:
    """Waves that are too short for the new size turn grey, not into other waves."""
    small = reduce_to(waves(160, 192, 70), (80, 96))
    np.testing.assert_allclose(small[4:-4, 4:-4], 0.5, atol=0.02)


def test_a_reduction_keeps_channels_apart() -> None:
    large = np.zeros((8, 8, 3), dtype=np.float32)
    large[..., 1] = 0.25
    np.testing.assert_allclose(reduce_to(large, (5, 7)), np.broadcast_to([0, 0.25, 0], (5, 7, 3)), atol=1e-6)


def test_alpha_stays_exact_at_sizes_between() -> None:
    """Lanczos rings at edges; what is opaque or transparent on all sides must not."""
    alpha = np.repeat(np.array([[1, 1, 1, 1, 0, 0, 0]], np.float32), 7, axis=0)
    picture = Picture(np.full((7, 7, 3), 0.5, np.float32), alpha=alpha)
    opaque, transparent = np.s_[:, :4], np.s_[:, 6:]

    def network(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        return pixels.repeat(4, axis=0).repeat(4, axis=1)

    rings = np.clip(reduce_to(network(alpha[..., None]), (9, 9))[..., 0], 0, 1)
    assert rings[opaque].min() < 0.999
    assert rings[transparent].max() > 0.001
    upscaled = strips_by(network, picture).whole(partial(reduce_to, size=(9, 9)))
    assert upscaled.alpha is not None
    assert upscaled.alpha.shape == (9, 9)
    assert (upscaled.alpha[opaque] == 1).all()
    assert (upscaled.alpha[transparent] == 0).all()
    assert ((upscaled.alpha > 0) & (upscaled.alpha < 1)).any()
