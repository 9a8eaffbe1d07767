"""Many pictures in one command: which are found, where results go, and that one that fails costs nobody else."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import amsr, errors
from PIL import Image
from scale_cases import write_model

from amsr_deploy import files, image
from amsr_deploy.commands.batch import Reporter
from amsr_deploy.commands.comparison import TITLE
from amsr_deploy.commands.inputs import natural
from amsr_deploy.commands.turns import Turns
from amsr_deploy.interrupts import SIGNALS
from amsr_deploy.runtime.backends.onnxruntime import OnnxRuntimeBackend
from amsr_deploy.runtime.upscaler import Upscaler


def draw(path: Path, size: tuple[int, int] = (12, 8), colour: str = "teal") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, "JPEG" if path.suffix == ".jpg" else "PNG")
    return path


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that repeats pixels four times."""
    return write_model(tmp_path_factory.mktemp("model") / "repeat.onnx", 4)


@pytest.fixture(params=["infer", "mask"])
def command(request: pytest.FixtureRequest, model: Path) -> tuple[list[object], str]:
    """A command that reads pictures, and the ending of what it writes."""
    return (["infer", "--model", model], "_x4.png") if request.param == "infer" else (["mask"], "_mask.png")


Command = tuple[list[object], str]


def test_existing_results_stay_unless_the_user_says_so(here: Path, command: Command) -> None:
    arguments, ending = command
    draw(here / "a.png")
    target = here / f"a{ending}"
    target.write_text("mine")
    refused = amsr(*arguments, "a.png")
    assert refused.exit_code == 1
    (line,) = errors(refused)
    for part in (target.name, "exists", "--overwrite", "--skip-existing"):
        assert part in line
    assert amsr(*arguments, "a.png", "--skip-existing").exit_code == 0
    assert target.read_text() == "mine"
    target.chmod(0o444)
    protected = amsr(*arguments, "a.png", "--overwrite")
    assert "write-protected" in errors(protected)[0]
    assert target.read_text() == "mine"
    target.chmod(0o644)
    assert amsr(*arguments, "a.png", "--overwrite").exit_code == 0
    assert Image.open(target).format == "PNG"
    assert amsr(*arguments, "a.png", "--overwrite", "--skip-existing").exit_code == 2


@pytest.mark.parametrize("option", ["--save-mask", "--compare"])
def test_pictures_beside_the_result_replace_nothing(here: Path, model: Path, option: str) -> None:
    draw(here / "a.png")
    path = here / ("a_x4_compare.png" if option == "--compare" else "saved.png")
    path.write_text("mine")
    infer = ["infer", "--model", model, "a.png", option, *(["saved.png"] if option == "--save-mask" else [])]
    assert "exists" in errors(amsr(*infer))[0]
    assert path.read_text() == "mine"
    assert not (here / "a_x4.png").exists()
    assert amsr(*infer, "--overwrite").exit_code == 0
    assert Image.open(path).format == "PNG"


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jpg", ".jxl"])
@pytest.mark.parametrize("moment", [(Upscaler, "start"), (OnnxRuntimeBackend, "run")], ids=["early", "late"])
def test_a_file_that_appears_during_the_work_stays(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch, moment: tuple[type, str], suffix: str
) -> None:
    draw(here / "a.png")
    target = here / f"a_x4{suffix}"
    work = getattr(*moment)

    def slow(*arguments: Any, **settings: Any) -> Any:
        target.write_text("of another run")
        return work(*arguments, **settings)

    monkeypatch.setattr(*moment, slow)
    infer = ["infer", "a.png", "--model", model, "--format", suffix[1:]]
    assert "exists already" in errors(amsr(*infer))[0]
    target.unlink()
    skipped = amsr(*infer, "--skip-existing")
    assert skipped.exit_code == 0, skipped.output
    assert "skipped" in skipped.output
    assert target.read_text() == "of another run"
    assert names(here) == ["a.png", target.name]
    assert amsr(*infer, "--overwrite").exit_code == 0
    assert image.read(target).size == (32, 48)


def test_inputs_that_want_one_name_lose_no_result(here: Path, command: Command) -> None:
    arguments, ending = command
    draw(here / "a.png", colour="red")
    draw(here / "a.jpg", colour="blue")
    draw(here / "sub" / "a.png", colour="lime")
    one_call = amsr(*arguments, "a.png", "a.jpg", "sub/a.png", "-o", "out")
    assert one_call.exit_code == 1
    assert len([line for line in errors(one_call) if "is the result of a.png already" in line]) == 2
    first = (here / "out" / f"a{ending}").read_bytes()
    two_calls = amsr(*arguments, "a.jpg", "-o", "out")
    assert "exists" in errors(two_calls)[0]
    assert (here / "out" / f"a{ending}").read_bytes() == first
    assert amsr(*arguments, "a.jpg", "-o", "out", "--suffix", "_jpg").exit_code == 0
    assert names(here / "out") == [f"a{ending}", "a_jpg.png"] or names(here / "out") == ["a_jpg.png", f"a{ending}"]


def test_a_picture_that_fails_leaves_its_name_to_others(here: Path, command: Command) -> None:
    arguments, ending = command
    (here / "a.png").write_text("no picture")
    (here / "a.webp").write_text("nor this")
    draw(here / "a.jpg")
    draw(here / "b.png")
    draw(here / "sub" / "a.jpg")
    result = amsr(*arguments, "a.png", "a.webp", "a.jpg", "sub/a.jpg", "b.png", "-o", "out", "--json")
    assert result.exit_code == 1
    entries = {entry["input"]: entry for entry in map(json.loads, result.stdout.splitlines())}
    assert {name for name, entry in entries.items() if "output" in entry} == {"a.jpg", "b.png"}
    assert "is the result of a.jpg already" in entries["sub/a.jpg"]["error"]
    assert len(errors(result)) == 4
    assert names(here / "out") == [f"a{ending}", f"b{ending}"]


def bad_inputs(folder: Path) -> list[Path]:
    """Inputs of which each cannot be read in its own way."""
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "dangling.png").symlink_to("nowhere.png")
    (folder / "text.png").write_text("hello")
    (folder / "empty.png").write_bytes(b"")
    (folder / "empty").mkdir()
    cut = draw(folder / "cut.png")
    cut.write_bytes(cut.read_bytes()[:45])
    long = Path("x" * 300 + ".png")
    below = Path("text.png/a.png")
    return [
        *(folder / name for name in ("loop.png", "dangling.png", "text.png", "empty.png", "empty", "cut.png")),
        long,
        below,
    ]


def test_a_picture_that_fails_stops_no_other(here: Path, command: Command) -> None:
    arguments, ending = command
    bad = bad_inputs(here)
    draw(here / "good.png")
    (here / "legacy").mkdir()
    raw = os.fsdecode(os.fsencode(here / "legacy") + b"/caf\xe9.png")
    draw(Path(raw))
    result = amsr(*arguments, *bad, "good.png", raw, "-o", "out")
    assert result.exit_code == 1
    lines = errors(result)
    assert len(lines) == len(bad) + 1
    assert f"{len(bad)} of {len(bad) + 2} pictures failed" in lines[-1]
    for path in bad:
        assert any(path.name in line for line in lines), path
    assert not [line for line in lines if "unexpected" in line or "Traceback" in line]
    assert len(list((here / "out").iterdir())) == 2
    assert (here / "out" / f"good{ending}").is_file()


@pytest.mark.parametrize("error", [RuntimeError("odd"), RecursionError(), ValueError(), MemoryError(), KeyError("x")])
def test_any_exception_of_one_picture_stops_no_other(
    here: Path, command: Command, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    arguments, ending = command
    draw(here / "a.png")
    draw(here / "b.png")
    read = image.read

    def fail(path: Path, content: bytes | None = None) -> image.Picture:
        if path.name == "a.png":
            raise error
        return read(path, content)

    monkeypatch.setattr(image, "read", fail)
    result = amsr(*arguments, "a.png", "b.png", "--json")
    assert result.exit_code == 1
    assert len(errors(result)) == 2
    assert (here / f"b{ending}").is_file()
    entries = [json.loads(line) for line in result.stdout.splitlines()]
    assert [entry["input"] for entry in entries] == ["a.png", "b.png"]
    assert "error" in entries[0]
    assert entries[1]["output"] == f"b{ending}"


def test_legacy_names_of_all_files(here: Path, model: Path) -> None:
    """Names whose bytes are not UTF-8 are files like others, and can be printed."""
    raw = os.fsdecode(b"caf\xe9")
    draw(here / f"{raw}.png")
    own = here / f"{raw}.onnx"
    own.write_bytes(model.read_bytes())
    draw(here / f"{raw}_region.png", colour="white")
    mask = here / f"{raw}_region.png"
    (here / "list.txt").write_bytes(b"caf\xe9.png\n")
    for arguments in ([f"{raw}.png"], ["--files-from", "list.txt", "-o", "out", "--json"], ["*[!n].png", "-o", "more"]):
        single = ["--mask", mask, "--save-mask", f"{raw}_saved.png"] if arguments == [f"{raw}.png"] else []
        result = amsr("infer", *arguments, "--model", own, *single)
        assert result.exit_code == 0, result.output
        assert "caf" in result.stdout
    assert (here / f"{raw}_saved.png").is_file()
    assert (here / "out" / f"{raw}_x4.png").is_file()
    assert amsr("mask", f"{raw}.png").exit_code == 0


def test_names_as_long_as_the_file_system_allows(here: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, ending = command
    longest = os.pathconf(here, "PC_NAME_MAX")
    stem = "n" * (longest - len(ending))
    draw(here / f"{stem}.png")
    assert amsr(*arguments, f"{stem}.png").exit_code == 0
    assert (here / f"{stem}{ending}").is_file()
    wide = "é" * ((longest - 4) // 2)  # two bytes each
    draw(here / f"{wide}.png")
    read = image.read
    monkeypatch.setattr(image, "read", lambda *_: pytest.fail("it should be refused before the work"))
    (line,) = errors(amsr(*arguments, f"{wide}.png"))
    assert f"{longest} are possible" in line
    monkeypatch.setattr(image, "read", read)
    assert amsr(*arguments, f"{wide}.png", "--suffix", "", "-o", "out").exit_code == 0


def test_folders_and_trees(here: Path, command: Command) -> None:
    arguments, ending = command
    for name in (
        "in/b.png",
        "in/a10.jpg",
        "in/a2.png",
        "in/sub/deep/c.png",
        "in/.hidden.png",
        "in/._a2.png",
        "in/.git/d.png",
    ):
        draw(here / name)
    (here / "in" / "notes.txt").write_text("no picture")
    flat = amsr(*arguments, "in", "-o", "flat")
    assert flat.exit_code == 0, flat.output
    order = [line.partition(":")[0] for line in flat.stdout.splitlines()]
    assert order == [str(Path("flat", f"{stem}{ending}")) for stem in ("a2", "a10", "b")]
    tree = amsr(*arguments, "in", "-r", "-o", "tree")
    assert tree.exit_code == 0, tree.output
    assert names(here / "tree") == sorted([f"a2{ending}", f"a10{ending}", f"b{ending}", f"sub/deep/c{ending}"])
    inside = amsr(*arguments, "in", "-r", "-o", "in/results")
    assert inside.exit_code == 0, inside.output
    again = amsr(*arguments, "in", "-r", "-o", "in/results", "--skip-existing", "--json")
    assert len(again.stdout.splitlines()) == 4
    assert all("skipped" in json.loads(line) for line in again.stdout.splitlines())


def test_results_in_the_folder_of_the_pictures_are_no_pictures(here: Path, command: Command) -> None:
    arguments, ending = command
    draw(here / "a.png")
    draw(here / "b_x4.png")  # nobody's result: there is no b
    for _ in range(2):
        assert amsr(*arguments, ".", "--overwrite").exit_code == 0
    assert names(here) == sorted(["a.png", f"a{ending}", "b_x4.png", f"b_x4{ending}"])


def test_results_with_a_suffix_of_the_user_are_no_pictures(here: Path, command: Command) -> None:
    arguments, _ = command
    draw(here / "a.png")
    draw(here / "b_print.png")  # nobody's result: there is no b
    for _ in range(2):
        assert amsr(*arguments, ".", "--suffix", "_print", "--overwrite").exit_code == 0
    assert names(here) == ["a.png", "a_print.png", "b_print.png", "b_print_print.png"]
    assert amsr(*arguments, ".", "--suffix", "", "-o", "out").exit_code == 0
    assert names(here / "out") == ["a.png", "a_print.png", "b_print.png", "b_print_print.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes with names")
@pytest.mark.parametrize("pictures", [".", "*.png"])
def test_pipes_among_pictures_are_passed_over(here: Path, command: Command, pictures: str) -> None:
    arguments, ending = command
    draw(here / "a.png")
    os.mkfifo(here / "endless.png")
    assert amsr(*arguments, pictures, "-o", "out").exit_code == 0
    assert names(here / "out") == [f"a{ending}"]


def test_an_empty_name_is_refused(here: Path, command: Command) -> None:
    arguments, _ = command
    draw(here / "a.png")
    for given in ([""], ["a.png", ""], ["a.png", "-o", ""], ["--files-from", ""]):
        result = amsr(*arguments, *given)
        assert result.exit_code == 2
        assert "empty name" in result.stderr
    assert names(here) == ["a.png"]


@pytest.mark.parametrize("content", ["a picture", "a\r\n".encode("utf-16"), b"\xfe\xff\0a\0\n"])
def test_what_is_no_list_of_names_is_refused_in_a_line(here: Path, command: Command, content: str | bytes) -> None:
    arguments, _ = command
    draw(here / "a.png")
    if isinstance(content, bytes):
        (here / "list").write_bytes(content)
    else:
        draw(here / "b.png").rename(here / "list")
    result = amsr(*arguments, "--files-from", "list")
    assert result.exit_code == 1
    assert errors(result) == ["amsr: error: list list is no list of names; give a text in UTF-8 with one name a line"]


def test_patterns_and_lists(here: Path, command: Command) -> None:
    arguments, ending = command
    for name in ("p1.png", "p2.png", "p10.png", "[odd].png", ".p3.png"):
        draw(here / name)
    result = amsr(*arguments, "p*.png", "[odd].png", "-o", "out")
    assert result.exit_code == 0, result.output
    assert names(here / "out") == sorted(f"{stem}{ending}" for stem in ("p1", "p2", "p10", "[odd]"))
    (here / "list.txt").write_text("p1.png\r\n\np2.png\n")
    assert amsr(*arguments, "--files-from", "list.txt", "-o", "listed").exit_code == 0
    assert names(here / "listed") == [f"p1{ending}", f"p2{ending}"]
    assert amsr(*arguments, "--files-from", "-", "-o", "piped", stdin=b"p10.png\n").exit_code == 0
    assert names(here / "piped") == [f"p10{ending}"]
    assert amsr(*arguments, "--files-from", "-", "-o", "zeros", stdin=b"p1.png\0p2.png\0").exit_code == 0
    assert names(here / "zeros") == names(here / "listed")
    (here / "list.txt").write_text("p2.png\n", encoding="utf-8-sig")
    assert amsr(*arguments, "--files-from", "list.txt", "-o", "marked").exit_code == 0
    assert names(here / "marked") == [f"p2{ending}"]
    (nothing,) = errors(amsr(*arguments, "q*.png"))
    assert "q*.png matches no picture" in nothing
    assert amsr(*arguments, "--files-from", "none.txt").exit_code == 1


def test_natural_order() -> None:
    paths = [Path(name) for name in ("b.png", "a10.png", "A9.png", "a١.png", "a.png", "10.png", "9.png")]
    assert [path.name for path in natural(paths)] == [
        "9.png",
        "10.png",
        "a.png",
        "A9.png",
        "a10.png",
        "a١.png",
        "b.png",
    ]


def test_standard_input_and_output(here: Path, command: Command) -> None:
    arguments, _ = command
    small = draw(here / "a.png").read_bytes()
    for output in ([], ["-o", "-"]):
        result = amsr(*arguments, "-", *output, stdin=small)
        assert result.exit_code == 0, result.stderr
        with Image.open(io.BytesIO(result.stdout_bytes)) as large:
            assert large.size in ((48, 32), (12, 8))
        assert "density" in result.stderr
    assert amsr(*arguments, "a.png", "-o", "-", "--format", "jpg").stdout_bytes[:3] == b"\xff\xd8\xff"
    assert amsr(*arguments, "-", "-o", "named.png", stdin=small).exit_code == 0
    assert names(here) == ["a.png", "named.png"]
    assert amsr(*arguments, "-", "a.png", stdin=small).exit_code == 2
    assert amsr(*arguments, "-", "-", stdin=small).exit_code == 2
    broken = amsr(*arguments, "-", stdin=b"no picture")
    assert broken.stdout_bytes == b""
    assert errors(broken)[0].startswith("amsr: error: standard input ")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_standard_streams_that_are_closed_or_full(here: Path, command: Command) -> None:
    arguments, _ = command
    draw(here / "a.png")
    amsr_here = shlex.join([sys.executable, "-m", "amsr_deploy", *map(str, arguments)])
    cases = {
        "a.png -o - >&-": "standard output is closed",
        "- -o b.png <&-": "standard input",
        "--files-from - <&-": "list",
    }
    if Path("/dev/full").exists():
        cases["a.png -o - >/dev/full"] = "standard output: No space left on device"
    for rest, expected in cases.items():
        result = subprocess.run(f"{amsr_here} {rest}", shell=True, stderr=subprocess.PIPE, text=True)
        assert result.returncode in (1, 2)
        assert expected in result.stderr.splitlines()[-1]
        assert "unexpected" not in result.stderr
        assert "density" not in result.stderr  # the line of a picture that is done
    assert names(here) == ["a.png"]


def test_several_pictures_need_a_folder(here: Path, command: Command) -> None:
    arguments, ending = command
    for name in ("a.png", "b.png", "in/c.png"):
        draw(here / name)
    (here / "file").write_text("in the way")
    for inputs in (["a.png", "b.png"], ["in"], ["*.png"]):
        for output in ("out.png", "file"):
            assert amsr(*arguments, *inputs, "-o", output).exit_code == 2
    assert not (here / "out.png").exists()
    assert amsr(*arguments, "a.png", "-o", "out.png").exit_code == 0
    (here / "folder.png").mkdir()
    assert amsr(*arguments, "a.png", "b.png", "-o", "folder.png").exit_code == 0
    assert names(here / "folder.png") == [f"a{ending}", f"b{ending}"]


def test_formats_and_suffixes(here: Path, command: Command) -> None:
    arguments, _ = command
    draw(here / "a.png")
    for name, form in (("jpg", "JPEG"), ("webp", "WEBP"), ("tiff", "TIFF"), ("bmp", "BMP")):
        assert amsr(*arguments, "a.png", "--format", name, "--suffix", "-new").exit_code == 0
        with Image.open(here / f"a-new.{name}") as file:
            assert file.format == form
    assert amsr(*arguments, "a.png", "-o", "b.png", "--format", "jpg").exit_code == 2
    assert amsr(*arguments, "a.png", "--suffix", "/../x").exit_code == 2
    assert "is an input" in errors(amsr(*arguments, "a.png", "--suffix", "", "--overwrite"))[0]


def test_pictures_overlap_and_are_told_of_in_their_order(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the first one is written, the others are read and upscaled; one of them is broken, each has a warning."""
    for name in ("a.png", "b.png", "d.png"):
        draw(here / name)
    (here / "c.png").write_text("no picture")
    last_began = threading.Event()
    read, start, publish = image.read, Upscaler.start, files.publish

    def read_with_warning(path: Path, content: bytes | None = None) -> image.Picture:
        logging.getLogger("amsr_deploy").warning("%s is odd", path)
        return read(path, content)

    def note(*arguments: Any, **settings: Any) -> Any:
        started.append(threading.current_thread())
        if len(started) == 3:
            last_began.set()
        return start(*arguments, **settings)

    def wait(source: Path, target: Path, replace: bool) -> None:
        if "a_x4" in str(target):
            assert last_began.wait(60)
        publish(source, target, replace)

    started: list[threading.Thread] = []
    monkeypatch.setattr(image, "read", read_with_warning)
    monkeypatch.setattr(Upscaler, "start", note)
    monkeypatch.setattr(files, "publish", wait)
    result = amsr("infer", *(f"{name}.png" for name in "abcd"), "--model", model)
    assert result.exit_code == 1
    said = [line.removeprefix("amsr: ").removeprefix("error: ")[:8] for line in result.output.splitlines()]
    expected = ["a.png is", "a_x4.png", "b.png is", "b_x4.png", "c.png is", "c.png is", "d.png is", "d_x4.png"]
    assert said == [*expected, "1 of 4 p"]


def test_large_pictures_wait_for_each_other(here: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from amsr_deploy.commands import infer

    steps = []
    read, publish = image.read, files.publish

    def note_read(path: Path, content: bytes | None = None) -> image.Picture:
        steps.append(path.name)
        return read(path, content)

    def note_publish(source: Path, target: Path, replace: bool) -> None:
        publish(source, target, replace)
        steps.append(target.name)

    monkeypatch.setattr(infer, "MOST_AHEAD", 95)
    monkeypatch.setattr(image, "read", note_read)
    monkeypatch.setattr(files, "publish", note_publish)
    arguments = [draw(here / name) for name in ("a.png", "b.png", "c.png")]
    assert amsr("infer", *arguments, "--model", model).exit_code == 0
    assert steps == ["a.png", "a_x4.png", "b.png", "b_x4.png", "c.png", "c_x4.png"]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
@pytest.mark.parametrize("arguments", [[], ["--compare"], ["--width", 50]])
def test_one_network_runs_at_a_time(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch, mode: str, arguments: list[object]
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
    assert amsr("infer", *sources, "--model", model, "--tile", 24, *arguments).exit_code == 0
    assert len(together) == 4 * 9 * (1 if mode == "RGB" else 2)
    assert not any(together)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("count", [1, 3])
def test_an_interrupt_ends_the_network_and_leaves_nothing_behind(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch, count: int, number: signal.Signals
) -> None:
    arguments = [draw(here / name, size=(60, 60)) for name in ("c.png", "b.png", "a.png")[-count:]]
    run, stop, ran, stopped = OnnxRuntimeBackend.run, Turns.stop, [], threading.Event()

    def interrupt(*values: Any) -> Any:
        ran.append(values)
        if len(ran) == (count - 1) * 16 + 2:  # in the last picture, of 16 tiles
            os.kill(os.getpid(), number)
            assert stopped.wait(60)  # where the network is not in the main thread, which gets the signal
        return run(*values)

    def note(turns: Turns) -> None:
        stop(turns)
        stopped.set()

    monkeypatch.setattr(OnnxRuntimeBackend, "run", interrupt)
    monkeypatch.setattr(Turns, "stop", note)
    (here / "log.json").write_text('{"output": "of an earlier run"}\n')
    result = amsr("infer", *arguments, "--model", model, "--tile", 24, "--json", "log.json")
    assert result.exit_code == 128 + number
    assert f"{count - 1} of {count} pictures are done" in result.stderr
    log = [json.loads(line)["output"] for line in (here / "log.json").read_text().splitlines()]
    made = ["c_x4.png", "b_x4.png"][: count - 1]
    assert [Path(each).name for each in log] == (made or ["of an earlier run"])
    assert names(here) == sorted(["log.json", *(path.name for path in arguments), *made])


def test_an_interrupt_while_a_file_is_written_costs_this_file(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.png", "b.png"):
        draw(here / name)
    publish = files.publish

    def interrupt(source: Path, target: Path, replace: bool) -> None:
        if "b_x4" in str(target):
            raise KeyboardInterrupt
        publish(source, target, replace)

    monkeypatch.setattr(files, "publish", interrupt)
    result = amsr("infer", "a.png", "b.png", "--model", model, "--json", "log.json")
    assert result.exit_code == 130
    assert "1 of 2 pictures are done" in result.stderr
    assert names(here) == ["a.png", "a_x4.png", "b.png", "log.json"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_a_disk_that_takes_no_more(here: Path, command: Command, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    arguments, _ = command
    draw(here / "a.png")

    def fail(source: Path, target: Path, _replace: bool) -> None:
        raise OSError(number, os.strerror(number), str(source), None, str(target))

    monkeypatch.setattr(files, "publish", fail)
    result = amsr(*arguments, "a.png")
    assert result.exit_code == 1
    assert os.strerror(number) in errors(result)[0]
    assert names(here) == ["a.png"]


def test_json_lines(here: Path, command: Command) -> None:
    arguments, ending = command
    draw(here / "a.png")
    (here / "b.png").write_text("no picture")
    for where in ("-", "log.json"):
        result = amsr(*arguments, "a.png", "b.png", "--json", where, "--overwrite")
        text = result.stdout if where == "-" else (here / where).read_text()
        entries = {entry["input"]: entry for entry in map(json.loads, text.splitlines())}
        assert entries["a.png"]["output"] == f"a{ending}"
        assert "b.png" in entries["b.png"]["error"]
    assert amsr(*arguments, "--json", "a.png", "--overwrite").exit_code == 0  # no value: standard output
    assert amsr(*arguments, "a.png", "--json", "--overwrite").exit_code == 0


@pytest.mark.parametrize("name", ["report.txt", "report.jsonl", "folder/report.CSV", "/none/report.log"])
def test_a_report_of_another_name_is_no_picture(here: Path, command: Command, name: str) -> None:
    arguments, _ = command
    draw(here / "a.png")
    for given in (["a.png", "--json", name], ["--json", name, "a.png"]):
        result = amsr(*arguments, *given)
        assert result.exit_code == 2
        assert errors(result) == [f"amsr: error: {name} does not end in .json; give another name"]
        assert result.stdout == ""
    assert names(here) == ["a.png"]


@pytest.mark.parametrize("name", ["b.png", "b.dat", "folder.v1", "*.dat", "b.d?t", "[b].png"])
def test_what_follows_json_may_be_a_picture(here: Path, command: Command, name: str) -> None:
    arguments, _ = command
    (here / "folder.v1").mkdir()
    for path in ("b.png", "folder.v1/b.png"):
        draw(here / path)
    draw(here / "c.png").rename(here / "b.dat")
    assert amsr(*arguments, "--json", name, "-o", "out/").exit_code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes with names")
def test_links_and_pipes_stay_what_they_are(here: Path, command: Command) -> None:
    arguments, ending = command
    draw(here / "a.png")
    (here / "link.json").symlink_to("report.json")
    assert amsr(*arguments, "a.png", "--json", "link.json").exit_code == 0
    assert (here / "link.json").is_symlink()
    assert json.loads((here / "report.json").read_text())["output"] == f"a{ending}"
    for name in ("pipe.png", "pipe.json"):
        os.mkfifo(here / name)
    for given in (["-o", "pipe.png"], ["--json", "pipe.json"]):
        (line,) = errors(amsr(*arguments, "a.png", "--overwrite", *given))
        assert "is a pipe" in line
    assert (here / "pipe.png").is_fifo()
    assert (here / "pipe.json").is_fifo()


def test_a_report_replaces_no_input(here: Path, command: Command) -> None:
    arguments, _ = command
    picture = draw(here / "a.png").rename(here / "pic.json")
    names_of_pictures = here / "list.json"
    names_of_pictures.write_text("pic.json\n")
    before = picture.read_bytes()
    for given in (["pic.json", "--json", "pic.json"], ["--files-from", "list.json", "--json", "./list.json"]):
        result = amsr(*arguments, *given, "-o", "out/")
        assert result.exit_code == 2
        assert "is an input" in errors(result)[0]
    assert picture.read_bytes() == before
    assert names_of_pictures.read_text() == "pic.json\n"
    assert not (here / "out").exists()


@pytest.mark.skipif(os.name == "nt", reason="permissions")
def test_reports_are_written_anew_and_pictures_are_not(here: Path, command: Command) -> None:
    arguments, ending = command
    draw(here / "a.png")
    report, result = here / "report.json", here / f"a{ending}"
    for path in (report, result):
        path.write_text("old")
        path.chmod(0o640)
    assert amsr(*arguments, "a.png", "--json", "report.json").exit_code == 1
    assert "exists" in json.loads(report.read_text())["error"]
    assert result.read_text() == "old"
    assert amsr(*arguments, "a.png", "--json", "report.json", "--overwrite").exit_code == 0
    assert json.loads(report.read_text())["output"] == result.name
    assert {path.stat().st_mode & 0o777 for path in (report, result)} == {0o640}


def test_shared_options_stand_before_or_after_the_command(here: Path, command: Command) -> None:
    arguments, _ = command
    draw(here / "a.png")
    name, *rest = arguments
    for before, after in (([], ["-q"]), (["--quiet"], [])):
        quiet = amsr(*before, name, *rest, "a.png", "--overwrite", *after)
        assert (quiet.exit_code, quiet.stdout, quiet.stderr) == (0, "", "")
    for before, after in (([], ["--debug"]), (["--debug"], [])):
        result = amsr(*before, name, *rest, "none.png", *after)
        assert "Traceback" in result.stderr
        assert result.exit_code == 1
    draw(here / "a_mask.png")
    for before, after in (([], ["-v"]), (["--verbose"], [])):
        assert "is passed over" in amsr(*before, name, *rest, ".", "--overwrite", *after).stderr
    assert "is passed over" not in amsr(name, *rest, ".", "--overwrite").stderr
    assert amsr("-V").stdout == amsr("--version").stdout


def test_without_pictures_the_usage_is_short(command: Command) -> None:
    arguments, _ = command
    result = amsr(*arguments)
    assert result.exit_code == 2
    assert result.stderr.count(f"  amsr {arguments[0]} ") == 3
    assert len(result.stderr.splitlines()) < 10


def test_the_help_names_the_suffix(command: Command) -> None:
    (name, *_), ending = command
    words = " ".join(amsr(name, "--help").stdout.split())
    assert f"Ending of the outputs' names. [default: {Path(ending).stem}" in words


def test_a_file_that_looks_like_an_option_is_answered_with_its_name(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, _ = command
    for exists in (False, True):
        if exists:
            Path("-zash.png").touch()
        result = amsr(*arguments, "-zash.png")
        assert result.exit_code == 2
        assert ("Give the file -zash.png as ./-zash.png" in result.stderr) is exists


def test_misspelled_options_are_answered_with_the_nearest(command: Command) -> None:
    arguments, _ = command
    result = amsr(*arguments, "a.png", "--overwrit")
    assert result.exit_code == 2
    assert "--overwrite" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_terminal_gets_a_bar_and_a_pipe_none(here: Path, model: Path) -> None:
    import pty
    import subprocess

    draw(here / "a.png", size=(40, 40))
    command = [
        sys.executable,
        "-m",
        "amsr_deploy",
        "infer",
        "a.png",
        "--model",
        str(model),
        "--overwrite",
        "--tile",
        "20",
    ]
    piped = subprocess.run(command, capture_output=True, text=True, check=True)
    assert piped.stderr == ""
    master, slave = pty.openpty()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=slave) as process:
        os.close(slave)
        shown = b""
        try:
            while part := os.read(master, 4096):
                shown += part
        except OSError:  # the terminal is closed
            pass
        assert process.stdout is not None
        line = process.stdout.read().decode()
    os.close(master)
    assert b"a.png" in shown
    assert line.startswith("a_x4.png: repeat.onnx (yours)")


def test_what_a_budget_pays_for(here: Path, model: Path) -> None:
    """The model's fixed part costs 0.25 of dense: what is left of the budget is the density."""
    with Image.open(Path(__file__).parents[2] / "examples" / "osprey.png") as file:
        file.crop((100, 20, 260, 140)).save(here / "a.png")
    infer = ("infer", "a.png", "--model", model, "--json", "--overwrite")
    dilations = []
    for budget in (0.4, 0.6, 0.8):
        entry = json.loads(amsr(*infer, "--budget", budget).stdout)
        following = json.loads(amsr(*infer, "--dilation", entry["dilation"] + 2).stdout)
        assert entry["cost_share"] <= budget < following["cost_share"]
        dilations.append(entry["dilation"])
    assert dilations == sorted(set(dilations))
    poor = amsr(*infer, "--budget", 0.1)
    least = json.loads(poor.stdout)
    assert least["dilation"] == 1
    assert f"even dilation 1 costs {least['cost_share']:.3g} of the dense network, not 0.1" in poor.stderr
    levels = {
        level: json.loads(amsr(*infer, "--quality-level", level).stdout) for level in ("fast", "balanced", "best")
    }
    assert [entry["dilation"] for entry in levels.values()] == [1, 5, 21]
    for options in (["--budget", 0.4, "--dilation", 3], ["--budget", 0.4, "--dense"], ["--budget", 2], ["--budget", 0]):
        assert amsr(*infer, *options).exit_code == 2


@pytest.mark.parametrize(("size", "rows"), [((40, 60), 1), ((120, 120), 1), ((121, 60), 2), ((40, 200), 2)])
def test_a_comparison_shows_the_result_and_a_crop_that_is_less(
    here: Path, model: Path, size: tuple[int, int], rows: int
) -> None:
    pixels = np.full((*size, 4), (200, 30, 30, 255), np.uint8)
    pixels[10:20, 30:50] = np.random.default_rng(0).integers(0, 255, (10, 20, 4), dtype=np.uint8)
    Image.fromarray(pixels).save(here / "a.png")
    assert amsr("infer", "a.png", "--model", model, "--compare").exit_code == 0
    with Image.open(here / "a_x4_compare.png") as sheet:
        assert sheet.width >= 4 * 240
        crop = min(480, 4 * size[0]) + TITLE
        whole = round(4 * size[0] * min(1, 480 / (4 * max(size)))) + TITLE
        assert sheet.height == whole + (rows - 1) * crop
        colours = sheet.convert("RGB").getcolors(1 << 24)
    assert colours is not None
    assert (200, 30, 30) in {colour for _, colour in colours}


def test_a_result_that_is_missing_is_made_beside_its_comparison(here: Path, model: Path) -> None:
    draw(here / "a.png")
    (here / "a_x4_compare.png").write_text("mine")
    result = amsr("infer", "a.png", "--model", model, "--compare", "--skip-existing")
    assert result.exit_code == 0
    assert names(here) == ["a.png", "a_x4.png", "a_x4_compare.png"]
    assert (here / "a_x4_compare.png").read_text() == "mine"


@pytest.mark.parametrize("option", ["--compare", "--save-mask"])
@pytest.mark.parametrize("mode", ["RGB", "LA"])
def test_what_is_missing_beside_a_result_is_made(here: Path, model: Path, option: str, mode: str) -> None:
    Image.open(draw(here / "a.png")).convert(mode).save(here / "a.png")
    more = [option, *(["saved.png"] if option == "--save-mask" else [])]
    beside = here / ("saved.png" if option == "--save-mask" else "a_x4_compare.png")
    infer = ["infer", "--model", model, "a.png"]
    assert amsr(*infer, *more).exit_code == 0
    expected = np.asarray(Image.open(beside))
    beside.unlink()
    (here / "a_x4.png").write_text("mine")
    result = amsr(*infer, "--skip-existing", *more)
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(np.asarray(Image.open(beside)), expected)
    assert (here / "a_x4.png").read_text() == "mine"
    assert "a.png is skipped" in amsr(*infer, "--skip-existing", *more).stdout
    assert "a.png is skipped" in amsr(*infer, "--skip-existing", *more, "--width", 48, "-o", "a_x4.png").stdout


@pytest.mark.parametrize("size", [[], ["--width", "30"]])
def test_a_mask_that_is_missing_beside_a_result_needs_no_network(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch, size: list[str]
) -> None:
    draw(here / "a.png")
    infer = ["infer", "--model", model, "a.png", "-o", "large.png", "--save-mask", "mask.png", *size]
    assert amsr(*infer).exit_code == 0
    expected = (here / "mask.png").read_bytes()
    (here / "mask.png").unlink()
    monkeypatch.setattr(OnnxRuntimeBackend, "run", None)
    result = amsr(*infer, "--skip-existing")
    assert result.exit_code == 0, result.output
    assert (here / "mask.png").read_bytes() == expected


@pytest.mark.parametrize("option", ["--compare", "--save-mask"])
def test_a_result_whose_further_picture_fails_is_named(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    draw(here / "a.png")
    publish = files.publish

    def fail(source: Path, target: Path, replace: bool) -> None:
        if target.name != "a_x4.png":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source), None, str(target))
        publish(source, target, replace)

    monkeypatch.setattr(files, "publish", fail)
    more = [option, *(["saved.png"] if option == "--save-mask" else [])]
    (line,) = errors(amsr("infer", "--model", model, "a.png", *more))
    assert line.endswith("; a_x4.png is written")
    assert names(here) == ["a.png", "a_x4.png"]


def test_no_more_threads_than_cores(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from amsr_deploy.runtime.backends import onnxruntime

    monkeypatch.setattr(onnxruntime, "usable_cores", lambda: 2)
    assert onnxruntime.session_options(999).intra_op_num_threads == 2
    assert "999 threads are more than the 2 cores" in caplog.text
    assert onnxruntime.session_options(2).intra_op_num_threads == 2
    draw(here / "a.png")
    for options in (("--model", model), ("--backbone", "disp", "--width", 40)):  # the latter are two
        result = amsr("infer", "a.png", *options, "--threads", 999, "--overwrite")
        assert (result.exit_code, result.stderr.count("999 threads")) == (0, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupt_while_a_picture_is_told_of_loses_nothing(
    here: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Reporter.done

    def interrupt(*values: Any) -> None:
        if "b.png" in str(values[2]):
            os.kill(os.getpid(), signal.SIGINT)
        done(*values)

    monkeypatch.setattr(Reporter, "done", interrupt)
    result = amsr("infer", *(draw(here / name) for name in ("a.png", "b.png")), "--model", model, "--json", "log.json")
    assert result.exit_code == 130
    assert "2 of 2 pictures are done" in result.stderr
    assert len((here / "log.json").read_text().splitlines()) == 2
    assert names(here) == ["a.png", "a_x4.png", "b.png", "b_x4.png", "log.json"]
