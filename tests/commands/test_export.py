"""What `amsr export` refuses, and what it says."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from command_line import amsr
from conftest import osprey
from export_cases import Exports
from safetensors.torch import save_file

import amsr_deploy
from amsr_deploy import models
from amsr_deploy.errors import ModelError
from amsr_deploy.export.mask_loss import mask_loss
from amsr_deploy.export.verify import check_finite
from amsr_deploy.model_file import read_metadata
from amsr_deploy.models.checkpoint import MASKS, read_network
from amsr_deploy.runtime.shipped import WEIGHTS

pytestmark = pytest.mark.usefixtures("one_registry")


def fragile_weights() -> dict[str, torch.Tensor]:
    """Weights of FSRCNN as one might have them that never saw a mask: the body adds what the rest takes away."""
    weights = dict(read_network(WEIGHTS / "fsrcnn_x4.safetensors").state_dict())
    weights["body_conv.4.bias"] = weights["body_conv.4.bias"] + 3.0
    first = weights["body_conv.6.0.weight"]
    weights["body_conv.6.0.bias"] = weights["body_conv.6.0.bias"] - 3.0 * first.sum(dim=(1, 2, 3))
    return weights


@pytest.mark.parametrize("backbone", ["fsrcnn", "carn", "disp"])
def test_networks_trained_with_masks_lose_little(backbone: str) -> None:
    assert mask_loss(read_network(WEIGHTS / f"{backbone}_x4.safetensors"), dilation=5) < 0.3


@pytest.mark.parametrize(("spoilt", "counts"), [(4, False), (5, True)])
def test_what_a_mask_costs_leaves_out_the_border(spoilt: int, counts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the PSNR of the literature: as many pixels as the scale."""
    network = read_network(WEIGHTS / "fsrcnn_x4.safetensors")
    dense = network.forward

    def forward(image: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        result = dense(image)
        if mask is not None:
            inside = result[:, :, spoilt:-spoilt, spoilt:-spoilt]
            result = torch.nn.functional.pad(inside, [spoilt] * 4)
        return result

    monkeypatch.setattr(network, "forward", forward)
    assert (mask_loss(network, dilation=5) != 0) == counts


@pytest.mark.parametrize(("loss", "is_too_much"), [(0.5, False), (0.51, True)])
def test_a_mask_may_cost_half_a_decibel(
    here: Path, loss: float, is_too_much: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("amsr_deploy.export.mask_loss.mask_loss", lambda *_: loss)
    export = ("export", "--weights", WEIGHTS / "fsrcnn_x4.safetensors")
    assert amsr(*export).exit_code == int(is_too_much)
    assert not is_too_much or amsr(*export, "--force").exit_code == 0
    caplog.clear()
    amsr_deploy.load(here / "fsrcnn_x4.onnx", device="cpu")
    assert ("was not trained with masks" in caplog.text) == is_too_much


def test_the_dilation_is_that_of_the_training_and_quiet_says_nothing(here: Path) -> None:
    weights = read_network(WEIGHTS / "fsrcnn_x4.safetensors").state_dict()
    save_file(weights, "mine.safetensors", {MASKS: "21:0.1,9"})
    result = amsr("export", "--weights", "mine.safetensors", "-q")
    assert (result.exit_code, result.output) == (0, "")
    assert read_metadata(here / "fsrcnn_x4.onnx").dilation == 9


@pytest.mark.parametrize("facts", [None, {MASKS: "dense:0.9,5"}], ids=["foreign", "of a training that was stopped"])
def test_weights_that_never_saw_a_mask_are_refused_masked(here: Path, facts: dict[str, str] | None) -> None:
    save_file(fragile_weights(), "mine.safetensors", facts)
    refused = amsr("export", "--weights", "mine.safetensors")
    assert refused.exit_code == 1
    for part in ("not trained with masks", "dB", "--dense", "amsr train --init", "--force"):
        assert part in refused.stderr
    assert [path.name for path in here.iterdir()] == ["mine.safetensors"]


@pytest.mark.usefixtures("here")
def test_weights_that_never_saw_a_mask_are_exported_dense_or_with_a_warning() -> None:
    save_file(fragile_weights(), "mine.safetensors")
    export = ("export", "--weights", "mine.safetensors")
    dense = amsr(*export, "--dense")
    assert (dense.exit_code, dense.stderr) == (0, "")
    forced = amsr(*export, "--force")
    assert forced.exit_code == 0, forced.output
    assert "not trained with masks" in forced.stderr
    osprey().crop((150, 40, 198, 80)).save("photo.png")
    masked = ("infer", "photo.png", "--model", "fsrcnn_x4.onnx", "--overwrite")
    assert "fsrcnn_x4.onnx was not trained with masks" in amsr(*masked).stderr
    assert "trained" not in amsr(*masked, "--dense").stderr
    assert "trained" not in amsr("infer", "photo.png", "--model", "fsrcnn_x4_dense.onnx", "--overwrite").stderr


@pytest.mark.parametrize(
    ("value", "options"),
    [(math.nan, []), (math.inf, []), (math.nan, ["--dense"]), (math.inf, ["--fp16"]), (math.nan, ["--bf16"])],
)
def test_what_is_no_number_is_refused(here: Path, value: float, options: list[str]) -> None:
    weights = dict(read_network(WEIGHTS / "fsrcnn_x4.safetensors").state_dict())
    weights["body_conv.2.weight"] = torch.full_like(weights["body_conv.2.weight"], value)
    save_file(weights, "broken.safetensors")
    result = amsr("export", "--weights", "broken.safetensors", *options)
    assert result.exit_code == 1
    assert "output sr of the network holds NaN or infinities" in result.stderr
    assert [path.name for path in here.iterdir()] == ["broken.safetensors"]


@pytest.mark.parametrize("options", [[], ["--dense"]])
def test_float16_that_overflows_is_refused(here: Path, options: list[str]) -> None:
    """Features of 100 000 are too large for float16; the layer after them makes them small again."""
    weights = dict(read_network(WEIGHTS / "fsrcnn_x4.safetensors").state_dict())
    for name, factor in (("head_conv.0.weight", 1e6), ("head_conv.0.bias", 1e6), ("body_conv.0.0.weight", 1e-6)):
        weights[name] = weights[name] * factor
    save_file(weights, "large.safetensors")
    assert read_network(here / "large.safetensors")(torch.rand(1, 3, 16, 16)).isfinite().all()
    refused = amsr("export", "--weights", "large.safetensors", *options, "--fp16")
    assert refused.exit_code == 1
    assert "output sr of the exported model holds NaN or infinities: float16" in refused.stderr
    assert [path.name for path in here.iterdir()] == ["large.safetensors"]


@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_no_number_is_enough(precision: str, value: float) -> None:
    good = np.zeros((1, 3, 4, 4), np.float32)
    bad = good.copy()
    bad[0, 2, 3, 1] = value
    check_finite(good, good, precision)  # type: ignore[arg-type]
    for actual, expected in ((bad, good), (good, bad)):
        with pytest.raises(ModelError, match="output sr"):
            check_finite(actual, expected, precision)  # type: ignore[arg-type]


WRONG = (
    ["--output", "a.txt"],
    ["--output", "none/a.onnx"],
    ["--output", "folder.onnx"],
    ["--output", "protected.onnx"],
    ["--weights", "none.pth"],
    ["--fp16", "--bf16"],
    ["--bf16", "--dense"],
    ["--scale", "3"],
    ["--backbone", "carm"],
)


@pytest.mark.parametrize("options", WRONG, ids=" ".join)
def test_wrong_options_are_found_before_pytorch_is_loaded(here: Path, options: list[str]) -> None:
    (here / "folder.onnx").mkdir()
    (here / "protected.onnx").write_text("mine")
    (here / "protected.onnx").chmod(0o444)
    blocked = "import sys; sys.modules.update(dict.fromkeys(['torch', 'onnx', 'onnxscript', 'onnx_ir'])); "
    code = f"{blocked}from amsr_deploy.cli import main; main(['export', *{options!r}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode in (1, 2)
    assert "which is not installed" not in done.stderr
    assert "Traceback" not in done.stderr


def test_layers_have_the_names_of_their_weights(exports: Exports) -> None:
    model = onnx.load(exports("fsrcnn"))
    assert model.producer_name == "amsr-deploy"
    names = [node.name for node in model.graph.node]
    assert len(set(names)) == len(names)
    modules = dict(models.create("fsrcnn").named_modules())
    layers = [node.name for node in model.graph.node if node.op_type == "MaskedConv2d"]
    assert layers == [f"body_conv.{number}" for number in range(1, 5)]
    assert set(layers) <= set(modules)


@pytest.mark.usefixtures("here")
def test_replacing_other_weights_is_said() -> None:
    shutil.copy(WEIGHTS / "fsrcnn_x4.onnx", "fsrcnn_x4.onnx")
    assert amsr("export", "--backbone", "fsrcnn").stderr == ""
    save_file(fragile_weights(), "mine.safetensors")
    assert "held other weights" in amsr("export", "--weights", "mine.safetensors", "--force").stderr


@pytest.mark.usefixtures("here")
def test_weights_of_legacy_names() -> None:
    raw = os.fsdecode(b"caf\xe9")
    state = read_network(WEIGHTS / "fsrcnn_x4.safetensors").state_dict()
    with open(f"{raw}.pth", "wb") as file:  # noqa: PTH123
        torch.save(state, file)
    assert read_network(Path(f"{raw}.pth")).state_dict().keys() == state.keys()
    Path(f"{raw}.safetensors").write_bytes((WEIGHTS / "fsrcnn_x4.safetensors").read_bytes())
    result = amsr("export", "--weights", f"{raw}.safetensors", "-o", f"{raw}.onnx")
    assert result.exit_code == 0, result.output
    assert amsr("inspect", f"{raw}.onnx").exit_code == 0
