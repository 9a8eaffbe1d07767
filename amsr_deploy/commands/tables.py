"""What a model tells about itself, as tables for the terminal."""

from __future__ import annotations

from rich.table import Table

from amsr_deploy.metadata import Metadata


def cost(metadata: Metadata) -> Table:
    """List multiply-accumulates per LR pixel at some densities."""
    table = Table("density", "MACs per LR pixel", "share of dense", title="Cost", title_justify="left")
    densities = (0.0, 0.25, 0.5, 0.75, 1.0) if metadata.masked else (1.0,)
    for density in densities:
        table.add_row(f"{density:.2f}", f"{metadata.cost.masked(density):,.0f}", f"{metadata.cost.share(density):.1%}")
    return table


def properties(metadata: Metadata) -> Table:
    """List all metadata."""
    table = Table("property", "value", title="Metadata", title_justify="left")
    for name, value in vars(metadata).items():
        if name not in ("cost", "tools"):
            table.add_row(name, str(value))
    for tool, version in metadata.tools.items():
        table.add_row(tool, version)
    return table
