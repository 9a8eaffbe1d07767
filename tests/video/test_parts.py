"""Parts of a picture are what they are in the whole of it."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
from export_cases import Exports
from hypothesis import given
from numpy.typing import NDArray
from scale_cases import FunctionBackend, enlarged

import amsr_deploy
from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.errors import ModelError
from amsr_deploy.runtime.upscaler import Upscaler
from amsr_deploy.video.parts import PartUpscaler, part_spans

FEATHER = 1e-5


@pytest.mark.parametrize("name", BACKBONES)
def test_parts_are_those_of_the_whole_picture(name: str, exports: Exports, photo: NDArray[np.float32]) -> None:
    """On one backend with native kernels to the last bit, however they are cut."""
    upscaler = amsr_deploy.load(exports(name), device="cpu")
    cut, scale = PartUpscaler(upscaler, upscaler.metadata.halo), upscaler.metadata.scale
    mask = upscaler.mask(photo).pixels
    height, width = mask.shape
    whole, parted = (np.zeros((height * scale, width * scale, 3), np.float32) for _ in range(2))
    cut.run(photo, [(slice(0, height), slice(0, width))], mask, whole, grey=False)
    parts = [(slice(0, 24), slice(16, 40)), (slice(48, 90), slice(80, 120)), (slice(40, 56), slice(0, 120))]
    cut.run(photo, parts, mask, parted, grey=False)
    expected = np.zeros_like(whole)
    for rows, columns in parts:
        place = slice(rows.start * scale, rows.stop * scale), slice(columns.start * scale, columns.stop * scale)
        expected[place] = whole[place]
    np.testing.assert_allclose(parted, expected, atol=FEATHER)
    if upscaler.is_local:
        np.testing.assert_array_equal(parted, expected)
    np.testing.assert_allclose(whole, upscaler.upscale(photo, mask), atol=FEATHER)


@given(
    length=st.integers(1, 60),
    place=st.tuples(st.integers(0, 59), st.integers(1, 60)),
    halo=st.integers(0, 20),
    multiple=st.sampled_from([1, 8]),
)
def test_a_part_reads_no_pixel_out_of_reach(length: int, place: tuple[int, int], halo: int, multiple: int) -> None:
    """Where a backend is not local, all that a call reads decides about its bits."""
    seen: set[int] = set()

    def network(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        seen.update(np.rint(pixels * length).astype(int).ravel().tolist())
        return enlarged(pixels, 4)

    backend = FunctionBackend(network)
    backend.is_local, backend.metadata = False, replace(backend.metadata, window_size=multiple)
    cut = PartUpscaler(Upscaler(backend), halo)
    start = place[0] % length // cut.multiple * cut.multiple
    columns = slice(start, min(start + place[1], length))
    image = np.broadcast_to(np.arange(length, dtype=np.float32)[:, None] / length, (9, length, 3))
    canvas = np.zeros((36, 4 * length, 3), np.float32)
    cut.run(image, [(slice(0, 9), columns)], None, canvas, grey=False)
    assert seen <= set(range(columns.start - cut.reach, columns.stop + cut.reach))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_part_that_is_not_finite_is_an_error(value: float) -> None:
    upscaler = Upscaler(FunctionBackend(lambda pixels: enlarged(pixels, 4) + np.float32(value)))
    image, canvas = np.zeros((20, 20, 3), np.float32), np.zeros((80, 80, 3), np.uint8)
    with pytest.raises(ModelError, match="not finite"):
        PartUpscaler(upscaler, halo=2).run(image, [(slice(4, 12), slice(0, 20))], None, canvas, grey=False)


@given(
    length=st.integers(1, 300),
    part=st.tuples(st.integers(0, 299), st.integers(1, 300)),
    tile=st.integers(1, 300),
    halo=st.integers(0, 40),
    multiple=st.sampled_from([1, 2, 8]),
)
def test_spans_of_a_part_cover_it_once_and_see_what_is_around(
    length: int, part: tuple[int, int], tile: int, halo: int, multiple: int
) -> None:
    start = part[0] % length // multiple * multiple
    wanted = slice(start, min(start + part[1], length))
    covered = np.zeros(length, dtype=int)
    for span in part_spans(wanted, length, tile, halo, multiple):
        covered[span.first : span.last] += 1
        assert 0 <= span.start <= max(span.first - halo, 0)
        assert min(span.last + halo, length) <= span.stop <= length
        assert span.start % multiple == 0
        assert span.stop % multiple == 0 or span.stop == length
        assert span.stop - span.start <= max(tile, 2 * (halo + multiple) + multiple) + 2 * multiple
    assert (covered[wanted] == 1).all()
    assert covered.sum() == wanted.stop - wanted.start
    assert len(list(part_spans(wanted, length, max(tile, length), halo, multiple))) == 1
