"""Folders of a run that no stage of its recipe uses any more: what they hold, and removing them.

After an edit of the recipe the rows that it replaced stay, so that going back finds them again. They are the user's to
remove.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

from magpie.runs.files import remove, storage
from magpie.runs.folder import RunFolder


@dataclass(frozen=True, slots=True)
class Unused:
    """A stage's folder that `run.json` does not name."""

    path: Path
    stage: str
    size: int
    """Of its files, in bytes."""


def unused_folders(folder: RunFolder) -> list[Unused]:
    """The folders of old fingerprints, in the order of their names. Raises `RunError` where there is no run.

    [found.path.name for found in unused_folders(RunFolder(Path("runs/air")))]
    """
    used = {stage["folder"] for stage in folder.index()["stages"]}
    found = []
    for path, stage in folder.stage_folders():
        if path.name not in used:
            size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file() and not file.is_symlink())
            found.append(Unused(path, stage, size))
    return found


def remove_unused(folder: RunFolder, unused: Sequence[Unused]) -> None:
    """Remove these. Raises `RunError` while another process is working on the run."""
    with folder.locked():
        for each in unused:
            for file in sorted(each.path.iterdir()):
                if file.is_file() and not file.is_symlink():
                    remove(file)
            with storage(each.path):
                rmtree(each.path)
