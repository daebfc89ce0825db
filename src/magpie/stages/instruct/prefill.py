"""An instruction's prefill as token ids that stay the same whatever the model writes next.

A tokenizer merges across a seam: `Write a ` and `poem` are not the ids of `Write a poem`. So a prefill is encoded with
many continuations, and accepted only if each encoding starts with its ids. Knows chats; knows no stage.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from magpie.errors import RecipeError
from magpie.seams import Message
from magpie.templates import ChatTemplate

_WORDS = ("short story about rivers", "Python program", "2 lists", "über Flüsse", "о реках", '"hello"', "(a, b)", "я")
_UNSPACED = ("一个关于河流的故事", "的", "是什么", "について教えて", "を書いて", "は", "こと", "อะไร", "การ", "រឿង")
_UNSPACED_SCRIPTS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
_TRIES = 24
"""How many letters to remove at most in search of a prefill that works."""


def prefill_ids(chat: ChatTemplate, system: str | None, text: str, where: str) -> tuple[int, ...]:
    """The ids of the prefill `text` of a user's message, without those of the prompt before it.

    Raises `RecipeError`, with a prefill that works, for a prefill whose end would merge with what follows.
    """
    opening = () if system is None else (Message("system", system),)
    ids = _stable(chat, opening, text)
    if ids is not None:
        return ids
    shorter = (text[:-cut] for cut in range(1, min(len(text), _TRIES)))
    found = next((one for one in shorter if _ends_well(text, one) and _stable(chat, opening, one) is not None), None)
    instead = "another end" if found is None else repr(found)
    if found is not None and text[len(found) :].isspace():
        instead += ", which the model continues with the space itself"
    raise RecipeError(
        f"{where}: the tokenizer merges the end of {text!r} with what the model would write next, so its ids are not "
        f"those that the whole begins with; expected {instead}"
    )


def _ends_well(text: str, shorter: str) -> bool:
    """Whether `shorter` does not end in the middle of a word of `text`."""
    return not (shorter[-1].isalnum() and text[len(shorter)].isalnum()) or _is_unspaced(shorter[-1])


def _stable(chat: ChatTemplate, opening: tuple[Message, ...], text: str) -> tuple[int, ...] | None:
    before = chat.next_user(opening).ids
    alone = tuple(chat.tokenizer.encode(_text_before(chat, opening) + text))
    if alone[: len(before)] != before or len(alone) == len(before):
        return None
    whole = (chat.tokenizer.encode(_with(chat, opening, text + more)) for more in _endings(text))
    return alone[len(before) :] if all(tuple(ids[: len(alone)]) == alone for ids in whole) else None


def _text_before(chat: ChatTemplate, opening: tuple[Message, ...]) -> str:
    return chat.before_user(opening)[0] if chat.by_hand is None else chat.by_hand


def _with(chat: ChatTemplate, opening: tuple[Message, ...], words: str) -> str:
    if chat.by_hand is not None:
        return chat.by_hand + words
    return chat.script.bare_prompt([*opening, Message("user", words)])


def _endings(text: str) -> Iterator[str]:
    """What may follow: a space after a word; a letter in a script without spaces; anything after a space or an opening
    bracket."""
    last = text[-1]
    if _is_unspaced(last):
        yield from (*_UNSPACED, "。", "\n")
    elif last.isspace() or unicodedata.category(last) in ("Ps", "Pi"):
        yield from (*_WORDS, *_UNSPACED)
    else:
        yield from (f" {word}" for word in _WORDS)
        if last.isalnum():
            yield from (", and", ".", "?", ":", "\n", "\n\n- one")


def _is_unspaced(letter: str) -> bool:
    wide = unicodedata.east_asian_width(letter) in "WF" and not letter.isspace()
    return (wide and not _is_hangul(letter)) or unicodedata.name(letter, "").startswith(_UNSPACED_SCRIPTS)


def _is_hangul(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith("HANGUL")
