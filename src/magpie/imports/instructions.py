"""Documents that hold an instruction and its answer under two keys: Alpaca, Dolly, prompt and completion, Magpie's own,
questions and answers, and texts of Human and Assistant. Knows the names that datasets use; knows no file and no run.
"""

from __future__ import annotations

from typing import Any

from magpie.imports.candidates import take_several
from magpie.imports.conversations import begin_as_rendered, take_thoughts
from magpie.imports.keys import ANSWERS, INSTRUCTIONS, QUESTIONS, REPLIES, Keys, Shaped
from magpie.imports.messages import (
    ROLE_KEYS,
    TEXT_KEYS,
    Conversation,
    Turn,
    Unreadable,
    check_turns,
    human_and_assistant,
    messages_of,
    parsed,
    text_of,
    text_or_none,
    thinking,
    written_out,
)

_CONTEXT = frozenset(
    {"context", "passage", "document", "article", "text", "choices", "options", "input", "instruction", "prompt"}
)
"""Keys beside which a question is not all that is asked."""


def is_instruction(keys: Keys) -> bool:
    return keys.has(*INSTRUCTIONS) or (keys.has("input") and keys.has("output"))


def is_rendered(keys: Keys) -> bool:
    return keys.rendered is not None


def read_instruction(keys: Keys, row: Shaped) -> Conversation:
    prompt = keys.values.get("prompt")
    if isinstance(prompt, str) and (told := written_out(prompt) or _human_before(prompt)):
        prompt = told
    if isinstance(prompt, list | dict) and not keys.has("instruction"):
        keys.used.add("prompt")
        return _prompt_and_completion(keys, row, prompt)
    if keys.rendered is not None:
        return _answered(keys, row, [*history_of(keys), Turn("user", keys.rendered)], ANSWERS)
    text = keys.text("instruction")
    if text is None or (text_or_none(text) is None and not text_or_none(keys.values.get("input"))):
        text = keys.text("prompt") or text
    if text is None and not keys.has("input"):
        raise Unreadable("the instruction is no text")
    asked = with_input(keys, text or "")
    return _answered(keys, row, [*history_of(keys), Turn("user", asked)], ANSWERS)


def _human_before(prompt: str) -> list[dict[str, str]] | None:
    """The messages of a prompt in the form of HH-RLHF, in which the assistant is still to speak; None for another."""
    turns = human_and_assistant(prompt) if prompt.startswith("\n\nHuman:") else None
    if not turns or turns[-1].role != "user":
        return None
    return [{"role": turn.role, "content": turn.text} for turn in turns]


def _prompt_and_completion(keys: Keys, row: Shaped, prompt: Any) -> Conversation:
    """A prompt as messages, and an answer as messages or text."""
    found = Conversation(keys.system(), messages_of(prompt, keys.of_messages))
    if found.turns and found.turns[0].role == "system":
        found.system = text_or_none(found.turns.pop(0).text) or found.system
    begin_as_rendered(keys, row, found.turns)
    return _answered(keys, row, found.turns, ANSWERS, found.system)


def with_input(keys: Keys, instruction: str) -> str:
    """An Alpaca instruction with what it is about, which Dolly calls its context."""
    given = keys.text("input")
    if given is None and keys.has("instruction"):
        given = keys.text("context")
    if given is None or not given or given == instruction:
        return instruction
    return f"{instruction}\n\n{given}" if text_or_none(instruction) else given


def history_of(keys: Keys) -> list[Turn]:
    """The turns before, as LLaMA-Factory has them: pairs of texts, or messages."""
    history = keys.values.get("history")
    if isinstance(history, str):
        history = parsed(history)
    if not isinstance(history, list) or not history:
        keys.used.update({"history"} & keys.values.keys() if history == [] else ())
        return []
    keys.used.add("history")
    if all(isinstance(pair, list) and len(pair) == 2 for pair in history):
        return [
            turn for one, two in history for turn in (Turn("user", text_of(one)), thinking("assistant", text_of(two)))
        ]
    return messages_of(history, keys.of_messages)


def _answered(
    keys: Keys, row: Shaped, turns: list[Turn], answers: tuple[str, ...], system: str | None = None
) -> Conversation:
    """The conversation with its answer, where there is one, and the turns that upstream puts into keys with numbers."""
    found = Conversation(system or keys.system(), list(turns))
    name = next((key for key in answers if keys.has(key)), None)
    value = keys.values.get(name) if name else None
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]
    if isinstance(value, list) and not _are_messages(value) and take_several(keys, row, name or "", value):
        value = None
    elif name is not None:
        keys.used.add(name)
        found.turns += _answer(value, keys.of_messages)
    check_turns(found.turns)
    if value is not None:
        take_thoughts(keys, found)
        _take_numbered(keys, found)
        take_turns(keys, found)
    return found


def _are_messages(values: list[Any]) -> bool:
    return any(isinstance(value, dict) and any(key in value for key in ROLE_KEYS) for value in values)


def _answer(value: Any, unused: set[str]) -> list[Turn]:
    if isinstance(value, str) and (told := written_out(value)):
        turns = messages_of(told, unused)
        if turns and turns[0].role == "assistant":
            return turns
    if isinstance(value, str):
        return [thinking("assistant", value)]
    if isinstance(value, dict) and "role" not in value and "from" not in value:
        if not any(key in value for key in TEXT_KEYS):
            raise Unreadable("the answer is no text (dict)")
        value = {"role": "assistant", **value}
    if not isinstance(value, list | dict):
        raise Unreadable(f"the answer is no text ({type(value).__name__})")
    return messages_of(value, unused)


def take_turns(keys: Keys, found: Conversation) -> None:
    """Take the later turns of a run's own columns: messages in `turns`, and their reasoning in `turn_reasoning`. They
    stay among the extra keys where they are no continuation of the conversation."""
    if not isinstance(keys.values.get("turns"), list):
        return
    try:
        turns = messages_of(keys.values["turns"], keys.of_messages)
        check_turns([*found.turns, *turns])
    except Unreadable:
        return
    keys.used.add("turns")
    thoughts = keys.values.get("turn_reasoning")
    if isinstance(thoughts, list) and len(thoughts) == len(turns):
        keys.used.add("turn_reasoning")
        turns = [
            turn._replace(reasoning=thought) if turn.reasoning is None and text_or_none(thought) else turn
            for turn, thought in zip(turns, thoughts, strict=True)
        ]
    found.turns += turns


def _take_numbered(keys: Keys, found: Conversation) -> None:
    """`instruction_2`, `response_2` and so on."""
    number = 2
    while isinstance(keys.values.get(f"instruction_{number}"), str):
        found.turns.append(Turn("user", keys.take(f"instruction_{number}")))
        answer = keys.text(f"response_{number}", f"output_{number}")
        if answer is None:
            return
        found.turns.append(thinking("assistant", answer))
        number += 1


# -- a question and its answer -----------------------------------------------------------------------------------------


def is_question(keys: Keys) -> bool:
    """The unambiguous case: one text that asks, one that answers, and no text that the question is about."""
    asks = [key for key in QUESTIONS if isinstance(keys.values.get(key), str)]
    replies = [key for key in REPLIES if isinstance(keys.values.get(key), str)]
    if keys.rendered is not None:
        return len(replies) == 1  # whatever is asked, the template asks it
    return len(asks) == 1 and len(replies) == 1 and _CONTEXT.isdisjoint(keys.values)


def read_question(keys: Keys, row: Shaped) -> Conversation:
    asked = keys.text(*QUESTIONS) or "" if keys.rendered is None else keys.rendered
    return _answered(keys, row, [Turn("user", asked)], REPLIES)


# -- one text ----------------------------------------------------------------------------------------------------------


def is_human_and_assistant(keys: Keys) -> bool:
    text = keys.values.get("text")
    return isinstance(text, str) and text.startswith(("\n\nHuman:", "Human:"))


def read_human_and_assistant(keys: Keys, row: Shaped) -> Conversation:
    found = Conversation(keys.system(), human_and_assistant(keys.take("text")) or [])
    begin_as_rendered(keys, row, found.turns)
    check_turns(found.turns)
    return found
