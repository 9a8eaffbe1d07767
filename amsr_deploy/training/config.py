"""The settings of a training: everything that decides its outcome."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any

from amsr_deploy.descriptor import (
    LOSSES,
    OPTIMIZERS,
    PRECISION_CHOICES,
    SCALE,
    SCALES,
    Loss,
    Optimizer,
    PrecisionChoice,
    describe,
)
from amsr_deploy.errors import UserError
from amsr_deploy.json_fields import check_types
from amsr_deploy.mask import check_dilation
from amsr_deploy.training.schedule import MaskSchedule

MOVABLE = ("data", "validation", "device", "precision", "compile")
"""Settings that may change when a run is resumed: where it runs and where its pictures are."""


@dataclass(frozen=True)
class Config:
    """The settings of a training. `Config.of` fills in a backbone's defaults."""

    backbone: str
    """Name of the network, see `amsr_deploy.descriptor`."""
    data: tuple[str, ...]
    """Folders of HR pictures, or tar files of them."""
    learning_rate: float
    """Peak of the cosine schedule."""
    batch_size: int
    """Patches per step, over all processes together."""
    masks: str
    """Mask schedule in the form of `MaskSchedule.parse`."""
    scale: int = SCALE
    """Upscaling factor."""
    dimensions: dict[str, int | bool] = field(default_factory=dict)
    """Channels, blocks and the like, as the network's class takes them; the usual ones where left out."""
    steps: int = 100_000
    """Length of the training, unless there are `minutes`; the schedules stretch with it."""
    minutes: float | None = None
    """Length of the training in time, in place of steps; what a run has reached then depends on its machine."""
    optimizer: Optimizer = "adam"
    """`muon` is for the kernels and matrices of the masked part; all other weights learn with Adam."""
    weight_decay: float = 0.0
    """Decay of the weights that learn with Muon, times the learning rate; keeps them from growing without limit."""
    loss: Loss = "l1"
    """`l1`: absolute, `l2`: squared differences, `psnr`: their logarithm per patch, for the end of a training."""
    patch_size: int = 32
    """Side of a patch in LR pixels, a multiple of 8."""
    reductions: tuple[float, ...] = (1.0, 0.75, 0.5)
    """Factors by which HR pictures are also reduced: smaller ones have denser texture."""
    texture: bool = True
    """Sample patches by their local contrast; false samples them uniformly."""
    permuted: float = 1 / 3
    """Share of patches whose colour channels are permuted, or replaced by one; a ninth of it keeps its colours."""
    synthetic: float = 0.04
    """Share of patches from synthetic pictures: flat colours, gradients, text, line art, dithers, screens."""
    degraded: bool = False
    """Damage the LR pictures as phones and the web do, in training and in validation."""
    ema: float = 0.999
    """Decay of the averaged weights, which are those that a run saves for use."""
    seed: int = 0
    """Fixes the first weights and each step's batch."""
    init: str | None = None
    """Checkpoint to start from; None starts from random weights."""
    validation: str | None = None
    """Folder of HR pictures for the validation PSNR."""
    validate_every: int = 1000
    """Steps between validations and checkpoints."""
    device: str = "auto"
    """`auto` (a GPU if there is one), `cpu`, `cuda` or `cuda:N`."""
    precision: PrecisionChoice = "auto"
    """Arithmetic of the forward pass; `auto` is bfloat16 where the device computes in it."""
    compile: bool | None = None
    """Use torch.compile; None does on a GPU."""

    @classmethod
    def of(
        cls,
        backbone: str,
        data: str | Sequence[str],
        dilation: int | None = None,
        fixed_mask: bool = False,
        **settings: Any,
    ) -> Config:
        """Make settings with the defaults of a backbone; None anywhere means default.

        The default learning rate grows with the square root of the batch size, as suits Adam (Malladi et al., "On the
        SDEs and Scaling Rules for Adaptive Gradient Algorithms", 2022). From a checkpoint there is no dense stage.

        Args:
            backbone: name of the network.
            data: folder or tar file of HR pictures, or several.
            dilation: the dilation that the default mask schedule ends with; the backbone's own where None.
            fixed_mask: use the masks of this dilation from the first step on, for the ablation.
            settings: other fields.

        Raises:
            UserError: an unknown backbone, a setting out of range, or settings that exclude each other.
        """
        descriptor = describe(backbone)
        given = {name: value for name, value in settings.items() if value is not None}
        check_length(given)
        if "masks" in given and (dilation is not None or fixed_mask):
            raise UserError(
                f"the mask schedule {given['masks']} sets the dilation; leave out `dilation` and `fixed_mask`"
            )
        target = descriptor.dilation if dilation is None else dilation
        check_dilation(target)
        gradual = MaskSchedule.towards(target, dense=0.0 if "init" in given else 0.1)
        given.setdefault("masks", str(target) if fixed_mask else str(gradual))
        given.setdefault("batch_size", descriptor.batch_size)
        given.setdefault("optimizer", descriptor.optimizer)
        given.setdefault(
            "learning_rate", scaled_rate(descriptor.learning_rate, descriptor.batch_size, given["batch_size"])
        )
        return cls(backbone, (data,) if isinstance(data, str) else tuple(data), **given)

    def __post_init__(self) -> None:
        for name in ("data", "reductions"):  # JSON has lists
            object.__setattr__(self, name, tuple(getattr(self, name)))
        describe(self.backbone)
        _ = self.schedule
        checks = {
            "steps": (self.steps >= 1, "1 or more"),
            "batch_size": (self.batch_size >= 1, "1 or more"),
            "learning_rate": (0 < self.learning_rate < math.inf, "above 0"),
            "patch_size": (self.patch_size >= 8 and self.patch_size % 8 == 0, "a multiple of 8"),
            "reductions": (bool(self.reductions) and all(0 < r <= 1 for r in self.reductions), "above 0, at most 1"),
            "data": (bool(self.data), "one folder or more"),
            "scale": (self.scale in SCALES, f"one of {', '.join(map(str, SCALES))}"),
            "minutes": (self.minutes is None or 0 < self.minutes < math.inf, "above 0"),
            "optimizer": (self.optimizer in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}"),
            "loss": (self.loss in LOSSES, f"one of {', '.join(LOSSES)}"),
            "weight_decay": (
                0 <= self.weight_decay < math.inf and (self.optimizer == "muon" or not self.weight_decay),
                "0, or above 0 with Muon",
            ),
            "permuted": (0 <= self.permuted <= 1, "from 0 to 1"),
            "synthetic": (0 <= self.synthetic < 1, "0 or more, below 1"),
            "ema": (0 <= self.ema < 1, "0 or more, below 1"),
            "seed": (0 <= self.seed < 2**32, "from 0 to 2^32 - 1"),
            "validate_every": (self.validate_every >= 1, "1 or more"),
            "precision": (self.precision in PRECISION_CHOICES, f"one of {', '.join(PRECISION_CHOICES)}"),
        }
        for name, (fine, allowed) in checks.items():
            if not fine:
                raise UserError(f"`{name}` {getattr(self, name)} cannot be used; it must be {allowed}")

    @property
    def schedule(self) -> MaskSchedule:
        """The mask schedule."""
        return MaskSchedule.parse(self.masks)

    @property
    def dilation(self) -> int:
        """The dilation that the training ends with and is validated at."""
        return self.schedule.target

    @property
    def length(self) -> str:
        """The length of the training in words."""
        return f"{self.steps} steps" if self.minutes is None else f"{self.minutes:g} minutes"

    def moved(self, **given: Any) -> Config:
        """Move these settings to another machine: only MOVABLE ones may differ; None changes nothing.

        Raises:
            UserError: a setting that would make it another training.
        """
        changed = {name: value for name, value in given.items() if value is not None and value != getattr(self, name)}
        for name, value in changed.items():
            if name not in MOVABLE:
                own = self.length if name in ("steps", "minutes") else getattr(self, name)
                raise UserError(
                    f"{name} {value} differs from the run's own {own}; leave it out to resume, "
                    "or start a new run with `init`"
                )
        return replace(self, **changed)


def check_length(given: Mapping[str, Any]) -> None:
    """Raise UserError where settings hold two lengths of a training."""
    if "steps" in given and "minutes" in given:
        lengths = f"`steps` {given['steps']} and `minutes` {given['minutes']:g}"
        raise UserError(f"{lengths} are two lengths of one training; leave out one")


def parse_reductions(text: str) -> tuple[float, ...]:
    """Read the factors of `Config.reductions` from a text such as `1,0.75,0.5`.

    Raises:
        UserError: something else.
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"{text!r} is not a list of numbers, such as 1,0.75,0.5") from None


def scaled_rate(learning_rate: float, batch_size: int, wanted: int) -> float:
    """Scale a learning rate that suits a batch size to another batch size."""
    return learning_rate * math.sqrt(max(wanted, 1) / batch_size)


def config_from_json(settings: dict[str, Any]) -> Config:
    """Read settings as `dataclasses.asdict` gave them; those that came with a later version have their defaults.

    Raises:
        UserError: other fields than those of a Config, or values of other types.
    """
    names = {field.name for field in fields(Config)}
    required = {field.name for field in fields(Config) if field.default is MISSING and field.default_factory is MISSING}
    odd = ", ".join(sorted((set(settings) - names) | (required - set(settings))))
    if odd:
        raise UserError(f"the settings of the run do not fit this version of amsr-deploy (unknown or missing: {odd})")
    try:
        check_types(Config, settings)
    except TypeError as error:
        raise UserError(f"the settings of the run cannot be used: {error}") from None
    return Config(**settings)
