"""A short run of `benchmarks/fuzz.py` over all readers; CONTRIBUTING.md says how to run it for minutes."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import fuzz
import pytest
from fuzzing.seeds import sidecars

from amsr_deploy.errors import ImageError

CASES = 30
FIRST = 100
"""The first of them; below are whole files."""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in /proc")
def test_damaged_files_are_read_or_refused_in_a_line() -> None:
    names = [name for name in fuzz.READERS if name != "video" or find_spec("av")]
    found = fuzz.explore(((name, number) for name in names for number in range(FIRST, FIRST + CASES)), seed=2)
    assert {name: dict(result.problems) for name, result in found.items()} == {name: {} for name in names}
    assert all(result.cases == CASES for result in found.values())
    assert {name for name, result in found.items() if not result.refused} <= {"exif"}, "damage is noticed"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "read"),
        (ImageError("a.png is damaged"), "refused"),
        (ImageError("two\nlines"), "a message that is no line: 'two\\nlines'"),
        (ValueError("odd"), "ValueError at "),
    ],
)
def test_only_our_errors_may_come_out(error: Exception | None, outcome: str) -> None:
    def read(_path: Path) -> int:
        if error:
            raise error
        return 0

    assert fuzz.attempt(fuzz.Reader(list, read), Path())[0].startswith(outcome)


def test_cases_follow_from_seed_and_number() -> None:
    seeds = sidecars()
    assert fuzz.case(seeds, 0, 0) == seeds[0]
    cases = [fuzz.case(seeds, seed, number) for seed in (0, 1) for number in range(1, 30)]
    assert cases == [fuzz.case(seeds, seed, number) for seed in (0, 1) for number in range(1, 30)]
    assert len(set(cases)) > 50
