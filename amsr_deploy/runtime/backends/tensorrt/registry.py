"""The engines of this machine: where they are, and which ones belong to a model."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from amsr_deploy.errors import EngineError
from amsr_deploy.files import by_age
from amsr_deploy.metadata import Metadata

if TYPE_CHECKING:
    from amsr_deploy.runtime.backends.tensorrt.sidecar import Sidecar


def cache_folder() -> Path:
    """Return the folder for engines that are found from everywhere."""
    return user_cache_path("amsr-deploy") / "engines"


def is_in_cache(engine: Path) -> bool:
    """Tell whether an engine lies in the user's cache, where nobody else puts files."""
    return engine.parent.resolve() == cache_folder().resolve()


def engine_folders(model: Path) -> list[Path]:
    """List the folders of a model's engines: its own, the current one, `engines` in the user's cache."""
    folders = (model.parent, Path(), cache_folder())
    return list({folder.resolve(): folder for folder in folders}.values())


def find_engines(folders: list[Path], name: str, metadata: Metadata) -> list[Path]:
    """Find the engines of a model's weights, dense or masked as it is.

    Those built from a file of the model's name come first: the same weights in another precision have another one. Of
    these and of the others, by folder, the newest first. Engines without a readable sidecar are not ours, or not
    whole, and left out.
    """
    engines = [engine for folder in folders for engine in by_age(folder, ".engine")]
    if not engines:
        return []
    from amsr_deploy.runtime.backends.tensorrt.sidecar import read_sidecar  # here, because few have engines

    found: dict[Path, Sidecar] = {}
    for engine in engines:
        with suppress(EngineError):
            found[engine] = read_sidecar(engine)
    weights = (metadata.weights_sha256, metadata.masked)
    fitting = [engine for engine, of in found.items() if (of.model.weights_sha256, of.model.masked) == weights]
    return sorted(fitting, key=lambda engine: found[engine].source != name)
