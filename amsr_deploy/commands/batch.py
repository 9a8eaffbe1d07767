"""Work on many pictures: one that fails does not stop the others, and each gets its line."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Protocol

from amsr_deploy.commands.bar import Bar
from amsr_deploy.commands.group import HeldMessages, failure_text, report_failure
from amsr_deploy.commands.inputs import Input
from amsr_deploy.commands.outputs import SkippedError, TakenError
from amsr_deploy.commands.report_file import write_report
from amsr_deploy.commands.turns import Turn, Turns
from amsr_deploy.errors import AmsrError
from amsr_deploy.files import STANDARD
from amsr_deploy.interrupts import StoppingSignal, exit_code


class Done(Protocol):
    """What became of a picture; as text it is a line for users."""

    def values(self) -> Mapping[str, Any]:
        """Return the same for JSON."""


@dataclass
class Job:
    """A picture and what is to be done with it.

    Attributes:
        source: the picture.
        prepare: what can be checked before the work; raises where it cannot be done.
        run: does it; takes its turn among the pictures that are worked on at the same time.
        release: leaves to others what a picture that failed had reserved.
    """

    source: Input
    prepare: Callable[[], object]
    run: Callable[[Turn], Done]
    release: Callable[[], object] = lambda: None


@dataclass
class Reporter:
    """Says what became of each picture.

    Attributes:
        quiet: print errors only.
        json_file: where a JSON object for each picture goes, in place of lines; `-` is standard output.
        to_stderr: print lines there, because standard output holds a picture.
    """

    quiet: bool = False
    json_file: Path | None = None
    to_stderr: bool = False
    entries: list[str] = field(default_factory=list)

    def done(self, bar: Bar, source: Input, result: Done) -> None:
        self._show(bar, str(result), {"input": str(source), **result.values()})

    def skipped(self, bar: Bar, source: Input, reason: SkippedError) -> None:
        self._show(bar, f"{reason}", {"input": str(source), "skipped": str(reason)})

    def failed(self, bar: Bar, source: Input, error: Exception) -> None:
        if self.json_file:
            self._show(bar, "", {"input": str(source), "error": failure_text(error)})
        report_failure(error)

    def close(self) -> None:
        """Write the JSON file."""
        write_report(self.json_file, "".join(f"{entry}\n" for entry in self.entries))

    def _show(self, bar: Bar, line: str, values: Mapping[str, Any]) -> None:
        if self.json_file == STANDARD:
            bar.print(json.dumps(values), err=self.to_stderr)
        elif self.json_file:
            self.entries.append(json.dumps(values))
        if not self.quiet and line and self.json_file != STANDARD:
            bar.print(line, err=self.to_stderr)


def run_batch(
    jobs: Sequence[Job],
    reporter: Reporter,
    threads: int = 1,
    networks: int = 1,
    stop: Callable[[], object] = lambda: None,
) -> int:
    """Do jobs, those first that can be refused without work. Their lines come in the order of the jobs.

    Those whose file belongs to another one come last: they are tried again where others have failed.

    Args:
        jobs: what to do.
        reporter: what says how it went.
        threads: jobs that run at the same time.
        networks: of these, those that may be read, and those that may be upscaled, at the same time.
        stop: called where a signal ends the work; ends what runs elsewhere.

    Returns:
        The exit code: 1 where a picture failed, 128 and the number of the signal where one ended the work.
    """
    turns = Turns(networks, stop)
    stopping = StoppingSignal(turns.stop)
    failures = finished = 0
    try:
        with stopping, Bar(len(jobs), not reporter.quiet) as bar:
            for job, result in outcomes(jobs, turns, threads, bar, stopping):
                if isinstance(result, SkippedError):
                    reporter.skipped(bar, job.source, result)
                elif isinstance(result, Exception):
                    failures += 1
                    reporter.failed(bar, job.source, result)
                else:
                    finished += 1
                    reporter.done(bar, job.source, result)
                del result  # a failure holds on to its picture
                bar.finish()
    except KeyboardInterrupt:
        turns.stop()
    finally:
        if reporter.entries or not jobs:  # an interrupt before the first line leaves an old report as it is
            reporter.close()
    if turns.stopped:
        report_failure(AmsrError(f"interrupted: {finished} of {len(jobs)} pictures are done"))
        return exit_code(stopping.number)
    if failures and len(jobs) > 1:
        report_failure(AmsrError(f"{failures} of {len(jobs)} pictures failed"))
    return min(failures, 1)


def outcomes(
    jobs: Sequence[Job], turns: Turns, threads: int, bar: Bar, stopping: StoppingSignal
) -> Iterator[tuple[Job, Done | Exception]]:
    """Yield each job with what it makes, or why it does not; those that are interrupted are left out."""
    numbers = count()
    while jobs:
        taken: list[tuple[Job, TakenError]] = []
        has_failures = False
        for job, call in attempts(jobs, turns, threads, bar, numbers):
            try:
                result = outcome(call, turns, stopping)
            except KeyboardInterrupt:
                continue
            except TakenError as error:
                taken.append((job, error.with_traceback(None)))  # that would hold on to the picture
            except SkippedError as reason:
                yield job, reason
            except Exception as error:
                has_failures = True
                job.release()
                yield job, error
            else:
                yield job, result
        if turns.stopped:
            return
        if not has_failures:
            yield from taken
            return
        jobs = [job for job, _ in taken]


def outcome(call: Callable[[], Done], turns: Turns, stopping: StoppingSignal) -> Done:
    """Return what a job makes; an interrupt stops all jobs but those that only write their file.

    Raises:
        KeyboardInterrupt: the job did not come to its end.
    """
    try:
        with stopping.allowed():
            return call()
    except KeyboardInterrupt:
        turns.stop()
        return call()


def attempts(
    jobs: Sequence[Job], turns: Turns, threads: int, bar: Bar, numbers: Iterator[int]
) -> Iterator[tuple[Job, Callable[[], Done]]]:
    """Yield each job with the call that does it, or that raises why it cannot be done; numbers are those of turns."""
    ready: list[Job] = []
    for job in jobs:
        try:
            job.prepare()
        except Exception as error:
            yield job, raising(error)
        else:
            ready.append(job)
    calls = [started(job, turns, next(numbers), bar) for job in ready]
    yield from zip(ready, side_by_side(calls, turns, min(threads, len(calls))), strict=True)


def started(job: Job, turns: Turns, number: int, bar: Bar) -> Callable[[], Done]:
    """Give a job its turn, and let it show in the bar how far it is."""

    def run() -> Done:
        with Turn(turns, number, lambda done, total: bar.tile(str(job.source), done, total)) as turn:
            turn.tile(0, 1)
            return job.run(turn)

    return run


def raising(error: Exception) -> Callable[[], Done]:
    """Make a call that raises an error."""

    def call() -> Done:
        raise error

    return call


def side_by_side(jobs: Sequence[Callable[[], Done]], turns: Turns, threads: int) -> Iterator[Callable[[], Done]]:
    """Yield calls that return the results of jobs in their order, while some of them run in threads.

    The messages of a job come out when those of the jobs before it, and their results, are out.
    """
    if threads <= 1:
        yield from jobs
        return
    with ThreadPoolExecutor(threads) as pool:
        messages = [HeldMessages() for _ in jobs]
        futures = deque(pool.submit(held.run, job) for held, job in zip(messages, jobs, strict=True))
        try:
            for held in messages:
                held.release()
                yield futures.popleft().result  # a failure holds on to its picture
        except BaseException:
            turns.stop()
            raise
