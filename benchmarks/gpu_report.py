"""Runs the parts of a report one after the other, each in its time, and writes down what each says or why it failed."""

from __future__ import annotations

import shutil
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
USUAL_PLACES = "/usr/local/cuda/bin:/usr/local/nvidia/bin"


class SkipError(Exception):
    """A part cannot run on this machine; the message says why."""


class WrongError(Exception):
    """A part ran and something in it is wrong; the message says what."""


@dataclass
class Clock:
    """When the part that runs must end."""

    end: float = float("inf")

    def left(self) -> float:
        """Return the seconds left, from one to a day: what `subprocess` takes."""
        return min(max(1.0, self.end - time.monotonic()), 86400.0)

    def is_over(self) -> bool:
        """Tell whether no time is left."""
        return time.monotonic() >= self.end


CLOCK = Clock()


@dataclass
class Report:
    """The Markdown that is written, after each part so that nothing is lost, and whether a part failed."""

    output: Path
    lines: list[str] = field(default_factory=list)
    failed: bool = False

    def add(self, text: str) -> None:
        """Print a text, and keep it for the file."""
        print(text, flush=True)
        self.lines.append(text)

    def part(self, title: str, run: Callable[[], Iterator[str]]) -> None:
        """Run one part; a skip or a failure is written down and the next part runs."""
        self.add(f"\n## {title}\n")
        started = time.monotonic()
        try:
            for text in run():
                self.add(text)
        except SkipError as reason:
            self.add(f"Skipped: {reason}.")
        except Exception as error:  # whatever it is, the other parts shall run
            self.failed = True
            self.add(describe(error))
        self.add(f"\n({time.monotonic() - started:.0f} s)")
        self.output.write_text("\n".join(self.lines) + "\n", encoding="utf-8")


def describe(error: BaseException) -> str:
    """Describe a failure for the report."""
    if isinstance(error, WrongError):
        return f"FAILED: {error}"
    if isinstance(error, subprocess.CalledProcessError | subprocess.TimeoutExpired):
        what = "NOT FINISHED in its time" if isinstance(error, subprocess.TimeoutExpired) else "FAILED"
        return f"{what}: {' '.join(map(str, error.cmd))}\n\n```\n{said(error)[-3000:]}\n```"
    return f"FAILED:\n\n```\n{''.join(traceback.format_exception(error))}```"


def said(error: subprocess.CalledProcessError | subprocess.TimeoutExpired) -> str:
    """Return what a command printed."""
    output = error.output or ""
    return output.decode(errors="replace") if isinstance(output, bytes) else output


def call(*command: str | Path, share: float = 1) -> str:
    """Run a command and return its output, standard error included; it may take a share of the time that is left.

    Raises:
        CalledProcessError: it fails.
        TimeoutExpired: it takes longer.
    """
    done = subprocess.run(
        [str(word) for word in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=REPOSITORY,
        timeout=share * CLOCK.left(),
    )
    if done.returncode != 0:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout)
    return done.stdout


def find(program: str) -> str:
    """Find a program, in PATH or the usual places of the CUDA toolkit and the driver.

    Raises:
        SkipError: it is not installed.
    """
    path = installed(program)
    if path is None:
        raise SkipError(f"{program} is not installed")
    return path


def installed(program: str) -> str | None:
    """Find a program as `find` does; None where there is none."""
    return shutil.which(program) or shutil.which(program, path=USUAL_PLACES)


@dataclass(frozen=True)
class Part:
    """A part of the report.

    Attributes:
        share: of the time, as a weight.
    """

    title: str
    run: Callable[[], Iterator[str]]
    share: float


def run_parts(parts: list[Part], report: Report, minutes: float) -> None:
    """Run parts, each until its share of the time and that of the parts before it is over."""
    start, shares, whole = time.monotonic(), 0.0, sum(part.share for part in parts)
    for part in parts:
        shares += part.share
        CLOCK.end = start + 60 * minutes * shares / whole
        report.part(part.title, part.run)
