"""Curves and pictures of a training in TensorBoard, an optional package."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from amsr_deploy.dependencies import MissingDependencyError
from amsr_deploy.training.status import Reporter, Status
from amsr_deploy.training.validation import Validation

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def is_installed() -> bool:
    """Tell whether TensorBoard is installed."""
    return find_spec("tensorboard") is not None


class TensorBoardReporter(Reporter):
    """Writes event files into the folder of a run, to be shown by `tensorboard --logdir RUN`."""

    def __init__(self, folder: Path) -> None:
        if not is_installed():
            raise MissingDependencyError("tensorboard", "train", "--tensorboard")
        self._folder = folder
        self._writer: SummaryWriter | None = None

    def _writer_at(self, step: int) -> SummaryWriter:
        """Open the file with the first step, so that a run that cannot start leaves none.

        What was written before a resume from that step on is not shown again: the run goes on from its checkpoint.
        """
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), purge_step=step)
        return self._writer

    def status(self, status: Status) -> None:
        """Write loss, learning rate, dilation (0 while dense) and speed."""
        writer = self._writer_at(status.step)
        for name in ("loss", "learning_rate", "patches_per_second"):
            writer.add_scalar(name, getattr(status, name), status.step)
        writer.add_scalar("dilation", status.dilation or 0, status.step)

    def validation(self, validation: Validation) -> None:
        """Write PSNR-Y, and crops of the output beside the HR picture."""
        writer = self._writer_at(validation.step)
        writer.add_scalar("validation/psnr_y", validation.psnr_y, validation.step)
        for number, crop in enumerate(validation.crops):
            writer.add_image(f"validation/{number}", crop, validation.step, dataformats="HWC")

    def close(self) -> None:
        """Flush and close the event file, if there is one."""
        if self._writer:
            self._writer.close()
