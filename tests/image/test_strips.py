"""Pictures written from top to bottom are the same as those written at once, and whole or not there."""

from __future__ import annotations

import time
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from picture_cases import photo

from amsr_deploy import image
from amsr_deploy.errors import ImageError
from amsr_deploy.image import Layout, StripWriter, deflate, layout, strips, tiff_encoder
from amsr_deploy.image.deflate import Checksum
from amsr_deploy.image.samples import Samples


def write(path: Path, samples: np.ndarray, rows: list[int], **options: Any) -> None:
    height, width, channels = samples.shape
    with StripWriter(path, Layout((height, width), channels, samples.itemsize * 8, **options)) as writer:
        for part in np.split(samples, np.cumsum(rows)[:-1]):
            writer.write(part)


def stored(path: Path) -> np.ndarray:
    picture = image.read(path)
    peak = np.float32(255 if picture.bits == 8 else 65535)
    return np.rint(picture.rgb * peak).astype(np.uint8 if picture.bits == 8 else np.uint16)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("rows", [[300], [1] * 300, [299, 1], [7, 0, 150, 143], [100, 100, 100]])
def test_rows_may_come_in_any_portions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[int], dtype: type, suffix: str
) -> None:
    monkeypatch.setattr(layout, "STRIP_BYTES", 20_000)
    samples = photo(300, 500, dtype=dtype)
    write(tmp_path / f"a{suffix}", samples, rows)
    np.testing.assert_array_equal(stored(tmp_path / f"a{suffix}"), samples)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_the_caller_may_use_its_rows_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    monkeypatch.setattr(layout, "STRIP_BYTES", 20_000)
    samples = photo(300, 500, dtype=np.uint16)
    with StripWriter(tmp_path / f"a{suffix}", Layout((300, 500), 3, 16)) as writer:
        rows = np.empty((5, 500, 3), np.uint16)
        for top in range(0, 300, 5):
            rows[:] = samples[top : top + 5]
            writer.write(rows)
    np.testing.assert_array_equal(stored(tmp_path / f"a{suffix}"), samples)


class SlowEncoder:
    """Packs more slowly than rows come, and counts the strips that are put into the file."""

    written = 0

    def begin(self, file: BinaryIO) -> None:
        pass

    def pack(self, strip: Samples, _: Samples | None) -> bytes:
        time.sleep(0.001)
        return strip.tobytes()

    def put(self, file: BinaryIO, packed: bytes) -> None:
        file.write(packed)
        self.written += 1

    def end(self, file: BinaryIO) -> None:
        pass


def test_no_more_than_16_strips_wait_for_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples, encoder, held = photo(60, 500, dtype=np.uint16), SlowEncoder(), []
    monkeypatch.setattr(layout, "STRIP_BYTES", samples[0].nbytes)
    monkeypatch.setattr(strips, "_encoder", lambda *_: encoder)
    with StripWriter(tmp_path / "a.raw", Layout((60, 500), 3, 16)) as writer:
        for count, row in enumerate(samples, start=1):
            writer.write(row[None])
            held.append(count - encoder.written)
    assert max(held) == 16
    assert (tmp_path / "a.raw").read_bytes() == samples.tobytes()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_more_than_4_gib_is_a_bigtiff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: type) -> None:
    monkeypatch.setattr(tiff_encoder, "MAX_CLASSIC_BYTES", 1000)
    monkeypatch.setattr(layout, "STRIP_BYTES", 20_000)
    samples = photo(300, 500, dtype=dtype)
    exif = image.Metadata(exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\x03\0\0\0ab\0\0\0\0\0\0")
    write(tmp_path / "a.tif", samples, [300], metadata=exif)
    assert (tmp_path / "a.tif").read_bytes()[:4] == b"II+\0"
    np.testing.assert_array_equal(stored(tmp_path / "a.tif"), samples)
    assert image.read(tmp_path / "a.tif").metadata.exif


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_an_aborted_file_leaves_the_old_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"precious")

    def fail() -> None:
        with StripWriter(path, Layout((300, 500), 3, 16)) as writer:
            writer.write(photo(300, 500, dtype=np.uint16)[:200])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_memory_that_runs_out_at_the_end_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    def fail(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(deflate, "compress", fail)
    monkeypatch.setattr(deflate, "compress_part", fail)
    with pytest.raises(MemoryError):
        write(tmp_path / f"a{suffix}", photo(300, 500, dtype=np.uint16), [300])
    assert not list(tmp_path.iterdir())


def test_missing_rows_and_rows_too_many(tmp_path: Path) -> None:
    writer = StripWriter(tmp_path / "a.png", Layout((4, 5), 3, 8))
    with pytest.raises(ValueError, match="5 rows are more than the 4"):
        writer.write(photo(5, 5, 3, np.uint8))
    for rows in (photo(2, 6, 3, np.uint8), photo(2, 5, 4, np.uint8), photo(2, 5, 3, np.uint16)):
        with pytest.raises(ValueError, match="rows are"):
            writer.write(rows)
    writer.write(photo(3, 5, 3, np.uint8))
    with pytest.raises(ValueError, match="1 rows are missing"):
        writer.close()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="cannot be written"):
        StripWriter(tmp_path / "none" / "a.png", Layout((4, 5), 3, 8))


@given(parts=st.lists(st.binary(max_size=300), max_size=6), compression=st.sampled_from(["fast", "small"]))
def test_parts_compressed_apart_are_one_stream(parts: list[bytes], compression: Any) -> None:
    checksum, stream = Checksum(), deflate.HEADER
    for part in parts:
        checksum = checksum.then(Checksum.of(part))
        stream += deflate.compress_part(part, compression)
    stream += deflate.trailer(checksum)
    assert zlib.decompress(stream) == b"".join(parts)
    assert checksum == Checksum.of(b"".join(parts))


@pytest.mark.parametrize("compression", ["fast", "small"])
def test_noise_does_not_grow_beyond_what_readers_expect(compression: Any) -> None:
    data = photo(300, 500, dtype=np.uint16).tobytes()
    packed = deflate.compress(data, compression)
    assert zlib.decompress(packed) == data
    assert len(packed) <= len(data) + (len(data) >> 12) + (len(data) >> 14) + (len(data) >> 25) + 13
