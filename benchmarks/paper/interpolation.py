"""Pictures without a network: bicubic interpolation and the linear upsampler."""

from __future__ import annotations

from paper.fig6 import SET_NAMES
from paper.records import Store, mean, where
from paper.table import Column, Table

COLUMNS = (
    Column("set", "set"),
    Column("method", "method"),
    Column("photos", "photos", "d"),
    Column("psnr_y", "PSNR-Y", ".3f"),
    Column("psnr_rgb", "PSNR-RGB", ".3f"),
    Column("ssim", "SSIM", ".4f"),
)


def build(store: Store) -> Table:
    """Make a row for each set and method."""
    records = store.records("interpolation")
    rows = []
    for name in SET_NAMES:
        for method in ("bicubic", "linear"):
            if found := where(records, set=name, method=method):
                of_row = {"set": name, "method": method, "photos": len(found)}
                rows.append(of_row | mean(found, "psnr_y", "psnr_rgb", "ssim"))
    return Table("interpolation", COLUMNS, rows)
