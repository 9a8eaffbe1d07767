"""What pages say of quality is what the model card says."""

from __future__ import annotations

import model_card
import pytest
from conftest import ROOT

from amsr_deploy.descriptor import SCALE, describe
from amsr_deploy.evaluation.bench.twins import shipped_backbones


def psnr_y(backbone: str, folder: str, dilation: object) -> float:
    """A figure of the card, in dB."""
    table = model_card.CARD.read_text(encoding="utf-8").split(f"<!-- {backbone} -->\n")[1].split("<!-- end -->")[0]
    (row,) = (row for row in table.splitlines() if row.startswith(f"| {folder} | {dilation} |"))
    return float(row.split(" | ")[2])


@pytest.mark.parametrize(
    ("page", "backbone", "sentence"),
    [
        ("docs/benchmarks.md", "disp", "DISP loses {:.2f} and {:.2f} dB in the means of large2k and large4k"),
        ("README.md", "carn", "**CARN** takes 0.36 of the dense time for {1:.2f} to {0:.2f} dB"),
        ("README.md", "srresnet", "**SRResNet** 0.47 for {:.2f} dB"),
    ],
)
def test_what_the_default_mask_costs(page: str, backbone: str, sentence: str) -> None:
    dilation = describe(backbone).dilation
    losses = (psnr_y(backbone, name, "full") - psnr_y(backbone, name, dilation) for name in ("large2k", "large4k"))
    assert sentence.format(*losses) in " ".join((ROOT / page).read_text(encoding="utf-8").split())


@pytest.mark.parametrize("backbone", shipped_backbones(SCALE))
def test_the_table_of_networks_has_their_quality(backbone: str) -> None:
    description = describe(backbone)
    rows = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    row = next(row for row in rows if row.startswith(f"| {description.title}, x{SCALE}"))
    assert row.endswith(f"| {psnr_y(backbone, 'large2k', description.dilation):.2f} dB |")
