"""What `amsr video` refuses: a line each, and nothing is made."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from clips import LARGER, assert_nothing_made, av, make
from command_line import amsr
from conftest import OSPREY

from amsr_deploy.errors import VideoError
from amsr_deploy.video.encoding import MOST_CRF, PRESETS
from amsr_deploy.video.reader import Reader


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


def test_bad_inputs_are_a_line_each(tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"

    def refuse(source: Path, *parts: str, **options: object) -> None:
        given = [str(value) for name, option in options.items() for value in (f"--{name}".replace("_", "-"), option)]
        assert_nothing_made(amsr("video", source, "-o", out, *given), tmp_path, *parts)

    good = make(tmp_path / "good.mkv", 2)
    refuse(tmp_path / "missing.mkv", "missing.mkv does not exist; check the name")
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
    assert_nothing_made(
        amsr("video", good, "-o", "-", "--pixel-format", "gbrp"), tmp_path, "y4m has no --pixel-format gbrp"
    )
    webm = amsr("video", good, "-o", tmp_path / "out.webm", "--encoder", "libx264")
    assert_nothing_made(webm, tmp_path, "libx264 does not start with these settings")
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
    for option, value in (("--budget", 0.4), ("--dilation", 3), ("--quality-level", "best"), ("--mask", OSPREY)):
        dense = amsr("video", good, "-o", out, "--dense", option, value)
        assert_nothing_made(dense, tmp_path, f"works everywhere: it cannot be combined with {option}")
    assert_nothing_made(amsr("video", good, "-o", good), tmp_path, "is an input")
    named = good.rename(tmp_path / "good.json")
    assert_nothing_made(amsr("video", named, "-o", out, "--json", named), tmp_path, "is an input")
    good = named.rename(good)
    region = tmp_path / "region.mkv"
    region.write_bytes(OSPREY.read_bytes())
    assert_nothing_made(amsr("video", good, "-o", region, "--mask", region, "--overwrite"), tmp_path, "is an input")
    region.unlink()
    for name in ("out", "out.xyz", "out.avi", "out.WMV", "out.mpg", "out.y4m", "out.gif", "out.mka"):
        listed = f"{name} has no suffix that can be written; use .mkv, .mp4, .mov, .webm, .m4v"
        assert_nothing_made(amsr("video", good, "-o", tmp_path / name), tmp_path, listed)
    assert_nothing_made(amsr("video", good, "-o", tmp_path / "no" / "x.mkv"), tmp_path, "does not exist")
    assert good.stat().st_size


@pytest.mark.parametrize(("encoder", "most"), MOST_CRF.items())
def test_rate_factors_end_where_those_of_the_encoder_do(encoder: str, most: int, tmp_path: Path) -> None:
    if encoder not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {encoder}")
    video = ("video", make(tmp_path / "clip.mkv", 2), "-o", tmp_path / "out.mkv", "--encoder", encoder, "--crf")
    assert_nothing_made(
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
        assert_nothing_made(amsr(*video, name), tmp_path, listed)
    for name in PRESETS[encoder]:
        assert amsr(*video, name, "--overwrite").exit_code == 0
    assert capfd.readouterr() == ("", "")


def test_changing_sizes_are_refused(tmp_path: Path) -> None:
    streams = []
    for k, size in enumerate(((32, 48), (48, 64))):
        streams.append(make(tmp_path / f"{k}.h264", 3, size=size).read_bytes())
    (tmp_path / "in.h264").write_bytes(b"".join(streams))
    assert_nothing_made(amsr("video", tmp_path / "in.h264", "-o", tmp_path / "out.mkv"), tmp_path, "48x32 to 64x48")
