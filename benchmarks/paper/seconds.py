"""How long pictures take: masked and dense in turns, mask included, in seconds of processor time.

A machine that does other things as well makes wall time useless; processor time it changes little. With one thread the
two are the same on a quiet machine; with more, ONNX Runtime's threads wait for each other at full load.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from functools import partial

from amsr_deploy import native
from amsr_deploy.evaluation.bench.timing import Run, medians
from amsr_deploy.system.processor import cpu_name
from paper.plan import Picture, Plan, say
from paper.records import Record
from paper.scores import Setting

WARM_UP = 96
"""LR pixels of each side of the picture that networks run on before they are timed."""
MACHINE = ("processor", "instructions", "threads")
"""What times have in common that may be compared, by its names in records."""


def time_in_turns(plan: Plan, picture: Picture, settings: list[Setting]) -> None:
    """Store the median seconds of an upscaling for each setting, unless the minutes are over."""
    keys = [key(plan, picture, setting) for setting in settings]
    if all(map(plan.store.has, keys)):
        return
    if plan.is_over:
        say(f"{picture.name} {settings[0].backbone}: left out, the minutes are over")
        return
    upscalers = [setting.upscaler(plan.threads) for setting in settings]
    runs = {}
    for number, upscaler in enumerate(upscalers):
        upscaler.upscale(picture.lr[:WARM_UP, :WARM_UP])
        runs[number] = partial(upscaler.upscale, picture.lr)
    load, start = os.getloadavg()[0], time.process_time()
    found = medians(runs, plan.repeats, warm_up=0, clock=processor_seconds)
    cpu = (time.process_time() - start) / len(settings)
    for number, name in enumerate(keys):
        plan.store.put(name, {"seconds": found[number], "load": load, "repeats": plan.repeats}, cpu)


def machines(records: Iterable[Record]) -> list[Record]:
    """List what the times were measured with, in the order of its appearance."""
    found = dict.fromkeys(tuple(record[name] for name in MACHINE) for record in records)
    return [dict(zip(MACHINE, one, strict=True)) for one in found]


def processor_seconds(run: Run) -> float:
    """Measure the processor time of a call, of all threads."""
    start = time.process_time()
    run()
    return time.process_time() - start


def key(plan: Plan, picture: Picture, setting: Setting) -> Record:
    """Give what names a time."""
    code = native.inspect()
    return {
        "kind": "seconds",
        "set": picture.set_name,
        "picture": picture.name,
        "processor": cpu_name(),
        "instructions": plan.label or (code.instruction_set if code else None),
        "threads": plan.threads,
        **setting.key,
    }
