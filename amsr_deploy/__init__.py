"""Super-resolution networks that spend their work on edges and texture.

upscaler = amsr_deploy.load()
large = upscaler.upscale(small)  # [H, W, 3] -> [sH, sW, 3], s the model's scale
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from amsr_deploy.runtime.upscaler import Upscaler, load
    from amsr_deploy.video.frames import VideoUpscaler

__all__ = ["Upscaler", "VideoUpscaler", "__version__", "load"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The runtime, imported when it is first used, so that `import amsr_deploy` needs nothing."""
    if name in ("Upscaler", "load"):
        from amsr_deploy.runtime import upscaler

        return getattr(upscaler, name)
    if name == "VideoUpscaler":
        from amsr_deploy.video.frames import VideoUpscaler

        return VideoUpscaler
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
