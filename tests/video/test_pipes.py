"""Videos through pipes, which are y4m."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from clips import SIZE, av, frames_of, make, pictures
from command_line import amsr
from conftest import ROOT

from amsr_deploy.errors import VideoError
from amsr_deploy.files import STANDARD
from amsr_deploy.video.frames import VideoUpscaler
from amsr_deploy.video.reader import Reader


def test_only_y4m_comes_through_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with make(tmp_path / "clip.mkv", 2).open() as file:
        monkeypatch.setattr("sys.stdin", file)
        with pytest.raises(VideoError, match=r"standard input .*; a pipe must hold y4m: ffmpeg -i"):
            Reader(STANDARD)


def test_y4m_goes_through_pipes_of_a_real_ffmpeg(tmp_path: Path) -> None:
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg, which brings an ffmpeg, is missing")
    ffmpeg, source = imageio_ffmpeg.get_ffmpeg_exe(), make(tmp_path / "in.mkv", 6)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    feed = subprocess.Popen([ffmpeg, "-v", "error", "-i", source, "-f", "yuv4mpegpipe", "-"], stdout=subprocess.PIPE)
    command = [sys.executable, "-m", "amsr_deploy", "video", "-", "-o", "-"]
    upscale = subprocess.Popen(command, stdin=feed.stdout, stdout=subprocess.PIPE, env=environment)
    sink = [ffmpeg, "-v", "error", "-f", "yuv4mpegpipe", "-i", "-", tmp_path / "out.mkv"]
    subprocess.run(sink, stdin=upscale.stdout, check=True, timeout=120)
    assert (feed.wait(), upscale.wait()) == (0, 0)
    assert [frame.shape for frame in frames_of(tmp_path / "out.mkv")] == [(64, 96, 3)] * 6
    file = amsr("video", source, "-o", tmp_path / "file.mkv", "--crf", 1)
    assert file.exit_code == 0
    for piped, direct in zip(frames_of(tmp_path / "out.mkv"), frames_of(tmp_path / "file.mkv"), strict=True):
        assert np.abs(piped.astype(int) - direct).mean() < 4


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
@pytest.mark.parametrize("suffix", [".mkv", ".y4m"])
def test_a_whole_video_from_a_pipe_with_a_name_does_not_break_off(suffix: str, tmp_path: Path) -> None:
    if suffix == ".mkv":
        content = make(tmp_path / "clip.mkv", 3).read_bytes()
    else:
        content = b"YUV4MPEG2 W16 H16 F25:1 C420\n" + 2 * (b"FRAME\n" + bytes([128]) * 384)
    os.mkfifo(tmp_path / f"pipe{suffix}")
    with ThreadPoolExecutor(1) as feeding:
        feeding.submit((tmp_path / f"pipe{suffix}").write_bytes, content)
        result = amsr("video", tmp_path / f"pipe{suffix}", "-o", tmp_path / "out.mkv", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["cut_off"] is None


@pytest.mark.parametrize(
    ("suffix", "codec", "pixel_format", "expected"),
    [
        (".gif", "gif", "rgb8", "yuv444p"),
        (".mkv", "libx264rgb", "bgr24", "yuv444p"),
        (".mkv", "ffv1", "gbrp10le", "yuv444p10le"),
        (".mkv", "ffv1", "yuv420p10le", "yuv420p10le"),
        (".mkv", "ffv1", "yuva420p", "yuv420p"),
        (".mkv", "ffv1", "gray", "gray"),
        (".avi", "rawvideo", "nv12", "yuv420p"),
    ],
)
def test_every_source_fits_into_y4m(suffix: str, codec: str, pixel_format: str, expected: str, tmp_path: Path) -> None:
    source = make(tmp_path / f"in{suffix}", 2, codec, pixel_format)
    result = amsr("video", source, "-o", "-")
    assert result.exit_code == 0, result.stderr
    with av.open(io.BytesIO(result.stdout_bytes)) as file:
        shown = next(file.decode(video=0))
    assert shown.format.name == expected
    wanted = VideoUpscaler("disp", scale=2, device="cpu").upscale(frames_of(source)[0]).image
    assert np.abs(shown.to_ndarray(format="rgb24") - wanted.astype(float)).mean() < 8


def test_what_is_lost_is_said(tmp_path: Path) -> None:
    uneven = make(tmp_path / "uneven.mkv", 4, times=[0, 40, 500, 900])
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "amsr_deploy", "video", uneven, "-o", "-"]
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert done.stdout.startswith(b"YUV4MPEG2 W96 H64")
    assert done.stderr.count(b"one rate only") == 1
    with av.open(str(tmp_path / "clear.mkv"), "w") as file:
        stream = file.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuva420p"
        file.mux(stream.encode(av.VideoFrame.from_ndarray(pictures(1)[0], format="rgb24")))
        file.mux(stream.encode(None))
    result = amsr("video", tmp_path / "clear.mkv", "-o", tmp_path / "out.mp4")
    assert result.exit_code == 0, result.output
    assert "transparency is left out" in result.stderr
