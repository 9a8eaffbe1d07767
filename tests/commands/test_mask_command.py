"""`amsr mask` shows the mask that `amsr infer` works on."""

from __future__ import annotations

import json
from pathlib import Path

import hypothesis.strategies as st
import pytest
from command_line import amsr, errors
from conftest import size
from hypothesis import HealthCheck, given, settings
from scale_cases import ship, write_model

OPTIONS = (
    (("--scale", 2), ("--scale", 3), ("--scale", 4), ("--scale", 5)),
    (("--width", 24), ("--width", 60), ("--width", 150), ("--height", 60), ("--height", 999), ("--megapixels", 0.01)),
    (("--for", "clean"), ("--for", "photo")),
    (("--backbone", "carn"), ("--backbone", "disp"), ("--model", "mine.onnx"), ("--model", "missing.onnx")),
    (("--dilation", 1), ("--dilation", 4), ("--dilation", 9)),
    (("--quality-level", "fast"), ("--quality-level", "balanced"), ("--quality-level", "best")),
    (("--budget", 0.3), ("--budget", 0.6), ("--budget", 1), ("--budget", 2)),
    (("--strategy", "median"), ("--strategy", "fixed")),
    (("--threshold", 0.5),),
)
"""Options of both commands, with values that belong to each; some are refused, alone or together."""
given_options = st.tuples(*(st.one_of(st.just(()), st.sampled_from(values)) for values in OPTIONS))


@pytest.fixture
def folder(photo_file: Path, shipped_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a photo and a model; models of other dilations than their backbones' ship."""
    ship(shipped_folder, "carn", 2, 4)
    ship(shipped_folder, "disp", 4, trained_for="photo")
    ship(shipped_folder, "disp", 2, 4)
    write_model(photo_file.with_name("mine.onnx"), 2)
    monkeypatch.chdir(photo_file.parent)
    return photo_file.parent


@given(options=given_options)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_mask_is_that_of_infer(folder: Path, options: tuple[tuple[object, ...], ...]) -> None:
    arguments = ["photo.png", *(word for option in options for word in option), "--json", "--overwrite"]
    used = amsr("infer", *arguments, "-o", "large.png", "--save-mask", "saved.png")
    shown = amsr("mask", *arguments, "-o", "shown.png")
    assert shown.exit_code == used.exit_code
    assert len(errors(shown)) == len(errors(used)) == min(used.exit_code, 1)
    if used.exit_code == 0:
        assert (folder / "shown.png").read_bytes() == (folder / "saved.png").read_bytes()
        told, expected = json.loads(shown.stdout), json.loads(used.stdout)
        for name in ("model", "density", "dilation", "cost_share"):
            assert told[name] == expected[name]
        assert shown.stderr == used.stderr
        assert size(folder / "shown.png") == (48, 40)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "options",
    [("--backbone", "span"), ("--backbone", "carn", "--for", "photo"), ("--width", 24), ("--width", 24, "--height", 9)],
)
def test_what_cannot_be_is_refused_alike(options: tuple[object, ...]) -> None:
    assert errors(amsr("mask", "photo.png", *options)) == errors(amsr("infer", "photo.png", *options)) != []
