"""`amsr video`: what it makes of a file, and that all that belongs to it stays."""

from __future__ import annotations

import json
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import LARGER, MILLISECONDS, SIZE, assert_nothing_made, av, frames_of, make, packets_of, times_of
from command_line import amsr
from PIL import Image

from amsr_deploy.video.reader import Reader
from amsr_deploy.video.writer import Writer, decodable_in_time


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


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p10le"])
@pytest.mark.parametrize(
    ("encoder", "suffix"),
    [("prores_ks", ".mov"), ("mjpeg", ".mov"), ("png", ".mov"), ("mpeg4", ".mp4"), ("ffv1", ".mkv")],
)
def test_an_encoder_gets_the_pixel_format_that_is_nearest(
    encoder: str, suffix: str, pixel_format: str, tmp_path: Path
) -> None:
    source = make(tmp_path / "in.mkv", 1, "ffv1", pixel_format)
    result = amsr("video", source, "-o", tmp_path / f"out{suffix}", "--encoder", encoder, "--height", 120)
    assert result.exit_code == 0, result.output
    reduced = Image.fromarray(frames_of(tmp_path / f"out{suffix}")[0]).resize(SIZE[::-1], Image.Resampling.BOX)
    assert np.abs(np.asarray(reduced).astype(int) - frames_of(source)[0]).mean() < 6


def test_a_name_with_a_colon_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "clip.mkv", 2).rename("12:30.mkv")
    assert amsr("video", "12:30.mkv").exit_code == 0
    assert len(times_of(tmp_path / "12:30_x2.mkv")) == 2


@pytest.mark.parametrize("suffix", [".ts", ".m2ts"])
@pytest.mark.parametrize("distance", [1, 20])
@pytest.mark.parametrize("start", [0.12, 0.8, 1.9])
def test_a_part_begins_between_key_frames(suffix: str, distance: int, start: float, tmp_path: Path) -> None:
    later, target = {"output_ts_offset": "10"}, tmp_path / "out.mkv"
    source = make(tmp_path / f"in{suffix}", 50, sound=True, options={"g": str(distance)}, container_options=later)
    with av.open(str(source)) as file:
        begin = file.start_time / 1e6 + start
    assert Reader(source, start).frames == pytest.approx(50 - start * 25, abs=1)
    assert Reader(source, start, duration=60).frames == Reader(source, start).frames
    result = amsr("video", source, "-o", target, "--backbone", "fsrcnn", "--start", start)
    assert result.exit_code == 0, result.output
    for kind in ("video", "audio"):
        wanted = [time - begin for time in times_of(source, kind) if time > begin - 1e-4]
        assert times_of(target, kind) == pytest.approx(wanted, abs=0.002)


def test_a_file_without_times_is_only_read_from_its_beginning(tmp_path: Path) -> None:
    source = make(tmp_path / "in.h264", 5)
    assert_nothing_made(amsr("video", source, "-o", tmp_path / "out.mkv", "--start", 0.1), tmp_path, "its beginning")


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
        titles.metadata["language"], titles.disposition = "deu", av.stream.Disposition.forced
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
        assert new.streams.subtitles[0].language == "deu"
        assert new.streams.subtitles[0].disposition == av.stream.Disposition.forced
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


def test_sound_and_chapters_begin_with_the_part_that_is_taken(tmp_path: Path) -> None:
    ends = ((0, 80), (80, 2000))
    chapters = [
        {"id": number, "start": start, "end": end, "time_base": MILLISECONDS, "metadata": {"title": str(number)}}
        for number, (start, end) in enumerate(ends)
    ]
    source = make(tmp_path / "in.mkv", 50, sound=True, chapters=chapters)
    result = amsr("video", source, "-o", tmp_path / "out.mkv", "--start", 0.12)
    assert result.exit_code == 0, result.output
    with av.open(str(source)) as old, av.open(str(tmp_path / "out.mkv")) as new:
        (chapter,) = new.chapters()
        assert chapter["metadata"]["title"] == "1"
        assert (chapter["start"] * chapter["time_base"], chapter["end"] * chapter["time_base"]) == (
            0,
            Fraction(188, 100),
        )
        before, after = ([p.pts * p.time_base for p in file.demux(audio=0) if p.size] for file in (old, new))
    assert len(after) > 1
    assert after == [time - Fraction(12, 100) for time in before if time >= Fraction(12, 100)]


def test_seconds_hold_the_end_of_the_encoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finish = Writer.finish
    monkeypatch.setattr(Writer, "finish", lambda writer: (time.sleep(1), finish(writer)))
    result = amsr("video", make(tmp_path / "in.mkv", 2), "-o", tmp_path / "out.mkv", "--json")
    report = json.loads(result.stdout)
    assert report["seconds"] > 1
    assert report["frames_per_second"] < 2


def test_interlaced(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mkv", 4, options={"flags": "+ilme+ildct", "x264-params": "interlaced=1"})
    with av.open(str(source)) as file:
        assert next(file.decode(video=0)).interlaced_frame
    assert_nothing_made(amsr("video", source, "-o", tmp_path / "out.mkv"), tmp_path, "interlaced", "--deinterlace")
    result = amsr("video", source, "-o", tmp_path / "out.mkv", "--deinterlace")
    assert result.exit_code == 0, result.output
    assert times_of(tmp_path / "out.mkv") == times_of(source)
    with av.open(str(tmp_path / "out.mkv")) as file:
        assert not next(file.decode(video=0)).interlaced_frame


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


@pytest.mark.parametrize(
    ("shown", "decoded", "expected"), [(40, 6526880348262629978, 40), (40, -40, -40), (40, None, None), (None, 3, 3)]
)
def test_no_packet_is_decoded_after_it_is_shown(shown: int | None, decoded: int | None, expected: int | None) -> None:
    packet = av.Packet(b"a frame")
    packet.pts, packet.dts = shown, decoded
    assert decodable_in_time(packet).dts == expected


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
