"""The one entry of the runtime: mask, tiles, backend (docs/architecture.md)."""

from __future__ import annotations

import os
from typing import NoReturn, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from amsr_deploy import image as pictures
from amsr_deploy.descriptor import Strategy
from amsr_deploy.errors import UserError
from amsr_deploy.files import StrPath, check_not_read
from amsr_deploy.image.arrays import Element, to_float
from amsr_deploy.image.pillow import from_pillow, new_pillow, paste
from amsr_deploy.image.samples import channel_count
from amsr_deploy.mask import Mask
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.backends.base import Backend
from amsr_deploy.runtime.checks import check_mask, check_path, check_region, check_settings
from amsr_deploy.runtime.masking import Masking
from amsr_deploy.runtime.picture_strips import PictureStrips
from amsr_deploy.runtime.self_ensemble import SelfEnsemble
from amsr_deploy.runtime.tile_runner import TileLimit, TileRunner, largest_tile
from amsr_deploy.runtime.upscaling import OnTile, Upscaling


class Upscaler:
    """Upscales pictures by the scale of a model that works where they have edges and texture.

    Attributes:
        metadata: what the model says about itself.
        model: name of the model.
        backend: name of the backend that runs it.
        masking: how it chooses what of a picture it computes.
        has_self_ensemble: whether results are the mean of those for a picture turned and mirrored in eight ways.
    """

    def __init__(
        self,
        backend: Backend,
        dilation: int | None = None,
        threshold: float | None = None,
        strategy: Strategy = "kmeans",
        dense: bool = False,
        tile: int | None = None,
        self_ensemble: bool = False,
    ) -> None:
        """Put a backend to work.

        Args:
            backend: a loaded model.
            dilation: side k of the mask's dilation square, odd; None is the model's own.
            threshold: share of masked pixels from which a window is kept, in [0, 1]; None is the model's own.
            strategy: how the mask's threshold is found.
            dense: work everywhere.
            tile: most LR pixels along a side that are upscaled at once; None is a fast size that fits.
            self_ensemble: return the mean of the results for a picture turned and mirrored in eight ways.

        Raises:
            UserError: a value out of its range, or one that the model has no use for.
        """
        self.metadata: Metadata = backend.metadata
        self.model, self.backend = backend.model, backend.name
        self._dense = dense or not self.metadata.masked
        check_settings(self.model, self.metadata, self.is_masked, dilation, threshold, strategy, tile)
        self.masking = Masking.of(self.metadata, dilation, threshold, strategy)
        self._backend = backend
        self._tile = TileLimit(largest_tile(backend, tile))
        self.has_self_ensemble = self_ensemble

    def close(self) -> None:
        """Give back what the model holds of the device, which also happens when nothing refers to the upscaler."""
        self._backend.close()

    def __enter__(self) -> Upscaler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        raise UserError(f"{self.model} is loaded and cannot be copied or sent to another process; load it there")

    def __repr__(self) -> str:
        how = f"dilation {self.dilation}" if self.is_masked else "dense"
        return f"<Upscaler of {self.model}: x{self.metadata.scale}, {how}, {self.backend}>"

    @property
    def dilation(self) -> int:
        """Side k of the mask's dilation square."""
        return self.masking.dilation

    @property
    def concurrency(self) -> int:
        """Pictures that may be upscaled at the same time, each in a thread."""
        return self._backend.concurrency

    @property
    def is_masked(self) -> bool:
        """Whether the network works on masked pixels only."""
        return not self._dense

    @property
    def is_local(self) -> bool:
        """Whether parts of a picture may be upscaled in any arrangement, with equal bits; see `Backend.is_local`."""
        return self._backend.is_local

    def mask(self, image: NDArray[np.generic] | Image.Image | StrPath, dilation: int | None = None) -> Mask:
        """Find where a picture has edges and texture.

        Args:
            image: an array [H, W, 3] RGB, a Pillow image or a path, as `upscale` takes it.
            dilation: side k of the mask's dilation square, odd; None is the upscaler's own.

        Raises:
            UserError: shapes or types that do not fit.
            ImageError: a file that cannot be read.
        """
        colour = to_float(image) if isinstance(image, np.ndarray) else picture_of(image).visible
        return self.masking.mask(colour, dilation)

    def cost_share(self, mask: NDArray[np.bool_]) -> float:
        """Return the multiply-accumulates for a mask [H, W] as a share of the dense network's.

        A self-ensemble makes eight such runs.

        Raises:
            UserError: no array [H, W] of bool.
        """
        check_mask(mask)
        return self.masking.cost_share(mask)

    @overload
    def upscale(self, image: NDArray[Element], mask: NDArray[np.bool_] | None = None) -> NDArray[Element]: ...

    @overload
    def upscale(self, image: Image.Image | StrPath, mask: NDArray[np.bool_] | None = None) -> Image.Image: ...

    def upscale(
        self, image: NDArray[Element] | Image.Image | StrPath, mask: NDArray[np.bool_] | None = None
    ) -> NDArray[Element] | Image.Image:
        """Upscale a picture.

        Args:
            image: an array [H, W, 3] RGB: uint8, uint16, or floating point in [0, 1]; a Pillow image or the path of
                a picture file, which are turned upright as their EXIF says.
            mask: [H, W] bool, a region of interest of the caller's own, in the upright picture; None computes one.
                It is for the colours: transparency has a mask of its own, or its edges would be blurred.

        Returns:
            An array [sH, sW, 3] of the same type for an array, s the model's scale; else a Pillow image with grey,
            transparency and colour profile as they were, with 16 bits only if it is grey (`upscale_file` keeps all).

        Raises:
            UserError: shapes or types that do not fit.
            ImageError: a file that cannot be read.
            ModelError: the network's output is not finite.
            OutOfMemoryError: even small tiles are too large for the memory.
        """
        if isinstance(image, np.ndarray):
            stored = image.dtype if image.dtype in (np.uint8, np.uint16) else np.dtype(np.float32)
            return self.prepare(to_float(image), mask).run(stored).astype(image.dtype, copy=False)
        picture = picture_of(image)
        channels, strips = channel_count(picture, grey=True), PictureStrips(self.prepare, picture, mask)
        bits, top = picture.bits if channels == 1 else 8, 0
        result = new_pillow((*strips.size, channels), bits)
        for strip in strips.samples(channels, bits):
            paste(result, strip, top)
            top += len(strip)
        if picture.metadata.icc_profile:
            result.info["icc_profile"] = picture.metadata.icc_profile
        return result

    def upscale_file(self, source: StrPath, target: StrPath, mask: NDArray[np.bool_] | None = None) -> None:
        """Upscale a picture file with all that belongs to it: alpha, depth, colour profile, EXIF.

        Args:
            source: the picture.
            target: the file to write, in the format of its suffix; one that is there is replaced, but never the source.
            mask: [H, W] bool, a region of interest of the caller's own, for the colours; None computes one.

        Raises:
            AmsrError: see `upscale`; a target that cannot be written, or is the source.
        """
        check_path("source", source)
        check_path("target", target)
        check_not_read(target, [source])
        picture = pictures.read(source)
        height, width = picture.size
        pictures.check_output(target, picture, (height * self.metadata.scale, width * self.metadata.scale))
        strips = PictureStrips(self.prepare, picture, mask)
        with pictures.open_strips(target, picture, strips.size) as writer:
            for strip in strips.samples(writer.channels, writer.bits):
                writer.write(strip)

    def prepare(
        self, image: NDArray[np.float32], mask: NDArray[np.bool_] | None = None, on_tile: OnTile = lambda *_: None
    ) -> Upscaling:
        """Decide what runs on a picture, for the whole of it, so that tiles make no difference.

        Args:
            image: [H, W, 3] float32 in [0, 1].
            mask: [H, W] bool, a region of interest of the caller's own; None computes one.
            on_tile: is called after each tile with the number of those that are done, and of all.

        Returns:
            What gives the result, whole or in strips.

        Raises:
            UserError: a mask that does not fit.
        """
        upscaling = self._prepare(image, mask, on_tile)
        return SelfEnsemble(**vars(upscaling), prepare=self._prepare) if self.has_self_ensemble else upscaling

    def _prepare(self, image: NDArray[np.float32], mask: NDArray[np.bool_] | None, on_tile: OnTile) -> Upscaling:
        """Decide for the picture as it lies."""
        found = self._mask_for(image, mask)
        dilation = self.dilation if found is not None and mask is None else None
        return Upscaling(self.runner(image, None if found is None else found.pixels), found, dilation, on_tile)

    def runner(self, image: NDArray[np.float32], mask: NDArray[np.bool_] | None) -> TileRunner:
        """Choose what runs on the tiles of a picture.

        Args:
            image: [H, W, 3] float32 in [0, 1].
            mask: [H, W] bool, where the network works; None is everywhere.
        """
        pixels = np.ones(image.shape[:2], dtype=np.bool_) if mask is None else mask
        return TileRunner(image, self._backend, self.masking.select(pixels), self.masking.edge, self._tile)

    def _mask_for(self, image: NDArray[np.float32], region: NDArray[np.bool_] | None) -> Mask | None:
        if self._dense and region is not None:
            raise UserError(f"{self.model} runs dense: it cannot follow a mask")
        if self._dense:
            return None
        if region is None:
            return self.masking.mask(image)
        check_region(region, image.shape[:2])
        return Mask(region.copy(), threshold=float("nan"), rounds=0)


def picture_of(image: object) -> pictures.Picture:
    """Take the picture of a Pillow image, or read that of a file.

    Raises:
        UserError: neither of them.
        ImageError: a file that cannot be read.
    """
    if isinstance(image, Image.Image):
        return from_pillow(image)
    if isinstance(image, str | os.PathLike):
        return pictures.read(image)
    raise UserError(f"a picture must be an array, a Pillow image or the path of a file, not a {type(image).__name__}")
