"""Workers that are lost, that cannot start, that are not there: on a stand-in for Ray, whose actors are threads."""

from __future__ import annotations

import pickle
import re
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from command_line import amsr
from conftest import assert_same_picture
from scale_cases import write_model

from amsr_deploy import image
from amsr_deploy.commands.effort import Effort
from amsr_deploy.commands.output_size import OutputSize
from amsr_deploy.commands.pictures.cluster import ATTEMPTS, Cluster, Place, Reply, find_places
from amsr_deploy.commands.pictures.inputs import Input
from amsr_deploy.commands.pictures.outputs import Naming
from amsr_deploy.commands.pictures.request import InferRequest
from amsr_deploy.commands.pictures.worker import Job, PictureWorker, weights_of
from amsr_deploy.errors import AmsrError, BackendError, UserError

PHOTO, OTHER = (Input(Path("photo.png")), b""), (Input(Path("other.png")), b"")


class RayError(Exception):
    """As Ray's: a worker is lost."""


class Reference(Future[Any]):
    """As Ray's: what is going to be there."""

    def future(self) -> Future[Any]:
        return self


class Method:
    """A method of an actor; `call` is done in a thread of the stand-in."""

    def __init__(self, threads: ThreadPoolExecutor, call: Callable[..., Any]) -> None:
        self._threads, self._call = threads, call

    def remote(self, *arguments: Any) -> Reference:
        reference = Reference()

        def run() -> None:
            try:
                reference.set_result(self._call(*arguments))
            except Exception as error:
                reference.set_exception(error)

        self._threads.submit(run)
        return reference


class FakeRay:
    """What `Cluster` uses of Ray. Actors start with the answers in `starts`, and do tasks by `work`."""

    exceptions = SimpleNamespace(RayError=RayError)
    util = SimpleNamespace(
        scheduling_strategies=SimpleNamespace(NodeAffinitySchedulingStrategy=lambda node, soft: (node, soft))
    )

    def __init__(self, starts: list[Reply | RayError], work: Callable[..., Any] = lambda *_: Reply("done")) -> None:
        self.starts = deque(starts)
        self._work, self._threads = work, ThreadPoolExecutor()

    def remote(self, _kind: type) -> Any:
        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=lambda _level: self._actor()))

    def _actor(self) -> Any:
        def start(_job: object) -> Reply:
            answer = self.starts.popleft()
            if isinstance(answer, RayError):
                raise answer
            return answer

        return SimpleNamespace(start=Method(self._threads, start), work=Method(self._threads, self._work))

    def kill(self, actor: object, no_restart: bool) -> None:
        pass

    @staticmethod
    def get(reference: Reference) -> Any:
        return reference.result()


def cluster(ray: FakeRay, workers: int = 1) -> Cluster:
    request = InferRequest(OutputSize(), Effort(), Naming(), image.WriteOptions())
    return Cluster(ray, Job(request, {"model": "disp"}, None), [Place("1", "node1", 2, 0)] * workers)


def losing(times: int) -> Callable[[], Reply]:
    """Work that the first workers are lost with."""
    left = iter(range(times))

    def work(*_: object) -> Reply:
        if next(left, None) is not None:
            raise RayError("gone")
        return Reply("done")

    return work


def test_a_task_whose_worker_is_lost_is_done_by_another(caplog: pytest.LogCaptureFixture) -> None:
    running = cluster(FakeRay([Reply([4])] * ATTEMPTS, losing(ATTEMPTS - 1)))
    assert running.work(*PHOTO) == "done"
    assert caplog.messages == ["a worker on node1 was lost with photo.png (RayError)"] * (ATTEMPTS - 1)


def test_a_task_that_takes_every_worker_with_it_fails_and_leaves_one_for_others() -> None:
    running = cluster(FakeRay([Reply([4])] * (ATTEMPTS + 1), losing(ATTEMPTS)))
    with pytest.raises(BackendError, match=rf"photo\.png: {ATTEMPTS} workers were lost with it"):
        running.work(*PHOTO)
    assert running.work(*OTHER) == "done"


def test_errors_and_messages_of_a_task_arrive(caplog: pytest.LogCaptureFixture) -> None:
    reply = Reply(error=("photo.png is damaged", 2), messages=[(30, "photo.png: it lacks its end")])
    with pytest.raises(AmsrError, match=r"photo\.png is damaged") as raised:
        cluster(FakeRay([Reply()], lambda *_: reply)).work(*PHOTO)
    assert raised.value.exit_code == 2
    assert caplog.messages == ["photo.png: it lacks its end"]


def test_a_worker_that_cannot_start_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    running = cluster(FakeRay([Reply(error=("no such device", 1)), Reply([4], at_once=3)]), workers=2)
    assert running.scales() == ([4], 6)
    assert running.work(*PHOTO) == "done"
    assert caplog.messages == ["the worker on node1 is left out: no such device"]


@pytest.mark.parametrize(
    ("start", "message", "code"),
    [
        (Reply(error=("dilation 2 is even", 2)), "dilation 2 is even", 2),
        (RayError("died\nwhy"), "did not start: why", 1),
    ],
)
def test_where_no_worker_starts_there_is_one_error(
    start: Reply | RayError, message: str, code: int, caplog: pytest.LogCaptureFixture
) -> None:
    running = cluster(FakeRay([start, start]), workers=2)
    with pytest.raises(AmsrError, match=message) as raised:
        running.scales()
    assert raised.value.exit_code == code
    assert len(caplog.messages) <= 1  # of the other one
    with pytest.raises(BackendError, match="no worker of the cluster is left"):
        running.work(*PHOTO)


def test_where_the_last_worker_is_lost_tasks_fail(caplog: pytest.LogCaptureFixture) -> None:
    running = cluster(FakeRay([Reply([4]), RayError("its machine is gone")], losing(1)))
    with pytest.raises(BackendError, match="no worker of the cluster is left"):
        running.work(*PHOTO)
    assert caplog.messages == [
        "a worker on node1 was lost with photo.png (RayError)",
        "the worker on node1 is left out: a worker on node1 did not start: its machine is gone",
    ]


def test_stop_ends_tasks_that_wait_for_a_worker() -> None:
    release = threading.Event()
    running = cluster(FakeRay([Reply()], lambda *_: Reply(release.wait())))
    with ThreadPoolExecutor() as threads:
        tasks = [threads.submit(running.work, *each) for each in (PHOTO, OTHER)]
        running.stop()
        release.set()
        errors = [task.exception() for task in tasks]
    assert any(isinstance(error, KeyboardInterrupt) for error in errors)


@pytest.mark.parametrize(
    ("threads", "on_gpus", "expected"),
    [
        (None, False, [("big", 16, 0), ("small", 4, 0)]),
        (None, True, [("big", 8, 1), ("big", 8, 1), ("small", 4, 0)]),
        (4, False, [("big", 4, 0)] * 4 + [("small", 4, 0)]),
        (4, True, [("big", 4, 1)] * 2 + [("small", 4, 0)]),
        (8, False, [("big", 8, 0)] * 2),
        (32, False, []),
        (0, False, [("big", 1, 0)] * 16 + [("small", 1, 0)] * 4),
    ],
)
def test_machines_hold_as_many_workers_as_they_have_cores_or_gpus_for(
    threads: int | None, on_gpus: bool, expected: list[tuple[str, int, int]]
) -> None:
    machines = {"big": (True, {"CPU": 16.0, "GPU": 2.0}), "small": (True, {"CPU": 4.0}), "head": (True, {}),
                "dead": (False, {"CPU": 64.0})}  # fmt: skip
    nodes = [
        {"NodeID": name, "NodeManagerHostname": name, "Alive": alive, "Resources": resources}
        for name, (alive, resources) in machines.items()
    ]
    places = find_places(nodes, threads, on_gpus)
    assert [(place.host, place.cpus, place.gpus) for place in places] == expected


def test_a_worker_needs_no_disk_in_common(photo_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it is sent and what it answers cross between processes; names are those of the other machine."""
    model = write_model(tmp_path / "repeat.onnx", 4)
    request = InferRequest(OutputSize(), Effort(), Naming(Path("elsewhere/out")), image.WriteOptions(), compare=True)
    job, content = Job(request, {"model": model}, weights_of(model)), photo_file.read_bytes()
    expected = amsr("infer", photo_file, "--model", model, "-o", tmp_path / "photo_x4.png", "--compare")
    assert expected.exit_code == 0, expected.output
    monkeypatch.chdir("/")
    worker = PictureWorker(pickle.loads(pickle.dumps(job)))
    task = pickle.loads(pickle.dumps((Input(Path("there/photo.png")), content)))
    report, made = pickle.loads(pickle.dumps(worker.work(*task)))
    assert report.output == "elsewhere/out/photo_x4.png"
    assert {path.name for path in made.files} == {"photo_x4.png", "photo_x4_compare.png"}
    for name, received in made.files.items():
        (tmp_path / "received.png").write_bytes(received)
        assert_same_picture(tmp_path / "received.png", tmp_path / name.name)
    with pytest.raises(AmsrError, match=r"^there/photo\.png is damaged"):
        worker.work(task[0], content[:60])


def test_a_worker_of_another_version_does_not_start() -> None:
    request = InferRequest(OutputSize(), Effort(), Naming(), image.WriteOptions())
    with pytest.raises(BackendError, match=r"this machine 0\.0\.1; install the same"):
        PictureWorker(Job(request, {"model": "disp"}, None, version="0.0.1"))


def test_a_worker_with_another_model_at_the_same_path_does_not_start(tmp_path: Path) -> None:
    request = InferRequest(OutputSize(), Effort(), Naming(), image.WriteOptions())
    model = write_model(tmp_path / "model.onnx", 4)
    job = Job(request, {"model": model}, weights_of(model))
    assert PictureWorker(job).scales == [4]
    write_model(model, 2)  # whose metadata name other weights
    with pytest.raises(BackendError, match=r"model\.onnx has other weights at a worker"):
        PictureWorker(job)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photo.png"], "--ray is for several pictures; leave it out for one"),
        (["-"], "--ray cannot take a picture from standard input"),
        ([".", "--shard", "1/2", "-o", "out"], "--ray and --shard spread pictures each"),
        ([".", "-o", "-"], "standard output \\(-\\) takes one picture"),
        ([".", "--mask", "photo.png"], "--mask and --save-mask are for one picture at a time"),
    ],
)
def test_what_cannot_be_spread(
    arguments: list[str], message: str, photo_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo_file.parent)
    result = amsr("infer", *arguments, "--ray", stdin=photo_file.read_bytes())
    assert result.exit_code == 2
    assert re.search(message, result.stderr)
    assert len(result.stderr.splitlines()) == 1


def fake_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Ray be importable, as far as it is asked before it is connected."""
    for name in ("ray", "ray.exceptions", "ray.util", "ray.util.scheduling_strategies"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))


def test_a_cluster_that_is_not_there(photo_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_module(monkeypatch)
    with socket.socket() as unused:  # bound, and deaf
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        result = amsr("infer", photo_file.parent, "--ray", address)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"amsr: error: no Ray cluster answers at {address}: ")


def test_addresses_of_the_client_are_refused(photo_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_module(monkeypatch)
    result = amsr("infer", photo_file.parent, "--ray", "ray://head:10001")
    assert result.exit_code == UserError.exit_code
    assert "run this on a machine of the cluster, with HOST:PORT" in result.stderr


def test_ray_is_named_where_it_is_missing(photo_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = amsr("infer", "--ray", photo_file.parent)  # a folder is no address
    assert result.exit_code == 1
    assert 'needs Ray, which is not installed; run: pip install "amsr-deploy[ray]"' in result.stderr
