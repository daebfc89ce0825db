"""Which names of objects are files of a run, and which file of the mirrored folder each one is.

Only these names become paths: whoever may write to a bucket chooses names. A journal, which grows, is numbered segments
in the bucket, `7-respond-77ab02aa/00007.OWNER.part/000001`; every other file is one object of the same name.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from magpie.runs.index import STAGE_FOLDER
from magpie.runs.owner import OWNER

WORKERS = "workers"
"""Below it each worker has its files, which move as long as it lives."""
LEASES = "leases"
"""Below it are records that are put by condition, and have no file."""
WRITER = f"{LEASES}/writer"
"""The record of who writes recipe and index."""

_STAGE = STAGE_FOLDER.pattern
_INDEX = r"recipe\.yaml|run\.json|timeline\.parquet"
INDEX_FILES = ("recipe.yaml", "run.json")
"""What one process alone writes."""
_WHOLE = re.compile(rf"(?:{_INDEX})|{WORKERS}/(?:token|{OWNER}\.(?:json|idle))|{_STAGE}/\d{{5,}}\.(?:parquet|sum)")
_JOURNAL = re.compile(rf"{_STAGE}/\d{{5,}}(?:\.{OWNER})?\.part")
_SEGMENT = re.compile(rf"(?P<journal>{_STAGE}/\d{{5,}}(?:\.{OWNER})?\.part)/(?P<number>\d{{6,}})")
_FAST = re.compile(rf"{WORKERS}/{OWNER}\.(?:json|idle)")
_OWNED = re.compile(rf"(?:{_STAGE}/\d{{5,}}\.|{WORKERS}/)(?P<owner>{OWNER})\.(?:part|json|idle)")


class Segment(NamedTuple):
    """A piece of a journal."""

    journal: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.journal}/{self.number:06d}"


def is_whole(name: str) -> bool:
    """Whether a file of the run is one object."""
    return _WHOLE.fullmatch(name) is not None


def is_sealed(name: str) -> bool:
    """Whether an object is a sealed file of rows."""
    return "/" in name and name.endswith(".parquet")


def is_journal(name: str) -> bool:
    """Whether a file of the run is a journal."""
    return _JOURNAL.fullmatch(name) is not None


def is_urgent(name: str) -> bool:
    """Whether others take a worker for lost where this is late."""
    return _FAST.fullmatch(name) is not None


def owner_of(name: str) -> str:
    """Who writes a journal, or a worker's file; empty for any other file, and for a journal of an earlier magpie."""
    match = _OWNED.fullmatch(name)
    return "" if match is None else match["owner"]


def segment_of(name: str) -> Segment | None:
    """The segment that an object is."""
    match = _SEGMENT.fullmatch(name)
    return None if match is None else Segment(match["journal"], int(match["number"]))


def shard_of(name: str) -> str:
    """What a sealed file and its digest have in common; the name itself, of other files."""
    return name.rpartition(".")[0] if name.endswith((".parquet", ".sum")) and "/" in name else name
