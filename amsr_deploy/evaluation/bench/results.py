"""The results of the benchmarks as sections of tables, and as plain data."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from amsr_deploy.evaluation.bench.layers import Layer, OperatorTiming
from amsr_deploy.evaluation.bench.markdown import Section, Table
from amsr_deploy.evaluation.bench.networks import DENSE, MASK, MASKED, NEIGHBORS, NetworkResult, Timing
from amsr_deploy.evaluation.bench.peak import Peak
from amsr_deploy.evaluation.bench.profiling import time_shares

SPARSE = 0.4
"""Density up to which the targets for whole networks hold."""
LARGEST_OPERATORS = 8
"""Operators that a profile shows."""
_OWN = (MASKED, DENSE, MASK, NEIGHBORS)


def operator_section(timings: Sequence[OperatorTiming], peak: Peak) -> Section:
    """Summarise MaskedConv2d at each density, over all photos."""
    groups: dict[tuple[str, Layer, float], list[OperatorTiming]] = defaultdict(list)
    for timing in timings:
        groups[timing.storage, timing.layer, timing.target].append(timing)
    rows = [
        [
            storage,
            str(layer.channels),
            str(layer.group),
            f"{statistics.median(t.density for t in cases):.2f}",
            gigas(statistics.median(t.dense_rate for t in cases)),
            gigas(masked := statistics.median(t.masked_rate for t in cases)),
            f"{masked / peak.operations:.0%}",
            f"{statistics.median(t.ratio for t in cases):.3f}",
            f"{max(t.ratio for t in cases):.3f}",
        ]
        for (storage, layer, _), cases in groups.items()
    ]
    columns = ["rows", "channels", "groups", "density", "Conv GFLOP/s", "MaskedConv2d GFLOP/s", "of the peak"]
    columns += ["median ratio", "worst ratio"]
    photos = len({timing.photo for timing in timings})
    return Section(
        "operators", f"A layer of 3x3 on {photos} photos; ratio = masked / (density x dense)", Table(columns, rows)
    )


def network_sections(result: NetworkResult, peak: Peak) -> list[Section]:
    """Make the sections of a pair of models: times, OpenVINO, memory, profile and kernels."""
    sections = [
        timing_section(result),
        openvino_section(result),
        memory_section(result),
        profile_section(result),
        kernel_section(result, peak),
    ]
    return [section for section in sections if section is not None]


def timing_section(result: NetworkResult) -> Section:
    """Compare the masked network with its dense twin, photo by photo."""
    rows = [
        [
            timing.photo,
            f"{timing.density:.3f}",
            f"{timing.cost_share:.3f}",
            f"{timing.seconds[DENSE]:.3f}",
            f"{timing.seconds[MASKED]:.3f}",
            f"{timing.ratio():.3f}",
            f"{1e3 * timing.seconds[MASK]:.1f}",
            f"{1e3 * timing.seconds[NEIGHBORS]:.1f}" if NEIGHBORS in timing.seconds else "",
            f"{timing.mask_share:.1%}",
        ]
        for timing in result.timings
    ]
    columns = ["photo", "density", "MACs", "dense s", "masked s", "ratio", "mask ms", "neighbors ms", "mask share"]
    height, width = result.timings[0].size
    title = f"{result.name}, LR {width}x{height} and like it; ratio = masked / dense"
    return Section(f"network {result.name}", title, Table(columns, rows), summary(result.timings))


def summary(timings: Sequence[Timing]) -> list[str]:
    """Summarise the ratios of sparse photos and of all: median and worst."""
    sparse = [timing.ratio() for timing in timings if timing.density <= SPARSE]
    everywhere = [timing.ratio() for timing in timings]
    notes = []
    for ratios, which in ((sparse, f"at a density <= {SPARSE}"), (everywhere, "at any density")):
        found = f"median {statistics.median(ratios):.3f}, worst {max(ratios):.3f}" if ratios else "none"
        notes.append(f"masked / dense {which} ({len(ratios)} of {len(timings)} photos): {found}.")
    return notes


def openvino_section(result: NetworkResult) -> Section | None:
    """Compare the masked network in ONNX Runtime with the dense one in OpenVINO; None where that was not measured."""
    others = [name for name in result.timings[0].seconds if name not in _OWN]
    if not others:
        return None
    columns = ["photo", "density", "masked s"]
    columns += [title for name in others for title in (f"{name} s", "ratio")]
    rows = [
        [
            timing.photo,
            f"{timing.density:.3f}",
            f"{timing.seconds[MASKED]:.3f}",
            *(cell for name in others for cell in (f"{timing.seconds[name]:.3f}", f"{timing.ratio(name):.3f}")),
        ]
        for timing in result.timings
    ]
    title = f"{result.name}, masked in ONNX Runtime against dense in OpenVINO"
    return Section(f"openvino {result.name}", title, Table(columns, rows))


def memory_section(result: NetworkResult) -> Section:
    """Compare the peak memory of the two forms."""
    detail = result.detail
    masked, dense = (detail.memory[form] for form in (MASKED, DENSE))
    ratio = f"{masked / dense:.3f}" if masked is not None and dense else ""
    row = [detail.photo, f"{detail.density:.3f}", megabytes(dense), megabytes(masked), ratio]
    columns = ["photo", "density", "dense MB", "masked MB", "ratio"]
    return Section(f"memory {result.name}", f"{result.name}, peak memory of a process", Table(columns, [row]))


def profile_section(result: NetworkResult) -> Section:
    """List the operators that take most of the time."""
    tops = {
        form: list(time_shares(kernels).items())[:LARGEST_OPERATORS] for form, kernels in result.detail.kernels.items()
    }
    rows = [
        [cell for form in (MASKED, DENSE) for cell in operator_cells(tops[form], number)]
        for number in range(max(map(len, tops.values())))
    ]
    columns = ["masked", "share", "dense", "share"]
    title = f"{result.name}, operators by their share of the time on {result.detail.photo}"
    return Section(f"profile {result.name}", title, Table(columns, rows))


def kernel_section(result: NetworkResult, peak: Peak) -> Section:
    """Compare the kernels of the masked network that multiply by weights with the least time that they could take."""
    rows = [
        [
            kernel.operator,
            " x ".join(map(str, kernel.weights)),
            str(kernel.count),
            f"{1e3 * kernel.seconds:.2f}",
            gigas(kernel.operations / kernel.seconds),
            f"{1e3 * (least := peak.least_seconds(kernel.operations, kernel.size)):.2f}",
            f"{least / kernel.seconds:.0%}",
        ]
        for kernel in result.detail.kernels[MASKED]
        if kernel.weights
    ]
    columns = ["kernel", "weights", "nodes", "ms", "GFLOP/s", "least ms", "least / measured"]
    title = f"{result.name}, kernels on {result.detail.photo} at density {result.detail.density:.2f}"
    note = (
        "The least time: operations of a direct convolution over the peak, or bytes over the bandwidth. Above 100 %: "
        "fewer operations, by Winograd's filtering or because weights of zero are left out."
    )
    return Section(f"kernels {result.name}", title, Table(columns, rows), [note])


def operator_cells(top: Sequence[tuple[str, float]], number: int) -> list[str]:
    """Name and share of an operator; empty past the last one."""
    if number >= len(top):
        return ["", ""]
    name, share = top[number]
    return [name, f"{share:.1%}"]


def gigas(rate: float) -> str:
    """Write operations a second in billions."""
    return f"{rate / 1e9:.0f}"


def megabytes(size: int | None) -> str:
    """Write a size in bytes as megabytes."""
    return "" if size is None else f"{size / 1e6:.0f}"


def operator_data(timings: Iterable[OperatorTiming]) -> list[dict[str, Any]]:
    """Convert timings to plain data, for JSON."""
    return [asdict(timing) | {"ratio": timing.ratio} for timing in timings]


def network_data(result: NetworkResult) -> dict[str, Any]:
    """Convert a result to plain data, for JSON."""
    photos = [
        asdict(timing)
        | {
            "ratio": {name: timing.ratio(name) for name in timing.seconds if name not in (MASKED, MASK, NEIGHBORS)},
            "mask_share": timing.mask_share,
        }
        for timing in result.timings
    ]
    return {"name": result.name, "photos": photos, "detail": asdict(result.detail)}
