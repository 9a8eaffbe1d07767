"""The TensorRT plugins of the `amsr` operators: where their library is, and what it offers."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
from dataclasses import dataclass
from pathlib import Path

from amsr_deploy import native
from amsr_deploy.descriptor import DOMAIN
from amsr_deploy.errors import EngineError
from amsr_deploy.runtime.backends.tensorrt.edition import Edition
from amsr_deploy.runtime.backends.tensorrt.log import error_sink, start

VARIABLE = "AMSR_TENSORRT_PLUGINS"
"""Environment variable with the path of the plugins' library, where that is not inside the package."""
_FILE_NAME = "amsr_tensorrt.dll" if platform.system() == "Windows" else "libamsr_tensorrt.so"


@dataclass(frozen=True)
class Plugins:
    """A loaded library of plugins."""

    library: Path
    operators: frozenset[str]
    """The operators of the domain `amsr` that it runs."""
    version: str


def plugin_library() -> Path | None:
    """Find the library of plugins; None where it was not built.

    Raises:
        EngineError: the environment variable AMSR_TENSORRT_PLUGINS names a file that does not exist.
    """
    named = os.environ.get(VARIABLE)
    if named and not Path(named).is_file():
        raise EngineError(f"{VARIABLE}={named} is not a file; correct it or unset it")
    path = Path(named) if named else Path(native.__file__).with_name(_FILE_NAME)
    return path.resolve() if path.is_file() else None


def load_plugins(edition: Edition) -> Plugins | None:
    """Make the plugins known to TensorRT; None where there are none for this edition.

    Raises:
        EngineError: the library does not load, or holds no plugin of this project.
        BackendError: TensorRT does not start.
    """
    library = plugin_library() if edition.has_plugins else None
    return None if library is None else _load(edition, library)


@functools.cache
def _load(edition: Edition, library: Path) -> Plugins:
    _runtime, log = start(edition, edition.trt.Runtime)  # while there is one, TensorRT says what fails
    registry = edition.trt.get_plugin_registry()
    if registry.load_library(str(library)) is None:
        raise EngineError(
            f"{library} does not load into tensorrt {edition.version}: {log.summary()}; "
            "docs/plugins.md says how to build it for that"
        )
    creators = [creator for creator in registry.all_creators if creator.plugin_namespace == DOMAIN]
    if not creators:
        raise EngineError(f"{library} holds no plugin of amsr-deploy; build the plugins again (docs/plugins.md)")
    _hear_errors(edition, library)
    versions = sorted({creator.plugin_version for creator in creators})
    return Plugins(library, frozenset(creator.name for creator in creators), "+".join(versions))


def _hear_errors(edition: Edition, library: Path) -> None:
    """Let the log have the plugins' errors: while TensorRT builds, it gives them no logger.

    Raises:
        EngineError: the library has no function for this.
    """
    loaded = ctypes.CDLL(str(library))
    if not hasattr(loaded, "amsrSetErrorSink"):
        raise EngineError(f"{library} is of another version of amsr-deploy; build the plugins again (docs/plugins.md)")
    loaded.amsrSetErrorSink(error_sink(edition.trt))
