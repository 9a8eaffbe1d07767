"""What a model computes of a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.descriptor import Strategy
from amsr_deploy.mask import Mask, compute_mask
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.selection import DenseSelection, Selection, select
from amsr_deploy.runtime.tiles import edge_for


@dataclass(frozen=True)
class Masking:
    """How a model chooses what of a picture it computes.

    Attributes:
        metadata: what the model says about itself.
        dilation: side k of the mask's dilation square.
        threshold: share of masked pixels from which a window is kept (SwinIR).
        strategy: how the mask's threshold is found.
    """

    metadata: Metadata
    dilation: int
    threshold: float
    strategy: Strategy

    @classmethod
    def of(cls, metadata: Metadata, dilation: int | None, threshold: float | None, strategy: Strategy) -> Masking:
        """Take the model's own dilation and threshold where they are None."""
        return cls(
            metadata,
            metadata.dilation if dilation is None else dilation,
            metadata.threshold if threshold is None else threshold,
            strategy,
        )

    @property
    def edge(self) -> int:
        """LR pixels by which pictures are reflected on all sides."""
        return edge_for(self.metadata.size_multiple)

    def mask(self, image: NDArray[np.float32], dilation: int | None = None) -> Mask:
        """Find where a picture [H, W, 3] in [0, 1] has edges and texture; of another dilation where one is given."""
        return compute_mask(image, self.dilation if dilation is None else dilation, self.strategy)

    def select(self, mask: NDArray[np.bool_]) -> Selection:
        """Choose what the model computes for a mask [H, W]."""
        if not self.metadata.masked:
            return DenseSelection(mask.shape)
        return select(mask, self.metadata, self.threshold, self.edge)

    def cost_share(self, mask: NDArray[np.bool_]) -> float:
        """Return the multiply-accumulates for a mask [H, W] as a share of the dense network's."""
        return self.metadata.cost.share(self.select(mask).density)
