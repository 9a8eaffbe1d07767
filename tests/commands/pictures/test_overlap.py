"""Pictures are worked on together: each is told of in its turn, and an interrupt leaves nothing half done."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_cases import draw, names
from command_line import amsr
from PIL import Image

from amsr_deploy import files, image
from amsr_deploy.commands.pictures.pipeline import Pipeline, Turn
from amsr_deploy.commands.pictures.reporter import Reporter
from amsr_deploy.interrupts import SIGNALS
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.upscaler import Upscaler


def test_pictures_overlap_and_are_told_of_in_their_order(
    here: Path, repeat_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the first one is written, the others are read and upscaled; one of them is broken, each has a warning."""
    for name in ("a.png", "b.png", "d.png"):
        draw(here / name)
    (here / "c.png").write_text("no picture")
    last_began = threading.Event()
    read, prepare, publish = image.read, Upscaler.prepare, files.publish

    def read_with_warning(path: Path, content: bytes | None = None) -> image.Picture:
        logging.getLogger("amsr_deploy").warning("%s is odd", path)
        return read(path, content)

    def note(*arguments: Any, **settings: Any) -> Any:
        started.append(threading.current_thread())
        if len(started) == 3:
            last_began.set()
        return prepare(*arguments, **settings)

    def wait(source: Path, target: Path, replace: bool) -> None:
        if "a_x4" in str(target):
            assert last_began.wait(60)
        publish(source, target, replace)

    started: list[threading.Thread] = []
    monkeypatch.setattr(image, "read", read_with_warning)
    monkeypatch.setattr(Upscaler, "prepare", note)
    monkeypatch.setattr(files, "publish", wait)
    result = amsr("infer", *(f"{name}.png" for name in "abcd"), "--model", repeat_model)
    assert result.exit_code == 1
    said = [line.removeprefix("amsr: ").removeprefix("error: ")[:8] for line in result.output.splitlines()]
    expected = ["a.png is", "a_x4.png", "b.png is", "b_x4.png", "c.png is", "c.png is", "d.png is", "d_x4.png"]
    assert said == [*expected, "1 of 4 p"]


def test_large_pictures_wait_for_each_other(here: Path, repeat_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from amsr_deploy.commands.pictures import file_upscaler

    steps = []
    read, publish = image.read, files.publish

    def note_read(path: Path, content: bytes | None = None) -> image.Picture:
        steps.append(path.name)
        return read(path, content)

    def note_publish(source: Path, target: Path, replace: bool) -> None:
        publish(source, target, replace)
        if not target.name.startswith("."):
            steps.append(target.name)

    monkeypatch.setattr(file_upscaler, "MOST_AHEAD", 95)
    monkeypatch.setattr(image, "read", note_read)
    monkeypatch.setattr(files, "publish", note_publish)
    arguments = [draw(here / name) for name in ("a.png", "b.png", "c.png")]
    assert amsr("infer", *arguments, "--model", repeat_model).exit_code == 0
    assert steps == ["a.png", "a_x4.png", "b.png", "b_x4.png", "c.png", "c_x4.png"]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
@pytest.mark.parametrize("arguments", [[], ["--compare"], ["--width", 50]])
def test_one_network_runs_at_a_time(
    here: Path, repeat_model: Path, monkeypatch: pytest.MonkeyPatch, mode: str, arguments: list[object]
) -> None:
    rng = np.random.default_rng(0)
    sources = [here / f"{name}.png" for name in "abcd"]
    for source in sources:
        Image.fromarray(rng.integers(0, 255, (40, 40, 4), dtype=np.uint8)).convert(mode).save(source)
    run, running, together = OnnxRuntimeBackend.run, threading.Semaphore(1), []

    def watched(*values: Any) -> Any:
        free = running.acquire(blocking=False)
        together.append(not free)
        try:
            time.sleep(0.005)  # so that others would come
            return run(*values)
        finally:
            if free:
                running.release()

    monkeypatch.setattr(OnnxRuntimeBackend, "run", watched)
    assert amsr("infer", *sources, "--model", repeat_model, "--tile", 24, *arguments).exit_code == 0
    assert len(together) == 4 * 9 * (1 if mode == "RGB" else 2)
    assert not any(together)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("count", [1, 3])
def test_an_interrupt_ends_the_network_and_leaves_nothing_behind(
    here: Path, repeat_model: Path, monkeypatch: pytest.MonkeyPatch, count: int, number: signal.Signals
) -> None:
    arguments = [draw(here / name, size=(60, 60)) for name in ("c.png", "b.png", "a.png")[-count:]]
    run, stop, ran, stopped = OnnxRuntimeBackend.run, Pipeline.stop, [], threading.Event()

    def interrupt(*values: Any) -> Any:
        ran.append(values)
        if len(ran) == (count - 1) * 16 + 2:  # in the last picture, of 16 tiles
            os.kill(os.getpid(), number)
            assert stopped.wait(60)  # where the network is not in the main thread, which gets the signal
        return run(*values)

    def note(pipeline: Pipeline) -> None:
        stop(pipeline)
        stopped.set()

    monkeypatch.setattr(OnnxRuntimeBackend, "run", interrupt)
    monkeypatch.setattr(Pipeline, "stop", note)
    (here / "log.json").write_text('{"output": "of an earlier run"}\n')
    result = amsr("infer", *arguments, "--model", repeat_model, "--tile", 24, "--json", "log.json")
    assert result.exit_code == 128 + number
    assert f"{count - 1} of {count} pictures are done" in result.stderr
    log = [json.loads(line)["output"] for line in (here / "log.json").read_text().splitlines()]
    made = ["c_x4.png", "b_x4.png"][: count - 1]
    assert [Path(each).name for each in log] == (made or ["of an earlier run"])
    assert names(here) == sorted(["log.json", *(path.name for path in arguments), *made])


def test_an_interrupt_while_a_file_is_written_costs_this_file(
    here: Path, repeat_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.png"):
        draw(here / name)
    publish = files.publish

    def interrupt(source: Path, target: Path, replace: bool) -> None:
        if "b_x4" in str(target):
            raise KeyboardInterrupt
        publish(source, target, replace)

    monkeypatch.setattr(files, "publish", interrupt)
    result = amsr("infer", "a.png", "b.png", "--model", repeat_model, "--json", "log.json")
    assert result.exit_code == 130
    assert "1 of 2 pictures are done" in result.stderr
    assert names(here) == ["a.png", "a_x4.png", "b.png", "log.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupt_while_a_picture_is_told_of_loses_nothing(
    here: Path, repeat_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = Reporter.tell

    def interrupt(*values: Any) -> None:
        if "b.png" in str(values[2]):
            os.kill(os.getpid(), signal.SIGINT)
        tell(*values)

    monkeypatch.setattr(Reporter, "tell", interrupt)
    result = amsr(
        "infer", *(draw(here / name) for name in ("a.png", "b.png")), "--model", repeat_model, "--json", "log.json"
    )
    assert result.exit_code == 130
    assert "2 of 2 pictures are done" in result.stderr
    assert len((here / "log.json").read_text().splitlines()) == 2
    assert names(here) == ["a.png", "a_x4.png", "b.png", "b_x4.png", "log.json"]


def test_the_network_is_free_after_the_last_tile_of_a_picture() -> None:
    pipeline, begun = Pipeline(at_once=1), threading.Event()
    first, second = (Turn(pipeline, number, on_tile=lambda *_: None) for number in range(2))

    def follow() -> None:
        with second.network():
            begun.set()

    follower = threading.Thread(target=follow)
    with first.network():
        follower.start()
        first.last_tile(1, 2)
        assert not begun.wait(0.05)
        first.last_tile(2, 2)
        assert begun.wait(60)
    follower.join()
