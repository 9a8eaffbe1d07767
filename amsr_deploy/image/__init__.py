"""Picture files: read, upscale, write, with all that belongs to a picture."""

from amsr_deploy.image.picture import (
    FORMATS,
    Picture,
    check_output,
    check_writable,
    overlay,
    read,
    read_mask,
    upscale,
    write,
    write_mask,
)

__all__ = [
    "FORMATS",
    "Picture",
    "check_output",
    "check_writable",
    "overlay",
    "read",
    "read_mask",
    "upscale",
    "write",
    "write_mask",
]
