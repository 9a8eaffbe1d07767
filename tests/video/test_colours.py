"""Colours of videos: players show what the network made, whatever matrix, range and pixel format there is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips import LARGER, av, make, pictures
from command_line import amsr

from amsr_deploy.video.frames import VideoUpscaler
from amsr_deploy.video.rgb import tags_for


@pytest.mark.parametrize(("matrix", "full"), [(1, 1), (6, 2), (9, 1)])
def test_colours_survive_their_matrix_and_range(matrix: int, full: int, tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    flat = np.full((32, 32, 3), (200, 60, 90), np.uint8)
    with av.open(str(source), "w") as file:
        stream = file.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.height, stream.width, stream.pix_fmt = 32, 32, "yuv444p"
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, full
        frame = av.VideoFrame.from_ndarray(flat, format="rgb24")
        frame = frame.reformat(format="yuv444p", dst_colorspace=matrix, dst_color_range=full)
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    result = amsr("video", source, "-o", tmp_path / "out.mkv", "--crf", 1)
    assert result.exit_code == 0, result.output
    with av.open(str(source)) as old, av.open(str(tmp_path / "out.mkv")) as new:
        before, after = (next(file.decode(video=0)).to_ndarray() for file in (old, new))
    np.testing.assert_allclose(after.mean(axis=(1, 2)), before.mean(axis=(1, 2)), atol=1)


SD, SAID_BY_NONE = 6, 2
LIMITED, FULL = 1, 2
IN_YUV = (SD, LIMITED)


@pytest.mark.parametrize(
    ("suffix", "codec", "pixel_format", "range_tag", "output", "options", "expected"),
    [
        (".mkv", "libx264rgb", "bgr24", 0, ".mkv", (), IN_YUV),
        (".mkv", "libx265", "gbrp", 0, ".mkv", (), IN_YUV),
        (".apng", "apng", "rgb24", 0, ".mp4", (), IN_YUV),
        (".mov", "png", "rgb48be", 0, ".mov", (), IN_YUV),
        (".mov", "png", "ya8", 0, ".mkv", (), (SD, FULL)),
        (".mov", "png", "monob", 0, ".mkv", (), (SD, FULL)),
        (".gif", "gif", "rgb8", 0, ".mkv", (), IN_YUV),
        (".mov", "qtrle", "rgb24", 0, ".mkv", (), IN_YUV),
        (".avi", "rawvideo", "bgr24", 0, ".mkv", (), IN_YUV),
        (".mkv", "ffv1", "bgr0", 0, ".mkv", ("--pixel-format", "yuv420p"), IN_YUV),
        (".mkv", "ffv1", "gbrp16le", 0, ".mkv", (), IN_YUV),
        (".mkv", "ffv1", "bgr0", 0, ".mkv", ("--encoder", "ffv1"), (0, FULL)),
        (".mkv", "libx265", "gbrp", 0, ".webm", (), (0, FULL)),
        (".mkv", "ffv1", "gray", 0, ".mkv", (), (SD, FULL)),
        (".mkv", "ffv1", "gray", 0, ".webm", (), IN_YUV),
        (".mkv", "ffv1", "gray10le", 0, ".mkv", (), (SD, FULL)),
        (".mkv", "ffv1", "gray", LIMITED, ".mkv", (), (SD, FULL)),
        (".mkv", "ffv1", "yuv444p", LIMITED, ".mkv", ("--encoder", "libx265", "--pixel-format", "gbrp"), (0, FULL)),
        (".mkv", "ffv1", "yuv444p", LIMITED, ".mkv", ("--pixel-format", "gray"), (SAID_BY_NONE, FULL)),
        (".mkv", "libx264", "yuvj444p", FULL, ".mkv", (), (SAID_BY_NONE, FULL)),
    ],
)
def test_players_show_what_the_network_made_of_the_source(
    suffix: str,
    codec: str,
    pixel_format: str,
    range_tag: int,
    output: str,
    options: tuple[str, ...],
    expected: tuple[int, int],
    tmp_path: Path,
) -> None:
    quiet = {"x265-params": "log-level=error"} if codec == "libx265" else {}
    source = make(tmp_path / f"in{suffix}", 3, codec, pixel_format, LARGER, options=quiet, color_range=range_tag)
    quality = () if "ffv1" in options else ("--crf", 1)
    result = amsr("video", source, "-o", tmp_path / f"out{output}", *quality, *options)
    assert result.exit_code == 0, result.output
    with av.open(str(source)) as old, av.open(str(tmp_path / f"out{output}")) as new:
        before, after = next(old.decode(video=0)), next(new.decode(video=0))
    assert (int(after.colorspace), int(after.color_range)) == expected
    shown = before.to_ndarray(format="rgb24")
    if pixel_format == "gray" and range_tag == LIMITED:  # PyAV takes it for full
        shown = np.clip((shown - 16.0) * 255 / 219, 0, 255).round().astype(np.uint8)
    wanted = VideoUpscaler("disp", scale=2, device="cpu").upscale(shown).image.astype(float)
    if "gray" in options:
        wanted = wanted @ [[0.299], [0.587], [0.114]]
    assert np.abs(after.to_ndarray(format="rgb24") - wanted).mean() < 2


def test_large_pictures_of_rgb_get_the_matrix_that_players_assume() -> None:
    rgb = av.VideoFrame.from_ndarray(pictures(1)[0], format="rgb24")
    matrices = [tags_for(rgb, "yuv420p", size)["colorspace"] for size in ((576, 720), (720, 1280), (720, 900))]
    assert matrices == [SD, 1, 1]
