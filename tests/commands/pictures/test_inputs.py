"""Which pictures a command takes: folders, patterns, lists, names of all kinds, standard input."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from batch_cases import Command, draw, names
from command_line import amsr, errors
from PIL import Image

from amsr_deploy import image
from amsr_deploy.commands.pictures.inputs import natural


def test_legacy_names_of_all_files(here: Path, repeat_model: Path) -> None:
    """Names whose bytes are not UTF-8 are files like others, and can be printed."""
    raw = os.fsdecode(b"caf\xe9")
    draw(here / f"{raw}.png")
    own = here / f"{raw}.onnx"
    own.write_bytes(repeat_model.read_bytes())
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
    for name in ("b.png", "a10.jpg", "a2.png", "sub/deep/c.png", ".hidden.png", "._a2.png", ".git/d.png"):
        draw(here / "in" / name)
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


def test_all_usual_suffixes_are_those_of_pictures_and_others_are_told(here: Path, command: Command) -> None:
    arguments, ending = command
    for name in ("a.jpg", "b.JPEG", "c.jpe", "d.jfif", "e.png", "f.mpo", "g.jps", "h.apng", "notes"):
        draw(here / "in" / "x.jpg").rename(here / "in" / name)
    result = amsr("-v", *arguments, "in", "-o", "out")
    assert result.exit_code == 0, result.output
    assert names(here / "out") == [f"{stem}{ending}" for stem in "abcdefg"]
    assert "in: passed over by their names: .apng, notes" in result.stderr


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


def test_a_picture_that_is_named_twice_is_taken_once(here: Path, command: Command) -> None:
    arguments, ending = command
    picture = draw(here / "a.png")
    result = amsr(*arguments, "a.png", picture, "*.png", ".", "-o", "out")
    assert result.exit_code == 0, result.output
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == [str(Path("out", f"a{ending}"))]


def test_natural_order() -> None:
    paths = [Path(name) for name in ("b.png", "a10.png", "A9.png", "a١.png", "a.png", "10.png", "9.png")]
    ordered = ["9.png", "10.png", "a.png", "A9.png", "a10.png", "a١.png", "b.png"]
    assert [path.name for path in natural(paths)] == ordered


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


def test_messages_name_the_standard_streams(command: Command) -> None:
    """Not the files in which their pictures lie meanwhile."""
    arguments, _ = command
    overlay = ["--overlay"] if "mask" in arguments else []
    frames = [Image.new("L", (12, 8), shade) for shade in (0, 255)]
    for picture, output, line in (
        (Image.new("RGBA", (12, 8)), ["--format", "bmp"], "error: standard output: BMP cannot hold transparency"),
        (Image.new("RGBA", (12, 8)), ["-o", "a.jpg"], "error: a.jpg: JPEG cannot hold transparency"),
        (Image.new("I;16", (12, 8)), ["--format", "jpg"], "standard output: JPEG rounds 16 bits to 8"),
        (frames[0], [], "standard input: of its 2 frames only the first is read"),
    ):
        content = io.BytesIO()
        several = {"save_all": True, "append_images": frames[1:]} if picture is frames[0] else {}
        picture.save(content, "GIF" if several else "PNG", **several)
        result = amsr(*arguments, *overlay, "-", *output, "--json", stdin=content.getvalue())
        told = [text.partition(";")[0] for text in result.stderr.splitlines() if text.startswith("amsr: ")]
        assert told == [f"amsr: {line}"]
        assert "amsr-" not in result.stderr


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
