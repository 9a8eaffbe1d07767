"""OpenVINO, for comparison: how fast the dense network is in the strongest CPU runtime there is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class OpenVinoModel:
    """A dense model in OpenVINO on the CPU.

    Attributes:
        name: `openvino` and the precision in which it computes, such as `openvino bfloat16`.
    """

    def __init__(self, model: Path, threads: int, precision: str | None) -> None:
        """Load a model.

        Args:
            model: a dense ONNX written by `amsr export`.
            threads: CPU threads.
            precision: OpenVINO's hint, such as `f32`; None leaves it to OpenVINO, which takes bfloat16 where the
                processor computes in it.

        Raises:
            ModuleNotFoundError: OpenVINO is not installed.
        """
        import openvino

        settings = {"INFERENCE_NUM_THREADS": threads} | ({"INFERENCE_PRECISION_HINT": precision} if precision else {})
        self._compiled = openvino.Core().compile_model(model, "CPU", settings)
        used = self._compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
        long = {"f32": "float32", "bf16": "bfloat16", "f16": "float16"}.get(used, used)
        self.name = f"openvino {long}" if precision else f"openvino default ({long})"

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Upscale [1, 3, H, W] in [0, 1] -> [1, 3, sH, sW], s the model's scale."""
        return np.asarray(self._compiled([image], share_inputs=True, share_outputs=True)[0])
