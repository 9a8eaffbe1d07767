"""The training-free mask: where a picture has edges and texture (Shang et al., section 3.1; docs/architecture.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from amsr_deploy.descriptor import STRATEGIES, Strategy
from amsr_deploy.errors import UserError
from amsr_deploy.mask.compiled import best_passes
from amsr_deploy.mask.passes import Passes, check_dilation

MAX_ROUNDS = 30
TOLERANCE = 1e-4
PHOTO_SHARE, DRAWN_SHARE = 0.4, 0.6
"""Share of pixels without any detail up to which a picture is a photo, and from which on it is drawn."""
FAINT = 0.01
"""Detail that counts in drawn pictures, as a share of the strongest: beside black on white about 2 of 255."""


@dataclass(frozen=True)
class Mask:
    """A mask and how it came about.

    Attributes:
        pixels: [H, W] bool, true where the network works.
        threshold: the split of the normalised high frequencies, in [0, 1].
        rounds: rounds of two-means that were needed; 0 for the other strategies and flat pictures.
    """

    pixels: NDArray[np.bool_]
    threshold: float
    rounds: int

    @property
    def density(self) -> float:
        """Share of masked pixels, in [0, 1]."""
        return float(np.count_nonzero(self.pixels)) / self.pixels.size


def compute_mask(image: NDArray[np.float32], dilation: int = 5, strategy: Strategy = "kmeans") -> Mask:
    """Compute the mask of a picture.

    Args:
        image: [H, W, 3] float32 in [0, 1], RGB, low resolution.
        dilation: side k of the square that grows the mask, odd; 1 leaves it as it is.
        strategy: how the threshold is found (ablation of the paper's Table 4).

    Raises:
        UserError: an even or non-positive dilation, an unknown strategy.
        BackendError: see `best_passes`.
    """
    check_dilation(dilation)
    passes = best_passes()
    frequencies = passes.high_frequencies(image)
    if frequencies is None:
        return Mask(np.zeros(image.shape[:2], dtype=np.bool_), threshold=0.0, rounds=0)
    threshold, rounds = find_threshold(frequencies, strategy, passes)
    return Mask(passes.mask_above(frequencies, threshold, dilation), threshold, rounds)


def find_threshold(frequencies: NDArray[np.float32], strategy: Strategy, passes: Passes) -> tuple[float, int]:
    """Find the threshold between smooth and detailed pixels, and the rounds it took.

    Args:
        frequencies: [H, W] float32 in [0, 1], spanning the whole range.
        strategy: `kmeans`, `fixed` (0.5) or `median`.
        passes: what makes the passes over all pixels.

    Raises:
        UserError: an unknown strategy.
    """
    if strategy == "kmeans":
        histogram = passes.histogram(frequencies)
        threshold, rounds = two_means(histogram)
        return limit_of_drawn(threshold, histogram), rounds
    if strategy == "fixed":
        return 0.5, 0
    if strategy == "median":
        return float(np.median(frequencies)), 0
    raise UserError(f"unknown mask strategy {strategy!r}; use one of: {', '.join(STRATEGIES)}")


def limit_of_drawn(threshold: float, histogram: NDArray[np.int64]) -> float:
    """Lower the threshold of a picture that is mostly flat: a page, a screen, line art, where all else is on purpose.

    Their hard edges raise the threshold of two-means, which then cuts through words of faint letters. Between a photo
    and a drawing the threshold falls gradually, so that it does not jump from frame to frame of a video.

    Args:
        threshold: of two-means.
        histogram: [B] counts; pixels without detail are in the first bin.

    Returns:
        The threshold of a photo as it is, that of a drawing at most FAINT.
    """
    flat = float(histogram[0] / histogram.sum())
    part = min(max((DRAWN_SHARE - flat) / (DRAWN_SHARE - PHOTO_SHARE), 0.0), 1.0)
    weight = part * part * part
    return min(threshold, weight * threshold + (1 - weight) * FAINT)


def two_means(histogram: NDArray[np.int64]) -> tuple[float, int]:
    """Split a histogram over [0, 1] by two-means, both centres starting at 0.5 (step 3).

    Args:
        histogram: [B] counts; the first and the last bin must not be empty.

    Returns:
        The threshold in [0, 1] and the number of rounds.
    """
    centres = (np.arange(len(histogram)) + 0.5) / len(histogram)
    count = np.concatenate(([0], np.cumsum(histogram)))
    total = np.concatenate(([0.0], np.cumsum(histogram * centres)))
    threshold, change, rounds = 0.5, 1.0, 0
    while change >= TOLERANCE and rounds < MAX_ROUNDS:
        split = int(np.searchsorted(centres, threshold, side="right"))
        below = total[split] / count[split]
        above = (total[-1] - total[split]) / (count[-1] - count[split])
        previous, threshold = threshold, float((below + above) / 2)
        change = abs(threshold - previous)
        rounds += 1
    return threshold, rounds


def pixel_index(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """List the positions y * W + x of the masked pixels of [H, W], increasing: the network's input `index` [Q]."""
    return np.flatnonzero(mask).astype(np.int64, copy=False)


def keep_windows(mask: NDArray[np.bool_], window_size: int, threshold: float, shift: int = 0) -> NDArray[np.bool_]:
    """Find the windows whose share of masked pixels reaches the threshold (Eq. 5).

    Args:
        mask: [H, W] bool, both sides multiples of the window size.
        window_size: side of a window in pixels.
        threshold: sigma, in [0, 1].
        shift: cyclic shift of the layer: the mask is rolled by -shift along both axes, as the features are.

    Returns:
        [H / window_size, W / window_size] bool; its true entries, numbered row by row, are the network's inputs
        `windows` and `shifted_windows`.
    """
    rolled = np.roll(mask, (-shift, -shift), axis=(0, 1)) if shift else mask
    height, width = mask.shape
    blocks = rolled.reshape(height // window_size, window_size, width // window_size, window_size)
    return np.asarray(blocks.sum(axis=(1, 3)) >= threshold * window_size**2)
