"""Searches texts in lower case, by DuckDB over Arrow data that is mapped into memory. What is searched for is a value
and never part of a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from magpie.runs import database

MOST_CHARACTERS = 1000


def rows_with(tables: Sequence[pa.Table], text: str, columns: Sequence[str]) -> Any:
    """Whether each row of all tables, one behind the other, has the text in one of the columns, whatever its case.

    rows_with([pa.table({"instruction": ["what is 2?"]})], "WHAT", ["instruction"])  # array([True])
    """
    found = []
    with database() as connection:
        for table in tables:
            there = [column for column in columns if column in table.column_names]
            marks = np.zeros(table.num_rows, bool)
            if there:
                condition = " OR ".join(f"contains({column}, lower($text))" for column in there)
                for matching, first in _matching(connection, table, condition, text):
                    marks[first : first + len(matching)] = matching
            found.append(marks)
    return np.concatenate(found) if found else np.zeros(0, bool)


def _matching(connection: Any, table: pa.Table, condition: str, text: str) -> Any:
    """The marks of each part of a table with the place that it begins at."""
    connection.register("texts", table)
    query = f"SELECT coalesce({condition}, false) AS hit FROM texts"
    first = 0
    for batch in connection.sql(query, params={"text": text}).to_arrow_reader(1 << 17):
        yield batch.column("hit").to_numpy(zero_copy_only=False), first
        first += batch.num_rows
    connection.unregister("texts")
