"""Labels that have an order, in SQL: `input_quality >= 'good'` is good and excellent, wherever it is asked.

Two rules make it so, and DuckDB does the rest. A column of labels is an ENUM, whose values compare in the order of
`magpie.columns.LABELS`; a value that is none of the labels is null. A label in quotes is a value of that ENUM too,
since DuckDB compares an ENUM with a text as two texts: `typed` writes the cast to each. No query is taken apart for it:
it is cut into tokens, and nothing but texts in single quotes is looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from typing import NamedTuple

import duckdb

from magpie.columns import LABELS, base_column, labels_of
from magpie.errors import UserError

_COMPARES = frozenset({"=", "==", "<>", "!=", "<", "<=", ">", ">="})
_BEFORE_NAMES = frozenset({"as"})


class Token(NamedTuple):
    """A piece of SQL."""

    text: str
    kind: str
    """`identifier`, `string_const`, `keyword`, `operator`, `numeric_const` or `comment`, as DuckDB says."""
    start: int
    """Its first byte in the query."""


def label_type(column: str) -> str:
    """The name of the type of a column's labels: `label_difficulty`, for `difficulty__second` too."""
    return f"label_{base_column(column)}"


def make_types(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the types of all labels known to a database."""
    for column, labels in LABELS.items():
        names = ", ".join(f"'{label}'" for label in labels)
        connection.execute(f"CREATE TYPE {label_type(column)} AS ENUM ({names})")


def as_label(column: str) -> str:
    """A column of texts as labels, as SQL: in any case, and null for what is none of them."""
    return f"TRY_CAST(lower(trim({column})) AS {label_type(column)})"


def typed(query: str, columns: Collection[str] = tuple(LABELS)) -> str:
    """The query with every label in quotes as a value of its type. columns: those whose labels are meant.

    Example: `typed("input_quality >= 'good'")` is `input_quality >= CAST('good' AS label_input_quality)`.
    """
    types = {label: label_type(column) for column in columns for label in labels_of(column)}
    data, parts, at = query.encode(), [], 0
    found = [token for token in tokens(query) if token.kind != "comment"]
    for before, token, behind in zip([None, *found], found, [*found[1:], None], strict=False):
        label = _constant(token)
        if label in types and not _is_name(before, behind):
            end = token.start + len(token.text.encode())
            parts += [data[at : token.start], f"CAST({token.text} AS {types[label]})".encode()]
            at = end
    return b"".join([*parts, data[at:]]).decode()


def check_labels(query: str, columns: Collection[str]) -> None:
    """Raise `UserError` where a query compares one of these columns with a text that is none of its labels."""
    found = [token for token in tokens(query) if token.kind != "comment"]
    for place, token in enumerate(found):
        column = token.text.strip('"').lower()
        if token.kind == "identifier" and column in columns and labels_of(column):
            for text in _compared_with(found, place):
                check_label(column, text)


def check_label(column: str, text: str) -> None:
    """Raise `UserError` for a text that is none of a column's labels."""
    labels = labels_of(column)
    if text in labels:
        return
    close = get_close_matches(text.lower(), labels, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    shown = text if len(text) <= 100 else f"{text[:100]}..."
    raise UserError(f"{shown!r} is none of the labels of {column} ({', '.join(labels)}){hint}")


def tokens(query: str) -> Iterator[Token]:
    """The pieces of a query; none where it cannot be cut into such."""
    try:
        data = query.encode()
        found = duckdb.tokenize(query)
    except (duckdb.Error, UnicodeEncodeError):
        return
    starts = [start for start, _ in found]
    for (start, kind), end in zip(found, [*starts[1:], len(data)], strict=False):
        yield Token(data[start:end].decode(errors="replace").rstrip(), str(kind).rpartition(".")[2], start)


def _constant(token: Token) -> str | None:
    """The text in a pair of single quotes; None for what is none."""
    text = token.text
    if token.kind != "string_const" or len(text) < 2 or not (text.startswith("'") and text.endswith("'")):
        return None
    return text[1:-1].replace("''", "'")


def _is_name(before: Token | None, behind: Token | None) -> bool:
    """Whether a text between two tokens is a name, or a value of another type: `AS 'good'`, `DATE '2026-01-01'`, and
    the key in `{'good': 1}`."""
    if behind is not None and behind.text == ":":
        return True
    return before is not None and (before.kind == "identifier" or before.text.lower() in _BEFORE_NAMES)


def _compared_with(found: Sequence[Token], place: int) -> Iterator[str]:
    """The texts that the column at a place is compared with."""
    texts = [_constant(token) for token in found]
    words = [token.text.lower() for token in found]
    at = place + 1 + (words[place + 1 : place + 2] == ["not"])
    if words[at : at + 1] == ["in"] and words[at + 1 : at + 2] == ["("]:
        for text, word in zip(texts[at + 2 :], words[at + 2 :], strict=True):
            if word == ")":
                break
            if text is not None:
                yield text
        return
    if words[at : at + 1] == ["between"]:
        yield from (text for text in (*texts[at + 1 : at + 2], *texts[at + 3 : at + 4]) if text is not None)
        return
    if found[place + 1 : place + 2] and words[place + 1] in _COMPARES:
        yield from (text for text in texts[place + 2 : place + 3] if text is not None)
    if place >= 2 and words[place - 1] in _COMPARES and (text := texts[place - 2]) is not None:
        yield text
