"""Videos that are damaged or break off: what is whole of them is upscaled, and the rest is said."""

from __future__ import annotations

import io
import json
import re
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import SIZE, assert_nothing_made, av, frames_of, make, packets_of, pictures, times_of
from command_line import amsr

from amsr_deploy.commands.video import upscale_video
from amsr_deploy.commands.video_options import VideoOptions
from amsr_deploy.files import STANDARD
from amsr_deploy.video.reader import Reader


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
                assert_nothing_made(result, tmp_path)


@pytest.mark.parametrize("damage", [b"\0\0", b"\xff\xf1\x7c"])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_damaged_sound_is_left_out_and_does_not_stop_the_work(damage: bytes, suffix: str, tmp_path: Path) -> None:
    """Of AAC in MPEG-TS: FFmpeg has to read its packets to write them elsewhere."""
    content = bytearray(make(tmp_path / "in.ts", 5, sound=True).read_bytes())
    header = [match.start() for match in re.finditer(rb"\xff\xf1\x50", content)][4]
    content[header : header + len(damage)] = damage
    (tmp_path / "in.ts").write_bytes(content)
    result = amsr("video", tmp_path / "in.ts", "-o", tmp_path / f"out{suffix}")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("audio 1 has damaged packets, which are left out") == 1
    assert len(times_of(tmp_path / f"out{suffix}")) == 5
    assert 0 < len(packets_of(tmp_path / f"out{suffix}", "audio")) < 9
