"""`amsr video` on files of all kinds, made here."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import wave
from collections.abc import Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from click.testing import CliRunner, Result
from conftest import OSPREY, ROOT
from numpy.typing import NDArray
from PIL import Image

from amsr_deploy.cli import main
from amsr_deploy.errors import ModelError, VideoError
from amsr_deploy.files import STANDARD
from amsr_deploy.image import Picture, read, write
from amsr_deploy.video.frames import VideoUpscaler

av = pytest.importorskip("av", reason="PyAV is not installed: pip install 'amsr-deploy[video]'")
from amsr_deploy.commands.video import upscale_video  # noqa: E402
from amsr_deploy.commands.video_options import VideoOptions  # noqa: E402
from amsr_deploy.video.encoding import MOST_CRF, PRESETS  # noqa: E402
from amsr_deploy.video.reader import Reader  # noqa: E402
from amsr_deploy.video.rgb import tags_for  # noqa: E402
from amsr_deploy.video.writer import decodable_in_time  # noqa: E402

LARGER = (64, 96)
"""libx265 damages its memory with sides of less than 64 pixels."""
MILLISECONDS = Fraction(1, 1000)
SIZE = (32, 48)


def amsr(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def assert_refused(result: Result, folder: Path, *parts: str) -> None:
    """One clear line, exit code 1 or 2, and nothing but the inputs in the folder."""
    assert result.exit_code in (1, 2), result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("amsr: error:")]
    assert len(lines) == 1, result.stderr
    assert "unexpected" not in lines[0]
    assert "Traceback" not in result.output
    for part in parts:
        assert part in lines[0]
    assert not [path for path in folder.iterdir() if path.name.startswith((".", "out"))]


def pictures(count: int, size: tuple[int, int] = SIZE) -> list[NDArray[np.uint8]]:
    """A photo over which a square moves."""
    with Image.open(OSPREY) as file:
        photo = np.asarray(file.convert("RGB").crop((150, 40, 150 + size[1], 40 + size[0])))
    frames = []
    for k in range(count):
        frame = photo.copy()
        frame[8:16, k % 30 : k % 30 + 8] ^= 255
        frames.append(frame)
    return frames


def make(
    path: Path,
    count: int = 5,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    size: tuple[int, int] = SIZE,
    times: Sequence[int] | None = None,
    sound: bool = False,
    options: dict[str, str] | None = None,
    unit: Fraction = MILLISECONDS,
    chapters: Sequence[dict[str, Any]] = (),
    container_options: dict[str, str] | None = None,
    **tags: Any,
) -> Path:
    """A clip of 25 frames a second; its times are in a unit of seconds."""
    with av.open(str(path), "w", container_options=container_options) as file:
        file.set_chapters(list(chapters))
        stream = file.add_stream(codec, rate=25, options={"crf": "5", "bf": "2", **(options or {})})
        stream.height, stream.width = size
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = unit
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        audio = file.add_stream("aac", rate=44100) if sound else None
        for k, picture in enumerate(pictures(count, size)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = (times[k] if times else 40 * k), unit
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
        for k in range(8 if audio else 0):
            tone = av.AudioFrame.from_ndarray(np.full((1, 1024), 0.1, np.float32), format="fltp", layout="mono")
            tone.sample_rate, tone.pts = 44100, 1024 * k
            file.mux(audio.encode(tone))
        if audio:
            file.mux(audio.encode(None))
    return path


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as file:
        return [round(float(frame.pts * frame.time_base), 3) for frame in file.decode(video=0)]


def frames_of(path: Path) -> list[NDArray[Any]]:
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def packets_of(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as file:
        (stream,) = getattr(file.streams, kind)
        return [bytes(packet) for packet in file.demux(stream) if packet.size]


def test_video_keeps_times_and_sound_and_looks_right(tmp_path: Path) -> None:
    times = [0, 40, 41, 90, 200, 230, 300, 301, 400, 1000]
    source = make(tmp_path / "in.mkv", 10, times=times, sound=True)
    result = amsr("video", source, "-o", tmp_path / "out.mkv", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["input"], report["output"]) == (str(source), str(tmp_path / "out.mkv"))
    assert report["frames"] == 10
    assert report["scale"] == 2
    assert report["origin"] == "shipped"
    assert 0 <= report["reused"] <= 1
    assert times_of(tmp_path / "out.mkv") == times_of(source) == [time / 1000 for time in times]
    assert packets_of(tmp_path / "out.mkv", "audio") == packets_of(source, "audio")
    for small, large in zip(frames_of(source), frames_of(tmp_path / "out.mkv"), strict=True):
        assert large.shape == (2 * SIZE[0], 2 * SIZE[1], 3)
        reduced = np.asarray(Image.fromarray(large).resize(SIZE[::-1], Image.Resampling.BOX)).astype(int)
        assert np.abs(reduced - small).mean() < 3


def test_mp4_keeps_times_that_are_no_milliseconds(tmp_path: Path) -> None:
    times = [378 + 384 * k for k in range(4)]
    source = make(tmp_path / "in.nut", 4, times=times, unit=Fraction(1, 11456), options={"bf": "0"})
    result = amsr("video", source, "-o", tmp_path / "out.mp4")
    assert result.exit_code == 0, result.output
    with av.open(str(tmp_path / "out.mp4")) as file:
        assert [frame.pts * frame.time_base * 11456 for frame in file.decode(video=0)] == times


def test_chapters_of_mp4_are_kept_and_not_called_lost(tmp_path: Path) -> None:
    chapter = {"id": 1, "start": 0, "end": 80, "time_base": MILLISECONDS, "metadata": {"title": "One"}}
    source = make(tmp_path / "in.mp4", 2, chapters=[chapter])
    result = amsr("video", source, "-o", tmp_path / "out.mp4")
    assert (result.exit_code, result.stderr) == (0, "")
    with av.open(str(tmp_path / "out.mp4")) as file:
        (kept,) = file.chapters()
    assert kept["end"] * kept["time_base"] == Fraction(80, 1000)
    assert kept["metadata"]["title"] == "One"


@pytest.mark.parametrize(
    ("suffix", "codec", "pixel_format", "expected"),
    [
        (".mp4", "libx264", "yuv420p", ("h264", "yuv420p")),
        (".mp4", "libx265", "yuv420p10le", ("hevc", "yuv420p10le")),
        (".mkv", "libx264", "yuv444p", ("h264", "yuv444p")),
        (".webm", "libvpx-vp9", "yuv420p", ("vp9", "yuv420p")),
        (".mov", "libx264", "yuv422p", ("h264", "yuv422p")),
    ],
)
def test_formats(suffix: str, codec: str, pixel_format: str, expected: tuple[str, str], tmp_path: Path) -> None:
    source = make(tmp_path / f"in{suffix}", 3, codec, pixel_format, LARGER)
    result = amsr("video", source)
    assert result.exit_code == 0, result.output
    with av.open(str(tmp_path / f"in_x2{suffix}")) as file:
        (stream,) = file.streams.video
        assert (stream.codec_context.name.removeprefix("libdav1d"), stream.pix_fmt) == expected
        assert sum(1 for _ in file.decode(video=0)) == 3


def test_tags_chapters_subtitles_attachments_and_rotation_are_kept(tmp_path: Path) -> None:
    plain = make(
        tmp_path / "plain.mkv",
        3,
        "libx265",
        "yuv420p10le",
        LARGER,
        options={
            "x265-params": "log-level=error:bframes=0:master-display=G(13250,34500)B(7500,3000)R(34000,16000)"
            "WP(15635,16450)L(10000000,50):max-cll=1000,400"
        },
        color_primaries=9,
        color_trc=16,
        colorspace=9,
        color_range=1,
        sample_aspect_ratio=Fraction(4, 3),
    )
    source = tmp_path / "in.mkv"
    with av.open(str(plain)) as old, av.open(str(source), "w") as new:
        video = new.add_stream_from_template(old.streams.video[0])
        video.set_display_rotation(90)
        video.metadata["language"] = "fra"
        titles = new.add_mux_stream("subrip")
        new.add_attachment("font.ttf", "font/ttf", b"letters")
        new.metadata["title"] = "Osprey"
        chapter = {"id": 1, "start": 0, "end": 50, "time_base": MILLISECONDS, "metadata": {"title": "One"}}
        new.set_chapters([chapter])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = video
                new.mux(packet)
        text = av.Packet(b"words")
        text.stream, text.pts, text.dts, text.time_base, text.duration = titles, 10, 10, MILLISECONDS, 20
        new.mux(text)
    result = amsr("video", source, "-o", tmp_path / "out.mkv", "--encoder", "libx265")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    with av.open(str(source)) as old, av.open(str(tmp_path / "out.mkv")) as new:
        for file in (old, new):
            assert [stream.type for stream in file.streams] == ["video", "subtitle", "attachment"]
        assert [s.data for s in new.streams if s.type == "attachment"] == [b"letters"]
        assert new.metadata["title"] == "Osprey"
        assert new.streams.video[0].language == "fra"
        assert [(c["start"], c["end"], c["metadata"]) for c in new.chapters()] == [
            (c["start"], c["end"], c["metadata"]) for c in old.chapters()
        ]
        before, after = next(old.decode(video=0)), next(new.decode(video=0))
        for tag in ("color_primaries", "color_trc", "colorspace", "color_range", "rotation"):
            assert getattr(before, tag) == getattr(after, tag)
        assert after.rotation in (90, -90)
        assert new.streams.video[0].sample_aspect_ratio == Fraction(4, 3)
        assert after.format.name == "yuv420p10le"
        for name in ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"):
            data = [
                {d.type.name: bytes(d) for d in map(f.side_data.__getitem__, range(len(f.side_data)))}
                for f in (before, after)
            ]
            assert data[0][name] == data[1][name]
    assert packets_of(tmp_path / "out.mkv", "subtitles") == [b"words"]
    left_out = amsr("video", source, "-o", tmp_path / "out.webm")
    assert left_out.exit_code == 0, left_out.output
    assert "subtitle 1 (srt) does not fit and is left out" in left_out.stderr
    assert "attachment 2" in left_out.stderr


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
        (".mov", "png", "ya8", 0, ".mkv", (), IN_YUV),
        (".mov", "png", "monob", 0, ".mkv", (), IN_YUV),
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


def test_sizes(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", 2)
    for arguments, size in (
        (("--scale", 2), (64, 96)),
        (("--scale", 3), (96, 144)),
        (("--scale", 4), (128, 192)),
        (("--height", 50), (50, 76)),
        (("--backbone", "fsrcnn"), (128, 192)),
    ):
        result = amsr("video", source, "-o", tmp_path / "out.mkv", "--overwrite", *arguments)
        assert result.exit_code == 0, result.output
        assert frames_of(tmp_path / "out.mkv")[0].shape[:2] == size
        assert ("reduced" in result.stdout) == (arguments[1] in (3, 50))


def test_a_larger_budget_computes_more(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", 1)
    densities = []
    for budget in (0.4, 0.6, 0.9):
        options = ("--overwrite", "--no-reuse", "--json", "--budget", budget)
        result = amsr("video", source, "-o", tmp_path / "out.mkv", *options)
        assert result.exit_code == 0, result.output
        densities.append(json.loads(result.stdout)["density"])
    assert densities == sorted(set(densities))
    assert densities[-1] < 0.9


def test_start_and_duration(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", 50, sound=True)
    result = amsr("video", source, "-o", tmp_path / "out.mkv", "--start", 1, "--duration", 0.4)
    assert result.exit_code == 0, result.output
    assert times_of(tmp_path / "out.mkv") == [round(0.04 * k, 3) for k in range(10)]
    small, large = frames_of(source)[25], frames_of(tmp_path / "out.mkv")[0]
    reduced = np.asarray(Image.fromarray(large).resize(SIZE[::-1], Image.Resampling.BOX)).astype(int)
    assert np.abs(reduced - small).mean() < 3


def interlaced(path: Path) -> Path:
    return make(path, 4, options={"flags": "+ilme+ildct", "x264-params": "interlaced=1"})


def test_interlaced(tmp_path: Path) -> None:
    source = interlaced(tmp_path / "in.mkv")
    with av.open(str(source)) as file:
        assert next(file.decode(video=0)).interlaced_frame
    assert_refused(amsr("video", source, "-o", tmp_path / "out.mkv"), tmp_path, "interlaced", "--deinterlace")
    result = amsr("video", source, "-o", tmp_path / "out.mkv", "--deinterlace")
    assert result.exit_code == 0, result.output
    assert times_of(tmp_path / "out.mkv") == times_of(source)
    with av.open(str(tmp_path / "out.mkv")) as file:
        assert not next(file.decode(video=0)).interlaced_frame


def test_broken_frames_are_repeated_and_counted(tmp_path: Path) -> None:
    source = make(tmp_path / "whole.mkv", 12, "ffv1", options={"slicecrc": "1", "slices": "4", "g": "1"})
    broken = tmp_path / "in.mkv"
    with av.open(str(source)) as old, av.open(str(broken), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(old.demux(video=0)):
            if not packet.size:
                continue
            copy = av.Packet(b"\xff" * 7 if number == 6 else bytes(packet))
            copy.pts, copy.dts, copy.time_base, copy.stream = packet.pts, packet.dts, packet.time_base, stream
            copy.is_keyframe = packet.is_keyframe
            new.mux(copy)
    result = amsr("video", broken, "-o", tmp_path / "out.mkv", "--crf", 1)
    assert result.exit_code == 0, result.output
    assert "1 broken frame" in result.stdout
    assert times_of(tmp_path / "out.mkv") == times_of(source)
    frames = frames_of(tmp_path / "out.mkv")
    assert np.abs(frames[6].astype(int) - frames[5]).mean() < np.abs(frames[7].astype(int) - frames[5]).mean()


def test_a_file_that_breaks_off_is_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole.mkv", 40)
    (tmp_path / "in.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    result = amsr("video", tmp_path / "in.mkv", "-o", tmp_path / "out.mkv", "--json")
    assert result.exit_code == 0, result.output
    assert 0 < json.loads(result.stdout)["frames"] == len(times_of(tmp_path / "out.mkv")) < 40


@pytest.mark.parametrize("pipe", [False, True])
@pytest.mark.parametrize("left_out", [0, 1, 32 * 48 * 3 // 2 - 1, 32 * 48 * 3 // 2, 32 * 48 * 3 // 2 + 5])
def test_a_y4m_that_breaks_off_in_a_frame_says_so(
    left_out: int, pipe: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "in.y4m", tmp_path / "out.mkv"
    whole = make(tmp_path / "whole.y4m", 3, "wrapped_avframe").read_bytes()
    source.write_bytes(whole[: len(whole) - left_out])
    with source.open() as file:
        monkeypatch.setattr("sys.stdin", file)
        upscale_video(VideoOptions(STANDARD if pipe else source, target, json_file=tmp_path / "out.json"), "disp")
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["input"] == ("standard input" if pipe else str(source))
    assert report["frames"] == len(times_of(target)) == (2 if left_out else 3)
    assert report["cut_off"] == ("its last frame is not whole" if left_out else None)


ENDS = [
    (".mkv", "libx264", {}, r"it ends at 0\.[3-9]\d of 1\.80 s"),
    (".webm", "libvpx-vp9", {}, r"it ends at 0\.[4-9]\d of 1\.80 s"),
    (".mp4", "libx264", {"movflags": "faststart"}, "its index names frames that it does not hold"),
    (".mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}, "its index names frames that it does not hold"),
    (".mov", "libx264", {"movflags": "faststart"}, "its index names frames that it does not hold"),
    (".avi", "rawvideo", {}, "its index names frames that it does not hold"),
    (".flv", "libx264", {}, "its last frame is not whole"),
    (".ts", "libx264", {}, None),
    (".y4m", "wrapped_avframe", {}, "its last frame is not whole"),
]


@pytest.mark.parametrize(("suffix", "codec", "options", "expected"), ENDS)
def test_a_file_that_breaks_off_says_so_and_a_whole_one_does_not(
    suffix: str, codec: str, options: dict[str, str], expected: str | None, tmp_path: Path
) -> None:
    ticks = {"times": range(45), "unit": Fraction(1, 25)}
    whole = make(tmp_path / f"whole{suffix}", 45, codec, sound=suffix == ".mkv", container_options=options, **ticks)
    content = whole.read_bytes()
    (tmp_path / f"in{suffix}").write_bytes(content[: len(content) * 3 // 5])
    for source, reason in ((whole, None), (tmp_path / f"in{suffix}", expected)):
        result = amsr("video", source, "-o", tmp_path / "out.mkv", "--overwrite", "--json")
        assert result.exit_code == 0, result.output
        report = json.loads(result.stdout)
        assert report["frames"] == 45 if source == whole else 0 < report["frames"] < 45
        assert re.fullmatch(reason, report["cut_off"]) if reason else report["cut_off"] is None


def test_the_rest_of_a_file_that_breaks_off_is_told_only_where_it_is_wanted(tmp_path: Path) -> None:
    content = make(tmp_path / "whole.mkv", 100).read_bytes()
    (tmp_path / "in.mkv").write_bytes(content[: len(content) * 3 // 5])
    for options, said in ((("--start", 1), True), (("--duration", 1), False)):
        result = amsr("video", tmp_path / "in.mkv", "-o", tmp_path / "out.mkv", "--overwrite", *options)
        assert result.exit_code == 0, result.output
        assert ("the input breaks off: it ends at" in result.stdout) == said


@pytest.mark.parametrize("times", [[0, 5000, 9000], [0, 40, 41, 90, 4000], [500, 540, 580], [0]])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_a_whole_file_of_uneven_times_is_not_said_to_break_off(suffix: str, times: list[int], tmp_path: Path) -> None:
    assert read_to_end(make(tmp_path / f"in{suffix}", len(times), times=times)) is None


@pytest.mark.parametrize("codec", ["libx264", "ffv1", "mjpeg"])
def test_a_recording_whose_header_says_no_length_is_not_said_to_break_off(codec: str, tmp_path: Path) -> None:
    """FFmpeg estimates it from the rate of the sound, too long."""
    pixel_format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    content = io.BytesIO()
    with av.open(Unseekable(content), "w", format="matroska") as file:
        stream = file.add_stream(codec, rate=25)
        (stream.height, stream.width), stream.pix_fmt = SIZE, pixel_format
        sound = file.add_stream("pcm_s16le", rate=44100, layout="mono")
        for k, picture in enumerate(pictures(50)):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            tone = av.AudioFrame.from_ndarray(np.zeros((1, 1764), np.int16), format="s16", layout="mono")
            tone.sample_rate, tone.pts = 44100, 1764 * k
            file.mux(sound.encode(tone))
        file.mux(stream.encode(None))
    (tmp_path / "in.mkv").write_bytes(content.getvalue())
    assert read_to_end(tmp_path / "in.mkv") is None


class Unseekable:
    """A pipe, for what writes to it."""

    def __init__(self, file: io.BytesIO) -> None:
        self.write = file.write


def read_to_end(path: Path) -> str | None:
    """Read a file; return why it ended early."""
    with closing(Reader(path)) as reader:
        assert len(list(reader.items()))
        return reader.cut_off


def test_fuzzed_files_give_a_line_or_a_video(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for suffix, codec in ((".mp4", "libx264"), (".mkv", "libx264"), (".webm", "libvpx-vp9")):
        data = np.frombuffer(make(tmp_path / f"whole{suffix}", 3, codec).read_bytes(), np.uint8)
        for _ in range(4):
            fuzzed = data.copy()
            places = random.integers(0, len(data), len(data) // 50)
            fuzzed[places] = random.integers(0, 256, len(places))
            (tmp_path / f"in{suffix}").write_bytes(fuzzed.tobytes())
            result = amsr("video", tmp_path / f"in{suffix}", "-o", tmp_path / f"out{suffix}")
            if result.exit_code == 0:
                assert times_of(tmp_path / f"out{suffix}")
                (tmp_path / f"out{suffix}").unlink()
            else:
                assert_refused(result, tmp_path)


@pytest.mark.parametrize(("start", "reason"), [(0, "has no video"), (100, "has no frame")])
def test_a_file_that_is_refused_is_closed(
    start: float, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(800))
    container = av.open(str(make(tmp_path / "in.mkv", 2) if start else tmp_path / "sound.wav"))
    monkeypatch.setattr(Reader, "_open", lambda *_: container)
    with pytest.raises(VideoError, match=reason):
        Reader(tmp_path / "in.mkv", start)
    with pytest.raises(AssertionError, match="not open"):
        next(container.demux())


def test_only_y4m_comes_through_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with make(tmp_path / "clip.mkv", 2).open() as file:
        monkeypatch.setattr("sys.stdin", file)
        with pytest.raises(VideoError, match=r"standard input .*; a pipe must hold y4m: ffmpeg -i"):
            Reader(STANDARD)


def test_bad_inputs_are_a_line_each(tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"

    def refuse(source: Path, *parts: str, **options: object) -> None:
        given = [str(value) for name, option in options.items() for value in (f"--{name}".replace("_", "-"), option)]
        assert_refused(amsr("video", source, "-o", out, *given), tmp_path, *parts)

    good = make(tmp_path / "good.mkv", 2)
    refuse(tmp_path / "missing.mkv", "missing.mkv", "No such file")
    (tmp_path / "empty.mkv").touch()
    refuse(tmp_path / "empty.mkv", "empty.mkv")
    (tmp_path / "text.mp4").write_text("no video " * 100)
    refuse(tmp_path / "text.mp4", "text.mp4 cannot be read as a video")
    with av.open(str(tmp_path / "sound.m4a"), "w") as file:
        audio = file.add_stream("aac", rate=44100)
        tone = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        tone.sample_rate = 44100
        file.mux(audio.encode(tone))
        file.mux(audio.encode(None))
    refuse(tmp_path / "sound.m4a", "has no video")
    with av.open(str(tmp_path / "none.mkv"), "w") as file:
        file.add_stream("libx264", rate=25).width = 32
        file.streams.video[0].height = 32
        file.streams.video[0].pix_fmt = "yuv420p"
        file.start_encoding()
    refuse(tmp_path / "none.mkv", "none.mkv")
    refuse(good, "in that part of it", start=100)
    for number in (-1, "nan", "inf", "-inf", "1e300"):
        refuse(good, "--start", start=number)
        refuse(good, "--duration", duration=number)
        refuse(good, "--tolerance" if number != "1e300" else "out of range", tolerance=number)
    refuse(good, "--duration", duration=0)
    for number in (-1, "nan", "inf"):
        refuse(good, f"--crf {number}", crf=number)
    refuse(good, "--encoder", encoder="libx999")
    refuse(good, "aac", encoder="aac")
    refuse(good, "--pixel-format", pixel_format="yuv999")
    refuse(good, "takes no --crf", encoder="ffv1", crf=5)
    assert_refused(amsr("video", good, "-o", "-", "--pixel-format", "gbrp"), tmp_path, "y4m has no --pixel-format gbrp")
    webm = amsr("video", good, "-o", tmp_path / "out.webm", "--encoder", "libx264")
    assert_refused(webm, tmp_path, "libx264 does not start with these settings")
    refuse(good, "takes no --preset; use one of: libx264", encoder="ffv1", preset="fast")
    refuse(good, "--tile 5", tile=5)
    refuse(good, "--budget 2", budget=2)
    refuse(good, "--dilation and --budget", budget=0.4, dilation=3)
    refuse(good, "--mask is taken as it is", "--budget", budget=0.4, mask=OSPREY)
    refuse(good, "even sides", height=51)
    refuse(good, "libx265 needs 64 pixels a side", encoder="libx265", height=60)
    refuse(good, "ask for a smaller size", height=5000)
    refuse(good, "scale 5", scale=5)
    odd = make(tmp_path / "odd.mkv", 2, pixel_format="yuv444p", size=(31, 33))
    refuse(odd, "even sides", scale=3, pixel_format="yuv420p")
    assert_refused(amsr("video", good, "-o", out, "--dense", "--budget", 0.4), tmp_path, "--dense", "--budget")
    assert_refused(amsr("video", good, "-o", good), tmp_path, "is an input")
    named = good.rename(tmp_path / "good.json")
    assert_refused(amsr("video", named, "-o", out, "--json", named), tmp_path, "is an input")
    good = named.rename(good)
    region = tmp_path / "region.mkv"
    region.write_bytes(OSPREY.read_bytes())
    assert_refused(amsr("video", good, "-o", region, "--mask", region, "--overwrite"), tmp_path, "is an input")
    region.unlink()
    for name in ("out", "out.xyz", "out.avi", "out.WMV", "out.mpg", "out.y4m", "out.gif", "out.mka"):
        listed = f"{name} has no suffix that can be written; use .mkv, .mp4, .mov, .webm, .m4v"
        assert_refused(amsr("video", good, "-o", tmp_path / name), tmp_path, listed)
    assert_refused(amsr("video", good, "-o", tmp_path / "no" / "x.mkv"), tmp_path, "does not exist")
    assert good.stat().st_size


@pytest.mark.parametrize(("encoder", "most"), MOST_CRF.items())
def test_rate_factors_end_where_those_of_the_encoder_do(encoder: str, most: int, tmp_path: Path) -> None:
    if encoder not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {encoder}")
    video = ("video", make(tmp_path / "clip.mkv", 2), "-o", tmp_path / "out.mkv", "--encoder", encoder, "--crf")
    assert_refused(
        amsr(*video, most + 0.5), tmp_path, f"--crf {most + 0.5} is no rate factor of {encoder}", f"to {most}"
    )
    assert amsr(*video, most).exit_code == 0


@pytest.mark.parametrize("encoder", PRESETS)
def test_presets_are_those_of_the_encoder_which_prints_nothing(
    encoder: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    if encoder not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {encoder}")
    source = make(tmp_path / "clip.mkv", 2, size=LARGER)
    video = ("video", source, "-o", tmp_path / "out.mkv", "--encoder", encoder, "--preset")
    for name in ("warp", "99"):
        listed = f"{encoder} has no --preset {name}; use one of: {', '.join(PRESETS[encoder])}"
        assert_refused(amsr(*video, name), tmp_path, listed)
    for name in PRESETS[encoder]:
        assert amsr(*video, name, "--overwrite").exit_code == 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp", ".avif", ".jxl"])
def test_a_still_picture_is_sent_to_infer(suffix: str, tmp_path: Path) -> None:
    rgb = read(OSPREY).rgb
    for size in (LARGER, rgb.shape[:2]):
        still = tmp_path / f"still_{size[0]}{suffix}"
        write(still, Picture(rgb[: size[0], : size[1]]))
        assert_refused(amsr("video", still, "-o", tmp_path / "out.mkv"), tmp_path, "still picture", "`amsr infer`")


@pytest.mark.parametrize("duration", [0, 100])
def test_a_gif_of_one_frame_is_a_still_picture(duration: int, tmp_path: Path) -> None:
    Image.fromarray(pictures(1)[0]).save(tmp_path / "one.gif", duration=duration)
    assert_refused(amsr("video", tmp_path / "one.gif", "-o", tmp_path / "out.mkv"), tmp_path, "still picture")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_numbered_pictures_are_a_video(suffix: str, tmp_path: Path) -> None:
    for number, picture in enumerate(pictures(3)):
        Image.fromarray(picture).save(tmp_path / f"{number:03}{suffix}")
    result = amsr("video", tmp_path / f"%03d{suffix}", "-o", tmp_path / "out.mkv")
    assert result.exit_code == 0, result.output
    assert times_of(tmp_path / "out.mkv") == [0, 0.04, 0.08]


@pytest.mark.parametrize("suffix", [".gif", ".png", ".avif"])
def test_pictures_that_move_are_videos(suffix: str, tmp_path: Path) -> None:
    first, *others = (Image.fromarray(picture) for picture in pictures(3, LARGER))
    first.save(tmp_path / f"in{suffix}", save_all=True, append_images=others, duration=40)
    result = amsr("video", tmp_path / f"in{suffix}", "-o", tmp_path / "out.mkv")
    assert result.exit_code == 0, result.output
    assert times_of(tmp_path / "out.mkv") == [0, 0.04, 0.08]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_infer_sends_a_video_to_video(suffix: str, tmp_path: Path) -> None:
    source = make(tmp_path / f"in{suffix}", 1)
    assert_refused(amsr("infer", source, "-o", tmp_path / "out.png"), tmp_path, "a video to `amsr video`")


def test_changing_sizes_are_refused(tmp_path: Path) -> None:
    streams = []
    for k, size in enumerate(((32, 48), (48, 64))):
        streams.append(make(tmp_path / f"{k}.h264", 3, size=size).read_bytes())
    (tmp_path / "in.h264").write_bytes(b"".join(streams))
    assert_refused(amsr("video", tmp_path / "in.h264", "-o", tmp_path / "out.mkv"), tmp_path, "48x32 to 64x48")


def test_one_frame_and_no_times(tmp_path: Path) -> None:
    one = amsr("video", make(tmp_path / "one.mp4", 1), "-o", tmp_path / "one_out.mp4")
    assert one.exit_code == 0, one.output
    assert len(times_of(tmp_path / "one_out.mp4")) == 1
    raw = make(tmp_path / "raw.h264", 6)
    result = amsr("video", raw, "-o", tmp_path / "raw_out.mkv")
    assert result.exit_code == 0, result.output
    assert times_of(tmp_path / "raw_out.mkv") == [round(0.04 * k, 3) for k in range(6)]


def test_four_hours_of_times(tmp_path: Path) -> None:
    times = [0, 3_600_000, 7_200_000, 10_800_000, 14_400_000]
    source = make(tmp_path / "in.mkv", 5, times=times)
    result = amsr("video", source, "-o", tmp_path / "out.mkv")
    assert result.exit_code == 0, result.output
    assert times_of(tmp_path / "out.mkv") == [time / 1000 for time in times]


def test_a_full_disk_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    from amsr_deploy.video import writer

    opened = av.open

    def onto_a_full_disk(path: str, mode: str = "r", **options: Any) -> Any:
        return opened(
            "/dev/full" if mode == "w" else path, mode, **{**options, "format": "matroska"} if mode == "w" else options
        )

    source = make(tmp_path / "in.mkv", 5)
    monkeypatch.setattr(writer.av, "open", onto_a_full_disk)
    assert_refused(amsr("video", source, "-o", tmp_path / "out.mkv"), tmp_path, "No space left", "out.mkv")


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make(tmp_path / "in.mkv", 1)
    refusal = OSError(errno.EROFS, os.strerror(errno.EROFS))
    monkeypatch.setattr(tempfile, "TemporaryFile", Mock(side_effect=refusal))
    message = f"folder {tmp_path} may not be written ({os.strerror(errno.EROFS)}); choose another"
    assert_refused(amsr("video", source, "-o", tmp_path / "out.mkv"), tmp_path, message)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_playable_file(number: signal.Signals, tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", 400, size=(180, 320))
    command = [sys.executable, "-m", "amsr_deploy", "video", source, "-o", tmp_path / "out.mp4", "--no-reuse", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as done:
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size for path in tmp_path.glob(".*.mp4")) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)
        done.send_signal(number)
        output, errors = done.communicate(timeout=60)
    assert done.returncode == 128 + number, errors
    report = json.loads(output)
    assert report["stopped"]
    assert 0 < report["frames"] == len(times_of(tmp_path / "out.mp4")) < 400
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv", "out.mp4"]


@pytest.mark.parametrize("error", [ModelError("not finite"), KeyboardInterrupt()])
@pytest.mark.parametrize("place", ["video.frames.VideoUpscaler.upscale", "video.writer.Writer.write"])
def test_no_thread_decodes_while_the_file_is_closed(
    place: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from amsr_deploy.video.reader import Reader

    source = make(tmp_path / "in.mkv", 12)
    before, close = threading.enumerate(), Reader.close
    alive: list[list[threading.Thread]] = []

    def fail(*_: Any) -> None:
        raise error

    def watched(reader: Reader) -> None:
        alive.append([thread for thread in threading.enumerate() if thread not in before])
        close(reader)

    monkeypatch.setattr(f"amsr_deploy.{place}", fail)
    monkeypatch.setattr(Reader, "close", watched)
    result = amsr("video", source, "-o", tmp_path / "out.mkv")
    assert result.exit_code == (130 if isinstance(error, KeyboardInterrupt) else 1), result.output
    assert alive == [[]]
    assert list(tmp_path.iterdir()) == [source]


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


@pytest.mark.slow
def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    """2,000 frames, of which a list of the results would take 98 MB."""
    if not Path("/proc/self/status").exists():
        pytest.skip("this system does not tell the memory of a process in /proc")
    code = (
        "import sys; from amsr_deploy.cli import main\n"
        "try: main(['video', sys.argv[1], '-o', sys.argv[2], '--preset', 'ultrafast'])\n"
        "finally: print([line for line in open('/proc/self/status') if 'VmHWM' in line][0])"
    )
    peaks = []
    for count in (100, 2000):
        source = make(tmp_path / f"{count}.mkv", count, size=(64, 64), options={"preset": "ultrafast"})
        command = [sys.executable, "-c", code, source, tmp_path / f"out{count}.mkv"]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout.split("VmHWM:")[1].split()[0]) / 1024)
    assert peaks[1] - peaks[0] < 40


def test_an_output_that_exists_stays(tmp_path: Path) -> None:
    make(tmp_path / "in.mkv", count=2)
    target = tmp_path / "out.mkv"
    target.write_text("mine")
    result = amsr("video", tmp_path / "in.mkv", "-o", target)
    assert result.exit_code == 1
    assert "--overwrite" in result.stderr
    assert target.read_text() == "mine"
    assert amsr("video", tmp_path / "in.mkv", "-o", target, "--overwrite").exit_code == 0


def test_quiet_prints_nothing_but_the_json_that_is_asked_for(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", count=2)
    assert amsr("video", source, "-o", tmp_path / "a.mkv", "-q").output == ""
    result = amsr("-q", "video", source, "-o", tmp_path / "b.mkv", "--json")
    assert json.loads(result.output)["frames"] == 2


@pytest.mark.parametrize(
    ("shown", "decoded", "expected"), [(40, 6526880348262629978, 40), (40, -40, -40), (40, None, None), (None, 3, 3)]
)
def test_no_packet_is_decoded_after_it_is_shown(shown: int | None, decoded: int | None, expected: int | None) -> None:
    packet = av.Packet(b"a frame")
    packet.pts, packet.dts = shown, decoded
    assert decodable_in_time(packet).dts == expected
