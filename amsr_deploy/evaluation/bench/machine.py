"""What a benchmark ran on: without it a time means nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass

from amsr_deploy import native
from amsr_deploy.evaluation.bench.peak import Peak, measure_peak
from amsr_deploy.system.processor import cpu_name, usable_cores
from amsr_deploy.versions import versions
from amsr_deploy.wording import counted

PACKAGES = ("onnxruntime", "openvino", "numpy")


@dataclass(frozen=True)
class Machine:
    """A processor and the software on it.

    Attributes:
        cpu: the processor's name for itself.
        cores: those that this process may use.
        instruction_set: the one that the native kernels use; None where they are not built.
        threads: CPU threads that work on an operator.
        peak: what they reach together.
        load: processes that wanted a core before the benchmark began, mean of a minute; None where that is not known.
        versions: of this package and of those that it is compared in.
    """

    cpu: str
    cores: int
    instruction_set: str | None
    threads: int
    peak: Peak
    load: float | None
    versions: dict[str, str]

    def __str__(self) -> str:
        kernels = f"{self.instruction_set} kernels" if self.instruction_set else "no native kernels"
        load = "" if self.load is None else f", load {self.load:.1f} before"
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        processor = f"{self.cpu}, {counted(self.cores, 'core')}, {counted(self.threads, 'thread')}"
        return f"{processor}, {kernels}{load}; {self.peak}; {versions}"


def examine_machine(threads: int) -> Machine:
    """Describe what a benchmark with some threads runs on here.

    Raises:
        BackendError: AMSR_CPU_ISA names an instruction set that the processor lacks.
    """
    code = native.inspect()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    instruction_set = code.instruction_set if code else None
    return Machine(
        cpu_name(), usable_cores(), instruction_set, threads, measure_peak(threads), load, versions(*PACKAGES)
    )
