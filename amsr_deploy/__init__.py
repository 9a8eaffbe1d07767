"""Super-resolution networks that spend their work on edges and texture.

upscaler = amsr_deploy.load()
large = upscaler.upscale(small)  # an array [H, W, 3], a Pillow image or a path -> s times as large, s the model's scale
upscaler.upscale_file("small.png", "large.png")
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amsr_deploy.errors import AmsrError
    from amsr_deploy.runtime.loading import load, upscale, upscale_file
    from amsr_deploy.runtime.upscaler import Upscaler
    from amsr_deploy.video.frames import VideoUpscaler

__all__ = ["AmsrError", "Upscaler", "VideoUpscaler", "__version__", "load", "upscale", "upscale_file"]
__version__ = "0.1.0"
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # from 1.29 on, ONNX Runtime reports to Microsoft what it runs

_HOMES = {"AmsrError": "errors", "Upscaler": "runtime.upscaler", "VideoUpscaler": "video.frames"}


if not TYPE_CHECKING:  # type checkers would take any name for one that is there

    def __getattr__(name: str) -> Any:
        """Import the runtime when it is first used, so that `import amsr_deploy` needs nothing."""
        if name in __all__:
            return getattr(import_module(f"amsr_deploy.{_HOMES.get(name, 'runtime.loading')}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List what `__getattr__` imports, too."""
    return sorted({*globals(), *__all__})
