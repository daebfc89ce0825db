"""How large a selection may be. The text is measured in linear passes, before a parser sees it.

A recipe may come from a stranger: these limits refuse what would take long to parse, check or bind. They are far above
what people write; the longest selection in the package has 500 characters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magpie.errors import RecipeError
from magpie.stages.select.shown import clipped

if TYPE_CHECKING:
    from magpie.stages.select.selection import Asked

TEXT_BYTES = 64 << 10
"""The most UTF-8 bytes of SQL in one selection, its settings included."""
NESTING = 64
"""The deepest that brackets, and expressions inside expressions, may be nested."""
CLAUSES = 200
"""The most clauses of WHERE, `also` and QUALIFY together."""
QUOTAS = 20
EXPRESSIONS = 20_000
"""The most expressions of one text: every column, constant, operator and call is one."""
TREE_BYTES = 32 << 20
"""The longest parsed text, as JSON: the parser writes what stands behind CASE out once for each WHEN."""

_BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
_ENDS = {"'": "'", '"': '"', "--": "\n", "/*": "*/"}
"""What begins a piece of text in which brackets mean nothing, and what ends it."""


def check_size(asked: Asked) -> None:
    """Raises `RecipeError` for a selection that is larger than one may be. Takes time linear in its length."""
    texts = [asked.text, *asked.also, *asked.without, *(quota.by for quota in asked.quotas)]
    texts += [text for text in (asked.order, asked.bands) if text is not None]
    length = sum(map(len, texts))
    if length <= TEXT_BYTES:
        length = sum(_bytes(text) for text in texts)
    if length > TEXT_BYTES:
        raise RecipeError(
            f"the selection has {length:,} bytes of SQL; expected {TEXT_BYTES:,} or fewer: "
            "let a stage write a column, and select by that"
        )
    if len(asked.also) > CLAUSES:
        raise RecipeError(f"also has {len(asked.also):,} clauses; expected {CLAUSES} or fewer")
    if len(asked.quotas) > QUOTAS:
        raise RecipeError(f"quotas has {len(asked.quotas):,} entries; expected {QUOTAS} or fewer")
    for text in texts:
        if nesting(text) > NESTING:
            raise too_deep(text)


def nesting(text: str) -> int:
    """The deepest that brackets are nested in SQL, outside of strings and comments.

    Example: `nesting("a IN (1, (2))")` is 2.
    """
    deepest = depth = at = 0
    while at < len(text):
        mark = text[at : at + 2] if text[at : at + 2] in _ENDS else text[at]
        if mark in _ENDS:
            end = text.find(_ENDS[mark], at + len(mark))
            at = len(text) if end < 0 else end + len(_ENDS[mark])
            continue
        depth = max(0, depth + _BRACKETS.get(mark, 0))
        deepest = max(deepest, depth)
        at += 1
    return deepest


def check_tree(tree: Any, text: str) -> None:
    """Raises `RecipeError` for a parsed text that has too many expressions, or nests them too deeply."""
    waiting = [(tree, 0)]
    count = 0
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, list):
            waiting += [(item, depth) for item in value]
        elif isinstance(value, dict):
            is_expression = "class" in value
            count += is_expression
            if depth > NESTING:
                raise too_deep(text)
            if count > EXPRESSIONS:
                raise too_many(text)
            waiting += [(item, depth + is_expression) for item in value.values()]


def check_clauses(count: int) -> None:
    """Raises `RecipeError` for more clauses than a selection may have."""
    if count > CLAUSES:
        raise RecipeError(
            f"the selection has {count:,} clauses joined by AND; expected {CLAUSES} or fewer: "
            "column IN (...) says many of them in one"
        )


def too_deep(text: str) -> RecipeError:
    """The error for SQL that is nested more deeply than it may be."""
    return RecipeError(
        f"{clipped(text)}: nested more than {NESTING} deep; expected fewer brackets and operators inside each other"
    )


def too_many(text: str) -> RecipeError:
    """The error for SQL with more expressions than it may have."""
    return RecipeError(
        f"{clipped(text)}: more than {EXPRESSIONS:,} columns, constants, operators and calls; expected fewer: "
        "let a stage write a column, and select by that"
    )


def _bytes(text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError as error:
        raise RecipeError(f"{clipped(text)!a}: not valid Unicode ({error.reason})") from error
