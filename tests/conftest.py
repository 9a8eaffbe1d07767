"""Shared by all tests: seeds, hypothesis profile, the data folder."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("amsr", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("amsr")
