"""The paper's tables and figures on pictures that everyone can get.

    python benchmarks/reproduce.py all --data ../shared/data --out build/results

measures what is not in OUT yet and writes there the tables (JSON, CSV, Markdown) and the plots; it needs the extra
`plots`: scikit-image to measure, matplotlib to draw, without which `build` leaves the plots out. `table2` or another
name measures a part, `build` nothing, `page` writes docs/results.md too. It can be stopped at any time: each figure of
each picture is stored at once, and another run goes on. Times are processor time of one thread, which other work on
the machine changes little. All that `--quick` makes goes to the folder `quick` of OUT.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paper import fig5, fig6, interpolation, plots, runs, scope, speed, table2, table3, table4, table5
from paper.page import write_page
from paper.plan import QUICK_SETS, SCALE, SETS, Plan, say
from paper.records import Store
from paper.table import Table

from amsr_deploy.commands.messages import describe_failure
from amsr_deploy.errors import AmsrError, UserError
from amsr_deploy.evaluation.bench.twins import shipped_backbones

MEASURED = {"table2": table2, "table4": table4, "table5": table5, "fig6": fig6, "fig5": fig5, "table3": table3}
"""What is measured, in the order of `all`; `scope` and `speed` are made from the same measurements."""
BUILT = (table2, table3, table4, table5, fig5, fig6, scope, interpolation, speed, runs)
RECORDS = "measured.jsonl"


def build(folder: Path) -> dict[str, Table]:
    """Make the tables from the measurements of a folder."""
    store = Store(folder / RECORDS)
    return {table.name: table for table in (part.build(store) for part in BUILT)}


def write(folder: Path) -> None:
    """Write all tables, and plots where matplotlib is installed."""
    tables = build(folder)
    for table in tables.values():
        table.write(folder)
    try:
        plots.plot_all(tables, folder)
    except ModuleNotFoundError as error:
        say(f"no plots: {describe_failure(error)}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=[*MEASURED, "all", "build", "page"])
    parser.add_argument("--data", type=Path, help="folder that holds the folders large4k, large2k, b100, train")
    parser.add_argument("--out", type=Path, required=True, help="folder of measurements and tables")
    parser.add_argument(
        "--backbones", nargs="*", choices=shipped_backbones(SCALE), help="networks to measure; all that ship by default"
    )
    parser.add_argument("--most", type=int, help="pictures of each set, the first by name")
    parser.add_argument("--quick", action="store_true", help="thumbnails: shows that it works, and no more")
    parser.add_argument("--threads", type=int, default=1, help="that work on an operator")
    parser.add_argument("--repeats", type=int, default=3, help="measurements of a time whose median counts")
    parser.add_argument("--minutes", type=float, help="after which no new time is measured")
    parser.add_argument("--label", help="what times are measured with; the kernels' instruction set by default")
    chosen = parser.parse_args(arguments)
    if chosen.quick:
        chosen.out /= "quick"
    return chosen


def measure(chosen: argparse.Namespace) -> None:
    """Measure what is asked for.

    Raises:
        UserError: there is no folder of pictures.
    """
    if chosen.data is None or not chosen.data.is_dir():
        raise UserError(f"{chosen.table} is measured on pictures; give their folder as --data (now {chosen.data})")
    settings: dict[str, Any] = {
        "threads": chosen.threads,
        "repeats": chosen.repeats,
        "most": chosen.most,
        "minutes": chosen.minutes,
        "label": chosen.label,
        "sets": QUICK_SETS if chosen.quick else SETS,
    }
    if chosen.quick:
        settings |= {"dilations": (1, 5), "most_training": 2, "training": "large4k"}
    if chosen.backbones:
        settings["backbones"] = tuple(chosen.backbones)
    plan = Plan(chosen.data, Store(chosen.out / RECORDS), **settings)
    for name in MEASURED if chosen.table == "all" else [chosen.table]:
        MEASURED[name].measure(plan)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks."""
    chosen = parse(arguments)
    try:
        if chosen.table in (*MEASURED, "all"):
            measure(chosen)
        write(chosen.out)
        if chosen.table == "page":
            write_page(chosen.out)
    except (AmsrError, ModuleNotFoundError) as error:
        say(f"error: {describe_failure(error)}")
        return getattr(error, "exit_code", 1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
