"""Texts that are no request: an answer alone, a role's name, what an assistant says when nobody has asked."""

from __future__ import annotations

import re
from typing import Final

from magpie.templates import label_words as words
from magpie.templates.text_structure import (
    is_command,
    is_question,
    is_request,
    read_label,
    read_lines,
)

_START: Final = 300
_OPENER: Final = re.compile(rf"[\s*_#>]*(?:{words.REPLY_OPENERS}){words.WORD_END}", re.IGNORECASE)
_OFFER: Final = re.compile(words.OFFERS, re.IGNORECASE)
_GREETING: Final = re.compile(
    r"\s*(?:hello|hi|hey|hola|bonjour|hallo|olá|ciao|привет|здравствуйте|merhaba|你好|您好|こんにちは|안녕하세요)"
    rf"{words.WORD_END}[!,. \uff01\u3002\uff0c]*",
    re.IGNORECASE,
)
_SENTENCES: Final = re.compile(r"(?<=[.!?\u3002\uff1f\uff01])\s*")
_QUOTED: Final = frozenset('"`\u201d\u00bb\u300d\u300f')
_BOXED: Final = re.compile(r"\\boxed\s*\{")


def no_request(text: str) -> str:
    """Nothing, where a text is only an answer, a role's name, or what an assistant says when nobody has asked."""
    bare = text.strip().strip("*_#>`~\"'\u201c\u201d. \n\t\u2026")
    if not bare:
        return ""
    label = read_label(bare)
    lines = read_lines(text.strip())
    if label is not None and not ({"?", "\uff1f", "\u061f"} & set(text)) and len(lines) == 1:
        whole = label.body == "" and label.kind in ("assistant", "user", "answer", "ask") and len(bare.split()) <= 3
        if whole or (label.kind == "answer" and len(bare) <= _START and not is_command(label.body)):
            return ""
    if label is not None and label.kind == "step" and not is_request(text) and _BOXED.search(text[-_START:]):
        return ""
    if len(text.strip()) <= _START:
        sentences = [part for part in _SENTENCES.split(text.strip()) if part.strip()]
        sentences = [_without_greeting(part) for part in sentences]
        said = [_OFFER.match(part) is not None or _OPENER.match(part) is not None for part in sentences]
        short = [len(part.split()) <= 2 and len(part) <= 12 for part in sentences]
        states = _OPENER.match(bare) is not None and len(sentences) == 1 and not is_question(text) and len(bare) <= 60
        offers = any(_OFFER.search(part) for part in sentences) and not _QUOTED & set(text)
        if (offers and all(a or b for a, b in zip(said, short, strict=True))) or (
            states and "answer" in bare.casefold()
        ):
            return ""
    return text


def _without_greeting(sentence: str) -> str:
    greeting = _GREETING.match(sentence)
    return sentence if greeting is None else sentence[greeting.end() :]
