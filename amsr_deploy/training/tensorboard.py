"""Curves and pictures of a training in TensorBoard, an optional package."""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from amsr_deploy.errors import MissingDependencyError
from amsr_deploy.training.status import Status
from amsr_deploy.training.validation import Validation

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def is_installed() -> bool:
    """Tell whether TensorBoard is installed."""
    return find_spec("tensorboard") is not None


class TensorBoardReporter:
    """Writes event files into the folder of a run, to be shown by `tensorboard --logdir RUN`."""

    def __init__(self, folder: Path) -> None:
        if not is_installed():
            raise MissingDependencyError("tensorboard", "train", "--tensorboard")
        self._folder = folder

    @cached_property
    def _writer(self) -> SummaryWriter:
        """Opened when there is something to write, so that a run that cannot start leaves no file."""
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(self._folder))

    def message(self, text: str) -> None:
        """Ignore messages: they are no curves."""

    def status(self, status: Status) -> None:
        """Write loss, learning rate, dilation (0 while dense) and speed."""
        for name in ("loss", "learning_rate", "patches_per_second"):
            self._writer.add_scalar(name, getattr(status, name), status.step)
        self._writer.add_scalar("dilation", status.dilation or 0, status.step)

    def validation(self, validation: Validation) -> None:
        """Write PSNR-Y, and crops of the output beside the HR picture."""
        self._writer.add_scalar("validation/psnr_y", validation.psnr_y, validation.step)
        for number, crop in enumerate(validation.crops):
            self._writer.add_image(f"validation/{number}", crop, validation.step, dataformats="HWC")

    def close(self) -> None:
        """Flush and close the event file, if there is one."""
        if "_writer" in vars(self):
            self._writer.close()
