"""Time of MaskedConv2d against ONNX Runtime's own Conv, on masks of real photos.

Both run as chains of 3x3 convolutions with ReLU, in one process, in turns. The time of a layer is the difference of a
long and a short chain over the number of layers between them: what enters and leaves the chain counts for neither.

    python benchmarks/masked_conv2d.py ../shared/data/large2k
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper
from PIL import Image, ImageOps

from amsr_deploy import mask
from amsr_deploy.runtime import native

HEIGHT, WIDTH = 288, 512
CHANNELS = 64
DENSITIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
DILATION = 5
SHORT, LONG = 2, 8
WARM_UP = 2
Run = Callable[[], object]


@dataclass(frozen=True)
class Result:
    """Times of a layer in milliseconds; the target is time <= 1.15 x density x dense time."""

    storage: str
    group: int
    density: float
    dense: float
    masked: float

    @property
    def ratio(self) -> float:
        """Masked time over density times dense time: 1 where masking saves exactly what it leaves out."""
        return self.masked / (self.density * self.dense)


def low_resolution_photos(folder: Path) -> Iterator[NDArray[np.float32]]:
    """The photos reduced to 2048 wide, then by 4, and their middle 288 lines: [288, 512, 3] in [0, 1]."""
    for path in sorted(folder.iterdir()):
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
        height = round(upright.height * WIDTH / upright.width)
        if height < HEIGHT:
            continue
        wide = upright.resize((4 * WIDTH, 4 * height), Image.Resampling.BICUBIC)
        small = np.asarray(wide.resize((WIDTH, height), Image.Resampling.BICUBIC), dtype=np.float32) / 255
        top = (height - HEIGHT) // 2
        yield small[top : top + HEIGHT]


def mask_of_density(frequencies: NDArray[np.float32], density: float) -> NDArray[np.bool_]:
    """The dilated mask whose threshold leaves this share of pixels, found by bisection."""
    low, high = 0.0, 1.0
    for _ in range(20):
        threshold = (low + high) / 2
        grown = mask.dilate(frequencies > threshold, DILATION)
        low, high = (threshold, high) if grown.mean() > density else (low, threshold)
    return grown


def convolution_weights(layer: int, group: int) -> list[NDArray[np.float32]]:
    random = np.random.default_rng(layer)
    shape = (CHANNELS, CHANNELS // group, 3, 3)
    scale = np.float32((2 / (9 * CHANNELS / group)) ** 0.5)
    return [random.standard_normal(shape, dtype=np.float32) * scale, np.zeros(CHANNELS, dtype=np.float32)]


def chain(layers: int, group: int, storage: int | None) -> ModelProto:
    """A chain of convolutions: MaskedConv2d on tensors of a storage type, or Conv and Relu where it is None."""
    masked = storage is not None
    inputs = ["rows", "surround", "neighbors"] if masked else ["image"]
    types = {"neighbors": TensorProto.INT32}
    axes = 2 if masked else 4
    nodes, weights, last = [], [], inputs[0]
    if storage not in (None, TensorProto.FLOAT):
        nodes += [helper.make_node("Cast", [name], [f"{name}_cast"], to=storage) for name in inputs[:2]]
        last, surround = "rows_cast", "surround_cast"
    else:
        surround = "surround"
    for layer in range(layers):
        names = [f"weight{layer}", f"bias{layer}"]
        for name, value in zip(names, convolution_weights(layer, group), strict=True):
            tensor = numpy_helper.from_array(value, name)
            if storage not in (None, TensorProto.FLOAT):
                tensor = helper.make_tensor(name, storage, value.shape, value.ravel())
            weights.append(tensor)
        if masked:
            attributes = {"domain": "amsr", "group": group, "negative_slope": 0.0}
            nodes.append(
                helper.make_node(
                    "MaskedConv2d", [last, surround, "neighbors", *names], [f"features{layer}"], **attributes
                )
            )
        else:
            nodes.append(helper.make_node("Conv", [last, *names], [f"sums{layer}"], pads=[1] * 4, group=group))
            nodes.append(helper.make_node("Relu", [f"sums{layer}"], [f"features{layer}"]))
        last = f"features{layer}"
    nodes.append(helper.make_node("Cast", [last], ["out"], to=TensorProto.FLOAT))
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info(name, types.get(name, TensorProto.FLOAT), [None] * axes) for name in inputs],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [None] * axes)],
        weights,
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("amsr", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def session(model: ModelProto, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.force_spinning_stop", "1")  # or its threads disturb the next session's
    if not native.register(options):
        raise SystemExit("the native library is not built: install the package where there is a C++ compiler")
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def layer_runs(group: int, storage: int | None, threads: int) -> tuple[ort.InferenceSession, ort.InferenceSession]:
    return session(chain(SHORT, group, storage), threads), session(chain(LONG, group, storage), threads)


def seconds(run: Run) -> float:
    """Seconds of a second call at once: the first one fills the caches, whatever ran before."""
    run()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def medians(runs: Sequence[Run], repeats: int) -> list[float]:
    """Median seconds of each, measured in turns after the rounds in which ONNX Runtime's memory grows to its size."""
    rounds = [[seconds(run) for run in runs] for _ in range(WARM_UP + repeats)][WARM_UP:]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def neighbors_of(index: NDArray[np.int64], threads: int) -> NDArray[np.int32]:
    """The neighbour table, by the operator itself."""
    node = helper.make_node("MaskNeighbors", ["index", "size"], ["neighbors"], domain="amsr")
    graph = helper.make_graph(
        [node],
        "neighbors",
        [helper.make_tensor_value_info(name, TensorProto.INT64, [None]) for name in ("index", "size")],
        [helper.make_tensor_value_info("neighbors", TensorProto.INT32, [None, 9])],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("amsr", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    return session(model, threads).run(None, {"index": index, "size": np.array([HEIGHT, WIDTH])})[0]


def measure(
    photo: NDArray[np.float32],
    groups: Sequence[int],
    storages: Sequence[str],
    densities: Sequence[float],
    threads: int,
    repeats: int,
) -> Iterator[Result]:
    """Results for one photo."""
    frequencies = mask.high_frequencies(photo)
    if frequencies is None:
        return
    random = np.random.default_rng(0)
    pixels = random.standard_normal((HEIGHT * WIDTH, CHANNELS), dtype=np.float32)
    image = np.ascontiguousarray(pixels.T).reshape(1, CHANNELS, HEIGHT, WIDTH)
    for group in groups:
        dense = layer_runs(group, None, threads)
        for storage in storages:
            masked = layer_runs(group, TensorProto.DataType.Value(storage.upper()), threads)
            for density in densities:
                index = mask.pixel_index(mask_of_density(frequencies, density))
                feed = {"rows": pixels[index], "surround": pixels, "neighbors": neighbors_of(index, threads)}
                runs: list[Run] = [lambda s=s: s.run(None, {"image": image}) for s in dense]
                runs += [lambda s=s, f=feed: s.run(None, f) for s in masked]
                times = medians(runs, repeats)
                per_layer = [1e3 * (times[i + 1] - times[i]) / (LONG - SHORT) for i in (0, 2)]
                yield Result(storage, group, len(index) / (HEIGHT * WIDTH), *per_layer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder of photos")
    parser.add_argument("--count", type=int, default=1, help="photos to use")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--groups", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--densities", type=float, nargs="+", default=DENSITIES)
    parser.add_argument("--storages", nargs="+", default=["float"], help="float, float16, bfloat16")
    arguments = parser.parse_args()
    code = native.inspect()
    print(f"ONNX Runtime {ort.__version__}, {code.instruction_set if code else None}, {arguments.threads} threads")
    print(
        "| storage | groups | density | dense ms | masked ms | masked / (density x dense) |\n|---|---|---|---|---|---|"
    )
    for number, photo in enumerate(low_resolution_photos(arguments.photos)):
        if number == arguments.count:
            break
        choices = (arguments.groups, arguments.storages, arguments.densities, arguments.threads, arguments.repeats)
        for r in measure(photo, *choices):
            print(f"| {r.storage} | {r.group} | {r.density:.2f} | {r.dense:.2f} | {r.masked:.2f} | {r.ratio:.3f} |")


if __name__ == "__main__":
    main()
