"""SQL as trees, by DuckDB's own parser, and back: clauses, columns and functions are found by structure, never by text.

A tree is what `json_serialize_sql` gives, and only its nodes' kinds and a few of their fields are looked at, since the
rest differs between versions of DuckDB. Knows SQL; knows no run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import duckdb

from magpie.errors import RecipeError
from magpie.stages.select.limits import TREE_BYTES, check_tree, too_deep, too_many
from magpie.stages.select.sandbox import said
from magpie.stages.select.shown import clipped

Tree = dict[str, Any]
"""A node, with the nodes below it."""

_NOWHERE = 2**32
"""DuckDB writes a place that a node does not have as a very large number."""


_PLACES = ("query_location", "query_location_length")
_BEHIND = ("where_clause", "group_expressions", "having", "qualify", "sample", "modifiers")
"""What may stand behind the expressions of a SELECT."""


class Parser:
    """Reads and writes SQL."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self._around = self._parsed("SELECT 1")
        """What is written around an expression."""
        self._columns: dict[str, Tree] = {}

    def select(self, text: str) -> Tree:
        """The one SELECT that `text` is. Raises `RecipeError` where it is none."""
        found = self._parsed(text)
        check_tree(found, text)
        statements = found.get("statements", ())
        if found.get("error"):
            raise RecipeError(f"not SQL that selects: {found.get('error_message')}{_near(text, found.get('position'))}")
        if len(statements) != 1 or statements[0]["node"]["type"] != "SELECT_NODE":
            raise RecipeError("expected one plain SELECT, without UNION and without a second statement")
        return dict(statements[0]["node"])

    def expression(self, text: str) -> Tree:
        """The one expression that `text` is. Raises `RecipeError`."""
        try:
            node = self.select(f"SELECT {text}")
        except RecipeError as error:
            raise RecipeError(f"{clipped(text)}: {error}") from error
        rest = any(node.get(name) for name in _BEHIND) or node["cte_map"]["map"]
        if len(node["select_list"]) != 1 or rest or node["from_table"]["type"] != "EMPTY":
            raise RecipeError(f"{clipped(text)}: expected one expression")
        return dict(node["select_list"][0])

    def sql(self, tree: Tree) -> str:
        """An expression as DuckDB writes it, labels and all."""
        whole = self._around
        whole["statements"][0]["node"]["select_list"] = [tree]
        try:
            written = self.connection.execute("SELECT json_deserialize_sql(?::JSON)", [json.dumps(whole)]).fetchall()
        except duckdb.Error as error:
            raise RecipeError(f"an expression cannot be written as SQL: {said(error)}") from error
        return str(written[0][0]).removeprefix("SELECT ")

    def words(self, tree: Tree, text: str) -> str:
        """An expression as its author wrote it in `text`, on one line; as DuckDB writes it, where that cannot be cut
        out of the text."""
        places = [_span(node) for node in nodes(tree) if node["query_location"] < _NOWHERE]
        source = text.encode()
        cut = source[min(a for a, _ in places) : max(b for _, b in places)] if places else b""
        words = " ".join(cut.decode(errors="replace").split())
        try:
            same = _bare(self.expression(words)) == _bare(tree)
        except RecipeError:
            same = False
        return words if same else _unwrapped(self.sql(tree))

    def column(self, name: str) -> Tree:
        """A column as a tree, as the parser itself makes it."""
        if name not in self._columns:
            self._columns[name] = self.expression(name)
        return self._columns[name]

    def ordered_by_row(self) -> Tree:
        """What the parser makes of `ORDER BY row` in a window."""
        return dict(self.expression("row_number() OVER (ORDER BY row)")["orders"][0])

    def _parsed(self, text: str) -> dict[str, Any]:
        try:
            found = self.connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchall()
        except duckdb.Error as error:
            raise RecipeError(f"not SQL that selects: {said(error)}") from error
        if len(found[0][0]) > TREE_BYTES:
            raise too_many(text)
        try:
            return dict(json.loads(found[0][0]))
        except RecursionError as error:
            raise too_deep(text) from error


def nodes(tree: Any) -> Iterator[Tree]:
    """Every expression in a tree, itself first."""
    waiting = [tree]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += reversed(value)
        elif isinstance(value, dict):
            if "class" in value:
                yield value
            waiting += reversed(value.values())


def operands(tree: Tree) -> list[Tree]:
    """The expressions right below one."""
    found: list[Tree] = []
    for value in tree.values():
        _collect(value, found)
    return found


def conjuncts(tree: Tree | None) -> list[Tree]:
    """The parts of a condition that all have to hold."""
    if tree is None:
        return []
    if tree["type"] != "CONJUNCTION_AND":
        return [tree]
    return [part for child in tree["children"] for part in conjuncts(child)]


def replaced(tree: Any, change: Callable[[Tree], Tree | None]) -> Any:
    """The tree with every expression that `change` gives another for replaced, outermost first."""
    if isinstance(tree, list):
        return [replaced(item, change) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if "class" in tree and (other := change(tree)) is not None:
        return other
    return {name: replaced(value, change) for name, value in tree.items()}


def columns_in(tree: Tree) -> tuple[str, ...]:
    """The columns that an expression reads, as it names them, each once. The parameters of a lambda are no columns
    inside it."""
    return tuple(dict.fromkeys(_columns(tree, frozenset())))


def _columns(tree: Tree, own: frozenset[str]) -> Iterator[str]:
    """own: the parameters of the lambdas around the expression, in lower case."""
    if tree["class"] == "LAMBDA":
        own |= set(lambda_parameters(tree))
        yield from _columns(tree["expr"], own)
    elif tree["class"] != "COLUMN_REF":
        for child in operands(tree):
            yield from _columns(child, own)
    elif str(tree["column_names"][0]).lower() not in own:
        yield column_of(tree) or ""


def column_of(tree: Tree) -> str | None:
    """The column that a node is, if it is one: of `rows.a` and of the field `a.b`, a."""
    if tree["class"] != "COLUMN_REF":
        return None
    first, *more = tree["column_names"]
    return str(more[0] if more and first.lower() == "rows" else first)


def lambda_parameters(tree: Tree) -> tuple[str, ...]:
    """The names that a lambda gives its arguments, in lower case; none where they are no names."""
    head = tree["lhs"]
    named = arguments(head) if head["class"] == "FUNCTION" else [head]
    if any(name["class"] != "COLUMN_REF" or len(name["column_names"]) != 1 for name in named):
        return ()
    return tuple(str(name["column_names"][0]).lower() for name in named)


def arguments(tree: Tree) -> list[Tree]:
    """What a function is given, in order."""
    return [given["expression"] for given in tree.get("arguments", ())]


def constant(tree: Tree) -> str | None:
    """The text of a constant as its author wrote it, without quotes; None for NULL and for what is no constant."""
    if tree["class"] != "CONSTANT":
        return None
    text = tree["literal"].get("text")
    return None if text is None else str(text)


def _collect(value: Any, found: list[Tree]) -> None:
    if isinstance(value, dict) and "class" in value:
        found.append(value)
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, found)
    elif isinstance(value, list):
        for item in value:
            _collect(item, found)


def _span(node: Tree) -> tuple[int, int]:
    start = node["query_location"]
    return start, start + node.get("query_location_length", 0)


def _bare(tree: Any) -> Any:
    """The tree without the places that its parts have in the text."""
    if isinstance(tree, list):
        return [_bare(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    return {name: _bare(value) for name, value in tree.items() if name not in _PLACES}


def _near(text: str, position: Any) -> str:
    """Where in the text something was not understood."""
    if position is None or not str(position).isdigit():
        return ""
    before = text.encode()[: int(position)].decode(errors="replace")
    return f" (line {before.count(chr(10)) + 1})"


def _unwrapped(sql: str) -> str:
    """Without the parentheses that DuckDB puts around an expression."""
    if not (sql.startswith("(") and sql.endswith(")")):
        return sql
    depth = 0
    for place, character in enumerate(sql):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return sql[1:-1] if place == len(sql) - 1 else sql
    return sql
