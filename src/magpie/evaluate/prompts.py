"""Prompts to answer, from files of AlpacaEval, Arena-Hard and WildBench as they are, or any that `magpie import` reads;
and answers to them that are there already.

Knows the keys of those files; knows no run and no model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from magpie.errors import UserError
from magpie.imports.containers import documents, kind_of
from magpie.imports.documents import Document, Read
from magpie.imports.inputs import Input, inputs_of
from magpie.imports.shapes import shape
from magpie.safe.paths import expanded
from magpie.safe.terminal import brief

VERSION = 1
"""The version of the conversion: increased when the same files would give other rows."""
IDS = ("question_id", "uid", "session_id", "id", "prompt_id", "source_id")
ANSWERS = ("known_answer", "reference_answer", "reference", "answer", "ground_truth", "solution", "target")
"""Keys of the right answer, where a text or a number stands under one."""
CATEGORIES = ("category", "primary_tag", "task_category", "dataset", "subject", "type")
_EXPECTED = "expected prompts of AlpacaEval, Arena-Hard or WildBench, or rows with an instruction"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt."""

    id: str | None
    instruction: str
    system: str | None = None
    prior: tuple[Mapping[str, str], ...] = ()
    """Messages before the instruction."""
    known_answer: str | None = None
    category: str | None = None


def input_of(
    place: str,
    split: str | None,
    response: Path | None = None,
    against: Path | None = None,
    limit: int | None = None,
) -> Input:
    """Prompts as an input of a run, with existing answers.

    place: a file, a folder, or OWNER/NAME of the Hub. response, against: files of answers of the model and of the one
    that it is compared with. Raises `UserError` where no prompt can be read, one has no id that answers are found by,
    or none of the answers is to one of the prompts.
    """
    (given,) = inputs_of([place], split)
    prompts = list(_prompts(given))
    if limit is not None:
        prompts = prompts[:limit]
    if not prompts:
        raise UserError(f"{place}: holds no prompt that can be read; {_EXPECTED}")
    _check_ids(prompts, place)
    files = {"response": response, "against_response": against}
    answers = {name: _answers_to(prompts, path) for name, path in files.items() if path is not None}

    def read() -> Read:
        for number, prompt in enumerate(prompts):
            values = _values(prompt, number)
            for name, found in answers.items():
                values[name] = found[number]
            yield Document(f"{given.name}[{number}]", {key: one for key, one in values.items() if one is not None})

    def digest() -> str:
        told = [VERSION, [_values(one, n) for n, one in enumerate(prompts)], answers]
        return blake2b(orjson.dumps(told), digest_size=16).hexdigest()

    return Input(given.name, given.place, read, digest, given.notes, is_run=True)


def _values(prompt: Prompt, number: int) -> dict[str, Any]:
    return {
        "instruction": prompt.instruction,
        "system": prompt.system,
        "prior_turns": list(map(dict, prompt.prior)) or None,
        "known_answer": prompt.known_answer,
        "source_id": prompt.id if prompt.id is not None else str(number),
        "meta": None if prompt.category is None else {"category": prompt.category},
    }


def _check_ids(prompts: Sequence[Prompt], place: str) -> None:
    """Files without any id are numbered; one in which some rows have one and others none has lost something."""
    ids = [prompt.id for prompt in prompts]
    known = [one for one in ids if one is not None]
    if known and len(known) < len(ids):
        lost = ids.index(None)
        raise UserError(
            f"{place}: row {lost} has no id, and others have ({', '.join(IDS[:4])}); expected an id in every row, or "
            "in none"
        )
    twice = next((one for one, count in Counter(known).items() if count > 1), None)
    if twice is not None:
        raise UserError(f"{place}: the id {brief(twice)} is there twice; expected each once")


# -- prompts -----------------------------------------------------------------------------------------------------------


def _prompts(given: Input) -> Iterator[Prompt]:
    for found in given.read():
        if isinstance(found, Document) and (prompt := prompt_of(found.values)) is not None:
            yield prompt


def prompt_of(row: Mapping[str, Any]) -> Prompt | None:
    """The prompt in a row; None where there is none.

    >>> prompt_of({"uid": "x", "category": "hard_prompt", "prompt": "Why?"}).instruction
    'Why?'
    """
    conversation = _conversation(row)
    if conversation is None:
        return None
    system, prior, instruction = conversation
    id_ = next((str(row[key]) for key in IDS if isinstance(row.get(key), str | int) and row[key] != ""), None)
    return Prompt(id_, instruction, system, prior, _known(row), _category(row))


def _conversation(row: Mapping[str, Any]) -> tuple[str | None, tuple[Mapping[str, str], ...], str] | None:
    """System prompt, messages before the instruction, and the instruction."""
    for key in ("conversation_input", "messages", "prompt", "turns"):
        messages = _messages(row.get(key))
        if messages:
            return _parted(messages)
    for key in ("instruction", "prompt", "question", "problem", "query"):
        text = row.get(key)
        if isinstance(text, str) and text.strip():
            extra = row.get("input") if key == "instruction" else None
            whole = f"{text}\n\n{extra}" if isinstance(extra, str) and extra.strip() else text
            system = row.get("system")
            return (system if isinstance(system, str) and system else None), (), whole
    shaped = shape(row)
    if shaped.drop_reason is None and shaped.columns.get("instruction"):
        return shaped.columns.get("system"), (), str(shaped.columns["instruction"])
    return None


def _messages(value: Any) -> list[dict[str, str]]:
    """Messages with a role and a text each; a message without a role, as Arena-Hard has it, is the user's."""
    if not isinstance(value, list):
        return []
    found = []
    for message in value:
        content = message.get("content") if isinstance(message, dict) else None
        if not isinstance(content, str):
            return []
        role = message.get("role", "user")
        found.append({"role": role if role in ("system", "assistant") else "user", "content": content})
    return found


def _parted(
    messages: Sequence[Mapping[str, str]],
) -> tuple[str | None, tuple[Mapping[str, str], ...], str] | None:
    """The messages before the user's last one, which is the instruction; answers after it are left out."""
    system = messages[0]["content"] if messages[0]["role"] == "system" else None
    rest = [message for message in messages if message["role"] != "system"]
    places = [place for place, message in enumerate(rest) if message["role"] == "user"]
    if not places:
        return None
    return system, tuple(rest[: places[-1]]), rest[places[-1]]["content"]


def _known(row: Mapping[str, Any]) -> str | None:
    for key in ANSWERS:
        value = row.get(key)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return None


def _category(row: Mapping[str, Any]) -> str | None:
    found = (row.get(key) for key in CATEGORIES)
    return next((value for value in found if isinstance(value, str) and 0 < len(value) <= 100), None)


# -- answers -----------------------------------------------------------------------------------------------------------


def is_answers(given: str) -> bool:
    """Whether the name of a model is a file of answers: a model is a folder, a name or a GGUF file."""
    path = expanded(given)
    return path.is_file() and kind_of(path) is not None


def name_of_answers(path: Path) -> str:
    """Whose answers a file has: the model that its rows name, else the file's name."""
    for found in documents(path):
        if isinstance(found, Document):
            named = (found.values.get(key) for key in ("generator", "model_id", "model"))
            return next((one for one in named if isinstance(one, str) and one), path.stem)
    return path.stem


def _answers_to(prompts: Sequence[Prompt], path: Path) -> list[str | None]:
    """The answer to each prompt in a file, by the prompt's id, else by its text; None where there is none."""
    by_id: dict[str, str] = {}
    by_text: dict[str, list[str]] = {}
    for found in documents(path):
        if not isinstance(found, Document):
            continue
        answer = answer_of(found.values)
        if answer is None:
            continue
        for key in IDS:
            if isinstance(found.values.get(key), str | int):
                by_id.setdefault(str(found.values[key]), answer)
        if (conversation := _conversation(found.values)) is not None:
            by_text.setdefault(conversation[2], []).append(answer)
    answers = [_answer_to(prompt, by_id, by_text) for prompt in prompts]
    if not any(answer is not None for answer in answers):
        raise UserError(
            f"{path}: has an answer to none of the {len(prompts):,} prompts; expected rows with their ids "
            f"({', '.join(IDS[:4])}) or instructions, and an answer (output, response, choices or messages)"
        )
    return answers


def _answer_to(prompt: Prompt, by_id: Mapping[str, str], by_text: Mapping[str, list[str]]) -> str | None:
    if prompt.id is not None and prompt.id in by_id:
        return by_id[prompt.id]
    same = by_text.get(prompt.instruction)
    if not same:
        return None
    return same.pop(0) if len(same) > 1 else same[0]  # a benchmark may have an instruction twice


def answer_of(row: Mapping[str, Any]) -> str | None:
    """The answer in a row of AlpacaEval's outputs, of Arena-Hard's or WildBench's answers, or of a run; None where
    there is none.

    >>> answer_of({"instruction": "Why?", "output": "So.", "generator": "mine"})
    'So.'
    """
    readers: Iterable[Callable[[Mapping[str, Any]], Any]] = (
        lambda row: row.get("output"),
        lambda row: row.get("response"),
        lambda row: row.get("model_output"),
        lambda row: row["choices"][0]["turns"][-1]["content"],
        lambda row: row["messages"][-1]["content"] if row["messages"][-1]["role"] == "assistant" else None,
    )
    for read in readers:
        try:
            found = read(row)
        except (LookupError, TypeError, AttributeError):
            continue
        if isinstance(found, list) and found:
            found = found[0]
        if isinstance(found, dict):  # Arena-Hard 2
            found = found.get("answer")
        if isinstance(found, str):
            return found
    return None
