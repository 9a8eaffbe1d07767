"""Readers of files on damaged ones: no crash, no hang, no exception that is not an AmsrError, no memory over a bound.

    python benchmarks/fuzz.py --minutes 5               all readers in turns
    python benchmarks/fuzz.py --reader picture --minutes 1
    python benchmarks/fuzz.py --reader picture --case 4711 --save damaged.png   one case once more, in this process

Cases are real files that are changed: bytes and bits, cuts, pieces of others, large numbers in place of sizes. They
follow from the seed and their number. They run in a process of their own, so that a crash costs one case only.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from fuzzing.damage import damaged
from fuzzing.readers import READERS, Reader
from fuzzing.seeds import Seed

from amsr_deploy.errors import AmsrError
from amsr_deploy.system.memory import peak_memory

SECONDS = 60
"""Longest time for a case."""
MEMORY = 1 << 30
"""Most bytes that a case may add to the process..."""
PIXEL_MEMORY = 32
"""... and for each pixel that is read, whatever made the file tell so many: samples, as floats, and one copy."""
ADDRESS_SPACE = 1 << 34
"""Bytes that the process may ask for at all, so that no case takes the machine down."""


@dataclass
class Found:
    """What went wrong, and how often; the first case of each kind is kept."""

    cases: int = 0
    refused: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)

    def add(self, number: int, problem: str) -> None:
        """Count a problem of a case."""
        self.problems[problem] += 1
        self.first.setdefault(problem, number)


def case(seeds: Sequence[Seed], seed: int, number: int) -> Seed:
    """Make a case; whole files come first, which must be read."""
    if number < len(seeds):
        return seeds[number]
    return damaged(seeds, random.Random(f"{seed} {number}"))


def attempt(reader: Reader, path: Path) -> tuple[str, int]:
    """Read a file; return `read` with its pixels, `refused`, or what went wrong and where."""
    try:
        return "read", reader.read(path)
    except AmsrError as error:
        text = str(error)
        return ("refused" if text.strip() and "\n" not in text else f"a message that is no line: {text!r}"), 0
    except Exception as error:
        where = [f"{Path(each.filename).name}:{each.lineno}" for each in traceback.extract_tb(error.__traceback__)]
        return f"{type(error).__name__} at {' '.join(where[-3:])}: {str(error)[:100]}", 0


def peak() -> int:
    """Return the most bytes of memory since `forget_peak`."""
    return peak_memory() or 0


def forget_peak() -> int:
    """Begin to measure; returns the memory in use."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak()


def serve(pipe: Connection) -> None:
    """Do the cases that arrive, (reader, seed, number) each, in a process that may not survive them."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # codecs say there what they think of the files
    seeds: dict[str, list[Seed]] = {}
    with tempfile.TemporaryDirectory() as folder:
        while (task := pipe.recv()) is not None:
            name, seed, number = task
            if name not in seeds:
                seeds[name] = READERS[name].seeds()
            suffix, content = case(seeds[name], seed, number)
            path = Path(folder, f"case{suffix}")
            path.write_bytes(content)
            pipe.send("ready")
            before = forget_peak()
            outcome, pixels = attempt(READERS[name], path)
            used = peak() - before
            if number < len(seeds[name]) and outcome != "read":
                outcome = f"a whole file is not read: {outcome}"
            if used > MEMORY + PIXEL_MEMORY * pixels:
                outcome = f"{used >> 20} MiB for a {suffix} that is {outcome}"
            pipe.send(outcome)


class Child:
    """A process that does cases; it is started again where a case ended it."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=serve, args=(other,), daemon=True)
        self._process.start()
        other.close()

    def outcome(self, name: str, seed: int, number: int) -> str:
        """Do a case; see `attempt`. A crash or a hang is an outcome, too."""
        self._pipe.send((name, seed, number))
        try:
            assert self._pipe.recv() == "ready"  # seeds are made first, which takes its time
            if self._pipe.poll(SECONDS):
                return str(self._pipe.recv())
            outcome = f"no end within {SECONDS} s"
        except (EOFError, ConnectionError):
            self._process.join()
            outcome = f"the process ended with {self._process.exitcode}"
        self._process.kill()
        self._process.join()
        self._start()
        return outcome

    def close(self) -> None:
        """End the process."""
        self._pipe.send(None)
        self._process.join()


def explore(cases: Iterator[tuple[str, int]], seed: int) -> dict[str, Found]:
    """Do cases, each a reader's name and a number; return what was found by reader."""
    found: dict[str, Found] = {}
    child = Child()
    for name, number in cases:
        outcome = child.outcome(name, seed, number)
        result = found.setdefault(name, Found())
        result.cases += 1
        result.refused += outcome == "refused"
        if outcome not in ("read", "refused"):
            result.add(number, outcome)
    child.close()
    return found


def turns(names: Sequence[str], seconds: float) -> Iterator[tuple[str, int]]:
    """Take readers in turns, with the numbers of their cases; each gets the same share of the time."""
    for name in names:
        until = time.monotonic() + seconds / len(names)
        number = 0
        while time.monotonic() < until:
            yield name, number
            number += 1


def main() -> int:
    """Run, and print what was found; 1 where that is anything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--reader", choices=READERS, action="append")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="one case of one reader, in this process")
    parser.add_argument("--save", type=Path, help="write that case to a file")
    options = parser.parse_args()
    names = options.reader or list(READERS)
    if options.case is not None:
        suffix, content = case(READERS[names[0]].seeds(), options.seed, options.case)
        path = options.save or Path(tempfile.mkdtemp(), f"case{suffix}")
        path.write_bytes(content)
        READERS[names[0]].read(path)
        return 0
    found = explore(turns(names, 60 * options.minutes), options.seed)
    for name, result in found.items():
        print(f"{name}: {result.cases} cases, {result.refused} refused, {sum(result.problems.values())} problems")
        for problem, count in result.problems.most_common():
            print(f"  {count} x case {result.first[problem]}: {problem}")
    return int(any(result.problems for result in found.values()))


if __name__ == "__main__":
    sys.exit(main())
