"""Planes become pixels: NumPy and native code agree."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from amsr_deploy import native
from amsr_deploy.errors import BackendError
from amsr_deploy.image.interleave import interleave, interleave_in_numpy

TYPES = [np.uint8, np.uint16, np.float32]


needs_library = pytest.mark.skipif(
    native.library_path() is None, reason="the package was installed without its native library"
)


def instruction_sets() -> tuple[str, ...]:
    code = native.inspect()
    return code.available if code else ("none",)


@needs_library
@pytest.mark.parametrize("instruction_set", instruction_sets())
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 70), st.booleans(), st.sampled_from(TYPES))
def test_native_code_equals_numpy(
    instruction_set: str, seed: int, height: int, width: int, grey: bool, kind: type[np.generic]
) -> None:
    values = np.random.default_rng(seed).uniform(-0.2, 1.2, (3, height + 2, width + 3)).astype(np.float32)
    planes = values[:, 1:-1, 2:-1]
    found, expected = (np.zeros((height, width + 5, 3), kind)[:, 2:-3] for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(native.ISA_VARIABLE, instruction_set)
        assert interleave(planes, found, grey)
    assert interleave_in_numpy(planes, expected, grey)
    np.testing.assert_array_equal(found, expected)


@needs_library
def test_an_instruction_set_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.ISA_VARIABLE, "sse9")
    with pytest.raises(BackendError, match="AMSR_CPU_ISA=sse9 is not available here"):
        interleave(np.zeros((3, 4, 5), np.float32), np.zeros((4, 5, 3), np.uint8), False)


@pytest.mark.parametrize(
    ("planes", "pixels"),
    [
        (np.zeros((1, 4, 5), np.float32), np.zeros((4, 5, 3), np.uint8)),
        (np.zeros((1, 4, 5), np.float32), np.zeros((4, 5, 1), np.uint8)),
        (np.zeros((3, 4, 4), np.float32), np.zeros((4, 5, 3), np.uint8)),
        (np.zeros((3, 5), np.float32), np.zeros((4, 5, 3), np.uint8)),
        (np.zeros((3, 4, 5), np.uint8), np.zeros((4, 5, 3), np.uint8)),
        (np.zeros((3, 4, 5), np.float64), np.zeros((4, 5, 3), np.uint8)),
        (np.zeros((3, 4, 5), np.float32), np.zeros((4, 5, 3), np.int32)),
    ],
)
def test_no_address_of_arrays_that_do_not_fit_is_given_away(
    planes: NDArray[np.float32], pixels: NDArray[np.generic]
) -> None:
    with pytest.raises(ValueError, match="cannot be written to"):
        interleave(planes, pixels, False)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("function", [interleave, interleave_in_numpy])
def test_values_that_are_not_finite_are_noticed(value: float, function: object) -> None:
    planes = np.zeros((3, 4, 5), np.float32)
    planes[1, 3, 4] = value
    assert not function(planes, np.zeros((4, 5, 3), np.uint8), False)  # type: ignore[operator]


@pytest.mark.parametrize("kind", TYPES)
def test_halves_go_to_the_even_number_and_the_rest_is_clipped(kind: type[np.generic]) -> None:
    planes = np.array([-1, 0, 0.5, 1, 2], np.float32)[None, None].repeat(3, axis=0)
    pixels = np.zeros((1, 5, 3), kind)
    assert interleave(planes, pixels, False)
    half = {"uint8": 128, "uint16": 32768, "float32": 0.5}[np.dtype(kind).name]  # of 127.5 and 32767.5
    white = {"uint8": 255, "uint16": 65535, "float32": 1}[np.dtype(kind).name]
    assert pixels[0, :, 0].tolist() == [0, 0, half, white, white]
