"""The metadata of a model file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Literal

from amsr_deploy.descriptor import SCALES, Purpose
from amsr_deploy.errors import ModelError, UserError
from amsr_deploy.json_fields import check_types, known_values

PREFIX = "amsr."
Precision = Literal["float32", "float16", "bfloat16"]
"""Type of a network's weights and features."""
PRECISION_SUFFIXES: dict[Precision, str] = {"float32": "", "float16": "_fp16", "bfloat16": "_bf16"}
"""Endings of the names of model files."""
SELECTIONS = {"pixels": ("index",), "windows": ("windows", "shifted_windows")}
"""Inputs that select what a masked model works on, by kind of body: row-major pixels, or numbers of windows."""

MOST_PIXELS = 1024
"""Largest window or halo that a network may have."""
MOST_MASK_LOSS = 0.5
"""dB of PSNR that the mask may cost; networks that were trained with masks lose less."""


def check_precision(precision: Precision, masked: bool) -> None:
    """Raise UserError for bfloat16 in a network without a mask: standard operators compute that."""
    if precision == "bfloat16" and not masked:
        raise UserError(
            "bfloat16 is for masked networks, which native kernels compute; "
            "use float16 or float32 for a network without a mask"
        )


@dataclass(frozen=True)
class Cost:
    """Multiply-accumulates of a network at one LR pixel.

    Attributes:
        fixed: of the parts that are always computed.
        body: of the part that the mask thins out, where it is computed.
    """

    fixed: float
    body: float

    @property
    def dense(self) -> float:
        """MACs per LR pixel of the dense network."""
        return self.fixed + self.body

    def masked(self, density: float) -> float:
        """Compute the mean MACs per LR pixel at a density in [0, 1]."""
        return self.fixed + density * self.body

    def share(self, density: float) -> float:
        """Compute the MACs at a density as a share of the dense network's, in [0, 1]."""
        return self.masked(density) / self.dense


@dataclass(frozen=True)
class Metadata:
    """Contents of `metadata_props` of an exported ONNX."""

    backbone: str
    """Name of the backbone."""
    masked: bool
    """Whether the model takes an index (or windows) or is dense."""
    body: str
    """`pixels` or `windows`: what the mask selects."""
    scale: int
    """Upscaling factor."""
    dilation: int
    """Default side k of the mask's dilation square."""
    threshold: float
    """Default share of masked pixels from which a window is kept; 0 for bodies masked by pixels."""
    window_size: int
    """Side of an attention window; 1 where there are none."""
    halo: int
    """LR pixels that tiles overlap by on each side."""
    bytes_per_pixel: int
    """Peak memory per LR pixel where all of them are masked: what tile sizes follow from."""
    precision: Precision
    """Type of the weights; inputs and outputs are float32."""
    cost: Cost
    """MACs per LR pixel."""
    weights_sha256: str
    """Digest of the weights that were exported."""
    tools: dict[str, str] = field(default_factory=dict)
    """Versions of the tools that made the file."""
    values_per_pixel: int = 0
    """Values of the largest tensor for each LR pixel; 0, also where the property is missing, means unknown."""
    mask_loss: float = 0.0
    """dB of PSNR that the mask costs on the sample photo; 0: nothing, or not measured, as of shipped weights."""

    trained_for: Purpose = "clean"
    """What the weights were trained for, also where the property is missing."""

    @property
    def size_multiple(self) -> int:
        """Height and width of the input must be multiples of this."""
        return self.window_size

    def to_properties(self) -> dict[str, str]:
        """Convert to the string map of a model file."""
        return {PREFIX + name: json.dumps(value) for name, value in asdict(self).items()}

    @classmethod
    def from_properties(cls, properties: Mapping[str, str]) -> Metadata:
        """Read what `to_properties` wrote.

        Raises:
            ModelError: properties are missing or malformed.
        """
        try:
            names = [f.name for f in fields(cls) if f.default is MISSING or PREFIX + f.name in properties]
            return cls.from_values({name: json.loads(properties[PREFIX + name]) for name in names})
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise ModelError(f"not a model of amsr-deploy: its metadata is missing or malformed ({error})") from error

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Metadata:
        """Read what `dataclasses.asdict` gave.

        Raises:
            KeyError, TypeError, ValueError: values are missing, of other types, or cannot be.
        """
        check_types(cls, values)
        metadata = cls(**{**known_values(cls, values), "cost": Cost(**values["cost"])})
        cost = metadata.cost
        possible = {
            "body": metadata.body in SELECTIONS,
            "scale": metadata.scale in SCALES,
            "dilation": metadata.dilation % 2 == 1,
            "threshold": 0 <= metadata.threshold <= 1,
            "window_size": 1 <= metadata.window_size <= MOST_PIXELS,
            "halo": metadata.halo <= MOST_PIXELS,
            "bytes_per_pixel": metadata.bytes_per_pixel >= 1,
            "cost": min(cost.fixed, cost.body) >= 0 and 1 <= cost.dense < math.inf,
        }
        for name, is_possible in possible.items():
            if not is_possible:
                raise ValueError(f"{name} cannot be {values[name]!r:.60}")
        return metadata
