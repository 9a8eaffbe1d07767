"""Networks with random weights, and their exports, each made once for all tests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch

from amsr_deploy import models
from amsr_deploy.export.onnx import export_onnx
from amsr_deploy.metadata import Precision
from amsr_deploy.runtime.shipped import twin_path

ARGUMENTS = {"disp": {"blocks": 2}, "span": {"blocks": 2, "norm": False}, "srresnet": {"blocks": 2}}
"""Dimensions of networks where the usual ones give outputs far from [0, 1], or take long."""


def random_network(name: str, seed: int = 0) -> models.Network:
    """Make a network with random weights; as they start, networks are bilinear, and their bodies without effect."""
    torch.manual_seed(seed)
    network = models.create(name, **ARGUMENTS.get(name, {}))
    if isinstance(network, models.SwinIR):
        shorten(network)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.01 * torch.randn_like(weight)
    return network


def shorten(network: models.SwinIR) -> None:
    """Leave two blocks of two layers, unshifted and shifted: tracing and comparing all 24 takes most of a minute."""
    network.layers = network.layers[:2]
    for block in network.layers:
        block.residual_group.blocks = block.residual_group.blocks[:2]


KINDS = ("disp", "fsrcnn", "swinir")
"""A network with activations in its kernels, one with a transposed convolution, one of windows."""


def kinds_first(names: Iterable[str]) -> list[Any]:
    """Mark the networks that differ from others in little as slow."""
    return [pytest.param(name, marks=[] if name in KINDS else [pytest.mark.slow]) for name in names]


class Exports:
    """Model files of random networks; a dense one is the twin of the masked one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.differences: dict[Path, float] = {}
        """What `export_onnx` returned for each file."""

    def __call__(self, name: str, masked: bool = True, precision: Precision = "float32") -> Path:
        """Return a model file; tests may read it, but not change it."""
        path = self.folder / precision / f"{name}.onnx"
        if not masked:
            path = twin_path(path)
        if path not in self.differences:
            path.parent.mkdir(exist_ok=True)
            self.differences[path] = export_onnx(random_network(name), path, masked, precision)
        return path
