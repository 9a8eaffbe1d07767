"""Checkpoints: ours and public ones load completely or are refused with names."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from amsr_deploy import models
from amsr_deploy.descriptor import BACKBONES
from amsr_deploy.errors import ModelError
from amsr_deploy.models.checkpoint import load_checkpoint


def weights_of(name: str) -> dict[str, Tensor]:
    torch.manual_seed(1)
    return models.create(name).state_dict()


def published(name: str) -> dict[str, Tensor]:
    """Our weights under the names of a public implementation, with what its checkpoints hold besides."""
    weights = weights_of(name)
    if name == "carn":  # nmhkahn/CARN-pytorch, multi-scale
        weights |= {f"upsample.up{scale}.body.0.weight": torch.zeros(256, 16, 3, 3) for scale in (2, 3)}
    if name == "srresnet":  # ClassSR
        renames = {"blocks.": "recon_trunk.", "conv_hr.": "HRconv."}
        weights = {rename(key, renames): value for key, value in weights.items()}
    if name == "swinir":  # its authors'
        for layer in range(4):
            for block in range(6):
                prefix = f"layers.{layer}.residual_group.blocks.{block}"
                weights[f"{prefix}.attn.relative_position_index"] = torch.zeros(64, 64, dtype=torch.long)
            weights[f"layers.{layer}.residual_group.blocks.1.attn_mask"] = torch.zeros(64, 64, 64)
    return weights


def rename(key: str, prefixes: dict[str, str]) -> str:
    for old, new in prefixes.items():
        if key.startswith(old):
            return new + key.removeprefix(old)
    return key


def assert_loads(name: str, path: Path) -> None:
    network = models.create(name)
    load_checkpoint(network, path)
    for key, value in weights_of(name).items():
        torch.testing.assert_close(network.state_dict()[key], value, rtol=0, atol=0)


@pytest.mark.parametrize("wrapper", [None, "params", "params_ema", "state_dict"])
@pytest.mark.parametrize("name", BACKBONES)
def test_public_checkpoint_loads(name: str, wrapper: str | None, tmp_path: Path) -> None:
    weights = published(name)
    torch.save({wrapper: weights} if wrapper else weights, tmp_path / "public.pth")
    assert_loads(name, tmp_path / "public.pth")


def test_averaged_weights_are_preferred(tmp_path: Path) -> None:
    others = {key: torch.zeros_like(value) for key, value in weights_of("fsrcnn").items()}
    torch.save({"params": others, "params_ema": weights_of("fsrcnn")}, tmp_path / "both.pth")
    assert_loads("fsrcnn", tmp_path / "both.pth")


def test_basicsr_names_of_srresnet_load(tmp_path: Path) -> None:
    renamed = {rename(key, {"blocks.": "body."}): value for key, value in weights_of("srresnet").items()}
    torch.save({"params": renamed}, tmp_path / "basicsr.pth")
    assert_loads("srresnet", tmp_path / "basicsr.pth")


def test_single_scale_carn_loads(tmp_path: Path) -> None:
    renamed = {rename(key, {"upsample.up4.": "upsample.up."}): value for key, value in weights_of("carn").items()}
    torch.save(renamed, tmp_path / "single.pth")
    assert_loads("carn", tmp_path / "single.pth")


def test_safetensors_and_parallel_names_load(tmp_path: Path) -> None:
    save_file({f"module.{key}": value for key, value in weights_of("fsrcnn").items()}, tmp_path / "w.safetensors")
    assert_loads("fsrcnn", tmp_path / "w.safetensors")


def test_wrong_checkpoint_names_first_keys(tmp_path: Path) -> None:
    weights = weights_of("fsrcnn")
    del weights["head_conv.0.bias"], weights["tail_conv.bias"]
    weights["body_conv.2.weight"] = torch.zeros(12, 12, 5, 5)
    weights["extra"] = torch.zeros(1)
    torch.save(weights, tmp_path / "wrong.pth")
    with pytest.raises(ModelError) as caught:
        load_checkpoint(models.create("fsrcnn"), tmp_path / "wrong.pth")
    message = str(caught.value)
    assert "2 missing, first head_conv.0.bias" in message
    assert "1 unexpected, first extra" in message
    assert "body_conv.2.weight (12, 12, 5, 5) instead of (12, 12, 3, 3)" in message


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "attacked",)  # type: ignore[return-value]

    torch.save({"params": Attack()}, tmp_path / "evil.pth")
    with pytest.raises(ModelError, match=r"evil\.pth cannot be read"):
        load_checkpoint(models.create("fsrcnn"), tmp_path / "evil.pth")
    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"hi", pickle.dumps([1, 2])])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_garbage_is_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"garbage{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="garbage"):
        load_checkpoint(models.create("fsrcnn"), path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.pth is not a file"):
        load_checkpoint(models.create("fsrcnn"), tmp_path / "none.pth")
