"""A fast path for the commonest rows of large datasets: an id and a list of plain messages, converted in one pass.

Any other row is left to the shapes, which give the same columns. Knows two keys; knows no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magpie.imports.messages import plain_message
from magpie.seams import BROKEN

_KEYS = ("conversations", "messages")


def plain_conversation(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """The columns of a row that holds a conversation and an id; None for a row that the shapes have to read.

    plain_conversation({"id": "a", "messages": [{"role": "user", "content": "Hi"}]})
    """
    if len(document) > 2:
        return None
    said = next((value for key in _KEYS if (value := document.get(key)) is not None), None)
    row_id = document.get("id")
    if type(said) is not list or not said or (len(document) == 2 and (type(row_id) is not str or not row_id.strip())):
        return None
    turns = []
    for number, message in enumerate(said):
        turn = plain_message(message) if type(message) is dict else None
        if turn is None or turn.role != ("user", "assistant")[number % 2]:
            return None
        text = turn.text
        if not text or text.isspace() or BROKEN in text:
            return None
        turns.append(text)
    columns: dict[str, Any] = {"instruction": turns[0]}
    if row_id is not None:
        columns["source_id"] = row_id
    if len(turns) > 1:
        columns["response"] = turns[1]
    if len(turns) > 2:
        columns["turns"] = [
            {"role": ("user", "assistant")[number % 2], "content": text} for number, text in enumerate(turns[2:])
        ]
    return columns
