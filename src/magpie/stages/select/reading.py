"""Parses a selection: an ordinary SELECT over the run's rows, split into steps that can be counted one by one.

    SELECT row FROM rows
    WHERE input_quality >= 'good' AND NOT is_repeat
    QUALIFY row_number() OVER (PARTITION BY task_category ORDER BY length(response) DESC, row) <= 1000
    ORDER BY length(response) DESC, row
    LIMIT 300000

Every part of WHERE is a clause, and so is every part of QUALIFY, over the rows that WHERE leaves. Knows no run, and not
which columns there are. It runs in the sandbox's process, since the text may be a stranger's; what an expression may
use is decided in `checks`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial

import duckdb

from magpie.columns import labels_of
from magpie.errors import RecipeError
from magpie.runs import typed
from magpie.stages.select import functions
from magpie.stages.select.checks import check_expression
from magpie.stages.select.label_checks import check_compared_labels
from magpie.stages.select.limits import check_clauses, check_size, too_deep
from magpie.stages.select.sandbox import said, sandbox
from magpie.stages.select.selection import Asked, Clause, Selection
from magpie.stages.select.shown import clipped
from magpie.stages.select.trees import (
    Parser,
    Tree,
    column_of,
    columns_in,
    conjuncts,
    nodes,
    replaced,
)


def read_selection(
    asked: Asked, labels: Collection[str] | None = None, report: Callable[[str], None] = lambda _: None
) -> Selection:
    """Parse a selection. `labels`: the columns that hold ordered labels; None for all columns with such a name.
    `report` receives a line before each reading step.

    Raises `RecipeError` for what is not one SELECT over the rows of the run, for what a selection may not use, and for
    one that is too large.
    """
    check_size(asked)
    with sandbox() as connection:
        try:
            return _Reader(Parser(connection), labels, report).selection(asked)
        except RecursionError as error:
            raise too_deep(asked.text) from error
        except duckdb.Error as error:
            raise RecipeError(f"not a selection that can be read: {said(error)}") from error


class _Reader:
    """Takes one selection apart."""

    def __init__(self, parser: Parser, labels: Collection[str] | None, report: Callable[[str], None]) -> None:
        self.parser = parser
        self.labels = None if labels is None else {name.lower() for name in labels}
        self.report = report
        self.keys: dict[str, str] = {}
        self.places: dict[str, str] = {}
        self.reads: dict[str, None] = {}

    def selection(self, asked: Asked) -> Selection:
        node = self.parser.select(asked.text)
        _check_plain(node)
        order, limit = _modifiers(node)
        where = [(part, asked.text) for part in conjuncts(node["where_clause"])]
        qualify = [(part, asked.text) for part in conjuncts(node["qualify"])]
        also = [(part, f"SELECT {text}") for text in asked.also for part in conjuncts(self.parser.expression(text))]
        check_clauses(len(where) + len(qualify) + len(also))
        where, qualify = _left_out(where, qualify, asked.without, asked.also)
        where += also
        if asked.diverse and asked.limit is None and limit is None and not asked.quotas:
            raise RecipeError("diverse: without limit or quotas every row would stay; expected one of them")
        if asked.order is not None:
            order = self._given_order(asked.order)
        return Selection(
            clauses=tuple(self._clause(part, text) for part, text in where),
            shares=tuple(self._share(part, text) for part, text in qualify),
            quotas=tuple((self._expression_key(quota.by), quota) for quota in asked.quotas),
            order=tuple(self._order(one) for one in order),
            limit=self._limit(limit) if asked.limit is None else asked.limit,
            diverse=asked.diverse,
            band=None if asked.bands is None else self._expression_key(asked.bands),
            keys={name: sql for sql, name in self.keys.items()},
            places={name: sql for sql, name in self.places.items()},
            labels=tuple(sorted(self._labels_in(self.reads))),
            reads=tuple(name for name in self.reads if name.lower() != "row"),
        )

    def _given_order(self, text: str) -> list[Tree]:
        """The expressions of ORDER BY."""
        node = self.parser.select(f"SELECT row FROM rows ORDER BY {text}")
        order, limit = _modifiers(node)
        if limit is not None or not order:
            raise RecipeError(f"order: {clipped(text)}: expected what stands behind ORDER BY; limit is a setting")
        return order

    def _clause(self, tree: Tree, text: str) -> Clause:
        words = self.parser.words(tree, text)
        self.report(words)
        return Clause(words, self._sql(tree, words), columns_in(tree))

    def _share(self, tree: Tree, text: str) -> Clause:
        """A clause over several rows, in which every part that is of one row became a key."""
        words = self.parser.words(tree, text)
        self.report(words)
        return Clause(words, self._over_keys(tree, words), columns_in(tree))

    def _over_keys(self, tree: Tree, words: str) -> str:
        self._check(tree, words, windows=True)
        over_keys = replaced(tree, partial(self._key_node, words))
        return self._typed(self.parser.sql(self._in_one_order(over_keys)))

    def _key_node(self, words: str, tree: Tree) -> Tree | None:
        if _looks_around(tree) or not columns_in(tree):
            return None
        return self.parser.column(self._key(self._sql(tree, words)))

    def _expression_key(self, text: str) -> str:
        return self._key(self._sql(self.parser.expression(text), text))

    def _order(self, order: Tree) -> str:
        tree = order["expression"]
        words = self.parser.sql(tree)
        if not columns_in(tree):
            raise RecipeError(f"ORDER BY {clipped(words)}: expected columns or what is computed from them")
        down = " DESC" if order["type"] == "DESCENDING" else ""
        nulls = " NULLS FIRST" if "FIRST" in order["null_order"].upper() else " NULLS LAST"
        key = self._place(tree, words) if _looks_around(tree) else self._key(self._sql(tree, words))
        return f"{key}{down}{nulls}"

    def _place(self, tree: Tree, words: str) -> str:
        """The name of what is computed over several rows, to order by it."""
        return self.places.setdefault(self._over_keys(tree, words), f"p{len(self.places)}")

    def _limit(self, tree: Tree | None) -> int | None:
        if tree is None:
            return None
        words = self.parser.sql(tree)
        if not (words.isascii() and words.isdigit() and len(words) <= 18) or int(words) < 1:
            raise RecipeError(f"LIMIT {clipped(words)}: expected a whole number, 1 or more")
        return int(words)

    def _key(self, sql: str) -> str:
        return self.keys.setdefault(sql, f"k{len(self.keys)}")

    def _sql(self, tree: Tree, words: str) -> str:
        """An expression over the columns of one row."""
        self._check(tree, words)
        return self._typed(self.parser.sql(tree))

    def _check(self, tree: Tree, words: str, *, windows: bool = False) -> None:
        self.reads.update(dict.fromkeys(columns_in(tree)))
        check_expression(tree, words, windows=windows)
        check_compared_labels(tree, words, self._labels_in(columns_in(tree)))

    def _labels_in(self, columns: Iterable[str]) -> set[str]:
        """Those of some columns that hold labels, in lower case."""
        names = {name.lower() for name in columns}
        return {name for name in names if labels_of(name)} if self.labels is None else names & self.labels

    def _typed(self, sql: str) -> str:
        return typed(sql) if self.labels is None else typed(sql, self.labels)

    def _in_one_order(self, tree: Tree) -> Tree:
        """The clause, in which functions that number or pick rows take rows that ORDER BY leaves equal by their row."""
        for node in nodes(tree):
            if node["class"] != "WINDOW":
                continue
            frame = f"{node['start']} {node['end']}"
            by_values = "EXPR_" in frame and "_RANGE" in frame  # such a frame takes one expression in ORDER BY
            if (_function(node) in functions.PLACED and not by_values) or "_ROWS" in frame:
                node["orders"] = [*node["orders"], self.parser.ordered_by_row()]
        return tree


def _looks_around(tree: Tree) -> bool:
    """Whether it is over several rows."""
    return any(node["class"] == "WINDOW" for node in nodes(tree))


def _function(tree: Tree) -> str:
    return str(tree.get("function_name", "")).lower()


def _check_plain(node: Tree) -> None:
    """Raises `RecipeError` where a SELECT does more than choose rows of the run."""
    table, chosen = node["from_table"], node["select_list"]
    plain = table["type"] == "BASE_TABLE" and table["table_name"].lower() == "rows"
    if not plain or table.get("schema_name") or table["alias"]:
        raise RecipeError(
            f"expected FROM rows and nothing else, found {table.get('table_name') or table['type'].lower()}"
        )
    whole_rows = len(chosen) == 1 and (chosen[0]["class"] == "STAR" or column_of(chosen[0]) == "row")
    if not whole_rows:
        raise RecipeError("expected SELECT row: a selection chooses rows, it makes no columns")
    more = {
        "WITH": node["cte_map"]["map"],
        "GROUP BY": node["group_expressions"] or node["aggregate_handling"] != "STANDARD_HANDLING",
        "HAVING": node["having"],
        "USING SAMPLE": node["sample"] or table.get("sample"),
    }
    if found := next((name for name, value in more.items() if value), None):
        raise RecipeError(f"{found} may not be used: expected SELECT row FROM rows WHERE, QUALIFY, ORDER BY and LIMIT")


def _modifiers(node: Tree) -> tuple[list[Tree], Tree | None]:
    """ORDER BY and LIMIT of a SELECT."""
    order: list[Tree] = []
    limit: Tree | None = None
    for modifier in node["modifiers"]:
        if modifier["type"] == "ORDER_MODIFIER":
            order = modifier["orders"]
        elif modifier["type"] == "LIMIT_MODIFIER" and not modifier["offset"]:
            limit = modifier["limit"]
        else:
            raise RecipeError("DISTINCT, OFFSET and LIMIT in percent may not be used: expected ORDER BY and LIMIT n")
        if modifier.get("limit_type", "ROW_COUNT") != "ROW_COUNT":
            raise RecipeError("LIMIT in percent may not be used: expected a number of rows")
    return order, limit


Parts = list[tuple[Tree, str]]
"""Clauses, each with the text that it was read from."""


def _left_out(where: Parts, qualify: Parts, without: tuple[str, ...], also: Sequence[str]) -> tuple[Parts, Parts]:
    """The clauses of the selection's own text that read none of some columns: what `also` adds stays. Raises
    `RecipeError` for a column that none reads."""
    read = {name.lower() for part, _ in (*where, *qualify) for name in columns_in(part)}
    if lost := next((name for name in without if name.lower() not in read), None):
        added = f"; `also` (--where) adds {', '.join(map(clipped, also))}, which is not left out" if also else ""
        raise RecipeError(
            f"without {lost}: no clause of the selection reads it; they read "
            f"{', '.join(sorted(read)) or 'nothing'}{added}"
        )
    gone = {name.lower() for name in without}

    def stays(part: Tree) -> bool:
        return gone.isdisjoint(name.lower() for name in columns_in(part))

    return [one for one in where if stays(one[0])], [one for one in qualify if stays(one[0])]
