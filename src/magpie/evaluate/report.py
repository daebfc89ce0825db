"""The report of an evaluation, as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_report(
    place: Path, found: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], own: str, other: str
) -> None:
    raise NotImplementedError
