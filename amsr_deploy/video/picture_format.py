"""How the pictures of an output are encoded."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import av
import numpy as np
from av.container import OutputContainer
from numpy.typing import NDArray

from amsr_deploy.runtime.tiles import Size
from amsr_deploy.video.encoding import Y4M, Encoding
from amsr_deploy.video.hdr import side_data, with_hdr
from amsr_deploy.video.left_out import still_true
from amsr_deploy.video.reader import Reader
from amsr_deploy.video.rgb import from_rgb, tags_for


@dataclass(frozen=True)
class PictureFormat:
    """What is set before the first picture, and holds for all.

    Attributes:
        encoder: FFmpeg's name of it.
        options: of the encoder.
        pixel_format: FFmpeg's name of it.
        tags: see `rgb.tags_for`.
        size: height and width.
        time_base: seconds of a unit of time.
    """

    encoder: str
    options: dict[str, str]
    pixel_format: str
    tags: dict[str, int]
    size: Size
    time_base: Fraction

    @classmethod
    def of_file(cls, suffix: str, reader: Reader, size: Size, encoding: Encoding) -> PictureFormat:
        """Choose the format of a file with that suffix.

        Args:
            suffix: of the file.
            reader: where the pictures come from.
            size: height and width.
            encoding: what is asked for.

        Raises:
            UserError: an encoder, an option of it or a pixel format that cannot be had.
        """
        encoder = encoding.encoder_for(suffix, reader.first.format, size)
        options = with_hdr(encoder, encoding.options_of(encoder), reader.first)
        return cls._of(encoder, options, reader, size, encoding, reader.time_base)

    @classmethod
    def of_y4m(cls, reader: Reader, size: Size, encoding: Encoding) -> PictureFormat:
        """Choose the format of pictures that are not encoded; see `of_file`."""
        return cls._of(Y4M, {}, reader, size, encoding, 1 / reader.rate)

    @classmethod
    def _of(
        cls, encoder: str, options: dict[str, str], reader: Reader, size: Size, encoding: Encoding, time_base: Fraction
    ) -> PictureFormat:
        pixel_format = encoding.pixel_format_of(encoder, reader.first.format, size)
        return cls(encoder, options, pixel_format, tags_for(reader.first, pixel_format, size), size, time_base)

    def frame(self, image: NDArray[Any], time: int) -> av.VideoFrame:
        """Make a frame of an image [H, W, 3] and its time."""
        frame = from_rgb(image, self.tags, self.pixel_format, self.size)
        frame.time_base, frame.pts = self.time_base, time
        return frame

    def add_stream(self, container: OutputContainer, reader: Reader) -> av.VideoStream:
        """Add a stream to an output, with the tags of the source, and start its encoder.

        Raises:
            FFmpegError: it does not start with these settings.
            ValueError: so do others.
        """
        stream = cast(av.VideoStream, container.add_stream(self.encoder, rate=reader.rate, options=self.options))
        context = stream.codec_context
        context.height, context.width = self.size
        context.pix_fmt = self.pixel_format
        context.sample_aspect_ratio = reader.stream.sample_aspect_ratio or Fraction(0, 1)
        for name, tag in self.tags.items():
            setattr(context, name, tag)
        context.time_base = stream.time_base = self.time_base
        if self.encoder == "libx265" and container.format.name in ("mp4", "mov"):
            context.codec_tag = "hvc1"
        matrix = side_data(reader.first, "DISPLAYMATRIX")
        if matrix is not None:
            stream.set_display_matrix(np.frombuffer(matrix, np.int32).tolist())
        stream.metadata.update(still_true(reader.stream.metadata))
        stream.disposition = reader.stream.disposition
        context.open()
        return stream
