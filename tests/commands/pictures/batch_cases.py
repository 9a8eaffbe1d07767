"""Pictures and folders for the tests of commands that take many."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

Command = tuple[list[object], str]
"""A command that reads pictures, and the ending of what it writes."""


def draw(path: Path, size: tuple[int, int] = (12, 8), colour: str = "teal") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path, "JPEG" if path.suffix == ".jpg" else "PNG")
    return path


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
