"""The records of a kept row in each format that trainers read, as SQL over the columns of a run.

The names are those of TRL's documentation of dataset formats, and of Alpaca and ShareGPT, which other trainers read. A
key has one type in every record: where a message has no reasoning, `reasoning_content` is an empty text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from magpie.export.options import Options
from magpie.extensions import FORMATS, load_extension, offered
from magpie.runs import sql_text

Fields = Mapping[str, str]
"""The keys of a record, each with the SQL expression that gives its value."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a format may draw on."""

    columns: frozenset[str]
    """Of the run."""
    options: Options
    turn_reasoning: str | None = None
    """The field of a message that holds the reasoning of its turn, where the run's messages have one."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One format."""

    about: str
    """What it is, for the card and the command line."""
    needs: tuple[str, ...]
    """Columns without which there is nothing to write."""
    records: Callable[[Given], list[Fields]]
    """The records of a row: one, or two for a pair that is taken apart. All have the same keys and types."""
    beside: bool = False
    """Whether its messages have a place for reasoning beside their content."""


def conversation(given: Given, messages: str = "messages") -> str:
    """The row's messages, with what the options ask for, as SQL."""
    if given.options.reasoning == "none":
        said = _plain(messages) if given.turn_reasoning else messages
    elif given.options.reasoning == "field":
        message = f"{{'role': m.role, 'content': m.content, 'reasoning_content': coalesce({_thought(given)}, '')}}"
        said = f"list_transform({messages}, lambda m, i: {message})"
    else:
        opened = f"coalesce('<think>\n' || {_thought(given)} || '\n</think>\n\n', '') || m.content"
        said = f"list_transform({messages}, lambda m, i: {{'role': m.role, 'content': {opened}}})"
    return f"list_concat({_system(given)}, {said})" if given.options.system else said


def _plain(messages: str) -> str:
    return f"list_transform({messages}, lambda m: {{'role': m.role, 'content': m.content}})"


def _thought(given: Given) -> str:
    """The reasoning of the message `m` at place `i`, counted from 1: the column `reasoning` is the first answer's."""
    own = [f"nullif(m.{given.turn_reasoning}, '')"] if given.turn_reasoning else []
    first = ["CASE WHEN i = 2 THEN nullif(reasoning, '') END"] if "reasoning" in given.columns else []
    return f"coalesce({', '.join([*own, *first, 'NULL::VARCHAR'])})"


def _system(given: Given) -> str:
    """The system prompt as a list of messages: none where there is no text."""
    if not given.options.system:
        return "[]"
    return f"CASE WHEN system <> '' THEN [{_message('system', 'system', given)}] ELSE [] END"


def _message(role: str, content: str, given: Given, *, beside: bool = True) -> str:
    field = ", 'reasoning_content': ''" if beside and given.options.reasoning == "field" else ""
    return f"{{'role': '{role}', 'content': {content}{field}}}"


def upto_last_answer(said: str, given: Given) -> str:
    """A conversation without a user's words that nobody answered."""
    return f"list_filter({said}, lambda m, i: i <= {last_answer(given)})"


def last_answer(given: Given) -> str:
    """The place of the last answer, counted from 1: user and assistant take turns."""
    before = f"len({_system(given)}) + " if given.options.system else ""
    return f"({before}len(messages) // 2 * 2)"


def _messages(given: Given) -> list[Fields]:
    return [{"id": "id", "messages": conversation(given)}]


_SPEAKER = "CASE m.role WHEN 'user' THEN 'human' WHEN 'assistant' THEN 'gpt' ELSE m.role END"


def sharegpt(messages: str) -> str:
    """A list of messages as ShareGPT has them, as SQL."""
    return f"list_transform({messages}, lambda m: {{'from': {_SPEAKER}, 'value': m.content}})"


def _sharegpt(given: Given) -> list[Fields]:
    return [{"id": "id", "conversations": sharegpt(conversation(given))}]


def _alpaca(given: Given) -> list[Fields]:
    """The last instruction and its response; in a multi-turn run, the turns before them are the history."""
    said = conversation(Given(given.columns, Options(reasoning=given.options.reasoning), given.turn_reasoning))
    rounds = "len(messages) // 2"
    fields = {
        "id": "id",
        "instruction": f"({said})[{rounds} * 2 - 1].content",
        "input": "''",
        "output": f"({said})[{rounds} * 2].content",
    }
    if given.options.system:
        fields["system"] = "coalesce(system, '')"
    if "turns" in given.columns:
        pair = f"[({said})[2 * n - 1].content, ({said})[2 * n].content]"
        fields["history"] = f"list_transform(range(1, {rounds}), lambda n: {pair})"
    return [fields]


def _sft(given: Given) -> list[Fields]:
    """The last response is the completion; everything before it is the prompt."""
    said, last = conversation(given), last_answer(given)
    return [{"id": "id", "prompt": f"({said})[:{last} - 1]", "completion": f"[({said})[{last}]]"}]


def prompt(given: Given) -> str:
    """What a preference pair answers, as SQL: the instruction, or the turns that an imported pair has before it."""
    asked = f"[{_message('user', 'instruction', given, beside=False)}]"
    if "pair_prompt" in given.columns:
        asked = f"CASE WHEN len(pair_prompt) > 0 THEN {_plain('pair_prompt')} ELSE {asked} END"
    return f"list_concat({_system(given)}, {asked})" if given.options.system else asked


def answer(column: str) -> str:
    """A response of a pair as a message, as SQL."""
    return f"{{'role': 'assistant', 'content': {column}}}"


def _dpo(given: Given) -> list[Fields]:
    pair = {"chosen": f"[{answer('chosen')}]", "rejected": f"[{answer('rejected')}]"}
    return [{"id": "id", "prompt": prompt(given), **pair, **_rewards(given)}]


def _rm(given: Given) -> list[Fields]:
    """Both conversations include the prompt."""
    asked = prompt(given)
    pair = {name: f"list_concat({asked}, [{answer(name)}])" for name in ("chosen", "rejected")}
    return [{"id": "id", **pair, **_rewards(given)}]


def _rewards(given: Given) -> Fields:
    """What the pair was made by, where the run says it; trainers pass over it."""
    return {name: finite(name) for name in ("chosen_reward", "rejected_reward") if name in given.columns}


def finite(number: str) -> str:
    """A number as JSON can hold it, as SQL: null for NaN and infinities."""
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def _kto(given: Given) -> list[Fields]:
    """Each response by itself, with whether it is the better one."""
    asked = {"id": "id", "prompt": prompt(given)}
    return [
        {**asked, "completion": f"[{answer(name)}]", "label": label}
        for name, label in (("chosen", "true"), ("rejected", "false"))
    ]


def struct(record: Fields) -> str:
    """A record as SQL."""
    return "{" + ", ".join(f"{sql_text(name)}: {value}" for name, value in record.items()) + "}"


SHAPES: dict[str, Shape] = {
    "messages": Shape(
        "conversations as role and content (TRL: language modeling)", ("messages",), _messages, beside=True
    ),
    "sharegpt": Shape("conversations as from and value", ("messages",), _sharegpt),
    "alpaca": Shape("instruction, input and output", ("messages",), _alpaca),
    "sft": Shape("prompt and completion as messages (TRL: prompt-completion)", ("messages",), _sft, beside=True),
    "dpo": Shape(
        "prompt, chosen and rejected as messages (TRL: preference with explicit prompt)", ("chosen", "rejected"), _dpo
    ),
    "rm": Shape(
        "chosen and rejected as whole conversations (TRL: preference with implicit prompt)", ("chosen", "rejected"), _rm
    ),
    "kto": Shape(
        "prompt, completion and label, two rows for each pair (TRL: unpaired preference)", ("chosen", "rejected"), _kto
    ),
}
"""Format to shape."""


def shape_of(form: str) -> Shape:
    """The shape of a format; imports it if another package offers it. Raises `RecipeError` for an unknown format."""
    if form in SHAPES:
        return SHAPES[form]
    shape: Shape = load_extension(FORMATS, form, Shape)
    return shape


def packaged_formats() -> tuple[str, ...]:
    """The names of the formats that other packages offer, without importing them."""
    return tuple(name for name in offered(FORMATS) if name not in SHAPES)
