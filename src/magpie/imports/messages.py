"""Converts conversations as datasets write them to the turns of a run: role, content and reasoning.

Only a string is a text, and so are parts of a message that are nothing but text. Knows the names that datasets use;
knows no run and no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from magpie.seams import BROKEN
from magpie.stages.text.reasoning import Thoughts, part

ROLES = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bing": "assistant", "bard": "assistant",
    "model": "assistant", "chatbot": "assistant", "ai": "assistant", "bot": "assistant",
}  # fmt: skip
"""What datasets call who speaks."""

ROLE_KEYS = ("role", "from", "speaker")
TEXT_KEYS = ("content", "value", "text", "parts")
THOUGHT_KEYS = ("reasoning_content", "reasoning", "thinking")
_KNOWN_KEYS = frozenset({*ROLE_KEYS, *TEXT_KEYS, *THOUGHT_KEYS})
_PAIRED = (
    ("human", "assistant"),
    ("user", "assistant"),
    ("input", "output"),
    ("question", "answer"),
    ("prompt", "response"),
)
"""Keys of an item that is a question and its answer at once."""
_TAGS = Thoughts("<think>", "</think>")
_HH = re.compile(r"(?:^|\n\n)(Human|Assistant): ?")
_LONGEST_LITERAL = 1 << 22


class Unreadable(Exception):
    """Why a document holds no conversation, in a few words."""


class Turn(NamedTuple):
    """One message."""

    role: str
    text: str
    reasoning: str | None = None


@dataclass(slots=True)
class Conversation:
    """What a document says, in turns: the user's and the assistant's, one after the other."""

    system: str | None = None
    turns: list[Turn] = field(default_factory=list)
    unused: set[str] = field(default_factory=set)
    """Keys of messages that have a value and are not used."""


def conversation_of(said: Any, system: str | None = None) -> Conversation:
    """A list of messages as a conversation. system: the system prompt that the row has beside it. Raises `Unreadable`.

    conversation_of([{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}])
    """
    found = Conversation()
    turns = messages_of(said, found.unused)
    if turns and turns[0].role == "system":
        found.system = text_or_none(turns.pop(0).text)
    if found.system is None:
        found.system = system
    found.turns = turns
    check_turns(turns)
    return found


def check_turns(turns: Sequence[Turn]) -> None:
    """Raise `Unreadable` where user and assistant do not take turns, the user first."""
    if not turns or any(turn.role != ("user", "assistant")[n % 2] for n, turn in enumerate(turns)):
        raise Unreadable("user and assistant do not take turns")


def why_no_use(turns: Iterable[Turn]) -> str | None:
    """Why a conversation is unusable, by the same rules as for a generated one: a message is empty, or holds broken
    text."""
    for number, turn in enumerate(turns, start=1):
        if not turn.text or turn.text.isspace():
            return f"empty: message {number}, of the {turn.role}"
        if BROKEN in turn.text:
            return f"broken_text: message {number}, of the {turn.role}"
    return None


def messages_of(said: Any, unused: set[str]) -> list[Turn]:
    """The turns in a list of messages, of pairs or of texts in turn, or in such a list written as JSON. Raises
    `Unreadable`. unused: takes the keys of messages that are not used."""
    if isinstance(said, str):
        said = parsed(said)
    if isinstance(said, dict):
        said = _across(said) or [said]
    if not isinstance(said, list):
        raise Unreadable("the conversation is no list of messages")
    said = _messages_written_out(said) or said
    if said and all(isinstance(one, str) for one in said):
        return [thinking(("user", "assistant")[n % 2], text) for n, text in enumerate(said)]
    turns: list[Turn] = []
    for one in said:
        if not isinstance(one, dict):
            raise Unreadable("the conversation is no list of messages")
        if (plain := plain_message(one)) is not None:
            turns.append(plain)
            continue
        pair = pair_keys(one)
        if pair is not None:
            turns += [Turn("user", text_of(one[pair[0]])), thinking("assistant", text_of(one[pair[1]]))]
            unused.update(key for key, value in one.items() if key not in pair and value is not None)
        else:
            turns.append(_message(one, unused))
    return turns


def _across(said: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Messages in an object of lists, as `datasets` keeps a sequence of objects; None for anything else."""
    lengths = {len(value) if isinstance(value, list) else -1 for value in said.values()}
    if len(lengths) != 1 or lengths == {-1} or not any(key in said for key in ROLE_KEYS):
        return None
    return [dict(zip(said, one, strict=True)) for one in zip(*said.values(), strict=True)]


def written_out(text: str) -> list[dict[str, Any]] | None:
    """A text that is a list of messages as JSON, as in a cell of a table; None for any other text.

    written_out('[{"role": "user", "content": "Hi"}]')  # [{"role": "user", "content": "Hi"}]
    """
    if not text.startswith('[{"') or not any(f'"{key}"' in text for key in ROLE_KEYS):
        return None
    found = parsed(text)
    if not isinstance(found, list):
        return None
    roles = [_first(one, ROLE_KEYS) if isinstance(one, dict) else None for one in found]
    return found if all(isinstance(role, str) and role.lower().strip() in ROLES for role in roles) else None


def _messages_written_out(said: list[Any]) -> list[dict[str, Any]] | None:
    """Messages that are JSON texts each, as a list of objects in `meta` is; None for anything else."""
    if not all(isinstance(one, str) and one.startswith("{") for one in said):
        return None
    found = [parsed(one) for one in said]
    spoken = all(isinstance(one, dict) and any(isinstance(one.get(key), str) for key in ROLE_KEYS) for one in found)
    return found if spoken else None


def plain_message(one: dict[str, Any]) -> Turn | None:
    """A message of nothing but a role and a text, as nearly all are; None for another.

    plain_message({"role": "user", "content": "Hi"})  # Turn("user", "Hi")
    """
    if len(one) != 2:
        return None
    spoken, text = one.get("from"), one.get("value")
    if text is None:
        spoken, text = one.get("role"), one.get("content")
    if type(spoken) is not str or type(text) is not str or "<think>" in text[:40]:
        return None
    role = ROLES.get(spoken)
    return None if role is None else Turn(role, text)


def pair_keys(one: Mapping[str, Any]) -> tuple[str, str] | None:
    """The keys of a question and its answer in one item; None for a message.

    pair_keys({"human": "Hi", "assistant": "Hello"})  # ("human", "assistant")
    """
    if any(key in one for key in ROLE_KEYS):
        return None
    return next((keys for keys in _PAIRED if keys[0] in one and keys[1] in one), None)


def _message(one: Mapping[str, Any], unused: set[str]) -> Turn:
    spoken = _first(one, ROLE_KEYS)
    role = ROLES.get(spoken.lower().strip()) if isinstance(spoken, str) else None
    if role is None:
        raise Unreadable(f"role {type(spoken).__name__ if not isinstance(spoken, str) else spoken[:20]}")
    if one.keys() - _KNOWN_KEYS:
        unused.update(key for key in one.keys() - _KNOWN_KEYS if one[key] is not None)
    if one.get("replies"):
        raise Unreadable("a tree of replies")
    text = _first(one, TEXT_KEYS)
    if one.get("tool_calls") or one.get("function_call"):
        raise Unreadable("a call of a tool")
    unused.update(key for key in (*ROLE_KEYS, *TEXT_KEYS) if one.get(key) not in (None, "", spoken, text))
    if text is None and role != "user":
        return Turn(role, "")
    blocks, text = _thought_blocks(text) if role == "assistant" else ([], text)
    turn = thinking(role, text_of(text))
    thoughts = {key: one[key] for key in THOUGHT_KEYS if not _says_nothing(one.get(key))}
    texts = [thought for thought in thoughts.values() if isinstance(thought, str)]
    if role != "assistant" or len(texts) < len(thoughts):
        unused.update(thoughts)
        return turn
    return turn._replace(reasoning=joined_thoughts([*texts, *blocks, turn.reasoning]))


def _thought_blocks(text: Any) -> tuple[list[str], Any]:
    """The text of the parts of a message that are reasoning, and the message without them."""
    if not isinstance(text, list):
        return [], text
    blocks = [one.get("thinking") for one in text if isinstance(one, dict) and one.get("type") == "thinking"]
    rest = [one for one in text if not isinstance(one, dict) or one.get("type") != "thinking"]
    return [block for block in blocks if isinstance(block, str)], rest


def _first(one: Mapping[str, Any], keys: Sequence[str]) -> Any:
    """The value of the first of some keys that says something; else of the first that has one."""
    values = [value for key in keys if (value := one.get(key)) is not None]
    return next((value for value in values if not _says_nothing(value)), values[0] if values else None)


def _says_nothing(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def joined_thoughts(thoughts: Iterable[str | None]) -> str | None:
    """Join the reasoning of one answer from several fields, each text once, with an empty line between them.

    joined_thoughts(["Two.", "Two.", None])  # "Two."
    """
    found: list[str] = []
    for thought in thoughts:
        if thought and thought.strip() and thought.strip() not in (each.strip() for each in found):
            found.append(thought)
    return "\n\n".join(found) or None


def thinking(role: str, text: str) -> Turn:
    """A message; an assistant's reasoning between think tags is separated from its answer."""
    if role != "assistant" or "<think>" not in text[:40] or not text.lstrip().startswith("<think>"):
        return Turn(role, text)
    parted = part(text, _TAGS)
    if not parted.ended:
        raise Unreadable("reasoning without an end")
    return Turn(role, parted.response.lstrip(), parted.reasoning)


def text_of(value: Any) -> str:
    """A string, or the text parts of a message, one after another. Raises `Unreadable`.

    text_of([{"type": "text", "text": "Hi"}])  # "Hi"
    """
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and isinstance(value.get("parts"), list):
        value = value["parts"]
    if isinstance(value, list) and value:
        texts = [one if isinstance(one, str) else _part(one) for one in value]
        if all(isinstance(text, str) for text in texts):
            return "".join(text for text in texts if text is not None)
    raise Unreadable("a message without text")


def _part(one: Any) -> str | None:
    if not isinstance(one, dict) or one.get("type", "text") not in ("text", "input_text", "output_text", None):
        return None
    text = one.get("text", one.get("content"))
    others = {key for key, value in one.items() if value is not None} - {"type", "text", "content", "cache_control"}
    return text if isinstance(text, str) and not others else None


def text_or_none(value: Any) -> str | None:
    """A text that says something; None for "" and blanks, and for what is no text."""
    return value if isinstance(value, str) and value and not value.isspace() else None


def parsed(text: str) -> Any:
    """The value of a text that is JSON, as in a cell of a table; the text itself where it is not."""
    if not text.lstrip().startswith(("[", "{")) or len(text) > _LONGEST_LITERAL:
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def human_and_assistant(text: str) -> list[Turn] | None:
    """The turns of a text in the form of Anthropic's HH-RLHF, which begins with `\\n\\nHuman:`; None for another text.
    An empty last turn of the assistant is left out."""
    if not text.startswith(("\n\nHuman:", "Human:")):
        return None
    pieces = _HH.split(text)[1:]
    turns = [
        Turn("user" if who == "Human" else "assistant", words.strip())
        for who, words in zip(pieces[::2], pieces[1::2], strict=True)
    ]
    return turns[:-1] if turns[-1].role == "assistant" and not turns[-1].text else turns
