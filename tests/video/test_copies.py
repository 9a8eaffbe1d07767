"""What a video file has beside its pictures stays, or is named."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from clips import MILLISECONDS, SIZE, av, make, packets_of, pictures
from command_line import amsr
from PIL import Image

Disposition = av.stream.Disposition


@contextmanager
def changed(path: Path) -> Iterator[tuple[Any, Any]]:
    """Make a clip; the block may change its file and its video before they are written."""
    plain = make(path.with_name(f"plain{path.suffix}"))
    with av.open(str(plain)) as old, av.open(str(path), "w") as new:
        video = new.add_stream_from_template(old.streams.video[0])
        yield new, video
        mux(new, video, old)


def mux(file: Any, video: Any, source: Any) -> None:
    """Write the packets of the video of another file."""
    for packet in source.demux(video=0):
        if packet.size:
            packet.stream = video
            file.mux(packet)


def with_streams(path: Path, *names: str, times: Sequence[int] = (0, 40, 80), **settings: object) -> Path:
    """A clip, and streams of codecs beside it: packets of nothing but a number."""
    with changed(path) as (file, _):
        others = [file.add_mux_stream(name, **settings) for name in names]
        for number, time in enumerate(times):
            for stream in others:
                packet = av.Packet(f"number {number}".encode())
                packet.stream, packet.pts, packet.dts = stream, time, time
                packet.time_base, packet.duration = MILLISECONDS, 100
                file.mux(packet)
    return path


@pytest.mark.parametrize("name", ["hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle", "dts", "subrip", "ass"])
def test_matroska_keeps_what_is_on_discs_and_in_broadcasts(name: str, tmp_path: Path) -> None:
    """FFmpeg calls the decoders of some by other names."""
    source = with_streams(tmp_path / "in.mkv", name, **({"rate": 48000} if name == "dts" else {}))
    result = amsr("video", source, "-o", tmp_path / "out.mkv")
    assert (result.exit_code, result.stderr) == (0, "")
    kind = "audio" if name == "dts" else "subtitles"
    assert packets_of(tmp_path / "out.mkv", kind) == packets_of(source, kind)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize(
    ("codec", "rate", "times"), [("mp3", 8000, (0, 72, 144)), ("pcm_s16le", 48000, (0, 32, 32, 64))]
)
def test_sound_outside_the_standard_of_mp4_is_kept(
    codec: str, rate: int, times: tuple[int, ...], suffix: str, tmp_path: Path
) -> None:
    """A rate that it does not know, and packets of the same time."""
    source = with_streams(tmp_path / "in.mkv", codec, times=times, rate=rate)
    result = amsr("video", source, "-o", tmp_path / f"out{suffix}")
    assert (result.exit_code, result.stderr) == (0, "")
    assert b"".join(packets_of(tmp_path / f"out{suffix}", "audio")) == b"".join(packets_of(source, "audio"))


def test_sound_that_fails_only_with_the_header_is_left_out(tmp_path: Path) -> None:
    source = with_streams(tmp_path / "in.mkv", "opus", rate=48000)
    result = amsr("video", source, "-o", tmp_path / "out.mov")
    assert result.exit_code == 0, result.output
    assert result.stderr.endswith("audio 1 (opus) does not fit and is left out; use .mkv\n")


@pytest.mark.parametrize("kind", ["png", "jpeg"])
@pytest.mark.parametrize("options", [(), ("--start", 0.1)])
def test_covers_are_kept_by_matroska_and_mp4(kind: str, options: tuple[object, ...], tmp_path: Path) -> None:
    cover, source = io.BytesIO(), tmp_path / "in.mkv"
    Image.new("RGB", (40, 30), "red").save(cover, kind)
    with changed(source) as (file, _):
        file.add_attachment(f"cover.{kind}", f"image/{kind}", cover.getvalue())
    before = source
    for suffix in (".mp4", ".mkv"):  # from an attachment to a stream, and back
        target = tmp_path / f"out{suffix}"
        result = amsr("video", before, "-o", target, *options)
        assert (result.exit_code, result.stderr) == (0, "")
        with av.open(str(target)) as file:
            (kept,) = (stream for stream in file.streams if stream.disposition & Disposition.attached_pic)
            (packet,) = (packet for packet in file.demux(kept) if packet.size)
            assert bytes(packet) == cover.getvalue()
        before, options = target, ()
    for suffix in (".mov", ".m4v", ".webm"):
        result = amsr("video", source, "-o", tmp_path / f"out{suffix}")
        assert result.exit_code == 0, result.output
        assert "does not fit and is left out; use .mkv" in result.stderr


def test_matroska_is_named_only_where_it_helps(tmp_path: Path) -> None:
    source = with_streams(tmp_path / "in.mp4", "mov_text")
    for suffix in (".mkv", ".webm"):
        result = amsr("video", source, "-o", tmp_path / f"out{suffix}")
        assert result.exit_code == 0, result.output
        assert result.stderr.endswith("subtitle 1 (mov_text) does not fit and is left out\n")


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
def test_a_time_code_is_kept_and_not_called_lost(suffix: str, tmp_path: Path) -> None:
    source = tmp_path / "in.mov"
    with av.open(str(source), "w") as file:
        video = file.add_stream("libx264", rate=25)
        (video.height, video.width), video.pix_fmt = SIZE, "yuv420p"
        video.metadata["timecode"] = "01:00:00:00"
        file.mux(video.encode(av.VideoFrame.from_ndarray(pictures(1)[0], format="rgb24")))
        file.mux(video.encode(None))
    result = amsr("video", source, "-o", tmp_path / f"out{suffix}")
    assert (result.exit_code, result.stderr) == (0, "")
    with av.open(str(tmp_path / f"out{suffix}")) as file:
        tags = {name.lower(): value for name, value in file.streams.video[0].metadata.items()}
    assert tags["timecode"] == "01:00:00:00"


def test_a_subtitle_that_is_shown_at_the_start_is_kept(tmp_path: Path) -> None:
    source = with_streams(tmp_path / "in.mkv", "subrip", times=(0, 50, 130, 190))
    result = amsr("video", source, "-o", tmp_path / "out.mkv", "--start", 0.1, "--duration", 0.06)
    assert result.exit_code == 0, result.output
    with av.open(str(tmp_path / "out.mkv")) as file:
        kept = [(bytes(p), p.pts, p.duration) for p in file.demux(subtitles=0) if p.size]
    assert kept == [(b"number 1", 0, 50), (b"number 2", 30, 100)]


def test_the_video_that_players_show_is_upscaled_and_the_other_one_copied_whole(tmp_path: Path) -> None:
    small, large = make(tmp_path / "a.mkv", 5), make(tmp_path / "b.mkv", 5, size=(64, 48))
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    with av.open(str(small)) as first, av.open(str(large)) as second, av.open(str(source), "w") as new:
        streams = [new.add_stream_from_template(file.streams.video[0]) for file in (first, second)]
        streams[0].disposition, streams[1].disposition = Disposition.forced, Disposition.default
        for file, stream in zip((first, second), streams, strict=True):
            mux(new, stream, file)
    result = amsr("video", source, "-o", target)
    assert result.exit_code == 0, result.output
    assert result.stderr.endswith("video 0 is not upscaled; video 1 is\n")
    with av.open(str(target)) as file:
        assert [stream.disposition for stream in file.streams] == [Disposition.default, Disposition.forced]
        assert [stream.height for stream in file.streams] == [128, 32]
        assert sum(1 for _ in file.decode(file.streams[1])) == 5


def test_tags_that_hold_for_the_input_only_are_left_out(tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    told = {"title": "Main", "BPS": "1", "NUMBER_OF_BYTES": "2", "encoder": "other"}
    with changed(source) as (_, video):
        video.metadata.update({**told, "_STATISTICS_TAGS": "BPS NUMBER_OF_BYTES"})
        video.disposition = Disposition.original | Disposition.default
    result = amsr("video", source, "-o", tmp_path / "out.mkv")
    assert (result.exit_code, result.stderr) == (0, "")
    with av.open(str(tmp_path / "out.mkv")) as file:
        (video,) = file.streams
        assert set(video.metadata) == {"title", "DURATION"}
        assert video.disposition == Disposition.original | Disposition.default


def test_transparency_that_the_decoder_hides_is_named_and_not_promised(tmp_path: Path) -> None:
    source = make(tmp_path / "in.webm", 2, "libvpx-vp9", "yuva420p")
    result = amsr("video", source, "-o", tmp_path / "out.webm")
    assert result.exit_code == 0, result.output
    assert result.stderr.endswith("out.webm: transparency is left out\n")
    with av.open(str(tmp_path / "out.webm")) as file:
        assert set(file.streams.video[0].metadata) == {"DURATION"}


@pytest.mark.parametrize(("suffix", "is_kept"), [(".mkv", True), (".mp4", False)])
def test_marks_that_are_lost_are_named(suffix: str, is_kept: bool, tmp_path: Path) -> None:
    source = tmp_path / "in.mkv"
    with changed(source) as (_, video):
        video.metadata["stereo_mode"] = "left_right"
    result = amsr("video", source, "-o", tmp_path / f"out{suffix}")
    assert result.exit_code == 0, result.output
    assert ("the mark of a stereoscopic video is left out" in result.stderr) != is_kept
    with av.open(str(tmp_path / f"out{suffix}")) as file:
        assert ("stereo_mode" in file.streams.video[0].metadata) == is_kept
