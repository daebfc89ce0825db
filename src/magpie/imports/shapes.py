"""What a document says, in the columns of a run: messages, ShareGPT, Alpaca, prompt and completion, upstream's own.

Knows shapes and names that datasets use; knows no file and no run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from magpie.columns import Column
from magpie.plan.registry import column_map

ROLES = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bing": "assistant", "bard": "assistant",
    "model": "assistant", "chatbot": "assistant",
}  # fmt: skip
"""What datasets call who speaks."""


_RENAMED = {"uuid": "source_id", "id": "source_id", "conversation_id": "source_id", "prompt_id": "source_id"}
_CONVERSATIONS = ("messages", "conversations", "conversation", "dialog", "dialogue")
_READ = {*_CONVERSATIONS, "input", "output", "prompt", "completion", "llama_guard_2", "system_prompt"}
"""Keys that are read, beside the names of columns."""


@dataclass(frozen=True, slots=True)
class Imported:
    """One document, in a run's columns."""

    columns: Mapping[str, Any]
    drop_reason: str | None
    left_out: frozenset[str]
    """Keys that no column holds."""


def shape(document: Mapping[str, Any]) -> Imported:
    """A document in a run's columns. One without a conversation that can be read is dropped, with the reason."""
    columns: dict[str, Any] = {}
    left_out: set[str] = set()
    known = column_map().columns
    for key, value in document.items():
        name = _RENAMED.get(key, key)
        if name in known:
            columns.setdefault(name, _fitted(known[name], value))
        elif key not in _READ:
            left_out.add(key)
    columns |= _guarded(document.get("llama_guard_2"))
    try:
        columns |= _conversation(document)
    except _Unreadable as why:
        return Imported(columns, f"unreadable: {why}", frozenset(left_out))
    return Imported(columns, None if columns["instruction"] else "empty", frozenset(left_out))


class _Unreadable(Exception):
    """Why a document holds no conversation, in a few words."""


def _conversation(document: Mapping[str, Any]) -> dict[str, Any]:
    said = next((document[key] for key in _CONVERSATIONS if document.get(key)), None)
    if said is not None:
        return _of_messages(_as_messages(said))
    if isinstance(document.get("prompt"), list):
        return _of_messages(_as_messages([*document["prompt"], *(document.get("completion") or ())]))
    instruction = document.get("instruction", document.get("prompt"))
    if not isinstance(instruction, str):
        raise _Unreadable("no instruction and no messages")
    given = document.get("input")
    asked = f"{instruction}\n\n{given}" if isinstance(given, str) and given else instruction
    response = document.get("response", document.get("output", document.get("completion")))
    system = document.get("system", document.get("system_prompt"))
    return _present(instruction=asked, response=response, system=system)


def _present(**columns: Any) -> dict[str, Any]:
    """Texts without outer white space, those that are there."""
    return {name: value.strip() for name, value in columns.items() if isinstance(value, str)}


def _as_messages(said: Any) -> list[tuple[str, str]]:
    """Who said what. Raises `_Unreadable`."""
    if not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
        raise _Unreadable("the conversation is no list of messages")
    return [_as_message(one) for one in said]


def _as_message(one: Mapping[str, Any]) -> tuple[str, str]:
    spoken, text = one.get("role", one.get("from")), one.get("content", one.get("value"))
    role = ROLES.get(spoken.lower()) if isinstance(spoken, str) else None
    if role is None:
        raise _Unreadable(f"role {type(spoken).__name__ if isinstance(spoken, list | dict) else str(spoken)[:20]}")
    if not isinstance(text, str):
        raise _Unreadable("a message without text")
    return role, text


def _of_messages(messages: list[tuple[str, str]]) -> dict[str, Any]:
    """The columns of a conversation in which user and assistant take turns. Raises `_Unreadable`."""
    system = messages[0][1] if messages and messages[0][0] == "system" else None
    turns = messages[1:] if system is not None else messages
    if not turns or any(role != ("user", "assistant")[place % 2] for place, (role, _) in enumerate(turns)):
        raise _Unreadable("user and assistant do not take turns")
    columns = _present(instruction=turns[0][1], response=turns[1][1] if len(turns) > 1 else None, system=system)
    if len(turns) > 2:
        columns["turns"] = [{"role": role, "content": text} for role, text in turns[2:]]
    return columns


def _guarded(verdict: Any) -> dict[str, Any]:
    """Upstream's column of Llama-Guard-2: `safe`, or `unsafe` and a line of categories."""
    if not isinstance(verdict, str) or not verdict.strip():
        return {}
    word, *rest = verdict.split()
    categories = [name for part in rest for name in part.split(",") if name]
    return {"safety": word.lower(), "safety_categories": categories} if word.lower() in ("safe", "unsafe") else {}


def _fitted(column: Column, value: Any) -> Any:
    """A value as the column's type has it; null where it cannot be that."""
    try:
        return None if value is None else _FITTING[column.type](value)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(one) for one in value]


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


_FITTING: dict[str, Callable[[Any], Any]] = {
    "string": lambda value: value.strip() if isinstance(value, str) else str(value),
    "int32": int,
    "int64": int,
    "double": float,
    "bool": _truth,
    "list<string>": _texts,
    "list<double>": lambda value: [float(one) for one in value],
    "list<float>": lambda value: [float(one) for one in value],
    "messages": lambda value: [{"role": one["role"], "content": one["content"]} for one in value],
    "responses": lambda value: [
        {key: one.get(key) for key in ("response", "reasoning", "model", "finish_reason", "tokens")} for one in value
    ],
}
