"""The training loop (design section 2.4)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from amsr_deploy import models
from amsr_deploy.descriptor import SCALE
from amsr_deploy.evaluation import metrics
from amsr_deploy.training import masks
from amsr_deploy.training.data import PatchSampler, picture_paths
from amsr_deploy.training.schedule import learning_rate, mask_stages, stage_at


@dataclass(frozen=True)
class Config:
    """Everything that decides the outcome of a run."""

    backbone: str
    data: str
    steps: int
    batch_size: int
    learning_rate: float
    dilation: int
    seed: int = 0
    ema: float = 0.999
    validation: str | None = None
    validate_every: int = 500


def train(config: Config, out: Path, resume: bool = False, report: Callable[[str], None] = print) -> None:
    """Train a backbone and keep its newest state in `out`."""
    torch.manual_seed(config.seed)
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(asdict(config), indent=2))
    sampler = PatchSampler(picture_paths(Path(config.data)))
    network = models.create(config.backbone).to(memory_format=torch.channels_last)
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], betas=(0.9, 0.99))
    step = _restore(out, network, average, optimizer) if resume else 0
    stages, dilation = mask_stages(config.dilation), -1
    losses: list[Tensor] = []
    started, first = time.monotonic(), step
    while step < config.steps:
        stage = stage_at(stages, step / config.steps)
        if stage.dilation != dilation:
            dilation = stage.dilation
            sampler.set_dilation(dilation)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config.steps, config.learning_rate)
        batch = sampler.draw(config.batch_size, torch.Generator().manual_seed(config.seed * 1_000_003 + step))
        with torch.autocast("cpu", torch.bfloat16):
            output = network(batch.lr.contiguous(memory_format=torch.channels_last), batch.mask)
        loss = (output.float() - batch.hr).abs().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        step += 1
        decay = min(config.ema, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            average[name].lerp_(value, 1 - decay)
        losses.append(loss.detach())
        if step % 100 == 0 or step == config.steps:
            rate = (step - first) / (time.monotonic() - started)
            report(f"{step}/{config.steps} loss {torch.stack(losses).mean():.5f} k {dilation} {rate:.2f} steps/s")
            losses.clear()
        if step % config.validate_every == 0 or step == config.steps:
            _save(out, step, network, average, optimizer)
            if config.validation:
                report(f"{step} psnr_y {validate(config, average):.3f}")


@torch.no_grad()
def validate(config: Config, weights: dict[str, Tensor]) -> float:
    """Mean PSNR-Y in dB of masked pictures of the validation folder."""
    network = models.create(config.backbone).eval()
    network.load_state_dict(weights)
    figures = []
    for path in picture_paths(Path(config.validation or "")):
        with Image.open(path) as file:
            picture = file.convert("RGB")
        width, height = (side // SCALE * SCALE for side in picture.size)
        picture = picture.crop((0, 0, width, height))
        small = picture.resize((width // SCALE, height // SCALE), Image.Resampling.BICUBIC)
        image = torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255
        mask = masks.compute_mask(image, config.dilation)
        output = network(image[None], mask[None, None])[0].clamp(0, 1).mul(255).round().byte()
        figures.append(metrics.psnr_y(output.permute(1, 2, 0).numpy(), np.array(picture)))
    return float(np.mean(figures))


def _save(out: Path, step: int, network: nn.Module, average: dict[str, Tensor], optimizer: torch.optim.Adam) -> None:
    save_file({k: v.contiguous() for k, v in average.items()}, out / "weights.tmp")
    (out / "weights.tmp").replace(out / "weights.safetensors")
    state = {"step": step, "network": network.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, out / "state.tmp")
    (out / "state.tmp").replace(out / "state.pt")


def _restore(out: Path, network: nn.Module, average: dict[str, Tensor], optimizer: torch.optim.Adam) -> int:
    state = torch.load(out / "state.pt", weights_only=True)
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    average.update(load_file(out / "weights.safetensors"))
    return int(state["step"])
