"""Models of any scale that need no weights: they repeat pixels, or interpolate them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, save

from amsr_deploy.descriptor import Purpose
from amsr_deploy.image import Picture
from amsr_deploy.metadata import Cost, Metadata
from amsr_deploy.runtime.backends.base import SelectionInputs
from amsr_deploy.runtime.picture_strips import PictureStrips
from amsr_deploy.runtime.shipped import model_name
from amsr_deploy.runtime.upscaler import Upscaler


def scale_metadata(scale: int, masked: bool, trained_for: Purpose = "clean", weights: str = "") -> Metadata:
    """What such a model says about itself."""
    return Metadata(
        backbone="carn",
        masked=masked,
        body="pixels",
        scale=scale,
        dilation=5,
        threshold=0.0,
        window_size=1,
        halo=4,
        bytes_per_pixel=4_000,
        precision="float32",
        cost=Cost(fixed=1.0, body=3.0),
        weights_sha256=weights or str(scale),
        trained_for=trained_for,
    )


def write_model(
    path: Path,
    scale: int,
    masked: bool = True,
    mode: Literal["nearest", "cubic"] = "nearest",
    offset: float = 0.0,
    trained_for: Purpose = "clean",
    weights: str = "",
) -> Path:
    """A model that enlarges by its scale and adds an offset; a masked one has an index that it does not look at."""
    attributes: dict[str, Any] = {"coordinate_transformation_mode": "half_pixel", "cubic_coeff_a": -0.5}
    if mode == "nearest":
        attributes = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, "height", "width"])]
    if masked:
        inputs.append(helper.make_tensor_value_info("index", TensorProto.INT64, ["count"]))
    graph = helper.make_graph(
        [
            helper.make_node("Resize", ["image", "", "scales"], ["large"], mode=mode, **attributes),
            helper.make_node("Add", ["large", "offset"], ["sr"]),
        ],
        "scale",
        inputs,
        [helper.make_tensor_value_info("sr", TensorProto.FLOAT, [1, 3, "large_height", "large_width"])],
        [
            numpy_helper.from_array(np.array([1, 1, scale, scale], np.float32), "scales"),
            numpy_helper.from_array(np.float32(offset), "offset"),
        ],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)])
    helper.set_model_props(model, scale_metadata(scale, masked, trained_for, weights).to_properties())
    save(model, path)
    return path


class FunctionBackend:
    """A backend that runs a function of pixels [H, W, 3], four times as large after it, in place of a network."""

    model, name, concurrency, largest, device_memory, is_local = "function", "test", 1, None, None, True

    def __init__(self, network: Callable[[NDArray[np.float32]], NDArray[np.float32]]) -> None:
        self.metadata = scale_metadata(4, masked=False)
        self._network = network

    def run(self, image: NDArray[np.float32], _: SelectionInputs) -> NDArray[np.float32]:
        return np.ascontiguousarray(self._network(image[0].transpose(1, 2, 0)).transpose(2, 0, 1))[None]

    def close(self) -> None:
        pass


def strips_by(network: Callable[[NDArray[np.float32]], NDArray[np.float32]], picture: Picture) -> PictureStrips:
    """A picture on its way through a function in place of a network; see `FunctionBackend`."""
    return PictureStrips(Upscaler(FunctionBackend(network)).prepare, picture)


def ship(folder: Path, backbone: str, *scales: int, trained_for: Purpose = "clean", offset: float = 0.0) -> None:
    """Put models of a backbone into a folder as the package ships them, masked and dense."""
    for scale in scales:
        for dense in (False, True):
            path = folder / model_name(backbone, scale, dense, trained_for=trained_for)
            write_model(path, scale, not dense, offset=offset, trained_for=trained_for)


def enlarged(pixels: NDArray[np.generic], scale: int) -> NDArray[np.generic]:
    """What a model that repeats pixels makes of [H, W, ...]."""
    return pixels.repeat(scale, axis=0).repeat(scale, axis=1)
