"""Pictures that move are videos, and those that do not are for `amsr infer`."""

from __future__ import annotations

from pathlib import Path

import pytest
from clips import LARGER, assert_nothing_made, make, pictures, times_of
from command_line import amsr
from conftest import OSPREY
from PIL import Image

from amsr_deploy.image import Picture, read, write


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp", ".avif", ".jxl"])
def test_a_still_picture_is_sent_to_infer(suffix: str, tmp_path: Path) -> None:
    rgb = read(OSPREY).rgb
    for size in (LARGER, rgb.shape[:2]):
        still = tmp_path / f"still_{size[0]}{suffix}"
        write(still, Picture(rgb[: size[0], : size[1]]))
        assert_nothing_made(amsr("video", still, "-o", tmp_path / "out.mkv"), tmp_path, "still picture", "`amsr infer`")


@pytest.mark.parametrize("duration", [0, 100])
def test_a_gif_of_one_frame_is_a_still_picture(duration: int, tmp_path: Path) -> None:
    Image.fromarray(pictures(1)[0]).save(tmp_path / "one.gif", duration=duration)
    assert_nothing_made(amsr("video", tmp_path / "one.gif", "-o", tmp_path / "out.mkv"), tmp_path, "still picture")


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


def test_an_animated_webp_is_not_called_a_still_picture(tmp_path: Path) -> None:
    first, *others = (Image.fromarray(picture) for picture in pictures(3, LARGER))
    first.save(tmp_path / "in.webp", save_all=True, append_images=others, duration=40)
    result = amsr("video", tmp_path / "in.webp", "-o", tmp_path / "out.mkv")
    assert_nothing_made(result, tmp_path, "a WebP that this FFmpeg cannot decode, as are animated ones")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_infer_sends_a_video_to_video(suffix: str, tmp_path: Path) -> None:
    source = make(tmp_path / f"in{suffix}", 1)
    assert_nothing_made(amsr("infer", source, "-o", tmp_path / "out.png"), tmp_path, "a video to `amsr video`")
