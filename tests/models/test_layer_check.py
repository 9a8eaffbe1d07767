"""What the operators cannot compute is said when a network is made; all else runs in every form and can be exported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from training_cases import quick_config

from amsr_deploy import models
from amsr_deploy.descriptor import describe
from amsr_deploy.errors import ModelError
from amsr_deploy.export.functions import FUNCTIONS
from amsr_deploy.export.onnx import prepare, trace
from amsr_deploy.models.activation import ATTENTION, RELU, SILU
from amsr_deploy.models.layer_check import check_layers
from amsr_deploy.models.masked import Conv, MaskedCNN, PictureConv
from amsr_deploy.models.operators import DOMAIN
from amsr_deploy.training.loop import train

Part = Callable[[Tensor, Conv], Tensor]
Upscaling = Callable[[Tensor, PictureConv], Tensor]
C = 4


def conv3x3(**changed: object) -> nn.Conv2d:
    return nn.Conv2d(**{"in_channels": C, "out_channels": C, "kernel_size": 3, "padding": 1} | changed)


def conv1x1(inputs: int = 1, **changed: object) -> nn.Conv2d:
    return nn.Conv2d(**{"in_channels": inputs * C, "out_channels": C, "kernel_size": 1} | changed)


class Tiny(MaskedCNN):
    """One layer in the body, one before and one behind it."""

    def __init__(
        self,
        layer: nn.Module,
        body: Callable[[nn.Module, Tensor, Conv], Tensor] = lambda layer, x, conv: conv(layer, x),
        before: nn.Module | None = None,
        behind: nn.Module | None = None,
        activation: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.scale, self.layer, self.run = 2, layer, body
        self.first = nn.Conv2d(3, C, 5, padding=2)
        self.before = before or conv1x1()
        self.behind = behind or conv3x3(out_channels=12)
        self.activation = activation

    def head(self, image: Tensor, conv: PictureConv) -> Tensor:
        x = conv(self.first, conv.from_map(image), activation=RELU)
        return conv(self.before, x, residual=x, activation=self.activation)

    def body(self, x: Tensor, conv: Conv) -> Tensor:
        return self.run(self.layer, x, conv)

    def tail(self, features: Tensor, image: Tensor, conv: PictureConv) -> Tensor:
        return conv.to_map(conv.upscaled(self.behind, features, 2, activation=self.activation))


def followed_by(activation: nn.Module | None) -> Callable[[nn.Module, Tensor, Conv], Tensor]:
    return lambda layer, x, conv: conv(layer, x, activation=activation)


def added(activation: nn.Module | None) -> Callable[[nn.Module, Tensor, Conv], Tensor]:
    return lambda layer, x, conv: conv(layer, x, activation=activation, residual=x)


def merging(count: int) -> Callable[[nn.Module, Tensor, Conv], Tensor]:
    return lambda layer, x, conv: conv(layer, *[x] * count)


SLOPES = (None, RELU, nn.LeakyReLU(0.2), nn.PReLU())
TAKEN = [
    *(Tiny(conv(), after(slope)) for conv in (conv3x3, conv1x1) for after in (followed_by, added) for slope in SLOPES),
    *(Tiny(conv1x1(count), merging(count)) for count in (2, 3, 4)),
    *(Tiny(conv3x3(), after(SILU)) for after in (followed_by, added)),
    Tiny(conv3x3(), added(ATTENTION)),
    Tiny(conv3x3(groups=2)),
    Tiny(conv3x3(padding="same")),
    Tiny(conv3x3(), before=conv3x3(kernel_size=7, padding=3), behind=conv1x1(out_channels=12), activation=nn.PReLU()),
    Tiny(conv3x3(), behind=nn.ConvTranspose2d(C, 3, 9, stride=2, padding=4, output_padding=1)),
]
REFUSED = [
    ("a bias", Tiny(conv3x3(bias=False))),
    ("a bias", Tiny(conv1x1(bias=False))),
    ("dilation 1", Tiny(conv3x3(dilation=2, padding=2))),
    ("stride 1", Tiny(conv3x3(stride=2))),
    ("zeros around", Tiny(conv3x3(padding_mode="reflect"))),
    ("zeros around", Tiny(conv3x3(padding=0))),
    ("zeros around", Tiny(conv1x1(padding=1))),
    ("3x3 or 1x1", Tiny(conv3x3(kernel_size=5, padding=2))),
    ("3x3 or 1x1", Tiny(conv3x3(kernel_size=(3, 1), padding=(1, 0)))),
    ("to be a Conv2d", Tiny(nn.ConvTranspose2d(C, C, 3, padding=1))),
    ("one group", Tiny(conv1x1(groups=2))),
    ("up to 4 inputs", Tiny(conv1x1(5), merging(5))),
    ("equal channels", Tiny(conv1x1(), lambda layer, x, conv: conv(layer, x[:, :1], x[:, 1:]))),
    ("one input", Tiny(conv3x3(in_channels=2 * C), merging(2))),
    ("residual", Tiny(conv1x1(2), lambda layer, x, conv: conv(layer, x, x, residual=x))),
    ("residual", Tiny(conv3x3(), lambda layer, x, conv: conv(layer, x, residual=x[:, :1]))),
    ("4 inputs", Tiny(conv3x3(in_channels=2), lambda layer, x, conv: conv(layer, x[:, :2]))),
    *(("ReLU", Tiny(conv3x3(), followed_by(other))) for other in (nn.GELU(), nn.PReLU(C), nn.Sigmoid(), ATTENTION)),
    *(("ReLU", Tiny(conv1x1(), added(other))) for other in (nn.GELU(), nn.PReLU(C), SILU, ATTENTION)),
    ("a masked body makes 2 channels of 4", Tiny(conv3x3(out_channels=2))),
    ("head and tail.*a bias", Tiny(conv3x3(), before=conv3x3(bias=False))),
    ("head and tail.*odd", Tiny(conv3x3(), before=conv3x3(kernel_size=2, padding="same"))),
    ("head and tail.*ReLU", Tiny(conv3x3(), activation=SILU)),
    ("head and tail.*zeros", Tiny(conv3x3(), behind=conv3x3(out_channels=12, padding_mode="reflect"))),
    ("2 times as large", Tiny(conv3x3(), behind=nn.ConvTranspose2d(C, 3, 5, stride=2, padding=1))),
    ("one group", Tiny(conv3x3(), behind=nn.ConvTranspose2d(C, 4, 4, stride=2, padding=1, groups=2))),
]


@pytest.mark.parametrize("network", TAKEN, ids=lambda network: str(network.layer))
def test_what_is_taken_is_the_same_in_all_forms(network: Tiny) -> None:
    check_layers(network)
    torch.manual_seed(0)
    image, mask = torch.rand(1, 3, 7, 6), torch.rand(7, 6) < 0.5
    with torch.no_grad():
        compact = network.forward_compact(image, mask.flatten().nonzero().squeeze(1))
        torch.testing.assert_close(compact, network(image, mask[None, None]), atol=1e-5, rtol=0)


def test_what_is_taken_has_operators() -> None:
    def all_of_them(_: nn.Module, x: Tensor, conv: Conv) -> Tensor:
        for network in TAKEN:
            x = network.body(x, conv)
        return x

    layers = nn.ModuleList(network.layer for network in TAKEN)
    chain = Tiny(layers, all_of_them, before=conv3x3(), behind=conv1x1(out_channels=12), activation=nn.PReLU())
    for network in (chain, TAKEN[-1]):
        nodes = trace(prepare(network, "float32"), describe("disp"), masked=True).graph
        assert {node.op_type for node in nodes if node.domain == DOMAIN} <= FUNCTIONS.keys()


@pytest.mark.parametrize(("need", "network"), REFUSED)
def test_what_operators_cannot_compute_is_refused(need: str, network: Tiny) -> None:
    with pytest.raises(ModelError, match=need):
        check_layers(network)


def test_a_training_says_it_before_its_first_step(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(models.CLASSES, "fsrcnn", lambda **_: Tiny(conv3x3(bias=False)))
    with pytest.raises(ModelError, match="a bias"):
        train(quick_config(folder), tmp_path / "run")
    assert not (tmp_path / "run").exists()
