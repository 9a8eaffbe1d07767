"""Checkpoints: ours and public ones load completely or are refused with names."""

from __future__ import annotations

import copy
import functools
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from fuzzing.seeds import with_branches
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from amsr_deploy import models
from amsr_deploy.descriptor import BACKBONES, SCALES
from amsr_deploy.errors import ModelError
from amsr_deploy.models.checkpoint import Checkpoint, make_network, read_network
from amsr_deploy.models.span import collapse


@functools.cache
def created(name: str) -> models.Network:
    torch.manual_seed(1)
    return models.create(name)


def weights_of(name: str) -> dict[str, Tensor]:
    return created(name).state_dict()


def published(name: str) -> dict[str, Tensor]:
    """Our weights under the names of a public implementation, with what its checkpoints hold besides."""
    weights = weights_of(name)
    if name == "carn":  # nmhkahn/CARN-pytorch, multi-scale
        for scale in (2, 3):
            weights |= {k: v for k, v in models.create("carn", scale=scale).state_dict().items() if "upsample" in k}
    if name == "srresnet":  # ClassSR
        renames = {"blocks.": "recon_trunk.", "conv_hr.": "HRconv."}
        weights = {rename(key, renames): value for key, value in weights.items()}
    if name == "swinir":  # its authors'
        for layer in range(4):
            for block in range(6):
                prefix = f"layers.{layer}.residual_group.blocks.{block}"
                weights[f"{prefix}.attn.relative_position_index"] = torch.zeros(64, 64, dtype=torch.long)
            weights[f"layers.{layer}.residual_group.blocks.1.attn_mask"] = torch.zeros(64, 64, 64)
    return weights


def noting(created: list[Tensor], initialise: Callable[..., None]) -> Callable[..., None]:
    """A constructor of convolutions that keeps the weight of each."""

    def noted(layer: nn.Conv2d, *arguments: object, **named: object) -> None:
        initialise(layer, *arguments, **named)
        created.append(layer.weight)

    return noted


def rename(key: str, prefixes: dict[str, str]) -> str:
    for old, new in prefixes.items():
        if key.startswith(old):
            return new + key.removeprefix(old)
    return key


def assert_loads(name: str, path: Path) -> None:
    network = read_network(path)
    assert models.name_of(network) == name
    for key, value in weights_of(name).items():
        torch.testing.assert_close(network.state_dict()[key], value, rtol=0, atol=0)


@pytest.mark.parametrize("name", BACKBONES)
def test_public_checkpoint_loads(name: str, tmp_path: Path) -> None:
    torch.save(published(name), tmp_path / "public.pth")
    assert_loads(name, tmp_path / "public.pth")


@pytest.mark.parametrize("wrapper", ["params", "params_ema", "state_dict", "model_state_dict", "model"])
def test_weights_may_lie_in_a_dictionary(wrapper: str, tmp_path: Path) -> None:
    torch.save({wrapper: weights_of("fsrcnn")}, tmp_path / "public.pth")
    assert_loads("fsrcnn", tmp_path / "public.pth")


def test_averaged_weights_are_preferred(tmp_path: Path) -> None:
    others = {key: torch.zeros_like(value) for key, value in weights_of("fsrcnn").items()}
    torch.save({"params": others, "params_ema": weights_of("fsrcnn")}, tmp_path / "both.pth")
    assert_loads("fsrcnn", tmp_path / "both.pth")


def test_basicsr_names_of_srresnet_load(tmp_path: Path) -> None:
    renamed = {rename(key, {"blocks.": "body."}): value for key, value in weights_of("srresnet").items()}
    torch.save({"params": renamed}, tmp_path / "basicsr.pth")
    assert_loads("srresnet", tmp_path / "basicsr.pth")


def test_single_scale_carn_loads(tmp_path: Path) -> None:
    renamed = {rename(key, {"upsample.up4.": "upsample.up."}): value for key, value in weights_of("carn").items()}
    torch.save(renamed, tmp_path / "single.pth")
    assert_loads("carn", tmp_path / "single.pth")


def test_names_of_pytorchs_wrappers_load(tmp_path: Path) -> None:
    wrapped = torch.compile(torch.optim.swa_utils.AveragedModel(nn.DataParallel(created("fsrcnn"))))
    save_file(wrapped.state_dict(), tmp_path / "w.safetensors")
    assert_loads("fsrcnn", tmp_path / "w.safetensors")


def test_names_of_compiled_parts_load(tmp_path: Path) -> None:
    network = copy.deepcopy(created("fsrcnn"))
    network.body_conv[2] = torch.compile(network.body_conv[2])
    torch.save(nn.DataParallel(network).state_dict(), tmp_path / "parts.pth")
    assert_loads("fsrcnn", tmp_path / "parts.pth")


def test_another_mean_colour_is_refused(tmp_path: Path) -> None:
    weights = weights_of("carn")
    rounded = {name: weights[name].bfloat16() for name in weights if "mean" in name}
    torch.save(weights | rounded, tmp_path / "rounded.pth")
    read_network(tmp_path / "rounded.pth")
    for name, mean in (("sub_mean", [-0.5, -0.25, -0.5]), ("add_mean", [0.5, 0.25, 0.5])):
        torch.save(weights | {f"{name}.shifter.bias": torch.tensor(mean)}, tmp_path / "other.pth")
        with pytest.raises(ModelError, match=r"does not fit \(its mean colour is \[0\.5, 0\.25, 0\.5\], not \(0\.4488"):
            read_network(tmp_path / "other.pth")


@pytest.mark.parametrize("kept", [0, 4, 8, 40, -1])
def test_a_part_of_a_file_is_refused(kept: int, tmp_path: Path) -> None:
    save_file(weights_of("fsrcnn"), tmp_path / "w.safetensors")
    (tmp_path / "part.safetensors").write_bytes((tmp_path / "w.safetensors").read_bytes()[:kept])
    with pytest.raises(ModelError, match="cannot be read as a checkpoint of tensors alone"):
        read_network(tmp_path / "part.safetensors")


def test_wrong_checkpoint_names_first_keys(tmp_path: Path) -> None:
    weights = weights_of("fsrcnn")
    del weights["head_conv.0.bias"], weights["tail_conv.bias"]
    weights["body_conv.2.weight"] = torch.zeros(12, 12, 5, 5)
    weights["extra"] = torch.zeros(1)
    torch.save(weights, tmp_path / "wrong.pth")
    with pytest.raises(ModelError) as caught:
        read_network(tmp_path / "wrong.pth")
    message = str(caught.value)
    assert "2 missing, first head_conv.0.bias" in message
    assert "1 unexpected, first extra" in message
    assert "body_conv.2.weight (12, 12, 5, 5) instead of (12, 12, 3, 3)" in message


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.bool, torch.complex64])
def test_weights_that_are_no_real_numbers_are_refused(dtype: torch.dtype, tmp_path: Path) -> None:
    weights, name = weights_of("fsrcnn"), "tail_conv.bias"
    save_file(weights | {name: weights[name].to(dtype)}, tmp_path / "w.safetensors")
    with pytest.raises(ModelError, match=f"1 of another type, first {name} {str(dtype).removeprefix('torch.')}$"):
        read_network(tmp_path / "w.safetensors")


NOT_PLAIN: dict[str, Callable[[Tensor], Tensor]] = {
    "meta": lambda value: value.to("meta"),
    "sparse": lambda value: value.to_sparse(),
    "quantised": lambda value: torch.quantize_per_tensor(value, 0.1, 0, torch.qint8),
    "expanded": lambda value: torch.zeros(1).expand(10**6, *value.shape[1:]),
    "nested": lambda value: torch.nested.nested_tensor([value[0], value[1, :1]]),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("kind", NOT_PLAIN)
def test_tensors_that_are_not_plain_are_refused(kind: str, tmp_path: Path) -> None:
    weights, name = weights_of("disp"), "conv_1.eval_conv.weight"
    torch.save(weights | {name: NOT_PLAIN[kind](weights[name])}, tmp_path / "w.pth")
    with pytest.raises(ModelError, match=rf"w\.pth holds {name} as a sparse, .* tensor"):
        read_network(tmp_path / "w.pth")


@pytest.mark.parametrize("key", [1, ("conv", 1), b"conv", None])
def test_names_that_are_no_text_are_refused(key: object, tmp_path: Path) -> None:
    torch.save({key: torch.zeros(1), **weights_of("disp")}, tmp_path / "w.pth")
    with pytest.raises(ModelError, match=r"w\.pth holds no weights by name"):
        read_network(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("name", "claimed"),
    [
        ("disp", {"conv_1.eval_conv.weight": torch.zeros(10**6, 1, 1, 1)}),
        ("span", {"conv_1.eval_conv.weight": torch.zeros(10**6, 1, 1, 1)}),
        ("fsrcnn", {"head_conv.0.weight": torch.zeros(10**6), "body_conv.0.0.weight": torch.zeros(10**6)}),
        ("disp", {f"blocks.{i}.c1_r.eval_conv.weight": torch.zeros(1) for i in range(20_000)}),
        ("disp", {f"others.{i}.c1_r.eval_conv.weight": torch.zeros(1) for i in range(20_000)}),
        ("span", {f"block_{i}.c1_r.eval_conv.weight": torch.zeros(1) for i in range(20_000)}),
        ("srresnet", {f"blocks.{i}.conv1.weight": torch.zeros(1) for i in range(20_000)}),
        ("fsrcnn", {f"body_conv.{i}.bias": torch.zeros(1) for i in range(20_000)}),
    ],
)
def test_claimed_dimensions_take_no_memory_and_no_time(
    name: str, claimed: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, created = Checkpoint(Path("claims.pth"), weights_of(name) | claimed), []
    monkeypatch.setattr(nn.Conv2d, "__init__", noting(created, nn.Conv2d.__init__))
    with pytest.raises(ModelError, match=r"claims\.pth"):
        make_network(checkpoint)
    assert len(created) < 100
    assert all(weight.is_meta for weight in created)


@pytest.mark.parametrize("scale", ["-1", "0", "1", "5", "100000"])
def test_a_scale_that_no_model_has_is_refused(scale: str) -> None:
    weights = weights_of("fsrcnn")  # of which none shows the scale
    with pytest.raises(ModelError, match=rf"does not fit \(its scale is {scale}, not one of 2, 3, 4\)"):
        make_network(Checkpoint(Path("w.safetensors"), weights, {"scale": scale}))


@pytest.mark.parametrize("scale", [2, 3])
def test_the_scale_chooses_among_several(scale: int, tmp_path: Path) -> None:
    torch.save(published("carn"), tmp_path / "public.pth")
    assert read_network(tmp_path / "public.pth", scale=scale).scale == scale
    assert read_network(tmp_path / "public.pth").scale == 4


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("scale", SCALES)
def test_scale_and_backbone_are_read_from_weights(name: str, scale: int, tmp_path: Path) -> None:
    save_file(models.create(name, scale=scale).state_dict(), tmp_path / "w.safetensors", {"scale": str(scale)})
    network = read_network(tmp_path / "w.safetensors")
    assert (models.name_of(network), network.scale) == (name, scale)
    other = 5 - scale if scale < 4 else 2
    with pytest.raises(ModelError, match=f"is a network of x{scale}, not of x{other}"):
        read_network(tmp_path / "w.safetensors", scale=other)


@pytest.mark.parametrize("name", BACKBONES)
def test_dimensions_are_read_from_weights(name: str, tmp_path: Path) -> None:
    usual = models.usual_dimensions(name)
    dimensions = {key: value // 2 if type(value) is int else not value for key, value in usual.items()}
    network = models.create(name, **dimensions)
    torch.save(network.state_dict(), tmp_path / "other.pth")
    assert read_network(tmp_path / "other.pth").dimensions == {"scale": 4, **dimensions}


@pytest.mark.parametrize("name", BACKBONES)
def test_only_the_upsampler_belongs_to_a_scale(name: str) -> None:
    large = models.create(name, scale=4)
    shapes, others = (
        {key: value.shape for key, value in each.state_dict().items()} for each in (large, models.create(name, scale=2))
    )
    assert all(any(key.startswith(prefix) for key in shapes) for prefix in large.UPSAMPLER)
    assert all(key.startswith(large.UPSAMPLER) for key, _ in shapes.items() ^ others.items())


def test_another_backbone_than_the_wanted_one_is_refused(tmp_path: Path) -> None:
    torch.save(weights_of("disp"), tmp_path / "disp.pth")
    with pytest.raises(ModelError, match=r"holds weights of DISP \(disp\), not of CARN \(carn\)"):
        read_network(tmp_path / "disp.pth", backbone="carn")


def test_an_unknown_network_gets_the_list_of_known_ones(tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(3, 3), "trunk.0.bias": torch.zeros(3)}, tmp_path / "edsr.pth")
    with pytest.raises(ModelError, match=r"disp, fsrcnn.* none of them has weights named conv.weight, trunk.0.bias"):
        read_network(tmp_path / "edsr.pth")


@pytest.mark.parametrize("name", BACKBONES)
def test_a_part_of_a_checkpoint_is_refused(name: str, tmp_path: Path) -> None:
    weights = {key: weights_of(name)[key] for key in models.CLASSES[name].SIGNATURE}
    torch.save(weights, tmp_path / "part.pth")
    with pytest.raises(ModelError, match=r"part\.pth"):
        read_network(tmp_path / "part.pth")


def small_checkpoints() -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Weights of small networks, and under public names."""
    for name, dimensions in {
        "disp": {"channels": 8, "blocks": 1},
        "fsrcnn": {"d": 8, "s": 4, "m": 1},
        "srresnet": {"blocks": 1},
    }.items():
        yield name, models.create(name, **dimensions).state_dict()
    yield "carn", published("carn")
    yield "span", with_branches(models.create("span", channels=8, blocks=1).state_dict())


@pytest.mark.parametrize(("name", "weights"), small_checkpoints())
@pytest.mark.parametrize("damage", [None, torch.tensor(1.0), torch.zeros(0), torch.zeros(1, 1, 1, 1)])
def test_damaged_checkpoints_are_refused(name: str, weights: dict[str, Tensor], damage: Tensor | None) -> None:
    assert models.name_of(make_network(Checkpoint(Path("whole.pth"), weights))) == name
    refused = []
    names = list(weights)[:: 3 if name == "carn" else 1]  # the many blocks of CARN are alike
    for lost in names:
        damaged = {key: value for key, value in weights.items() if key != lost}
        damaged |= {} if damage is None else {lost: damage}
        try:
            make_network(Checkpoint(Path("damaged.pth"), damaged))
        except ModelError as error:
            refused.append(str(error))
    assert len(refused) > len(names) / 2
    assert all(message.startswith("damaged.pth ") for message in refused)


def test_names_alone_tell_a_network() -> None:
    odd = {"foo.sk.weight": torch.zeros(1), "upsample.up2.weight": torch.tensor(1.0)}
    with pytest.raises(ModelError, match=r"odd\.pth is not a checkpoint of a known network"):
        make_network(Checkpoint(Path("odd.pth"), odd))
    disp = weights_of("disp")
    assert models.name_of(make_network(Checkpoint(Path("disp.pth"), disp), "disp")) == "disp"
    with pytest.raises(ModelError, match=r"more\.pth is not a checkpoint of DISP: 2 unexpected"):
        make_network(Checkpoint(Path("more.pth"), disp | odd))


def test_training_branches_of_span_are_collapsed() -> None:
    """A Conv3XC is a 1x1, a 3x3 and a 1x1 convolution in a row, of a picture padded before them, beside a 1x1."""
    torch.manual_seed(0)
    first, second, third = nn.Conv2d(5, 10, 1), nn.Conv2d(10, 14, 3), nn.Conv2d(14, 7, 1)
    shortcut, x = nn.Conv2d(5, 7, 1), torch.randn(1, 5, 6, 8)
    layers = {"conv.0": first, "conv.1": second, "conv.2": third, "sk": shortcut}
    weights = {f"c1_r.{name}.{key}": value for name, each in layers.items() for key, value in each.state_dict().items()}
    weights |= {"c1_r.eval_conv.weight": torch.zeros(7, 5, 3, 3), "conv_cat.bias": torch.ones(3)}
    collapsed = collapse(weights)
    assert collapsed.keys() == {"c1_r.eval_conv.weight", "c1_r.eval_conv.bias", "conv_cat.bias"}
    expected = third(second(first(F.pad(x, (1, 1, 1, 1))))) + shortcut(x)
    actual = F.conv2d(x, collapsed["c1_r.eval_conv.weight"], collapsed["c1_r.eval_conv.bias"], padding=1)
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=0)


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "attacked",)  # type: ignore[return-value]

    torch.save({"params": Attack()}, tmp_path / "evil.pth")
    with pytest.raises(ModelError, match=r"evil\.pth cannot be read"):
        read_network(tmp_path / "evil.pth")
    assert not (tmp_path / "attacked").exists()


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"hi", pickle.dumps([1, 2])])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_garbage_is_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"garbage{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="garbage"):
        read_network(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.pth is not a file"):
        read_network(tmp_path / "none.pth")
