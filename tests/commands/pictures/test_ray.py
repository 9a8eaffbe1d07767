"""`amsr infer --ray` on a real cluster of two machines, which are processes here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, assert_same_pictures, osprey
from PIL import Image

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
pytest.importorskip("ray", reason="Ray is not installed; pip install 'amsr-deploy[ray]'")
from ray.cluster_utils import Cluster

pytestmark = pytest.mark.slow

PICTURES = 20
OF_THE_CLUSTER = (" was lost with ", " is left out: ", "no worker has started in ")
"""Parts of messages that one machine does not print."""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
COMMAND = [sys.executable, "-m", "amsr_deploy", "infer", "in", "--threads", "1", "--json", "report.json", "-o", "out"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two machines of one core each; their processes see this checkout, as the commands do."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ROOT)
    running = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    running.add_node(num_cpus=1)
    yield running
    running.shutdown()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, one of them damaged, and what one machine makes of them."""
    folder = tmp_path_factory.mktemp("alone")
    (folder / "in").mkdir()
    for number in range(PICTURES):
        osprey().crop((8 * number, 0, 8 * number + 320, 240)).save(folder / "in" / f"photo{number}.png")
    (folder / "in" / "photo5b.jpg").write_bytes(b"\xff\xd8\xff no picture")
    done = subprocess.run(COMMAND, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    (folder / "messages").write_text(done.stderr)
    return folder


@pytest.fixture
def spread(cluster: Cluster, alone: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A command that spreads the same pictures, as soon as its first result is there."""
    (tmp_path / "in").symlink_to(alone / "in")
    command = [*COMMAND, "--ray", cluster.address]
    with subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        wait_until(lambda: list(tmp_path.glob("out/*.png")) or process.poll() is not None)
        yield process
        process.kill()


def wait_until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + 300
    while not is_so():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.01)


def workers(cluster: Cluster, state: bytes = b"") -> list[int]:
    """Processes of our workers: those that Ray has named after the class and its method, below this cluster's."""
    machines = {
        info[0].process.pid
        for node in cluster.list_all_nodes()
        for kind, info in node.all_processes.items()
        if kind == "raylet"
    }
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent in machines and b"ray::Actor" + state in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it has just ended
            continue
    return found


def entries(folder: Path) -> list[dict[str, Any]]:
    """What a report says, without the time it took."""
    lines = [json.loads(line) for line in (folder / "report.json").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def assert_same(process: subprocess.Popen[str], folder: Path, alone: Path, loss: str) -> None:
    """All is as one machine does it: exit code, report, order of errors, every pixel; and a loss was told."""
    _, messages = process.communicate()
    assert process.returncode == 1, messages
    lines = [line for line in messages.splitlines() if line.startswith("amsr: ")]  # others are Ray's
    told = [line for line in lines if not any(part in line for part in OF_THE_CLUSTER)]
    assert told == (alone / "messages").read_text().splitlines()
    assert loss in messages
    assert entries(folder) == entries(alone)
    assert_same_pictures(folder / "out", alone / "out")


def test_a_worker_that_is_killed_costs_nothing(
    cluster: Cluster, spread: subprocess.Popen[str], alone: Path, tmp_path: Path
) -> None:
    wait_until(lambda: workers(cluster, b".work"))
    os.kill(workers(cluster, b".work")[0], signal.SIGKILL)
    assert_same(spread, tmp_path, alone, " was lost with ")


def test_ctrl_c_ends_the_command_and_its_workers(
    cluster: Cluster, spread: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert workers(cluster)
    os.killpg(spread.pid, signal.SIGINT)  # as a terminal does
    _, messages = spread.communicate()
    assert spread.returncode == 130, messages
    assert "interrupted" in messages.splitlines()[-1]
    assert f"of {PICTURES + 1} pictures are done" in messages
    wait_until(lambda: not workers(cluster))
    for path in (tmp_path / "out").iterdir():
        with Image.open(path) as picture:
            assert np.asarray(picture).shape == (960, 1280, 3), "results are whole"


def test_a_machine_that_is_lost_costs_nothing(
    cluster: Cluster, spread: subprocess.Popen[str], alone: Path, tmp_path: Path
) -> None:
    cluster.remove_node(cluster.list_all_nodes()[-1])
    assert_same(spread, tmp_path, alone, " is left out: ")
