"""What a document says, in the columns of a run: the one table of the shapes that datasets come in.

The first shape whose keys a document has reads it. What a shape uses, a run's columns hold; every other key goes into
`meta`. docs/imports.md lists the shapes with their sources. Knows names that datasets use; knows no file and no run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from magpie.columns import Column
from magpie.imports.candidates import take_several
from magpie.imports.conversations import is_conversation, read_conversation
from magpie.imports.documents import is_number
from magpie.imports.fitting import NoValue, Unfit, fitted, guard_verdict
from magpie.imports.instructions import (
    is_human_and_assistant,
    is_instruction,
    is_question,
    is_rendered,
    read_human_and_assistant,
    read_instruction,
    read_question,
)
from magpie.imports.keys import CONVERSATIONS, IDS, SEVERAL, SIMILAR, Keys, Row, Shaped
from magpie.imports.messages import Conversation, Unreadable, parsed, why_no_use
from magpie.imports.pairs import is_battle, is_pair, read_battle, read_pair
from magpie.imports.plain import plain_conversation
from magpie.plan.registry import column_map

_RENAMED = {"raw_instruction": "instruction_raw", "base_output": "base_response", "rewards_armorm": "response_rewards"}
_NOT_TAKEN = frozenset(
    {"source", "meta", "duplicate_of", "nearest_row", "selection_rank", "response_choice", "unusable"}
)
"""Columns of a run that mean nothing in another run, or something else in other datasets."""
_BY_SHAPES = frozenset(
    {"instruction", "response", "reasoning", "system", "turns", "turn_reasoning", "responses", "response_rewards"}
    | {"chosen", "rejected", "chosen_reward", "rejected_reward", "chosen_model", "rejected_model", "pair_prompt"}
    | {"source_id"}
)


@dataclass(frozen=True, slots=True)
class Shape:
    """One way in which datasets write rows."""

    name: str
    fits: Callable[[Keys], bool]
    read: Callable[[Keys, Shaped], Conversation]
    """Takes what it uses from the keys, and gives the conversation; other columns go into the row. Raises
    `Unreadable`."""


SHAPES = (
    Shape("preference pair", is_pair, read_pair),
    Shape("two models' answers", is_battle, read_battle),
    Shape("conversation", is_conversation, read_conversation),
    Shape("instruction and answer", is_instruction, read_instruction),
    Shape("question and answer", is_question, read_question),
    Shape("Human and Assistant in one text", is_human_and_assistant, read_human_and_assistant),
    Shape("what a template made of a row", is_rendered, read_instruction),
)
"""The shapes, in the order in which they are tried."""


def shape(document: Row, rendered: str | None = None) -> Shaped:
    """A document in a run's columns. One without a conversation that can be read is dropped, with the reason.

    rendered: the instruction, where the user's template made one; what a conversation began with in its place is kept
    as the extra key `instruction_before`.

    shape({"question": "2+2?", "answer": "4"}).columns["instruction"]  # "2+2?"
    """
    if rendered is None and (columns := plain_conversation(document)) is not None:
        return Shaped(columns)
    return shape_with_care(document, rendered)


def shape_with_care(document: Row, rendered: str | None = None) -> Shaped:
    """As `shape`, whatever the document is like: for the plainest ones the same, and slower."""
    keys, row = Keys(document, rendered), Shaped()
    fitting = next((one for one in SHAPES if one.fits(keys)), None)
    try:
        if fitting is None:
            raise Unreadable("no instruction and no messages")
        _put_conversation(row, fitting.read(keys, row))
        for key in SEVERAL:
            values = keys.values.get(key)
            if isinstance(values, str):
                values = parsed(values)
            if "responses" not in row.columns and isinstance(values, list):
                take_several(keys, row, key, values)
    except Unreadable as why:
        row.drop_reason = f"unreadable: {why}"
    _put_others(keys, row)
    _put_upstreams(row, document)
    row.left_out |= {f"messages[].{key}" for key in keys.of_messages}
    return row


def _put_conversation(row: Shaped, found: Conversation) -> None:
    turns = found.turns
    if row.drop_reason is None:
        row.drop_reason = why_no_use(turns)
    columns = row.columns
    columns["instruction"] = turns[0].text
    if found.system is not None:
        columns["system"] = found.system
    if len(turns) > 1:
        columns["response"] = turns[1].text
        if turns[1].reasoning is not None:
            columns["reasoning"] = turns[1].reasoning
    if len(turns) > 2:
        columns["turns"] = [{"role": turn.role, "content": turn.text} for turn in turns[2:]]
        if any(turn.reasoning is not None for turn in turns[2:]):
            columns["turn_reasoning"] = [turn.reasoning for turn in turns[2:]]


def _put_others(keys: Keys, row: Shaped) -> None:
    """Every key that the shape did not use: into its column, or among the extra ones."""
    name = next((name for name in IDS if keys.has(name)), None)
    if name is not None and put(row, "source_id", keys.values[name]):
        keys.used.add(name)
    known = column_map().columns
    for key, value in keys.values.items():
        if key in keys.used or (key in CONVERSATIONS and value == []):
            continue
        column = _RENAMED.get(key, key)
        if key == "meta" and isinstance(value, dict):
            for name, inner in value.items():
                row.keep(name, inner)
        elif column in known and column not in _BY_SHAPES and column not in _NOT_TAKEN and column not in row.columns:
            if put(row, column, value, known[column]):
                continue
            if column == "embedding":
                row.left_out.add(key)  # too large to be kept as what it is not
            else:
                row.keep(key, value)
        else:
            row.keep(key, value)


def put(row: Shaped, name: str, value: Any, column: Column | None = None) -> bool:
    """Put a value into a column as its type is; False where the value is none for it, and is to be kept elsewhere.

    put(row, "instruct_reward", "-3.25")
    """
    try:
        row.columns[name] = fitted(column or column_map().columns[name], value)
    except NoValue:
        return True
    except Unfit:
        row.unfit.append(name)
        return False
    return True


def _put_upstreams(row: Shaped, document: Row) -> None:
    """Columns of Magpie's releases that say something in another way than a run."""
    verdict = row.extra.get("llama_guard_2")
    if isinstance(verdict, str) and "safety" not in row.columns and (read := guard_verdict(verdict)) is not None:
        del row.extra["llama_guard_2"]
        row.columns["safety"] = "unsafe" if read.unsafe else "safe"
        row.columns["safety_categories"] = list(read.categories)
    configs = row.extra.get("gen_input_configs")
    if isinstance(configs, dict) and "variant" not in row.columns and (variant := _variant(configs)):
        row.columns["variant"] = variant
    for key in SIMILAR:
        if row.similar is None and isinstance(row.extra.get(key), str) and row.extra[key]:
            row.similar = row.extra[key]
    if any(key in document for key in SIMILAR):
        row.ids = [value for key in IDS if isinstance(value := document.get(key), str)]
    if row.similar is None and row.columns.get("repeat_count") == 0 and any(key in document for key in SIMILAR):
        row.columns["is_repeat"] = False


def _variant(configs: Mapping[str, Any]) -> str:
    """How upstream sampled the instruction, in words."""
    told = {name: configs.get(name) for name in ("temperature", "top_p")}
    return ", ".join(f"{name}={float(value):g}" for name, value in told.items() if value and is_number(value))
