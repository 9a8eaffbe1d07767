"""Networks that take, make or read something else than their metadata says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from onnx import TensorProto, helper
from scale_cases import FunctionBackend, write_model

from amsr_deploy import load
from amsr_deploy.engine.model import read_model
from amsr_deploy.errors import ModelError
from amsr_deploy.runtime.upscaler import Upscaler

PHOTO = np.zeros((12, 16, 3), np.uint8)
KINDS = [np.uint8, np.float16, np.float32, np.float64, np.int64, np.bool_]


class Liar(FunctionBackend):
    """A backend that gives some array, whatever its picture is."""

    def __init__(self, result: NDArray[Any]) -> None:
        super().__init__(lambda image: image)
        self.result = result

    def run(self, image: NDArray[np.float32], _: object) -> NDArray[Any]:
        return self.result


@given(arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=90), st.sampled_from(KINDS))
def test_what_is_no_upscaled_picture_is_refused(shape: tuple[int, ...], kind: type[np.generic]) -> None:
    with pytest.raises(ModelError, match=r"function makes \[.*\] \w+, not \[1, 3, \d+, \d+\] float32"):
        Upscaler(Liar(np.zeros(shape, kind))).upscale(PHOTO)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [(0, 0, 0, 0), (1, 0, 0, 0), (0, -2, 0, 0), (0, 0, -1, 0), (0, 0, 1, 1)])
def test_only_the_right_size_and_type_is_taken(change: tuple[int, ...], kind: type[np.generic]) -> None:
    shape = np.add((1, 3, 4 * (12 + 2 * 4), 4 * (16 + 2 * 4)), change)  # the picture has four pixels of border
    upscaler = Upscaler(Liar(np.zeros(shape, kind)))
    if kind == np.float32 and not any(change):
        assert upscaler.upscale(PHOTO).shape == (48, 64, 3)
        return
    with pytest.raises(ModelError, match="function makes"):
        upscaler.upscale(PHOTO)


def changed_model(folder: Path, change: str) -> Path:
    path = write_model(folder / "model.onnx", 4, masked=change == "index")
    model = onnx.load(path)
    graph = model.graph
    if change == "input":
        graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))
    elif change == "index":
        graph.input[1].type.tensor_type.elem_type = TensorProto.INT32
    elif change == "name":
        graph.node[-1].output[0] = graph.output[0].name = "result"
    else:
        graph.node[-1].output[0] = "last"
        graph.node.append(
            helper.make_node("SequenceConstruct", ["last"], ["sr"])
            if change == "sequence"
            else helper.make_node("Cast", ["last"], ["sr"], to=getattr(TensorProto, change))
        )
        del graph.output[:]
        graph.output.append(
            helper.make_tensor_sequence_value_info("sr", TensorProto.FLOAT, None)
            if change == "sequence"
            else helper.make_tensor_value_info("sr", getattr(TensorProto, change), [1, 3, "h", "w"])
        )
    onnx.save(model, path)
    return path


CHANGES = ["input", "index", "name", "sequence", "UINT8", "FLOAT16", "DOUBLE", "INT64", "BOOL", "STRING"]


@pytest.mark.parametrize("change", CHANGES)
def test_other_inputs_and_outputs_are_noticed_when_it_is_loaded(change: str, tmp_path: Path) -> None:
    path = changed_model(tmp_path, change)
    with pytest.raises(ModelError, match=r"model\.onnx takes and makes .*, but its metadata says image"):
        load(path, device="cpu")


@pytest.mark.parametrize("location", ["secret", "../secret", "/etc/passwd", "*/_ORT_MEM_ADDR_/*"])
@pytest.mark.parametrize("place", ["initializer", "constant", "function"])
def test_no_other_file_is_read(place: str, location: str, tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx", 4, masked=False)
    (tmp_path / "secret").write_bytes(b"secret" * 100)
    model = onnx.load(path)
    tensor = TensorProto(name="offset", data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    for key, value in (("length", "4"), ("location", location)):
        tensor.external_data.add(key=key, value=value)
    constant = helper.make_node("Constant", [], ["offset"], value=tensor)
    if place == "initializer":
        model.graph.initializer[1].CopyFrom(tensor)
    elif place == "constant":
        model.graph.node.insert(0, constant)
        del model.graph.initializer[1]
    else:
        opset = helper.make_opsetid("", 20)
        model.functions.append(helper.make_function("other", "F", [], ["offset"], [constant], [opset]))
    path.write_bytes(model.SerializeToString())
    for read in (lambda: load(path, device="cpu"), lambda: read_model(path)):
        with pytest.raises(ModelError, match=r"model\.onnx has weights in other files, which are not read"):
            read()


@pytest.mark.parametrize("tag", [b"\n", b"\x8a\0", b"\x8a\x80\x80\0"])
@pytest.mark.parametrize("length", [b"\x08", b"\x88\0", b"\x88\x80\0"])
def test_external_data_is_found_however_it_is_written(tag: bytes, length: bytes, tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx", 4, masked=False)
    entry = tag + length + b"location" + b"\x12\x01x"
    parsed = onnx.StringStringEntryProto.FromString(entry)
    assert (parsed.key, parsed.value) == ("location", "x")
    tensor = b"\x6a" + bytes([len(entry)]) + entry
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    path.write_bytes(path.read_bytes() + b"\x3a" + bytes([len(graph)]) + graph)
    with pytest.raises(ModelError, match="weights in other files"):
        load(path, device="cpu")


def test_a_tensor_may_be_called_so(tmp_path: Path) -> None:
    path = write_model(tmp_path / "model.onnx", 4, masked=False)
    model = onnx.load(path)
    model.doc_string = "location of an allocation"
    onnx.save(model, path)
    assert load(path, device="cpu").upscale(PHOTO).shape == (48, 64, 3)
