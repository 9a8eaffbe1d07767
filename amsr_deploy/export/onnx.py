"""PyTorch -> ONNX: the compact form of a masked backbone, or the dense network, as one self-contained file."""

from __future__ import annotations

import copy
import hashlib
import importlib.metadata
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import onnx
import onnx_ir as ir
import onnx_ir.passes.common as passes
import torch
from onnx_ir.passes import Sequential
from onnxscript import optimizer
from torch import Tensor, nn

from amsr_deploy import __version__
from amsr_deploy.descriptor import DOMAIN, Descriptor, Purpose, describe
from amsr_deploy.export.functions import IR_VERSION, OPSET, define
from amsr_deploy.export.names import name_layers
from amsr_deploy.export.verify import verify
from amsr_deploy.files import replacing
from amsr_deploy.metadata import SELECTIONS, Metadata, Precision, check_precision
from amsr_deploy.models import Network, name_of
from amsr_deploy.models.activation import attributes
from amsr_deploy.models.cost import count_cost

PRODUCER = "amsr-deploy"
FOLDING_LIMIT = 1 << 22  # elements: larger than any weight, so that reshaped weights are stored as they are used


class InferenceForm(nn.Module):
    """What is exported: image [1, 3, H, W] float32 and the selections -> sr [1, 3, sH, sW] float32.

    The network inside may compute in another precision. Masked networks convert at their own borders.
    """

    def __init__(self, network: Network, masked: bool) -> None:
        super().__init__()
        self.network = network
        self.run: Callable[..., Tensor] = network.forward_compact if masked else network.forward_dense
        self.dtype = torch.float32 if masked else next(network.parameters()).dtype

    def forward(self, image: Tensor, *selections: Tensor) -> Tensor:
        return self.run(image.to(self.dtype), *selections).float()


@dataclass(frozen=True)
class Training:
    """What is known of how weights were trained.

    Attributes:
        dilation: that of the masks at the end.
        trained_for: what pictures.
        mask_loss: what these masks cost in dB, as `mask_loss.mask_loss` measures it.
    """

    dilation: int
    trained_for: Purpose = "clean"
    mask_loss: float = 0.0


def export_onnx(
    network: Network,
    path: Path,
    masked: bool = True,
    precision: Precision = "float32",
    training: Training | None = None,
    step: Callable[[str], object] = lambda _: None,
) -> float:
    """Write a network as ONNX, and compare the file with PyTorch.

    Args:
        network: a backbone with its weights, in float32; left as it is.
        path: the file to write, replaced only when the new one is whole.
        masked: the compact form with its selection inputs, or the dense network.
        precision: type of weights and features; inputs and outputs stay float32.
        training: what the metadata says about the weights; None says what is usual for the backbone.
        step: is called with what comes next.

    Returns:
        The largest difference to PyTorch, on a photo and on random pictures.

    Raises:
        UserError: bfloat16 for a network that is not computed by native kernels alone.
        ModelError: the difference is beyond the tolerance; nothing was written.
        BackendError: there are no native kernels to check a bfloat16 model with.
        OSError: the folder cannot be written.
    """
    proto = make_model(network, masked, precision, training, step)
    step("comparing with PyTorch")
    with replacing(path) as temporary:
        onnx.save(proto, temporary)
        return verify(temporary, network)


def make_model(
    network: Network,
    masked: bool = True,
    precision: Precision = "float32",
    training: Training | None = None,
    step: Callable[[str], object] = lambda _: None,
) -> onnx.ModelProto:
    """Convert a network to ONNX, without comparing the two; see `export_onnx`."""
    check_precision(precision, masked)
    descriptor = describe(name_of(network))
    metadata = describe_model(network, descriptor, masked, precision)
    if training:
        metadata = replace(metadata, **asdict(training))
    step("tracing the network")
    model = trace(prepare(network, precision), descriptor, masked)
    step("simplifying the graph")
    clean(model)
    model.producer_name, model.producer_version = PRODUCER, __version__
    model.metadata_props.update(metadata.to_properties())
    proto = ir.to_proto(model)
    proto.functions.extend(define({node.op_type for node in proto.graph.node if node.domain == DOMAIN}))
    onnx.checker.check_model(proto, full_check=False)
    return proto


def prepare(network: Network, precision: Precision) -> Network:
    """Copy the network in inference mode and in a precision; in bfloat16 `picture_layer` stays in float32."""
    prepared = copy.deepcopy(network).eval().requires_grad_(False)
    freeze(prepared)
    prepared.to(getattr(torch, precision))
    last, exact = prepared.picture_layer, network.picture_layer
    if precision == "bfloat16" and last is not None and exact is not None:
        last.float().load_state_dict(exact.state_dict())
    return prepared


def freeze(network: nn.Module) -> None:
    """Turn the learned slopes of PReLU into plain numbers, which are exact in any precision."""
    for name, child in network.named_children():
        if isinstance(child, nn.PReLU):
            setattr(network, name, nn.LeakyReLU(attributes(child)["negative_slope"]))
        else:
            freeze(child)


def describe_model(network: Network, descriptor: Descriptor, masked: bool, precision: Precision) -> Metadata:
    """Make the metadata of this network's model file."""
    return Metadata(
        backbone=descriptor.name,
        masked=masked,
        body=descriptor.body,
        scale=network.scale,
        dilation=descriptor.dilation,
        threshold=descriptor.threshold,
        window_size=descriptor.window_size,
        halo=network.halo,
        bytes_per_pixel=network.bytes_per_pixel,
        values_per_pixel=network.values_per_pixel,
        precision=precision,
        cost=count_cost(network),
        weights_sha256=digest(network),
        tools={name: importlib.metadata.version(name) for name in ("amsr-deploy", "torch", "onnx", "onnxscript")},
    )


def digest(network: nn.Module) -> str:
    """Compute the SHA-256 over the names and values of a network's weights."""
    total = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        total.update(name.encode())
        total.update(value.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


def trace(network: Network, descriptor: Descriptor, masked: bool) -> ir.Model:
    """Trace the inference form, dynamic in height, width and the sizes of the selections."""
    step = descriptor.size_multiple
    height, width = (step * torch.export.Dim(name, min=2) for name in "HW")
    names = SELECTIONS[descriptor.body] if masked else ()
    example = (torch.rand(1, 3, 5 * step, 7 * step), *(torch.arange(3 + i) for i in range(len(names))))
    counts = tuple({0: torch.export.Dim(f"{name}_count", min=2)} for name in names)
    shapes = {"image": {2: height, 3: width}} | ({"selections": counts} if names else {})
    with quiet():
        program = torch.onnx.export(
            InferenceForm(network, masked),
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=["image", *names],
            output_names=["sr"],
            dynamic_shapes=shapes,
            verbose=False,
        )
    assert program is not None
    return program.model


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress PyTorch's warnings about packages and types that have no part in our networks."""
    log = logging.getLogger("torch.onnx")
    previous = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(previous)


def clean(model: ir.Model) -> None:
    """Compute what is constant, store each weight once, and give values the names of the modules."""
    model.ir_version = IR_VERSION
    optimizer.optimize_ir(model, input_size_limit=FOLDING_LIMIT, output_size_limit=FOLDING_LIMIT)
    Sequential(
        passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0),
        passes.DeduplicateInitializersPass(size_limit=FOLDING_LIMIT),
        passes.CommonSubexpressionEliminationPass(),
        passes.RemoveUnusedNodesPass(),
        passes.ClearMetadataAndDocStringPass(),
    )(model)
    name_layers(model.graph)
