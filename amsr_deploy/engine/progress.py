"""Progress bars of a TensorRT build, and its cancellation."""

from __future__ import annotations

import threading
from types import ModuleType
from typing import Any

from rich.progress import Progress, TaskID


def make_monitor(trt: ModuleType, progress: Progress, cancelled: threading.Event) -> Any:
    """Make a `trt.IProgressMonitor` that shows each phase as a bar and stops the build once `cancelled` is set.

    TensorRT calls it from several threads.
    """

    class Monitor(trt.IProgressMonitor):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.bars: dict[str, TaskID] = {}

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self.bars[phase_name] = progress.add_task(phase_name, total=num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            progress.update(self.bars[phase_name], completed=step)
            return not cancelled.is_set()

        def phase_finish(self, phase_name: str) -> None:
            progress.remove_task(self.bars.pop(phase_name))

    return Monitor()
