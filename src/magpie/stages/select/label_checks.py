"""Finds comparisons of labels that would be comparisons of texts: with a word that is no label, with a label made a
text, and of two columns whose labels are not the same.

A label keeps its order through `coalesce`, `greatest`, CASE, `max` over several rows and their like: DuckDB knows its
type. Knows the parser's tree; changes nothing in it.
"""

from __future__ import annotations

from collections.abc import Collection

from magpie.columns import labels_of
from magpie.errors import RecipeError, UserError
from magpie.runs import check_label
from magpie.stages.select.shown import clipped
from magpie.stages.select.trees import Tree, arguments, column_of, constant, nodes, operands

_NO_TEXT = "compare the column itself with a label, as in input_quality >= 'good': as text, labels have no order"
_KEEPS = frozenset({
    "coalesce", "greatest", "least", "ifnull", "nullif", "if", "max", "min", "first_value", "last_value", "nth_value",
    "lag", "lead", "mode",
})  # fmt: skip
"""Functions that give one of their arguments: a label stays one."""
_TO_TEXT = frozenset({"lower", "upper", "lcase", "ucase", "trim", "ltrim", "rtrim", "concat", "||", "strip_accents"})


def check_compared_labels(tree: Tree, words: str, labels: Collection[str]) -> None:
    """Raise `RecipeError` for a comparison in which a label is compared as a text.

    words: the expression as its author wrote it. labels: the columns that hold labels.
    """
    for node in nodes(tree):
        if not _compares(node):
            continue
        sides = operands(node)
        if any(_as_text(side, labels) for side in sides):
            raise RecipeError(f"{clipped(words)}: {_NO_TEXT}")
        columns = {column for side in sides for column in _given(side, labels)}
        if len({labels_of(column) for column in columns}) > 1:
            raise RecipeError(f"{clipped(words)}: {' and '.join(sorted(columns))} have other labels: {_NO_TEXT}")
        for column in sorted(columns)[:1]:
            for text in (text for side in sides for text in _constants(side)):
                _check(column, text, words)


def _check(column: str, text: str, words: str) -> None:
    try:
        check_label(column, text)
    except UserError as error:
        raise RecipeError(f"{clipped(words)}: {error}") from error


def _compares(tree: Tree) -> bool:
    return tree["class"] in ("COMPARISON", "BETWEEN") or tree["type"] in ("COMPARE_IN", "COMPARE_NOT_IN")


def _passes_on(tree: Tree) -> list[Tree]:
    """The parts of an expression of which it gives one; none where it gives something of its own."""
    if tree["class"] == "CASE":
        results = [check["then_expr"] for check in tree["case_checks"]] + [tree["else_expr"]]
        return [result for result in results if result]
    name = str(tree.get("function_name", "")).lower()
    if tree["type"] == "OPERATOR_COALESCE" or name in _KEEPS:
        given = arguments(tree) if name else operands(tree)  # of a window its arguments, not what it is cut by
        return given[1:] if name == "if" else given
    return []


def _given(tree: Tree, labels: Collection[str]) -> list[str]:
    """The columns of labels of which an expression may give a value."""
    name = column_of(tree)
    own = [name.lower()] if name is not None and name.lower() in labels else []
    return own + [column for part in _passes_on(tree) for column in _given(part, labels)]


def _constants(tree: Tree) -> list[str]:
    """The texts that an expression may give."""
    text = constant(tree) if tree["class"] == "CONSTANT" and tree["literal"].get("kind") == "STRING" else None
    own = [text] if text is not None else []
    return own + [found for part in _passes_on(tree) for found in _constants(part)]


def _as_text(tree: Tree, labels: Collection[str]) -> bool:
    """Whether an expression makes a text of a label."""
    name = str(tree.get("function_name", "")).lower()
    if tree["class"] == "CAST" or name in _TO_TEXT:
        return any(_given(part, labels) or _as_text(part, labels) for part in operands(tree))
    return any(_as_text(part, labels) for part in _passes_on(tree))
