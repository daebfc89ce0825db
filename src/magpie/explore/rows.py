"""Finds rows of a run, by a condition, by id, or spread over it, and reads them.

A condition is read and run as a selection is, in the sandbox's process: it may be a stranger's. Prints nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from magpie.columns import labels_of
from magpie.errors import RecipeError, RunError
from magpie.plan.registry import column_map
from magpie.runs import Run, Scope
from magpie.runs.tally import row_numbers
from magpie.safe.terminal import brief
from magpie.stages.select.client import SandboxedRows, check_selection, read_selection
from magpie.stages.select.process import sandbox_process
from magpie.stages.select.selection import Asked, Selection

_ID = re.compile(r"(?:(?P<run>.+)-)?(?P<row>\d{1,18})", re.DOTALL)
_VECTOR = "list<float>"


@dataclass(frozen=True, slots=True)
class Search:
    """What rows are wanted."""

    scope: Scope = "kept"
    where: tuple[str, ...] = ()
    """Conditions that a row has to meet, as in the clauses of a selection."""
    sort: str | None = None
    """The expressions of ORDER BY."""
    ids: tuple[str, ...] = ()
    """Ids, or numbers of rows, in place of all other conditions."""


@dataclass(frozen=True, slots=True)
class Found:
    """Rows that a search found."""

    rows: tuple[int, ...]
    """Those to be shown, in order."""
    matching: int
    """How many rows of the scope match."""
    elsewhere: int
    """How many match outside of the scope."""


def find_rows(run: Run, search: Search, count: int) -> Found:
    """At most `count` rows: the first ones in the order that is asked for; without one, spread evenly over those that
    match, the same ones each time. Ids give all of their rows.

    Raises `RecipeError` for what is no condition, and `RunError` for an id that the run does not have.

    Example: `find_rows(run, Search("all", ("safety = 'unsafe'",)), 5).rows` is `(3, 71, 140, 208, 277)`.
    """
    if search.ids:
        rows = tuple(row_of(run, each) for each in search.ids)
        return Found(rows, len(rows), 0)
    if not search.where and search.sort is None:
        return _spread(run.row_sets(search.scope), count)
    matching = _selected(run, search)
    rows = matching.filter(pc.is_in(matching, value_set=run.row_numbers(search.scope)))
    step = len(rows) // count if search.sort is None and len(rows) > count else 1
    places = range(min(count, len(rows)))
    return Found(tuple(int(rows[place * step].as_py()) for place in places), len(rows), len(matching) - len(rows))


def _spread(sets: Sequence[tuple[int, int]], count: int) -> Found:
    """Rows spread evenly over these sets, each counted from its first row on."""
    total = sum(rows.bit_count() for _, rows in sets)
    step = max(1, total // count)
    wanted = [place * step for place in range(min(count, total))]
    found, before = [], 0
    for first, rows in sets:
        here = rows.bit_count()
        places = [place - before for place in wanted if before <= place < before + here]
        numbers = row_numbers(rows, first) if places else ()
        found += [int(numbers[place].as_py()) for place in places]
        before += here
    return Found(tuple(found), total, 0)


def read_rows(run: Run, rows: Sequence[int], columns: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Rows as dictionaries, in the order of `rows`; rows that the run does not have are left out.

    columns: only these, beside `id` and `row`. Without them every column but raw vectors. Raises `RunError` for a
    column that the run does not have.
    """
    if not rows:
        return []
    vectors = [column.name for stage in run.stages for column in stage.columns if column.type == _VECTOR]
    if columns:
        known = {name.lower(): name for name in run.schema.names}
        wanted = [_known_column(name, known) for name in columns]
        chosen = ", ".join(map(_quoted, dict.fromkeys(["id", "row", *wanted])))
    else:
        hidden = ", ".join(_quoted(name) for name in dict.fromkeys(vectors))
        chosen = f"* EXCLUDE ({hidden})" if hidden else "*"
    numbers = ", ".join(str(int(row)) for row in rows)
    shards = {row // run.shard_rows for row in rows}
    found = run.sql(f"SELECT {chosen} FROM rows WHERE row IN ({numbers})", shards=shards).to_pylist()
    by_row = {row["row"]: row for row in found}
    return [by_row[row] for row in rows if row in by_row]


def twin_rows(rows: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """The rows that say the same as an earlier one, or nearly: row to the row of its twin."""
    twins = {}
    for row in rows:
        twin = row.get("duplicate_of")
        if twin is None and row.get("is_repeat"):
            twin = row.get("nearest_row")
        if twin is not None:
            twins[int(row["row"])] = int(twin)
    return twins


def row_of(run: Run, given: str) -> int:
    """The number of a row by its id or number. Raises `RunError` for one that the run does not have.

    row_of(open_run("runs/mini"), "mini-00000017")  # 17
    """
    found = _ID.fullmatch(given.strip())
    number = int(found["row"]) if found and found["run"] in (None, run.name) else -1
    if not 0 <= number < run.size:
        last = f"{run.name}-{run.size - 1:08d}"
        raise RunError(f"{brief(given)}: no row of {run.path}; expected {run.name}-00000000 to {last}, or a number")
    return number


def _selected(run: Run, search: Search) -> pa.Array:
    """Every row that meets the conditions, in the order that is asked for, else by row."""
    schema = run.schema
    labels = [field.name for field in schema if labels_of(field.name) and field.type == pa.string()]
    asked = Asked("SELECT row FROM rows", also=search.where, order=search.sort)
    with sandbox_process() as process:
        selection = read_selection(process, asked, labels)
        reads = _reads(selection, schema)
        check_selection(process, selection, pa.schema([schema.field(name) for name in ("row", *reads)]))
    with TemporaryDirectory() as spill, SandboxedRows(selection, Path(spill)) as judged:
        judged.take(run.batches(kept=False, columns=("row", *reads)))
        judged.settle()
        found = [fates.filter(pc.is_valid(fates["selection_rank"])) for fates in judged.fates("")]
    if not found:
        return pa.array([], pa.int64())
    ranked = pa.concat_tables([fates.select(["row", "selection_rank"]) for fates in found])
    return ranked.sort_by("selection_rank")["row"].combine_chunks()


def _reads(selection: Selection, schema: pa.Schema) -> list[str]:
    known = {name.lower(): name for name in schema.names}
    return list(dict.fromkeys(_known_column(name, known) for name in selection.reads))


def _known_column(name: str, known: Mapping[str, str]) -> str:
    """The column's own name. Raises `RecipeError`, which names the stage that makes it or a similar name."""
    if (own := known.get(name.lower())) is not None:
        return own
    maker = column_map().maker(name.lower())
    if maker is not None:
        raise RecipeError(f"the run has no {brief(name)}: the stage `{maker}` makes it")
    close = get_close_matches(name.lower()[:100], known, n=1)
    hint = f"did you mean {known[close[0]]}?" if close else f"there are {', '.join(known.values())}"
    raise RecipeError(f"no column is called {brief(name)}; {hint}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
