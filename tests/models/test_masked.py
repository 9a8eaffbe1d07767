"""What the compact form makes of weights: they stay the same function."""

from __future__ import annotations

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import nn
from torch.nn import functional as F

from amsr_deploy.export.onnx import freeze, prepare
from amsr_deploy.models.activation import RELU, attributes
from amsr_deploy.models.backbone import RGB_MEAN
from amsr_deploy.models.carn import CARN
from amsr_deploy.models.masked import subpixel_weights


@given(sample=st.data())
def test_a_transposed_convolution_is_a_convolution_before_a_pixel_shuffle(sample: st.DataObject) -> None:
    stride = sample.draw(st.integers(2, 4))
    taps = sample.draw(st.integers(stride, 9))
    padding = sample.draw(st.integers(0, (taps - 1) // 2))
    missing = stride - taps + 2 * padding  # what the output lacks to be the stride times as large as the input
    if not 0 <= missing < stride:
        return
    torch.manual_seed(taps)
    layer = nn.ConvTranspose2d(3, 2, taps, stride, padding, output_padding=missing).requires_grad_(False)
    x = torch.randn(1, 3, sample.draw(st.integers(1, 6)), sample.draw(st.integers(1, 6)))
    weight, bias = subpixel_weights(layer)
    sums = F.conv2d(x, weight, bias, padding=weight.shape[2] // 2)
    torch.testing.assert_close(F.pixel_shuffle(sums, stride), layer(x))


def test_learned_slopes_become_numbers() -> None:
    layers = nn.Sequential(nn.Sequential(nn.PReLU(init=-0.5)), nn.PReLU()).requires_grad_(False)
    x = torch.randn(50)
    expected = layers(x)
    freeze(layers)
    assert not list(layers.parameters())
    torch.testing.assert_close(layers(x), expected)


def test_the_mean_colour_stays_exact_in_any_precision() -> None:
    network = CARN()
    network.exit.requires_grad_(False).apply(lambda layer: [nn.init.zeros_(each) for each in layer.parameters()])
    result = prepare(network, "bfloat16").forward_compact(torch.rand(1, 3, 4, 5), torch.arange(3))
    assert torch.equal(result, torch.tensor(RGB_MEAN)[:, None, None].expand(1, 3, 16, 20))


def test_slopes_tell_what_a_leaky_relu_does() -> None:
    x = torch.randn(50)
    assert attributes(None) == {"negative_slope": 1}
    for activation in (RELU, nn.LeakyReLU(0.3), nn.PReLU(init=0.7)):
        torch.testing.assert_close(F.leaky_relu(x, attributes(activation)["negative_slope"]), activation(x))
