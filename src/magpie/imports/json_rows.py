"""From one JSON value to documents: an object, a conversation, a list of rows, or an object with rows inside.

Knows how datasets nest their rows; knows nothing of what a document means.
"""

from __future__ import annotations

from typing import Any

from magpie.imports.documents import Broken, Document, Read
from magpie.imports.keys import ANSWERS, CONVERSATIONS, IDS, INSTRUCTIONS, QUESTIONS, REPLIES, SEVERAL
from magpie.imports.messages import ROLE_KEYS, ROLES, TEXT_KEYS, pair_keys

WRAPPERS = ("data", "rows", "examples", "instances", "records", "items", "dataset")
"""Keys of an object under which the rows of a file lie."""
_OF_ROWS = frozenset(
    {*INSTRUCTIONS, *QUESTIONS, *ANSWERS, *REPLIES, *SEVERAL, *IDS, "input", "text", "chosen", "rejected"}
    | (set(CONVERSATIONS) - set(WRAPPERS))
)
"""Keys that say that an object is a row itself, whatever lies under its other keys."""
_OF_FILES = frozenset(
    {"version", "name", "title", "description", "license", "author", "authors", "url", "homepage", "citation"}
    | {"info", "metadata", "meta", "features", "dataset_name", "dataset", "config", "split", "created", "created_at"}
    | {"count", "size", "total", "length", "num_rows", "num_rows_total", "num_rows_per_page", "partial"}
)
"""Keys beside the rows of a file, which say something of the file."""


_OF_TREES = frozenset({"parent_id", "parent_message_id", "message_tree_id", "conversation_id"})


def is_message(value: Any) -> bool:
    """Whether a value is a message of a conversation, by its keys. One that says which message it answers is a row of a
    table of messages, whose order says nothing."""
    if not isinstance(value, dict) or not _OF_TREES.isdisjoint(value):
        return False
    if ("role" in value and ("content" in value or "parts" in value)) or ("from" in value and "value" in value):
        return True
    role = next((value[key] for key in ROLE_KEYS if isinstance(value.get(key), str)), None)
    return role is not None and role.lower().strip() in ROLES and any(key in value for key in TEXT_KEYS)


def is_part_of_talk(value: Any) -> bool:
    """Whether a value may be a part of a conversation: a message, or a question with its answer.

    is_part_of_talk({"human": "Hi", "assistant": "Hello"})  # True
    """
    return is_message(value) or (isinstance(value, dict) and pair_keys(value) is not None)


def documents_of(value: Any, place: str) -> Read:
    """The documents in one JSON value: an object is one, a list of messages is a conversation, another list holds
    several, and so does an object with the rows under a key, or with a list for each column."""
    if isinstance(value, list):
        yield from _of_list(value, place)
    elif not isinstance(value, dict):
        yield Broken(place, f"expected an object, found {_kind(value)}")
    elif (rows := _wrapped(value)) is not None:
        for number, row in enumerate(rows):
            yield from documents_of(row, f"{place}[{number}]")
    elif (length := _column_length(value)) is not None:
        for number in range(length):
            yield Document(f"{place}[{number}]", {key: column[number] for key, column in value.items()})
    elif "row_idx" in value and isinstance(value.get("row"), dict):
        yield Document(place, value["row"])  # as the Hub's server of rows writes it
    else:
        yield Document(place, value)


def _kind(value: Any) -> str:
    """What JSON calls a value, for messages."""
    kinds = {type(None): "null", bool: "true or false", str: "a text", list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")


def is_nested(value: dict[str, Any]) -> bool:
    """Whether an object may hold several rows; one that certainly does not is a row itself.

    is_nested({"instruction": "Hi"})  # False
    """
    return isinstance(next(iter(value.values())), list) or any(key in value for key in WRAPPERS)


def _of_list(value: list[Any], place: str) -> Read:
    if not value or all(map(is_message, value)):
        yield Document(place, {"messages": value})
        return
    for number, item in enumerate(value):
        where = f"{place}[{number}]"
        if isinstance(item, dict):
            yield Document(where, item)
        elif isinstance(item, list) and item and all(map(is_message, item)):
            yield Document(where, {"messages": item})
        else:
            yield Broken(where, f"expected an object or a list of messages, found {_kind(item)}")


def _wrapped(value: dict[str, Any]) -> list[Any] | None:
    """The rows under a key of an object that is no row itself. A list of messages is a conversation; questions with
    their answers are rows only where nothing beside them could be a row's own."""
    if not _OF_ROWS.isdisjoint(value):
        return None
    for key in WRAPPERS:
        rows = value.get(key)
        if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
            if all(map(is_message, rows)) or (all(map(is_part_of_talk, rows)) and value.keys() - {key} - _OF_FILES):
                return None
            return rows
    return None


def _column_length(value: dict[str, Any]) -> int | None:
    """The rows of an object that has a list for each column, as `datasets` gives a table; None for another."""
    if _OF_ROWS.isdisjoint(value) or not all(isinstance(column, list) for column in value.values()):
        return None
    lengths = {len(column) for column in value.values()}
    texts = value.get("instruction") or value.get("prompt") or value.get("question") or value.get("input")
    if len(lengths) != 1 or not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return None
    return lengths.pop()
