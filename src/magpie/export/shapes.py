"""What a kept row comes to in each format: the shapes that trainers read. Knows a row's columns; writes nothing.

The names are those of TRL's documentation of dataset formats, and of Alpaca and ShareGPT, which other trainers read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from magpie.export.options import Options

Row = Mapping[str, Any]
Document = dict[str, Any]
Message = dict[str, str]

_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt"}


@dataclass(frozen=True, slots=True)
class Shape:
    """One format."""

    about: str
    """What it is, for the card and the command line."""
    needs: tuple[str, ...]
    """Columns without which there is nothing to write."""
    make: Callable[[Row, Options], list[Document]]
    """A kept row's documents."""
    schema: Callable[[Options], pa.Schema]
    """Of the documents, for Parquet."""


def conversation(row: Row, options: Options) -> list[Message]:
    """The row's messages, with what the options ask for."""
    messages: list[Message] = [dict(message) for message in row["messages"]]
    thoughts = [message.pop("reasoning", None) for message in messages]
    thoughts[1] = thoughts[1] or row.get("reasoning")
    for message, thought in zip(messages, thoughts, strict=True):
        if options.reasoning != "none" and thought is not None:
            _think(message, thought, options)
    return [*_system(row, options), *messages]


def _system(row: Row, options: Options) -> list[Message]:
    system = row.get("system") if options.system else None
    return [] if system is None else [{"role": "system", "content": system}]


def _think(answer: Message, reasoning: str, options: Options) -> None:
    """Give an answer its thought: in the tags that most chat templates read, or beside it under the usual key."""
    if options.reasoning == "inside":
        answer["content"] = f"<think>\n{reasoning}\n</think>\n\n{answer['content']}"
    else:
        answer["reasoning_content"] = reasoning


def _prompt(row: Row, options: Options) -> list[Message]:
    """What a preference pair answers."""
    asked = row.get("pair_prompt") or [{"role": "user", "content": row["instruction"]}]
    return [*_system(row, options), *asked]


def _answer(content: str) -> list[Message]:
    return [{"role": "assistant", "content": content}]


def _messages(row: Row, options: Options) -> list[Document]:
    return [{"id": row["id"], "messages": conversation(row, options)}]


def _sharegpt(row: Row, options: Options) -> list[Document]:
    turns = [{"from": _SPEAKERS[one["role"]], "value": one["content"]} for one in conversation(row, options)]
    return [{"id": row["id"], "conversations": turns}]


def _alpaca(row: Row, options: Options) -> list[Document]:
    """The last instruction and its response; the turns before them are the history, where the run has further turns."""
    told = conversation(row, options)
    system, said = (told[0]["content"], told[1:]) if told[0]["role"] == "system" else (None, told)
    said = said[: len(said) - len(said) % 2]
    pairs = [[one["content"], two["content"]] for one, two in zip(said[::2], said[1::2], strict=True)]
    document = {"id": row["id"], "instruction": pairs[-1][0], "input": "", "output": pairs[-1][1]}
    if options.system:
        document["system"] = system or ""
    if "turns" in row:
        document["history"] = pairs[:-1]
    return [document]


def _sft(row: Row, options: Options) -> list[Document]:
    """The last response is the completion; what stands before it, the prompt."""
    told = conversation(row, options)
    last = max(place for place, one in enumerate(told) if one["role"] == "assistant")
    return [{"id": row["id"], "prompt": told[:last], "completion": [told[last]]}]


def _dpo(row: Row, options: Options) -> list[Document]:
    return [
        {
            "id": row["id"],
            "prompt": _prompt(row, options),
            "chosen": _answer(row["chosen"]),
            "rejected": _answer(row["rejected"]),
            **_rewards(row),
        }
    ]


def _rm(row: Row, options: Options) -> list[Document]:
    """The prompt stands in both conversations."""
    prompt = _prompt(row, options)
    return [
        {
            "id": row["id"],
            "chosen": prompt + _answer(row["chosen"]),
            "rejected": prompt + _answer(row["rejected"]),
            **_rewards(row),
        }
    ]


def _rewards(row: Row) -> Document:
    """What the pair was made by; trainers pass over it."""
    return {name: row.get(name) for name in _REWARDS}


def _kto(row: Row, options: Options) -> list[Document]:
    """Each response by itself, with whether it is the better one."""
    prompt = _prompt(row, options)
    return [
        {"id": row["id"], "prompt": prompt, "completion": _answer(row["chosen"]), "label": True},
        {"id": row["id"], "prompt": prompt, "completion": _answer(row["rejected"]), "label": False},
    ]


# -- schemas ----------------------------------------------------------------------------------------------------------


def _list_of_messages(options: Options) -> pa.DataType:
    thought = [("reasoning_content", pa.string())] if options.reasoning == "field" else []
    return pa.list_(pa.struct([("role", pa.string()), ("content", pa.string()), *thought]))


def _schema(*names: str, **further: pa.DataType) -> Callable[[Options], pa.Schema]:
    """Of an id, lists of messages by these names, and further columns."""

    def made(options: Options) -> pa.Schema:
        lists = [(name, _list_of_messages(options)) for name in names]
        return pa.schema([("id", pa.string()), *lists, *further.items()])

    return made


def _alpaca_schema(options: Options) -> pa.Schema:
    names = ("id", "instruction", "input", "output", *(("system",) if options.system else ()))
    return pa.schema([*((name, pa.string()) for name in names), ("history", pa.list_(pa.list_(pa.string())))])


_REWARDS = {"chosen_reward": pa.float64(), "rejected_reward": pa.float64()}
_SHAREGPT = pa.list_(pa.struct([("from", pa.string()), ("value", pa.string())]))

SHAPES: dict[str, Shape] = {
    "messages": Shape(
        "conversations as role and content (TRL: language modeling)", ("messages",), _messages, _schema("messages")
    ),
    "sharegpt": Shape("conversations as from and value", ("messages",), _sharegpt, _schema(conversations=_SHAREGPT)),
    "alpaca": Shape("instruction, input and output", ("messages",), _alpaca, _alpaca_schema),
    "sft": Shape(
        "prompt and completion as messages (TRL: prompt-completion)",
        ("messages",),
        _sft,
        _schema("prompt", "completion"),
    ),
    "dpo": Shape(
        "prompt, chosen and rejected as messages (TRL: preference with explicit prompt)",
        ("chosen", "rejected"),
        _dpo,
        _schema("prompt", "chosen", "rejected", **_REWARDS),
    ),
    "rm": Shape(
        "chosen and rejected as whole conversations (TRL: preference with implicit prompt)",
        ("chosen", "rejected"),
        _rm,
        _schema("chosen", "rejected", **_REWARDS),
    ),
    "kto": Shape(
        "prompt, completion and label, two rows for each pair (TRL: unpaired preference)",
        ("chosen", "rejected"),
        _kto,
        _schema("prompt", "completion", label=pa.bool_()),
    ),
}
"""Format to shape."""
