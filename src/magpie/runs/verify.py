"""Every file of a run held against what was written: what is damaged, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from magpie.errors import RunError
from magpie.runs.files import bring
from magpie.runs.folder import RunFolder
from magpie.runs.journal import broken_lines
from magpie.runs.shards import ShardFiles
from magpie.runs.sums import bytes_digest, known_sums

State = Literal["whole", "unknown", "damaged"]
"""`whole`: its bytes are those that were written. `unknown`: it was sealed before digests of bytes were kept, and can
be read. `damaged`: it is not what was written, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A file and its state."""

    path: Path
    state: State
    about: str = ""
    """What is wrong with it."""


def verify(folder: RunFolder) -> Iterator[Checked]:
    """Check every stage's files, also those of old fingerprints. Reads every byte; writes nothing.

    [checked.path for checked in verify(RunFolder(Path("runs/air"))) if checked.state == "damaged"]
    """
    folder.index()
    for path, _ in folder.stage_folders():
        parquets = sorted(path.glob("*.parquet"))
        bring(*parquets)
        for parquet in parquets:
            yield _sealed(parquet)
        for journal in sorted(path.glob("*.part")):
            broken = broken_lines(journal)
            yield (
                Checked(journal, "damaged", f"{broken} lines are no JSON object with a row")
                if broken
                else Checked(journal, "whole")
            )


def _sealed(parquet: Path) -> Checked:
    known = known_sums(parquet)
    if known:
        same = bytes_digest(parquet) in known
        return Checked(parquet, "whole") if same else Checked(parquet, "damaged", "its bytes are not those written")
    try:
        ShardFiles(parquet.parent, int(parquet.stem)).sealed(checked=False)
    except (RunError, ValueError) as error:
        return Checked(parquet, "damaged", str(error))
    return Checked(parquet, "unknown")
