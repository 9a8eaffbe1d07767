"""The plots, from the tables. matplotlib is needed here only: the extra `plots`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.files import replacing
from paper.plan import STRATEGIES
from paper.records import values, where
from paper.seconds import machines
from paper.table import Table

Row = dict[str, Any]
COLOURS = {descriptor.title: f"C{number}" for number, descriptor in enumerate(BACKBONES.values())}
"""Of Matplotlib's cycle."""
PICK = ("DISP", "CARN")
"""The networks of the picture that compares two."""


def plot_all(tables: dict[str, Table], folder: Path) -> None:
    """Write all plots whose tables have rows.

    Raises:
        ModuleNotFoundError: matplotlib is not installed.
    """
    plots = {
        "fig6": lambda axes: sweeps(axes, tables["fig6"]),
        "fig6_pick": lambda axes: sweeps(axes, tables["fig6"], PICK),
        "scope": lambda axes: scopes(axes, tables["scope"]),
        "speed": lambda axes: speeds(axes, tables["speed"]),
        "fig5": lambda axes: damages(axes, tables["fig5"]),
    }
    for name, draw in plots.items():
        if tables[name.partition("_")[0]].rows:
            write(draw, folder / f"{name}.png")


def write(draw: Any, path: Path) -> None:
    """Draw into a picture file."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7.2, 4.8), layout="constrained")
    draw(axes)
    axes.grid(alpha=0.3)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def sweeps(axes: Any, table: Table, networks: tuple[str, ...] | None = None) -> None:
    """Draw quality against multiply-accumulates: a line of dilations for each network, a square where it is dense."""
    for network, of_network in by_network(where(table.rows, set="2K")):
        if networks is None or network in networks:
            line(axes, of_network, "gmacs", "psnr_y", network)
    axes.set(xlabel="multiply-accumulates of a picture, 10^9", ylabel="PSNR-Y in dB")
    axes.set_title("Dilation 1 to 11 and dense (square), 2K, x4")
    if networks is None:
        axes.set_xscale("log")
    axes.legend(loc="lower right")


def speeds(axes: Any, table: Table) -> None:
    """Draw quality against seconds."""
    (first, *_) = machines(table.rows)
    for network, of_network in by_network(where(table.rows, **first)):
        line(axes, of_network, "seconds", "psnr_y", network)
    threads = "one thread" if first["threads"] == 1 else f"{first['threads']} threads"
    axes.set(xlabel=f"seconds of processor time, {threads}", ylabel="PSNR-Y in dB", xscale="log")
    axes.set_title(f"Dilation 1 to 11 and dense (square), 2K, x4, {first['instructions']}")
    axes.legend(loc="lower right")


def scopes(axes: Any, table: Table) -> None:
    """Draw what is lost against the dense network, with the network's own result outside the mask and with others."""
    styles = (("masked", "masked_share", "-", "o"), ("linear", "linear_share", "--", "^"))
    for network, of_network in by_network(where(table.rows, set="2K")):
        for value, share, style, marker in styles:
            label = f"{network}, {'network' if value == 'masked' else 'linear'} outside"
            losses = [row[value] - row["dense"] for row in of_network]
            shares = [row[share] for row in of_network]
            axes.plot(shares, losses, style, marker=marker, color=COLOURS[network], label=label, markersize=4)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlabel="share of the dense network's multiply-accumulates", ylabel="PSNR-Y against dense, dB")
    axes.set_title("What is outside the mask, dilation 1 to 11, 2K")
    axes.legend(fontsize="x-small", ncols=2)


def damages(axes: Any, table: Table) -> None:
    """Draw the density of each strategy by damage, for the first network."""
    network = table.rows[0]["network"]
    rows = [row for row in table.rows if row["network"] == network]
    for number, strategy in enumerate(STRATEGIES):
        places = [place + 0.27 * (number - 1) for place in range(len(rows))]
        axes.bar(places, [row[f"{strategy}_density"] for row in rows], 0.25, label=strategy)
    axes.set_xticks(range(len(rows)), [row["damage"] for row in rows], rotation=30, ha="right")
    axes.set(ylabel="density", title=f"Density by damage, dilation 5, {rows[0]['photos']} photos")
    axes.legend()


def line(axes: Any, rows: list[Row], x: str, y: str, label: str) -> None:
    """Draw a line of dilations and a square where the network is dense."""
    dilated = [row for row in rows if row["dilation"] != "dense"]
    colour = COLOURS[label]
    axes.plot([row[x] for row in dilated], [row[y] for row in dilated], "o-", color=colour, label=label, markersize=4)
    for row in rows:
        if row["dilation"] == "dense":
            axes.plot(row[x], row[y], "s", color=colour, markersize=7, markerfacecolor="none")


def by_network(rows: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Group the rows of each network."""
    for network in values(rows, "network"):
        yield network, [row for row in rows if row["network"] == network]
