"""`NAME.json` beside `NAME.engine`: what the runtime must know of an engine before it loads it."""

from __future__ import annotations

import hashlib
import json
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from amsr_deploy.errors import EngineError
from amsr_deploy.json_fields import check_types, known_values
from amsr_deploy.metadata import Metadata
from amsr_deploy.runtime.backends.tensorrt.edition import MODULES

Range = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Smallest, optimal and largest shape of an input."""
Profile = dict[str, Range]
"""Shapes of all inputs by name."""


@dataclass(frozen=True)
class Sidecar:
    """What an engine is and where it runs."""

    model: Metadata
    """Of the model that it was built from, in the engine's precision."""
    source: str
    """The model's file name."""
    edition: str
    """`tensorrt` or `tensorrt-rtx`."""
    version: str
    """Of that TensorRT."""
    platform: str
    """Operating system and processor of the machine that built it: `Linux aarch64`."""
    gpu: str | None
    """The GPU that it was built for; None: any from the compute capability on."""
    compute_capability: tuple[int, int]
    """Of that GPU, or the least that will do."""
    profile: Profile
    """Shapes of its inputs."""
    plugins: str | None
    """Version of the plugins that the engine file holds; None: it needs none."""
    sha256: str
    """Digest of the engine file."""
    command: str
    """What builds it again."""

    @property
    def largest(self) -> tuple[int, int]:
        """Height and width of the largest picture that it takes at once."""
        height, width = self.profile["image"][2][2:]
        return height, width

    def write(self, path: Path) -> None:
        """Write as JSON."""
        values = asdict(self)
        path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def sidecar_path(engine: Path) -> Path:
    """Return the path of an engine's sidecar."""
    return engine.with_suffix(".json")


def read_sidecar(engine: Path) -> Sidecar:
    """Read the sidecar of an engine.

    Raises:
        EngineError: no such engine, no sidecar beside it, or a sidecar that cannot be read.
    """
    path = sidecar_path(engine)
    if not engine.is_file():
        raise EngineError(f"{engine} is not a file; build one with `amsr build-engine`")
    if not path.is_file():
        raise EngineError(f"{engine} has no {path.name} beside it; copy that file too, or build the engine again")
    try:
        return _from_values(json.loads(path.read_text(encoding="utf-8")))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise EngineError(f"{path} is not what `amsr build-engine` wrote ({error}); build the engine again") from error


def digest(data: bytes) -> str:
    """Compute the SHA-256 of a file's contents."""
    return hashlib.sha256(data).hexdigest()


def _from_values(values: dict[str, Any]) -> Sidecar:
    check_types(Sidecar, values)
    command = shlex.split(values["command"])
    if values["edition"] not in MODULES:
        raise ValueError("edition")
    if command[:2] != ["amsr", "build-engine"] or shlex.join(command) != values["command"]:  # users may run it
        raise ValueError("command")
    profile = {name: tuple(map(tuple, shapes)) for name, shapes in values["profile"].items()}
    if any(len(shape) != 4 for shape in profile["image"]):
        raise ValueError("profile")
    model, capability = Metadata.from_values(values["model"]), tuple(values["compute_capability"])
    return Sidecar(
        **{**known_values(Sidecar, values), "model": model, "profile": profile, "compute_capability": capability}
    )
