"""What masked networks lose if nothing but the mask is computed, and the rest is interpolated."""

from __future__ import annotations

from amsr_deploy.descriptor import describe
from paper.fig6 import SET_NAMES, sweeps
from paper.plan import DILATIONS
from paper.records import Record, Store, common, mean, where
from paper.table import Column, Table

COLUMNS = (
    Column("set", "set"),
    Column("network", "network"),
    Column("dilation", "dilation", "d"),
    Column("photos", "photos", "d"),
    Column("dense", "dense", ".3f"),
    Column("masked", "network outside", ".3f"),
    Column("linear", "linear outside", ".3f"),
    Column("bicubic", "bicubic outside", ".3f"),
    Column("linear_loss", "linear - network", "+.3f"),
    Column("bicubic_loss", "bicubic - network", "+.3f"),
    Column("masked_ssim", "SSIM, network", ".4f"),
    Column("linear_ssim", "linear", ".4f"),
    Column("bicubic_ssim", "bicubic", ".4f"),
    Column("masked_share", "share of dense MACs, body masked", ".3f"),
    Column("linear_share", "all masked", ".3f"),
)


def build(store: Store) -> Table:
    """Make a row for each set, network and dilation."""
    composed = store.records("scope")
    rows = []
    for name in SET_NAMES:
        for backbone, groups in sweeps(store.records("scores"), name).items():
            for dilation in (one for one in DILATIONS if one in groups):
                parts = where(composed, set=name, model=backbone, dilation=dilation)
                masked, dense, parts = common(groups[dilation], groups[None], parts)
                if parts:
                    rows.append(
                        {"set": name, "network": describe(backbone).title, "dilation": dilation, "photos": len(parts)}
                        | figures(masked, dense, parts)
                    )
    return Table("scope", COLUMNS, rows)


def figures(masked: list[Record], dense: list[Record], parts: list[Record]) -> Record:
    """Average the figures of a row."""
    own = mean(masked, "psnr_y", "ssim", "cost_share")
    other = mean(parts, "linear_psnr_y", "bicubic_psnr_y", "linear_ssim", "bicubic_ssim", "cost_share")
    return {
        "dense": mean(dense, "psnr_y")["psnr_y"],
        "masked": own["psnr_y"],
        "linear": other["linear_psnr_y"],
        "bicubic": other["bicubic_psnr_y"],
        "linear_loss": other["linear_psnr_y"] - own["psnr_y"],
        "bicubic_loss": other["bicubic_psnr_y"] - own["psnr_y"],
        "masked_ssim": own["ssim"],
        "linear_ssim": other["linear_ssim"],
        "bicubic_ssim": other["bicubic_ssim"],
        "masked_share": own["cost_share"],
        "linear_share": other["cost_share"],
    }
