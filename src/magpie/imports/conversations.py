"""Documents that hold a conversation: messages, ShareGPT, WildChat, Capybara and their like.

Knows the names that datasets use; knows no file and no run.
"""

from __future__ import annotations

from typing import Any

from magpie.imports.keys import CONVERSATIONS, INSTRUCTIONS, QUESTIONS, REPLIES, SYSTEMS, THOUGHTS, Keys, Shaped
from magpie.imports.messages import Conversation, Turn, conversation_of, pair_keys, parsed, text_or_none


def is_conversation(keys: Keys) -> bool:
    return _conversation_key(keys) is not None


def _conversation_key(keys: Keys) -> str | None:
    """The key that holds the conversation: many datasets have something else under these names."""
    for name in CONVERSATIONS:
        value = keys.values.get(name)
        if isinstance(value, str):
            value = parsed(value)
        if isinstance(value, list) and value and _looks_like_talk(value[0], name):
            return name
    if keys.rendered is not None or keys.has(*INSTRUCTIONS, *QUESTIONS):
        return None
    return next((name for name in CONVERSATIONS[:3] if keys.values.get(name)), None)


def _looks_like_talk(first: Any, name: str) -> bool:
    if isinstance(first, dict):
        return "role" in first or "from" in first or "speaker" in first or pair_keys(first) is not None
    return isinstance(first, str) and name != "items"


def read_conversation(keys: Keys, row: Shaped) -> Conversation:
    name = _conversation_key(keys) or ""
    value = keys.take(name)
    keys.used.update(other for other in CONVERSATIONS if keys.values.get(other) in (value, []))
    beside = next((keys.values[key] for key in SYSTEMS if text_or_none(keys.values.get(key)) is not None), None)
    found = conversation_of(value, beside)
    keys.of_messages |= found.unused
    for key in SYSTEMS:
        if keys.has(key) and (keys.values[key] == found.system or text_or_none(keys.values[key]) is None):
            keys.used.add(key)
    take_thoughts(keys, found)
    use_what_repeats(keys, found)
    begin_as_rendered(keys, row, found.turns)
    return found


def begin_as_rendered(keys: Keys, row: Shaped, turns: list[Turn]) -> None:
    """Start a conversation with the user's template, rendered for the row, if there is a template."""
    if keys.rendered is None or not turns or turns[0].role != "user" or turns[0].text == keys.rendered:
        return
    row.keep("instruction_before", turns[0].text)
    turns[0] = Turn("user", keys.rendered)


def use_what_repeats(keys: Keys, found: Conversation) -> None:
    """A key that says again what the conversation says is used, as upstream's `instruction_2` is beside it."""
    texts = {turn.text for turn in found.turns}
    for key, value in keys.values.items():
        if isinstance(value, str) and value in texts and _base(key) in (*INSTRUCTIONS, *QUESTIONS, *REPLIES, "input"):
            keys.used.add(key)
    if keys.values.get("turns") == [{"role": turn.role, "content": turn.text} for turn in found.turns[2:]]:
        keys.used.add("turns")


def _base(key: str) -> str:
    """A key without the number of its turn."""
    head, _, number = key.rpartition("_")
    return head if head and number.isdigit() else key


def take_thoughts(keys: Keys, found: Conversation) -> None:
    """Take the reasoning that a row has beside its conversation: that of its one answer, or, in a run's own columns,
    that of the first answer and of each later one."""
    answers = [n for n, turn in enumerate(found.turns) if turn.role == "assistant"]
    thought = next((key for key in THOUGHTS if text_or_none(keys.values.get(key)) is not None), None)
    later = keys.values.get("turn_reasoning")
    if thought is not None and answers and (len(answers) == 1 or keys.has("turns")):
        first = found.turns[answers[0]]
        if first.reasoning in (None, keys.values[thought]):
            keys.used.add(thought)
            found.turns[answers[0]] = Turn(first.role, first.text, keys.values[thought])
    if isinstance(later, list) and len(later) == len(found.turns) - 2:
        keys.used.add("turn_reasoning")
        for n, words in enumerate(later, start=2):
            if isinstance(words, str) and found.turns[n].role == "assistant":
                found.turns[n] = Turn("assistant", found.turns[n].text, words)
