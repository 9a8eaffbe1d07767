"""Recordings whose files were joined become one video: no frame is lost, and sound stays with pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import make, times_of
from command_line import amsr


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize("count", [4, 50])
def test_recordings_that_were_joined_go_on_where_the_first_one_ended(count: int, suffix: str, tmp_path: Path) -> None:
    """With four frames the sound ends later than the pictures, and overlaps that of the next part."""
    part = make(tmp_path / "part.ts", count, sound=True, times=[40 * k + 10 * (k % 2) for k in range(count)])
    joined, target = tmp_path / "in.ts", tmp_path / f"out{suffix}"
    joined.write_bytes(3 * part.read_bytes())
    result = amsr("video", joined, "-o", target, "--backbone", "fsrcnn")
    assert result.exit_code == 0, result.output
    begins = []
    for kind in ("video", "audio"):
        times, before = np.reshape(times_of(target, kind), (3, -1)), times_of(part, kind)
        assert (np.diff(times.ravel()) >= 0).all()
        np.testing.assert_allclose(np.diff(times), np.diff([before] * 3), atol=0.002)
        begins.append(times[:, 0] - before[0])
    np.testing.assert_allclose(*begins, atol=0.002)
    assert begins[0] == pytest.approx([0, count / 25, 2 * count / 25], abs=0.06)
