"""Which device a process takes, and its arithmetic."""

from __future__ import annotations

import pytest
import torch

from amsr_deploy.errors import UserError
from amsr_deploy.training.device import full_precision, select_device
from amsr_deploy.training.distributed import World


def test_several_processes_take_a_gpu_each(monkeypatch: pytest.MonkeyPatch) -> None:
    assert select_device("cpu", World(1, 2, 1)) == torch.device("cpu")
    with pytest.raises(UserError, match="cuda:0 is one GPU for 2 processes; set `device` to cuda"):
        select_device("cuda:0", World(1, 2, 1))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert select_device("cuda", World(1, 2, 1)) == torch.device("cuda", 1)
    assert select_device("cuda:1", World()) == torch.device("cuda", 1)


def test_full_precision_is_for_the_block_only() -> None:
    torch.set_float32_matmul_precision("high")
    try:
        with full_precision():
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
