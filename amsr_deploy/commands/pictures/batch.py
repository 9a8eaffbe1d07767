"""Work on many pictures: one that fails does not stop the others, and each gets its line."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from amsr_deploy.commands.bar import Bar
from amsr_deploy.commands.messages import HeldMessages, report_failure
from amsr_deploy.commands.pictures.inputs import Input
from amsr_deploy.commands.pictures.outputs import SkippedError, TakenError
from amsr_deploy.commands.pictures.pipeline import Pipeline, Turn
from amsr_deploy.commands.pictures.reporter import Reporter
from amsr_deploy.errors import AmsrError
from amsr_deploy.interrupts import StoppingSignal, exit_code

if TYPE_CHECKING:
    from _typeshed import DataclassInstance as Done  # what became of a picture; see `Reporter.tell`


@dataclass(frozen=True)
class Task:
    """What is to be done with each picture.

    Attributes:
        prepare: what can be checked before the work; raises where it cannot be done.
        run: does it; takes the picture's turn among those that are worked on at the same time.
        release: leaves to others what a picture that failed had reserved.
    """

    prepare: Callable[[Input], object]
    run: Callable[[Input, Turn], Done]
    release: Callable[[Input], object]


def run_batch(
    pictures: Sequence[Input],
    task: Task,
    reporter: Reporter,
    threads: int = 1,
    networks: int = 1,
    stop: Callable[[], object] = lambda: None,
) -> int:
    """Work on pictures, those first that can be refused without work. Their lines come in the order of the pictures.

    Those whose file belongs to another one come last: they are tried again where others have failed.

    Args:
        pictures: the pictures.
        task: what to do with each.
        reporter: what says how it went.
        threads: pictures that are worked on at the same time.
        networks: of these, those that may be read, and those that may be upscaled, at the same time.
        stop: called where a signal ends the work; ends what runs elsewhere.

    Returns:
        The exit code: 1 where a picture failed, 128 and the number of the signal where one ended the work.
    """
    pipeline = Pipeline(networks, stop)
    stopping = StoppingSignal(pipeline.stop)
    try:
        with stopping, Bar(len(pictures), not reporter.quiet) as bar:
            for source, result in outcomes(pictures, task, pipeline, threads, bar, stopping):
                reporter.tell(bar, source, result)
                del result  # a failure holds on to its picture
                bar.finish()
    except KeyboardInterrupt:
        pipeline.stop()
    finally:
        if reporter.entries or not pictures:  # an interrupt before the first line leaves an old report as it is
            reporter.close()
    if pipeline.stopped:
        report_failure(AmsrError(f"interrupted: {reporter.finished} of {len(pictures)} pictures are done"))
        return exit_code(stopping.number)
    if reporter.failures and len(pictures) > 1:
        report_failure(AmsrError(f"{reporter.failures} of {len(pictures)} pictures failed"))
    return min(reporter.failures, 1)


def outcomes(
    pictures: Sequence[Input], task: Task, pipeline: Pipeline, threads: int, bar: Bar, stopping: StoppingSignal
) -> Iterator[tuple[Input, Done | Exception]]:
    """Yield each picture with what becomes of it, or why nothing does; those that are interrupted are left out."""
    numbers = count()
    while pictures:
        taken: list[tuple[Input, TakenError]] = []
        has_failures = False
        for source, call in attempts(pictures, task, pipeline, threads, bar, numbers):
            try:
                result = outcome(call, pipeline, stopping)
            except KeyboardInterrupt:
                continue
            except TakenError as error:
                taken.append((source, error.with_traceback(None)))  # that would hold on to the picture
            except SkippedError as reason:
                yield source, reason
            except Exception as error:
                has_failures = True
                task.release(source)
                yield source, error
            else:
                yield source, result
        if pipeline.stopped:
            return
        if not has_failures:
            yield from taken
            return
        pictures = [source for source, _ in taken]


def outcome(call: Callable[[], Done], pipeline: Pipeline, stopping: StoppingSignal) -> Done:
    """Return what becomes of a picture; an interrupt stops all but those that are only written.

    Raises:
        KeyboardInterrupt: the work on it did not come to its end.
    """
    try:
        with stopping.allowed():
            return call()
    except KeyboardInterrupt:
        pipeline.stop()
        return call()


def attempts(
    pictures: Sequence[Input], task: Task, pipeline: Pipeline, threads: int, bar: Bar, numbers: Iterator[int]
) -> Iterator[tuple[Input, Callable[[], Done]]]:
    """Yield each picture with the call that works on it, or that raises why it cannot; numbers are those of turns."""
    ready: list[Input] = []
    for source in pictures:
        try:
            task.prepare(source)
        except Exception as error:
            yield source, raising(error)
        else:
            ready.append(source)
    calls = [partial(in_turn, source, task, pipeline, next(numbers), bar) for source in ready]
    yield from zip(ready, side_by_side(calls, pipeline, min(threads, len(calls))), strict=True)


def in_turn(source: Input, task: Task, pipeline: Pipeline, number: int, bar: Bar) -> Done:
    """Work on a picture in its turn, and show in the bar how far that is."""
    with Turn(pipeline, number, partial(bar.tile, str(source))) as turn:
        turn.tile(0, 1)
        return task.run(source, turn)


def raising(error: Exception) -> Callable[[], Done]:
    """Make a call that raises an error."""

    def call() -> Done:
        raise error

    return call


def side_by_side(calls: Sequence[Callable[[], Done]], pipeline: Pipeline, threads: int) -> Iterator[Callable[[], Done]]:
    """Yield calls that return the results of others in their order, while some of those run in threads.

    The messages of a call come out when those of the calls before it, and their results, are out.
    """
    if threads <= 1:
        yield from calls
        return
    with ThreadPoolExecutor(threads) as pool:
        messages = [HeldMessages() for _ in calls]
        futures = deque(pool.submit(held.run, call) for held, call in zip(messages, calls, strict=True))
        try:
            for held in messages:
                held.release()
                yield futures.popleft().result  # a failure holds on to its picture
        except BaseException:
            pipeline.stop()
            raise
