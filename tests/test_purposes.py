"""Models for photos beside those for clean pictures: what `--for` chooses, everywhere, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import model_card
import numpy as np
import photo_card
import pytest
from command_line import amsr, refusal
from PIL import Image
from safetensors.torch import save_file
from scale_cases import enlarged, ship, write_model

import amsr_deploy
from amsr_deploy import models
from amsr_deploy.commands.build_engine import wanted_export
from amsr_deploy.errors import ModelError, UserError
from amsr_deploy.evaluation.bench.twins import choose_pairs
from amsr_deploy.evaluation.degradations import damage_of, degrade
from amsr_deploy.metadata import Metadata
from amsr_deploy.model_file import read_metadata
from amsr_deploy.models.checkpoint import MASKS, TRAINED_FOR
from amsr_deploy.runtime import shipped
from amsr_deploy.runtime.newest import wanted_model
from amsr_deploy.runtime.shipped import shipped_model, shipped_weights

OFFSET = 0.125
PICTURE = np.random.default_rng(0).random((9, 11, 3), dtype=np.float32) / 2


@pytest.fixture
def clean(shipped_folder: Path) -> Path:
    """A package that ships DISP of x2 and x4 and CARN of x4, none of them for photos."""
    ship(shipped_folder, "disp", 2, 4)
    ship(shipped_folder, "carn", 4)
    return shipped_folder


@pytest.fixture
def weights(clean: Path) -> Path:
    """The same with DISP for photos, which makes pictures brighter."""
    ship(clean, "disp", 2, 4, trained_for="photo", offset=OFFSET)
    return clean


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.usefixtures("weights")
def test_load_takes_the_model_for_the_purpose(scale: int, dense: bool) -> None:
    for purpose, offset in ((None, 0), ("clean", 0), ("photo", OFFSET)):
        upscaler = amsr_deploy.load("disp", scale=scale, trained_for=purpose, dense=dense)
        assert upscaler.metadata.trained_for == (purpose or "clean")
        np.testing.assert_allclose(upscaler.upscale(PICTURE), enlarged(PICTURE, scale) + offset, atol=1e-6)


def test_a_file_says_what_it_was_trained_for(weights: Path) -> None:
    path = weights / "disp_x4_photo.onnx"
    assert amsr_deploy.load(path).metadata.trained_for == "photo"
    assert amsr_deploy.load(path, trained_for="photo").metadata.trained_for == "photo"
    with pytest.raises(UserError, match=r"disp_x4_photo\.onnx was trained for photo, not for clean"):
        amsr_deploy.load(path, trained_for="clean")


def test_older_files_are_for_clean_pictures(weights: Path) -> None:
    properties = read_metadata(weights / "disp_x4_photo.onnx").to_properties()
    del properties["amsr.trained_for"]
    assert Metadata.from_properties(properties).trained_for == "clean"


@pytest.mark.usefixtures("weights")
def test_what_does_not_ship_names_what_does(photo_file: Path) -> None:
    with pytest.raises(ModelError, match=r"version has no model of carn for photos: there is disp x2, disp x4$"):
        shipped_model("carn", trained_for="photo")
    with pytest.raises(ModelError, match=r"no x3 model of disp for photos: there is disp x2, disp x4$"):
        amsr_deploy.load("disp", scale=3, trained_for="photo")
    with pytest.raises(ModelError, match=r"no x4 weights of disp for photos: there is disp x2, disp x4$"):
        shipped_weights("disp", 4, "photo")
    line = refusal(amsr("infer", photo_file, "--backbone", "carn", "--for", "photo"), 1)
    assert line.endswith("this version has no model of carn for photos: there is disp x2, disp x4")


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize(
    "command",
    [
        ("infer", "{photo}"),
        ("infer", "{photo}", "--scale", "2"),
        ("infer", "{photo}", "--dense"),
        ("eval", "--data", "{folder}"),
        ("bench", "--data", "{folder}", "--width", "128"),
        ("export",),
        ("build-engine",),
        ("video", "{photo}"),
    ],
    ids=" ".join,
)
def test_without_any_for_photos_the_option_says_so(command: tuple[str, ...], photo_file: Path, folder: Path) -> None:
    arguments = [part.format(photo=photo_file, folder=folder) for part in command]
    line = refusal(amsr(*arguments, "--for", "photo"), 1)
    assert " for photos" in line
    assert "this version" in line


@pytest.mark.usefixtures("weights")
def test_infer_uses_it_for_every_size(photo_file: Path) -> None:
    for options, model in (
        ([], "disp_x4_photo"),
        (["--scale", 2], "disp_x2_photo"),
        (["--width", 80], "disp_x2_photo"),
    ):
        report = json.loads(amsr("infer", photo_file, "--for", "photo", *options, "--overwrite", "--json").stdout)
        assert (report["model"], report["origin"]) == (f"{model}.onnx", "shipped")
    assert "disp_x4.onnx (shipped)" in amsr("infer", photo_file, "--for", "clean", "--overwrite").stdout


@pytest.mark.usefixtures("weights")
def test_an_export_of_the_folder_does_not_replace_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = write_model(Path("mine.onnx"), 4)
    assert wanted_model(None, None, "cpu") == own
    assert wanted_model(None, None, "cpu", "photo") == wanted_model(None, None, "cpu", "clean") == "disp"
    assert wanted_export(None, None) == own
    assert wanted_export(None, "photo").name == "disp_x4_photo.onnx"
    assert wanted_export(own, None) == own


@pytest.mark.usefixtures("weights")
def test_bench_measures_the_pairs_for_photos() -> None:
    pairs = choose_pairs([], None, "photo", None, None)
    assert [(pair.name, pair.masked.name, pair.dense.name) for pair in pairs] == [
        ("disp for photos", "disp_x4_photo.onnx", "disp_x4_photo_dense.onnx")
    ]


@pytest.mark.usefixtures("weights")
def test_bench_measures_a_backbone_that_is_named_twice_once() -> None:
    assert [pair.name for pair in choose_pairs(["disp", "disp"], None, None, None, None)] == ["disp"]


@pytest.mark.usefixtures("weights")
def test_eval_compares_both_on_damaged_pictures(folder: Path, tmp_path: Path) -> None:
    evaluate = ("eval", "--scale", 4, "--data", folder, "--for", "clean", "--for", "photo", "--json", "-")
    damaged, again, undamaged = (json.loads(amsr(*evaluate, *more).stdout) for more in (["--degraded"],) * 2 + ([],))
    assert damaged == again
    assert [(run["model"], run["trained_for"]) for run in damaged["runs"]] == [("disp", "clean"), ("disp", "photo")]
    assert (damaged["degraded"], undamaged["degraded"]) == (True, False)
    assert damaged["runs"][0]["mean"] != damaged["runs"][1]["mean"] != undamaged["runs"][1]["mean"]
    assert damaged["bicubic"]["mean"]["psnr_y"] < undamaged["bicubic"]["mean"]["psnr_y"]
    lr = tmp_path / "lr"  # the same damage by hand
    lr.mkdir()
    for path in folder.iterdir():
        with Image.open(path) as file:
            degrade(file.convert("RGB"), 4, damage_of(path.read_bytes())).save(lr / path.name)
    by_hand = json.loads(amsr(*evaluate, "--lr", lr).stdout)
    assert by_hand["runs"] == damaged["runs"]
    assert by_hand["bicubic"] == damaged["bicubic"]
    table = amsr("eval", "--data", folder, "--degraded", "--for", "photo").stdout
    assert "disp for photos x4 on pictures, degraded" in table
    assert "--degraded" in refusal(amsr(*evaluate, "--degraded", "--lr", lr), 2)


@pytest.mark.usefixtures("one_registry")
class TestExport:
    """What a file says of the pictures that its weights were trained for."""

    def save(self, **facts: str) -> None:
        save_file(models.create("fsrcnn").state_dict(), "mine.safetensors", {MASKS: "5", **facts})

    @pytest.mark.parametrize(
        ("facts", "options", "name", "purpose"),
        [
            ({}, [], "fsrcnn_x4.onnx", "clean"),
            ({TRAINED_FOR: "photo"}, [], "fsrcnn_x4_photo.onnx", "photo"),
            ({}, ["--for", "photo", "--dense"], "fsrcnn_x4_photo_dense.onnx", "photo"),
        ],
    )
    def test_the_name_and_the_metadata_say_it(
        self, here: Path, facts: dict[str, str], options: list[str], name: str, purpose: str
    ) -> None:
        self.save(**facts)
        result = amsr("export", "--weights", "mine.safetensors", *options)
        assert result.exit_code == 0, result.output
        assert read_metadata(here / name).trained_for == purpose
        shown = amsr("inspect", name).stdout
        assert any(line.split()[1:4:2] == ["trained_for", purpose] for line in shown.splitlines())

    @pytest.mark.usefixtures("here")
    def test_what_contradicts_the_weights_is_refused(self) -> None:
        self.save(**{TRAINED_FOR: "photo"})
        line = refusal(amsr("export", "--weights", "mine.safetensors", "--for", "clean"), 1)
        assert line.endswith("mine.safetensors was trained for photo, not for clean; leave out --for")
        self.save(**{TRAINED_FOR: "fax"})
        assert "trained for 'fax'" in refusal(amsr("export", "--weights", "mine.safetensors"), 1)


def shown_by_doctor(thing: str) -> list[str]:
    """What `amsr doctor` lists as a thing."""
    line = next(line for line in amsr("doctor").stdout.splitlines() if line.startswith(thing))
    return line.removeprefix(thing).strip().split(", ")


def test_commands_take_what_doctor_shows(weights: Path, photo_file: Path) -> None:
    clean, photo = shown_by_doctor("models"), shown_by_doctor("for photos")
    assert (len(clean), len(photo)) == (3, 2)
    for number, choice in enumerate(clean + photo):
        result = amsr("infer", photo_file, "-o", photo_file.with_name(f"{number}.png"), *choice.split())
        assert result.exit_code == 0, result.output
    for path in weights.glob("*_photo*"):
        path.unlink()
    assert shown_by_doctor("models") == clean
    assert shown_by_doctor("for photos")[0].startswith("none")


class TestCard:
    """The tables "For real photos" of the model card."""

    @pytest.mark.usefixtures("weights")
    def test_a_row_for_each_scale_damage_and_folder(self, folder: Path) -> None:
        header, _, *rows = photo_card.photo_rows([("disp", 4), ("disp", 2)], folder.parent, [folder.name])
        assert [row.split(" | ")[:3] for row in rows] == [
            [f"| `disp_x{scale}_photo.onnx`", damage, folder.name]
            for scale in (4, 2)
            for damage in ("degraded", "undamaged")
        ]
        for row in rows:
            cells = row.strip("| ").split(" | ")
            assert len(cells) == header.count("|") - 1
            bicubic, clean, photo, gain, density, share = map(float, cells[3:])
            assert gain == pytest.approx(photo - clean, abs=0.011)
            assert bicubic > clean > photo  # of models that repeat pixels, and brighten them
            assert 0 < density <= share <= 1

    def test_noise_makes_masks_dense(self, folder: Path) -> None:
        _, _, *rows = photo_card.noise_rows(folder.parent, [folder.name])
        densities = [float(row.strip("| ").split(" | ")[1]) for row in rows]
        assert len(densities) == len(photo_card.SIGMAS)
        assert densities[0] < densities[-1]

    def test_the_card_is_of_the_weights_that_ship(self) -> None:
        text = model_card.CARD.read_text(encoding="utf-8")
        table = text.split("<!-- photo -->\n")[1].split("<!-- end -->")[0]
        rows = {row.split(" | ")[0].strip("| `") for row in table.splitlines()[2:]}
        assert rows == {f"{name}_x{scale}_photo.onnx" for name, scale in shipped.shipped_models(trained_for="photo")}
        assert (photo_card.NONE in table) == (not rows)

    def test_a_table_keeps_what_is_written_while_it_is_measured(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        card = tmp_path / "MODEL_CARD.md"
        card.write_text("<!-- first -->\nold\n<!-- end -->\n<!-- second -->\nold\n<!-- end -->\n", encoding="utf-8")
        monkeypatch.setattr(model_card, "CARD", card)

        def measured() -> Iterator[str]:
            model_card.replace_table("second", ["of another run"])
            yield "of this run"

        model_card.replace_table("first", measured())
        assert card.read_text(encoding="utf-8").split("\n")[1::3][:2] == ["of this run", "of another run"]
