"""Runs a selection over rows: each row's fate is the first step that drops it, or its rank.

For each row it keeps whether the row meets each clause, and the values that the selection orders and counts by; texts
are read once and not kept. Runs in the sandbox's process, since the SQL may be a stranger's. Knows DuckDB; knows no run
and no recipe.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from magpie.errors import RecipeError, UserError
from magpie.runs import as_label
from magpie.stages.select.chunks import chunks
from magpie.stages.select.sandbox import said, sandbox
from magpie.stages.select.selection import Selection, told
from magpie.stages.select.shown import clipped

_TRIED_ROWS = 2048
"""The first rows, on which the clauses are run one by one to find slow ones."""
_BATCH_ROWS = 1 << 16

Spread = Callable[[pa.Table, int, bool], pa.Table]
"""From `row` and `band` of rows, best first, how many are wanted, and whether of each band: `row` and `spread`."""


class Judged:
    """Rows that a selection looks at."""

    def __init__(
        self, selection: Selection, spill: Path | None = None, report: Callable[[str], None] = lambda _: None
    ) -> None:
        """report: receives a line before each step."""
        self.selection = selection
        self.connection = sandbox(spill)
        self._report = report
        self._made = False
        self._left = "judged"
        """The rows that no step so far dropped."""
        self._kept = list(selection.keys)
        """What is known of them, beside the row."""
        self._fallen: list[str] = []

    def __enter__(self) -> Judged:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def take(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Read rows: `row` and the columns that the selection reads. Raises `UserError` for a clause that fails."""
        for chunk in chunks(batches):
            self.look(pa.Table.from_batches(chunk))

    def look(self, chunk: pa.Table) -> None:
        """Read a batch of rows. Raises `UserError` for a clause that fails."""
        if not self._made:
            self._try_out(chunk.slice(0, _TRIED_ROWS))
        self.connection.register("incoming", chunk)
        verb = "INSERT INTO judged" if self._made else "CREATE TABLE judged AS"
        try:
            self.connection.execute(f"{verb} SELECT {_looks(self.selection)} FROM {_rows(self.selection)}")
        except duckdb.Error as error:
            self._find_mistake()
            raise UserError(said(error)) from error
        finally:
            self.connection.unregister("incoming")
        self._made = True

    def _try_out(self, rows: pa.Table) -> None:
        """Run the first rows clause by clause, and report the slowest clause."""
        self.connection.register("incoming", rows)
        self._report(max(self._find_mistake(), key=lambda looked: looked[1], default=("the rows", 0.0))[0])
        self.connection.unregister("incoming")

    def settle(self, spread: Spread | None = None) -> None:
        """Find every row's fate, as the table `fates`: `row`, `fell`, the number of the step that dropped it, or null,
        and its `rank`. Raises `UserError` for a clause that fails."""
        selection = self.selection
        self._step(_first_failing([f"c{n}" for n in range(len(selection.clauses))], 0))
        at = len(selection.clauses)
        self._report(selection.shares[0].words if len(selection.shares) == 1 else "QUALIFY")
        with _mistake_in("QUALIFY"):
            self._step(_first_failing([share.sql for share in selection.shares], at))
        with _mistake_in("ORDER BY"):
            self._find_places()
        order = self.order if spread is None else self._spread(spread)
        at += len(selection.shares)
        with _mistake_in("ORDER BY"):
            for number, (key, quota) in enumerate(selection.quotas, at):
                self._report(f"quota of {quota.by}")
                place = f"row_number() OVER (PARTITION BY {key} ORDER BY {order})"
                self._step(f"CASE WHEN {place} > {quota.most} THEN {number} END")
            self._report("ORDER BY")
            self._rank(order)

    def fates(self, reason: str) -> Iterator[pa.Table]:
        """`row`, `selection_rank` and `drop_reason` of every row, in row order."""
        return (told(table, self.selection, reason) for table in self.fell())

    def fell(self) -> Iterator[pa.Table]:
        """`row`, `fell`, the number of the step that dropped it, or null, and `rank` of every row, in row order."""
        query = "SELECT row, fell, rank FROM fates ORDER BY row"
        for batch in self.connection.sql(query).to_arrow_reader(_BATCH_ROWS):
            yield pa.Table.from_batches([batch])

    def numbers(self, query: str) -> list[int]:
        """The whole numbers in the one line that a query over `judged` and `fates` gives."""
        return [int(value or 0) for value in self.connection.execute(query).fetchall()[0]]

    @property
    def order(self) -> str:
        """What stands behind ORDER BY, where rows have no spread."""
        return ", ".join((*self.selection.order, "row"))

    def _step(self, fell: str) -> None:
        """Drop rows: `fell` gives the number of the step, and null for a row that stays."""
        name = f"step{len(self._fallen)}"
        columns = ", ".join(("row", *self._kept))
        self.connection.execute(f"CREATE TABLE {name} AS SELECT {columns}, {fell} AS fell FROM {self._left}")
        self._left = f"(SELECT * EXCLUDE (fell) FROM {name} WHERE fell IS NULL)"
        self._fallen.append(f"SELECT row, fell, NULL AS rank FROM {name} WHERE fell IS NOT NULL")

    def _find_places(self) -> None:
        """Compute what rows are ordered by that looks at several of them."""
        if not self.selection.places:
            return
        places = ", ".join(f"{sql} AS {name}" for name, sql in self.selection.places.items())
        self.connection.execute(f"CREATE TABLE placed AS SELECT *, {places} FROM {self._left}")
        self._left = "placed"
        self._kept += self.selection.places

    def _rank(self, order: str) -> None:
        limit, last = self.selection.limit, len(self.selection.steps()) - 1
        fell = "NULL" if limit is None else f"CASE WHEN place > {limit} THEN {last} END"
        ranked = f"SELECT row, row_number() OVER (ORDER BY {order}) AS place FROM {self._left}"
        fates = f"SELECT row, {fell} AS fell, CASE WHEN {fell} IS NULL THEN place END AS rank FROM ({ranked})"
        everything = " UNION ALL ".join([*self._fallen, fates])
        query = f"SELECT row, fell::BIGINT AS fell, rank::BIGINT AS rank FROM ({everything})"
        self.connection.execute(f"CREATE TABLE fates AS {query}")

    def _spread(self, spread: Spread) -> str:
        """Learn how far each row that is left lies from those before it; gives what then stands behind ORDER BY."""
        best, band = self.order, self.selection.band
        if band is not None:
            best = f"{band} DESC NULLS LAST, {best}"
        rows = self.connection.sql(f"SELECT row, ({band or 'NULL'})::VARCHAR AS band FROM {self._left} ORDER BY {best}")
        found = spread(rows.to_arrow_table(), self._wanted(), bool(self.selection.quotas))
        self.connection.register("spreads", found)
        query = f"SELECT * FROM {self._left} LEFT JOIN spreads USING (row)"
        self.connection.execute(f"CREATE TABLE with_spread AS {query}")
        self._left = "with_spread"
        self._kept.append("spread")
        apart = "spread DESC NULLS LAST"
        return f"{apart}, {self.order}" if band is None else f"{band} DESC NULLS LAST, {apart}, {self.order}"

    def _wanted(self) -> int:
        """The most rows that quotas and limit can leave."""
        most = [self.numbers(f"SELECT count(*) FROM {self._left}")[0], self.selection.limit or 1 << 62]
        for key, quota in self.selection.quotas:
            groups = f"SELECT count(*) AS n FROM {self._left} GROUP BY {key}"
            most += self.numbers(f"SELECT sum(least(n, {quota.most})) FROM ({groups})")
        return min(most)

    def _find_mistake(self) -> list[tuple[str, float]]:
        """Each clause and key, with the seconds that it takes over the rows that came. Raises `UserError`, with the
        clause that it went wrong at."""
        looks = [(clause.words, f"CAST(({clause.sql}) AS BOOLEAN)") for clause in self.selection.clauses]
        took = []
        for words, sql in (*looks, *((sql, sql) for sql in self.selection.keys.values())):
            self._report(words)
            started = time.perf_counter()
            try:
                self.connection.execute(f"SELECT count({sql}) FROM {_rows(self.selection)}").fetchall()
            except duckdb.Error as error:
                raise UserError(f"{clipped(words)}: {said(error)}") from error
            took.append((words, time.perf_counter() - started))
        return took


@contextmanager
def _mistake_in(part: str) -> Iterator[None]:
    """What DuckDB cannot do, for want of memory too, as a mistake in a part of the selection."""
    try:
        yield
    except duckdb.Error as error:
        raise UserError(f"{part}: {said(error)}") from error


def check_selection(selection: Selection, schema: pa.Schema, report: Callable[[str], None] = lambda _: None) -> None:
    """Whether a selection can be run over columns of these types. Raises `RecipeError`, with the clause that cannot."""
    there = {name.lower() for name in schema.names}
    if unknown := next((name for name in selection.reads if name.lower() not in there), None):
        raise RecipeError(f"no column is called {clipped(unknown)!r}; there are {', '.join(schema.names)}")
    with Judged(selection, report=report) as judged:
        try:
            judged.look(pa.Table.from_pylist([{"row": 0}], schema))
            judged.settle()
        except UserError as error:
            raise RecipeError(str(error)) from error


def _looks(selection: Selection) -> str:
    """What is kept of a row: `c0` and so on are its clauses, `n0` and so on say which columns it lacks."""
    looks = ["row"]
    looks += [f"CAST(({clause.sql}) AS BOOLEAN) AS c{n}" for n, clause in enumerate(selection.clauses)]
    looks += [f"{sql} AS {name}" for name, sql in selection.keys.items()]
    looks += [f"({_quoted(column)} IS NULL) AS n{n}" for n, column in enumerate(selection.clause_columns())]
    return ", ".join(looks)


def _rows(selection: Selection) -> str:
    """The rows of a batch with labels as an ordered type; a value that is not a label becomes null."""
    labels = ", ".join(f"{as_label(name)} AS {name}" for name in selection.labels)
    return f"(SELECT *{f' REPLACE ({labels})' if labels else ''} FROM incoming) AS rows"


def _first_failing(conditions: list[str], at: int) -> str:
    """The number of the first condition that a row does not meet; what is null is not met."""
    cases = " ".join(f"WHEN ({sql}) IS NOT TRUE THEN {n}" for n, sql in enumerate(conditions, at))
    return f"CASE {cases} END" if cases else "NULL"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
