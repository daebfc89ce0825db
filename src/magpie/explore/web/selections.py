"""What is shown, as something that other commands take: conditions for `--where`, or ids for `--ids`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from magpie.explore.web.explorer import Asked, Explorer
from magpie.explore.web.fields import RUN, STATUS
from magpie.explore.web.filters import Labels, condition
from magpie.runs import Run

Command = Callable[..., str]
"""Words to a line for a shell, as `cli.commands.command` writes it."""
_MADE_LATER = ("dropped_by", "drop_reason", "error", "selection_rank")
"""Columns that a selection cannot read: they hold the fate of the row, which a selection decides."""
_SCOPES: dict[tuple[str | None, ...], tuple[str, ...]] = {("kept",): (), ("dropped",): ("--dropped",), (): ("--all",)}
"""Fates that are asked for, to options of `magpie show`."""


def selection(explorer: Explorer, asked: Asked, command: Command) -> dict[str, Any]:
    """The rows that match, run by run: conditions, and commands that find or choose the same rows.

    `where` is None where a filter is none of a column (the map, a topic): then the ids are what other commands take.
    """
    conditions = [
        (each, condition(each, explorer.known, explorer.texts))
        for each in asked.filters
        if not (isinstance(each, Labels) and each.field in (STATUS, RUN))
    ]
    complete = all(told is not None for _, told in conditions)
    where = [told for _, told in conditions if told is not None]
    marks = explorer.marks(asked.filters)
    places = np.arange(len(explorer.rows)) if marks is None else np.flatnonzero(marks)
    counts = np.diff(np.searchsorted(places, explorer.rows.starts)).tolist()
    fates = _fates(asked)
    scopes: dict[tuple[str | None, ...], tuple[str, ...]] = {
        ("kept",): (),
        ("dropped",): ("--dropped",),
        (): ("--all",),
    }
    scope = scopes.get(fates)
    words = [word for told in where for word in ("--where", told)]
    selects = not any(isinstance(each, Labels) and each.field in _MADE_LATER for each in asked.filters)
    parts = []
    for number, (run, count) in enumerate(zip(explorer.runs, counts, strict=True)):
        if not count:
            continue
        commands = {}
        if complete and scope is not None:
            commands["show"] = command("show", run.path, *scope, *words)
        if complete and where and selects and fates in ((), ("kept",)):
            commands["select"] = command("select", run.path, *_as_selection(run, where))
        ids = f"{run.name}-ids.txt"
        commands["export"] = command("export", run.path, "--ids", ids, "--to", f"{run.name}.jsonl")
        parts.append({"run": run.name, "number": number, "rows": count, "ids": ids, "commands": commands})
    return {"matching": len(places), "where": where if complete else None, "runs": parts}


def _as_selection(run: Run, where: Sequence[str]) -> list[str]:
    """Conditions beside those of the run's selection; where it has none, as one of its own."""
    options = ["--where"] * len(where)
    if run.recipe.get("select") is None:
        options[0] = "--with"
    return [word for pair in zip(options, where, strict=True) for word in pair]


def _fates(asked: Asked) -> tuple[str | None, ...]:
    """The fates that are asked for; none where all are."""
    return next((each.labels for each in asked.filters if isinstance(each, Labels) and each.field == STATUS), ())


def ids(explorer: Explorer, asked: Asked, run: int) -> Iterator[bytes]:
    """The ids of the rows of a run that match, one a line."""
    marks = explorer.marks(asked.filters)
    first, end = explorer.rows.starts[run], explorer.rows.starts[run + 1]
    places = np.arange(first, end) if marks is None else first + np.flatnonzero(marks[first:end])
    name = explorer.runs[run].name
    for begun in range(0, len(places), 10_000):
        rows = explorer.rows.row[places[begun : begun + 10_000]].tolist()
        yield "".join(f"{name}-{row:08d}\n" for row in rows).encode("utf-8", "surrogatepass")
