"""What the rest of magpie asks of the sandbox's process: to read a selection, to check it, and to run it over rows.

Keeps the deadlines: a plan waits seconds, work waits longer, by the rows that it looks at.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from magpie.errors import RecipeError, UserError
from magpie.stages.select.chunks import chunks
from magpie.stages.select.costs import Costs
from magpie.stages.select.limits import check_size
from magpie.stages.select.process import SLOTS, SandboxProcess, patience, sandbox_process
from magpie.stages.select.selection import Asked, Selection, told

if TYPE_CHECKING:
    from magpie.stages.select.rows import Spread

PLAN_SECONDS = 10.0
"""The longest that a plan waits for each clause: it looks at one row, which takes milliseconds."""
WORK_SECONDS = 60.0
"""The longest that work waits for a step, beside what its rows take."""
ROWS_PER_SECOND = 2000
"""The fewest rows that a step may look at in a second."""


def read_selection(process: SandboxProcess, asked: Asked, labels: Collection[str]) -> Selection:
    """What `reading.read_selection` says, in a process of its own. Raises `RecipeError`."""
    check_size(asked)
    message = {"do": "read", "asked": asdict(asked), "labels": list(labels)}
    return Selection.from_plain(_planned(process, message))


def check_selection(process: SandboxProcess, selection: Selection, schema: pa.Schema) -> None:
    """What `rows.check_selection` says, in a process of its own. Raises `RecipeError`."""
    written = base64.b64encode(schema.remove_metadata().serialize()).decode()
    _planned(process, {"do": "check", "selection": asdict(selection), "schema": written})


def _planned(process: SandboxProcess, message: dict[str, Any]) -> Any:
    try:
        return process.ask(message, patience(PLAN_SECONDS))
    except RecipeError:
        raise
    except UserError as error:
        raise RecipeError(str(error)) from error


class SandboxedRows:
    """Rows that a selection looks at: `rows.Judged`, in a process of its own.

    Every method raises `UserError` for a clause that fails, takes too long or takes too much memory.

    Example:
        with SandboxedRows(selection, corpus.scratch / "spilled") as judged:
            judged.take(corpus.batches())
            judged.settle()
            tables = list(judged.fates("not_selected"))
    """

    def __init__(self, selection: Selection, spill: Path | None = None) -> None:
        self._selection = selection
        self._spill = spill
        self._rows = 0
        self._stack = ExitStack()
        self._process: SandboxProcess | None = None

    def __enter__(self) -> Self:
        spill = None if self._spill is None else str(self._spill)
        with ExitStack() as stack:
            self._process = stack.enter_context(sandbox_process())
            self._ask({"do": "open", "selection": asdict(self._selection), "spill": spill}, rows=0)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.process.idle:
                self._ask({"do": "close"}, rows=0)
        finally:
            self._stack.close()

    @property
    def process(self) -> SandboxProcess:
        assert self._process is not None, "expected: with SandboxedRows(...)"
        return self._process

    def take(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Look at rows: `row` and the columns that the selection reads."""
        process = self.process
        for number, chunk in enumerate(chunks(batches)):
            # The next chunk is read and written while the process looks at the one before.
            written = process.write(number % SLOTS, chunk[0].schema, chunk)
            if process.waited_for:
                process.answer(_seconds(self._rows))
            process.send({"do": "look", **written})
            self._rows += sum(batch.num_rows for batch in chunk)
        if process.waited_for:
            process.answer(_seconds(self._rows))

    def settle(self, spread: Spread | None = None) -> None:
        """Find every row's fate."""
        process, seconds = self.process, _seconds(self._rows)
        process.send({"do": "settle", "spread": spread is not None})
        message = process.next(seconds)
        if spread is not None and "data" in message:
            found = spread(process.table(message, seconds), message["wanted"], message["of_each"])
            process.send({"do": "spread", **process.write(0, found.schema, found.to_batches())})
            process.waited_for -= 1  # what answers this is the answer to `settle`
            process.answer(seconds)

    def costs(self) -> Costs:
        """What each step of the selection costs, once it has settled."""
        return Costs.from_plain(self._ask({"do": "costs"}, rows=self._rows))

    def fates(self, reason: str) -> Iterator[pa.Table]:
        """`row`, `selection_rank` and `drop_reason` of every row, in row order."""
        process, seconds = self.process, _seconds(self._rows)
        process.send({"do": "fates"})
        while "data" in (message := process.next(seconds)):
            yield told(process.table(message, seconds), self._selection, reason)

    def _ask(self, message: dict[str, Any], *, rows: int) -> Any:
        return self.process.ask(message, _seconds(rows))


def _seconds(rows: int) -> float:
    """How long to wait for a step over some rows."""
    return patience(WORK_SECONDS) + rows / ROWS_PER_SECOND
