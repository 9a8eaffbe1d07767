"""docs/fields.md names the fields that commands and model files write."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection

import pytest
from conftest import ROOT

from amsr_deploy.commands import eval_results, mask
from amsr_deploy.commands.pictures import file_upscaler
from amsr_deploy.metadata import Metadata


def field_names(kind: type) -> list[str]:
    return [each.name for each in dataclasses.fields(kind) if not each.name.startswith("_")]


def video_fields() -> list[str]:
    return [*field_names(pytest.importorskip("amsr_deploy.commands.video").VideoReport), "frames_per_second"]


FIELDS = {
    "infer": lambda: ["input", *field_names(file_upscaler.InferReport)],
    "mask": lambda: ["input", *field_names(mask.MaskReport)],
    "video": video_fields,
    "eval": lambda: eval_results.FIELDS,
    "log": lambda: [*field_names(pytest.importorskip("amsr_deploy.training.status").Status), "psnr_y", "message"],
    "metadata": lambda: field_names(Metadata),
}


def described(name: str) -> Collection[str]:
    """The names in the first column of a table."""
    table = (
        (ROOT / "docs" / "fields.md").read_text(encoding="utf-8").split(f"<!-- {name} -->\n")[1].split("<!-- end")[0]
    )
    return [word for row in table.splitlines() for word in re.findall(r"`(\w+)`", row.split(" | ")[0])]


@pytest.mark.parametrize("name", FIELDS)
def test_each_field_is_described_once(name: str) -> None:
    assert sorted(described(name)) == sorted(FIELDS[name]())
