"""Stages `select` and `shortlist`: a selection decides which rows are the dataset, and which are answered.

Knows a selection and how to get at the rows; which selection is the recipe's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

from magpie.errors import UserError
from magpie.seams import Corpus
from magpie.stages.select.client import SandboxedRows
from magpie.stages.select.costs import Costs, in_words
from magpie.stages.select.selection import Selection
from magpie.stages.select.vectors import EMBEDDING, Vectors


def select(corpus: Corpus, selection: Selection, makers: Mapping[str, str]) -> Iterator[pa.Table]:
    """`selection_rank` of every row that comes through, `drop_reason` of every other. makers: the stage that makes each
    column. Raises `UserError` where a clause drops all rows because they lack what it looks at."""
    with SandboxedRows(selection, corpus.scratch / "spilled") as judged:
        _settle(judged, corpus, selection)
        found = judged.costs()
        corpus.report(found.plain())
        _check_judged(selection, found, makers)
        yield from judged.fates("not_selected")


def _check_judged(selection: Selection, found: Costs, makers: Mapping[str, str]) -> None:
    """Raise `UserError` where no row has what a clause looks at, and the clause so drops every row."""
    for clause, cost in zip(selection.clauses, found.steps, strict=False):
        lacking = [column for column in clause.columns if found.rows and found.null.get(column) == found.rows]
        if lacking and cost.alone == found.rows:
            maker = makers.get(lacking[0].lower())
            hint = f"`magpie {maker.replace('_', '-')} RUN` judges them" if maker else "another clause is wanted"
            raise UserError(
                f"{lacking[0]} is null in all {found.rows:,} rows, so {cost.step} keeps none: {hint}; nothing was "
                "selected"
            )


def shortlist(corpus: Corpus, selection: Selection) -> Iterator[pa.Table]:
    """`drop_reason` of every row that is not worth a response. Raises `UserError` where none is."""
    with SandboxedRows(selection, corpus.scratch / "spilled") as judged:
        _settle(judged, corpus, selection)
        found = judged.costs()
        corpus.report(found.plain())
        if not found.kept:
            raise UserError(
                f"the shortlist is empty: {in_words(selection, found)}; nothing is lost: change the shortlist and go on"
            )
        yield from (table.drop_columns(["selection_rank"]) for table in judged.fates("not_shortlisted"))


def _settle(judged: SandboxedRows, corpus: Corpus, selection: Selection) -> None:
    """Let the selection look at all rows, and find their fates."""
    if selection.diverse:
        vectors = Vectors(corpus.scratch / "vectors", EMBEDDING in selection.reads)
        judged.take(vectors.kept(corpus.batches()))
        judged.settle(vectors.spread)
    else:
        judged.take(corpus.batches())
        judged.settle()
