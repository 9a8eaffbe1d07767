"""Picture files: read and written, with all that belongs to a picture."""

from amsr_deploy.image.fitting import check_fit, check_output, check_writable
from amsr_deploy.image.formats import FORMATS, READABLE, Format, WriteOptions, named_format
from amsr_deploy.image.layout import Layout
from amsr_deploy.image.mask_file import read_mask, write_mask
from amsr_deploy.image.picture import Metadata, Picture, overlay
from amsr_deploy.image.reading import read, read_content
from amsr_deploy.image.strips import StripWriter
from amsr_deploy.image.writing import open_strips, write

__all__ = [
    "FORMATS",
    "READABLE",
    "Format",
    "Layout",
    "Metadata",
    "Picture",
    "StripWriter",
    "WriteOptions",
    "check_fit",
    "check_output",
    "check_writable",
    "named_format",
    "open_strips",
    "overlay",
    "read",
    "read_content",
    "read_mask",
    "write",
    "write_mask",
]
