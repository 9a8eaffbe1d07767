"""The native library as the package finds it."""

from __future__ import annotations

import _ctypes
from pathlib import Path

import pytest

import amsr_deploy
from amsr_deploy import native
from amsr_deploy.errors import BackendError


def test_a_library_of_another_version_is_refused_before_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_FILE", Path(_ctypes.__file__))
    native.library_path.cache_clear()
    try:
        for call in (native.load, native.inspect, lambda: amsr_deploy.load("fsrcnn", device="cpu")):
            with pytest.raises(BackendError, match="another version of amsr-deploy; install the package again"):
                call()
    finally:
        native.library_path.cache_clear()
