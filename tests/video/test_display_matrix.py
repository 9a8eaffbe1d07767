"""Videos that are turned when they are shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import SIZE, assert_nothing_made, av, frames_of, make
from command_line import amsr

from amsr_deploy import image
from amsr_deploy.video.reader import Reader

TURNS = [((1, 0), (0, 1)), ((-1, 0), (0, -1)), ((-1, 0), (0, 1)), ((1, 0), (0, -1))]
TURNS += [((0, a), (b, 0)) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]


def turned(path: Path, to: Path, turn: tuple[tuple[int, int], tuple[int, int]]) -> Path:
    (a, b), (c, d) = turn
    with av.open(str(path)) as old, av.open(str(to), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        stream.set_display_matrix([a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    return to


@pytest.mark.parametrize("turn", TURNS)
def test_height_and_mask_mean_what_is_shown(turn: tuple[tuple[int, int], tuple[int, int]], tmp_path: Path) -> None:
    plain = make(tmp_path / "plain.mp4", 2)
    source = turned(plain, tmp_path / "in.mp4", turn)
    height, width = SIZE
    rows, columns = np.indices(SIZE)
    white = (rows < 8) | (columns < 12) & (rows < 24)
    shown_x = turn[0][0] * columns + turn[1][0] * rows
    shown_y = turn[0][1] * columns + turn[1][1] * rows
    shown = np.zeros((width, height) if turn[0][1] else SIZE, np.bool_)
    shown[shown_y - shown_y.min(), shown_x - shown_x.min()] = white
    image.write_mask(tmp_path / "shown.png", shown)
    image.write_mask(tmp_path / "stored.png", white)
    for path, mask, wanted in ((plain, "stored", 48), (source, "shown", 72 if turn[0][1] else 48)):
        target, mask = tmp_path / f"{mask}.mkv", tmp_path / f"{mask}.png"
        result = amsr("video", path, "-o", target, "--height", wanted, "--mask", mask)
        assert result.exit_code == 0, result.output
    for expected, got in zip(frames_of(tmp_path / "stored.mkv"), frames_of(tmp_path / "shown.mkv"), strict=True):
        assert np.array_equal(got, expected)
    assert Reader(tmp_path / "shown.mkv").first.rotation == Reader(source).first.rotation


def test_a_mask_of_the_unturned_size_is_refused(tmp_path: Path) -> None:
    source = turned(make(tmp_path / "plain.mp4", 2), tmp_path / "in.mp4", ((0, 1), (-1, 0)))
    image.write_mask(tmp_path / "mask.png", np.ones(SIZE, np.bool_))
    result = amsr("video", source, "-o", tmp_path / "out.mkv", "--mask", tmp_path / "mask.png")
    assert_nothing_made(result, tmp_path, "48 x 32 pixels, the picture 32 x 48")
