"""Workers on the machines of a Ray cluster. What a lost one was doing is done again by another.

Ray's own `max_task_retries` does not do for that: the retries are used up while the actor restarts.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYetError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from typing import Any, Generic, TypeVar, cast

from amsr_deploy.commands.messages import describe_failure
from amsr_deploy.commands.optional_values import LOCAL_CLUSTER
from amsr_deploy.commands.pictures.file_upscaler import InferReport
from amsr_deploy.commands.pictures.inputs import Input
from amsr_deploy.commands.pictures.worker import Job, MemoryOutputs, PictureWorker
from amsr_deploy.errors import AmsrError, BackendError, UserError
from amsr_deploy.wording import first_line

ATTEMPTS = 3
"""Workers that may be lost with one picture before it counts as failed."""
MOST_PICTURES = 16
"""Pictures that a worker may have at the same time; see `PictureWorker.at_once`."""
CONNECT_SECONDS = 10
"""Time that a cluster has to take a connection."""
PATIENCE = 30
"""Seconds until a message says that no worker has started yet."""

Value = TypeVar("Value")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where a worker runs.

    Attributes:
        node: Ray's number of the machine.
        host: name of the machine.
        cpus: cores that the worker takes.
        gpus: GPUs likewise.
    """

    node: str
    host: str
    cpus: int
    gpus: int


@dataclass(frozen=True)
class Reply(Generic[Value]):
    """What a worker answers.

    Attributes:
        value: of what was asked; None where that failed.
        error: why it failed, for users, with its exit code.
        messages: levels and texts of the log meanwhile.
        at_once: pictures that the worker may have at the same time.
    """

    value: Value | None = None
    error: tuple[str, int] | None = None
    messages: Sequence[tuple[int, str]] = ()
    at_once: int = 1

    def result(self) -> Value:
        """Return the value, or raise the error as an AmsrError; messages go to the log of this process."""
        for level, text in self.messages:
            _log.log(level, "%s", text)
        if self.error is None:
            return cast(Value, self.value)
        error = AmsrError(self.error[0])
        error.exit_code = self.error[1]
        raise error


class Actor:
    """A worker's process: makes the worker, and hands over pictures, errors and messages."""

    def __init__(self, level: int) -> None:
        """Collect messages of this level or above."""
        self._messages = KeptMessages()
        log = logging.getLogger("amsr_deploy")
        log.handlers = [self._messages]
        log.setLevel(level)
        self._worker: PictureWorker

    def start(self, job: Job) -> Reply[list[int]]:
        """Make the worker, and answer with the scales of its models."""

        def scales() -> list[int]:
            self._worker = PictureWorker(job)
            return self._worker.scales

        reply = self._reply(scales)
        return reply if reply.error else replace(reply, at_once=self._worker.at_once)

    def work(self, source: Input, content: bytes) -> Reply[tuple[InferReport, MemoryOutputs]]:
        """Upscale a picture."""
        return self._reply(partial(self._worker.work, source, content))

    def _reply(self, call: Callable[[], Value]) -> Reply[Value]:
        try:
            return Reply(call(), None, self._messages.take())
        except Exception as error:
            return Reply(None, (describe_failure(error), getattr(error, "exit_code", 1)), self._messages.take())


class KeptMessages(logging.Handler):
    """Keeps messages of the log until they are taken."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._kept.append((record.levelno, record.getMessage()))

    def take(self) -> list[tuple[int, str]]:
        """Return what was kept, once."""
        taken = self._kept[:]
        del self._kept[: len(taken)]
        return taken


@dataclass(eq=False)
class WorkerHandle:
    """An actor of the cluster, at its place; lost ones are never given a picture again."""

    place: Place
    actor: Any
    lost: bool = False


class Cluster:
    """Workers that upscale pictures, each where one is free; see `open_cluster`."""

    def __init__(self, ray: Any, job: Job, places: Sequence[Place]) -> None:
        """Let a worker start at each place.

        Args:
            ray: the module, connected.
            job: what workers are to do.
            places: where.
        """
        self._ray, self._job = ray, job
        self._idle: SimpleQueue[WorkerHandle | None] = SimpleQueue()
        self._handles: set[WorkerHandle] = set()
        self._lock = threading.RLock()  # Ctrl-C calls `stop`, wherever the main thread is
        self._stopped = False
        self._first: Future[Reply[list[int]]] = Future()
        self.size = len(places)
        for handle in [self._create(place) for place in places]:
            self._start(handle)

    def scales(self) -> tuple[list[int], int]:
        """Wait for the first worker; return its scales, and the number of pictures that keep all workers busy.

        Raises:
            AmsrError: no worker starts.
        """
        try:
            reply = self._first.result(PATIENCE)
        except NotYetError:
            _log.warning("no worker has started in %d s: the cluster is busy, or the model loads slowly", PATIENCE)
            reply = self._first.result()
        return reply.result(), self.size * reply.at_once

    def work(self, source: Input, content: bytes) -> tuple[InferReport, MemoryOutputs]:
        """Let a free worker upscale a picture; another one, where that one is lost.

        Args:
            source: the picture.
            content: bytes of its file.

        Raises:
            AmsrError: the picture fails, or as many workers are lost with it as may be, or none is left.
            KeyboardInterrupt: after `stop`.
        """
        for _ in range(ATTEMPTS):
            handle = self._free()
            try:
                reply: Reply[tuple[InferReport, MemoryOutputs]] = self._ray.get(
                    handle.actor.work.remote(source, content)
                )
            except self._ray.exceptions.RayError as error:
                if self._stopped:
                    raise KeyboardInterrupt from error
                self._replace(handle, source, error)
                continue
            self._idle.put(handle)
            return reply.result()
        raise BackendError(f"{source}: {ATTEMPTS} workers were lost with it; do their machines have the memory for it?")

    def stop(self) -> None:
        """End all workers; pictures that wait or are worked on end with KeyboardInterrupt."""
        with self._lock:
            self._stopped = True
            handles = list(self._handles)
        self._idle.put(None)
        for handle in handles:
            self._ray.kill(handle.actor, no_restart=True)

    def _create(self, place: Place) -> WorkerHandle:
        """Ask Ray for a process at a place. It takes its time."""
        strategies = self._ray.util.scheduling_strategies
        actor = (
            self._ray.remote(Actor)
            .options(
                num_cpus=place.cpus,
                num_gpus=place.gpus,
                max_concurrency=MOST_PICTURES,
                scheduling_strategy=strategies.NodeAffinitySchedulingStrategy(place.node, soft=False),
            )
            .remote(logging.getLogger("amsr_deploy").getEffectiveLevel())
        )
        handle = WorkerHandle(place, actor)
        self._handles.add(handle)
        return handle

    def _start(self, handle: WorkerHandle) -> None:
        handle.actor.start.remote(self._job).future().add_done_callback(partial(self._welcome, handle))

    def _welcome(self, handle: WorkerHandle, started: Future[Reply[list[int]]]) -> None:
        """Give pictures to a worker that has started; leave one out that could not."""
        error = started.exception()
        if error is not None:
            reason = (str(error).splitlines() or [type(error).__name__])[-1]  # above it is Ray's traceback
            reply: Reply[list[int]] = Reply(error=(f"a worker on {handle.place.host} did not start: {reason}", 1))
        else:
            reply = started.result()
        with self._lock:
            if reply.error:
                self._handles.discard(handle)
            is_told = not self._first.done() and not (reply.error and self._handles)
            if is_told:
                self._first.set_result(reply)
            is_last = not self._handles
        if not reply.error:
            for _ in range(reply.at_once):
                self._idle.put(handle)
            return
        if not (is_told or self._stopped):
            _log.warning("the worker on %s is left out: %s", handle.place.host, reply.error[0])
        if is_last:
            self._idle.put(None)

    def _free(self) -> WorkerHandle:
        """Wait for a worker that is free.

        Raises:
            KeyboardInterrupt: after `stop`.
            BackendError: there are none any more.
        """
        while True:
            handle = self._idle.get()
            if handle is None:
                self._idle.put(None)  # for others who wait
                if self._stopped:
                    raise KeyboardInterrupt
                raise BackendError("no worker of the cluster is left")
            if not handle.lost:
                return handle

    def _replace(self, handle: WorkerHandle, source: Input, error: Exception) -> None:
        """Start another worker at the place of a lost one, unless that has been done."""
        with self._lock:
            if handle.lost or self._stopped:
                return
            handle.lost = True
            self._handles.discard(handle)
            successor = self._create(handle.place)
        _log.warning("a worker on %s was lost with %s (%s)", handle.place.host, source, type(error).__name__)
        self._ray.kill(handle.actor, no_restart=True)
        self._start(successor)


@contextmanager
def open_cluster(address: str, job: Job, threads: int | None, on_gpus: bool) -> Iterator[Cluster]:
    """Start workers on the machines of a cluster; they end with the block.

    Args:
        address: `HOST:PORT` of a cluster, `auto` for that of this machine, LOCAL_CLUSTER to start one here.
        job: what workers are to do.
        threads: cores of a worker; None is all that its machine has, or its share of them where it takes a GPU.
        on_gpus: a worker for each GPU, where there are GPUs.

    Raises:
        MissingDependencyError: Ray is not installed.
        BackendError: no such cluster, or no machine that has so many cores.
    """
    with connected(address) as ray:
        found = find_places(ray.nodes(), threads, on_gpus)
        if not found:
            raise BackendError(f"no machine of the cluster has a worker's cores: {threads or 1}; give fewer `threads`")
        cluster = Cluster(ray, job, found)
        try:
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a cluster, and yield the module.

    Raises:
        MissingDependencyError, BackendError: see `open_cluster`.
        UserError: an address that needs Ray's client.
    """
    if address.startswith("ray://"):
        raise UserError(f"--ray {address} is for Ray's client; run this on a machine of the cluster, with HOST:PORT")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster that starts here reports to nobody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray
    import ray.exceptions
    import ray.util.scheduling_strategies

    try:
        check_answers(address)
        ray.init(address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises many types
        what = "a Ray cluster cannot start here" if address == LOCAL_CLUSTER else f"no Ray cluster answers at {address}"
        raise BackendError(f"{what}: {first_line(error)}") from error
    with suppress(AttributeError):  # lines about lost workers would go to our standard output
        ray._private.worker._worker_logs_enabled = False
    try:
        yield ray
    finally:
        ray.shutdown()


def check_answers(address: str) -> None:
    """Raise OSError where nobody listens at `HOST:PORT`: Ray would try for many minutes, deaf to Ctrl-C."""
    host, _, port = address.rpartition(":")
    if host:
        with socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS):
            pass


def find_places(nodes: Sequence[Mapping[str, Any]], threads: int | None, on_gpus: bool) -> list[Place]:
    """Choose where workers run: as many on each machine as its GPUs or cores are enough for.

    Args:
        nodes: the machines, as `ray.nodes` lists them.
        threads: see `open_cluster`.
        on_gpus: see `open_cluster`.
    """
    places = []
    for node in nodes:
        cpus, gpus = (int(node["Resources"].get(kind, 0)) for kind in ("CPU", "GPU"))
        gpus = gpus if on_gpus else 0
        each = cpus // max(gpus, 1) if threads is None else max(threads, 1)  # what cannot be, workers refuse
        count = min(cpus // each, gpus or cpus) if each else gpus
        if node["Alive"]:
            places += [Place(node["NodeID"], node["NodeManagerHostname"], each, min(gpus, 1))] * count
    return places
