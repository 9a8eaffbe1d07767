"""Files of tensors are those of the safetensors package."""

from __future__ import annotations

from pathlib import Path

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from safetensors import safe_open
from safetensors.torch import load, save
from torch import Tensor

from amsr_deploy.models.tensor_file import TYPES, deserialize, serialize

FACTS = {"scale": "4", "note": "größer"}
tensors = st.dictionaries(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=9).filter(lambda name: name != "__metadata__"),
    st.builds(
        lambda shape, dtype, seed: torch.randn(shape, generator=torch.Generator().manual_seed(seed)).mul(9).to(dtype),
        st.lists(st.integers(0, 4), max_size=4),
        st.sampled_from(list(TYPES.values())),
        st.integers(0, 99),
    ),
    max_size=5,
)


def assert_same(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        assert actual[name].dtype == value.dtype
        assert torch.equal(actual[name], value), name


@given(tensors)
def test_the_package_reads_ours_and_we_read_its(values: dict[str, Tensor]) -> None:
    assert_same(load(serialize(values, FACTS)), values)
    found, facts = deserialize(save(values, FACTS))
    assert_same(found, values)
    assert facts == FACTS


def test_facts_and_other_orders_of_memory(tmp_path: Path) -> None:
    value = torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last)
    (tmp_path / "w.safetensors").write_bytes(serialize({"w": value}, FACTS))
    with safe_open(tmp_path / "w.safetensors", "pt") as file:
        assert torch.equal(file.get_tensor("w"), value)
        assert file.metadata() == FACTS


@pytest.mark.parametrize("kept", [0, 4, 8, 40, -1])
def test_a_part_of_a_file_is_refused(kept: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the text is that of the JSON reader or ours
        deserialize(serialize({"w": torch.rand(3, 4)}, FACTS)[:kept])


def test_a_header_that_lies_is_refused() -> None:
    content = serialize({"w": torch.rand(3, 4)}, FACTS)
    for true, false in ((b"[3,4]", b"[3,5]"), (b'"F32"', b'"F31"'), (b"[0,48]", b"[0,49]"), (b"[0,48]", b"[9,48]")):
        with pytest.raises(ValueError):  # noqa: PT011
            deserialize(content.replace(true, false))
