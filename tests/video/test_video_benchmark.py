"""`benchmarks/video.py` where a package is missing."""

from __future__ import annotations

import runpy
import sys

import pytest
from conftest import OSPREY, ROOT


@pytest.mark.parametrize(
    ("module", "options", "extra"), [("openvino", (), "openvino"), ("av", ("--tolerances",), "video")]
)
def test_a_missing_package_is_a_line(
    module: str, options: tuple[str, ...], extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    script = str(ROOT / "benchmarks" / "video.py")
    monkeypatch.setattr(sys, "argv", [script, str(OSPREY), str(OSPREY), "--size", "64x48", "--frames", "2", *options])
    with pytest.raises(SystemExit, match=rf'error: .* is not installed; run: pip install "amsr-deploy\[{extra}\]"'):
        runpy.run_path(script, run_name="__main__")
