"""Folders that a user knows by another name: the address in a bucket that a folder of this machine mirrors."""

from __future__ import annotations

from pathlib import Path

_names: dict[str, str] = {}


def name_for(folder: Path, name: str) -> None:
    """From now on, call a folder by this name wherever a user reads it."""
    _names[str(folder)] = name


def named(text: str) -> str:
    """The text, in which such folders have their names.

    named("/home/me/.cache/magpie/objects/3f2a91c04b771d20/air/run.json")  # s3://bucket/air/run.json
    """
    for folder, name in _names.items():
        text = text.replace(folder, name)
    return text
