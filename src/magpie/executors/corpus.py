"""The rows that reach a stage over the whole run, as `magpie.seams.Corpus` gives them to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from magpie.executors.inputs import Inputs

_BATCH_ROWS = 4096


def _nothing() -> None:
    """Between two batches, where nobody watches."""


@dataclass(slots=True)
class StreamedCorpus:
    """Read from the run's files, batch by batch."""

    inputs: Inputs
    count: int
    scratch: Path
    between: Callable[[], None] = _nothing
    """Called between batches, and may raise to stop."""
    reported: dict[str, Any] = field(default_factory=dict)

    def batches(self) -> Iterator[pa.RecordBatch]:
        for table in self.inputs.tables():
            yield from table.combine_chunks().to_batches(_BATCH_ROWS)
            self.between()

    def report(self, figures: Mapping[str, Any]) -> None:
        self.reported.update(figures)
