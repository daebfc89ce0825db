"""Rules on single texts: why an instruction, or a user's later message, is of no use to train on.

A rule sees one text and says yes or no; the first that says yes is the reason. Rules count characters, never bytes or
spaces, and know letters of every script; code and tables are texts like others. Language and personal data are looked
for beside them. Knows Arrow, no file and no model but the language detector that it is given.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from magpie.stages.screen.language import Detect, open_detector
from magpie.stages.screen.pii import find_pii
from magpie.stages.screen.refusals import is_refusal
from magpie.stages.text.words import words


@dataclass(frozen=True, slots=True)
class Rules:
    """Which rules apply, and their bounds; None or False is a rule that does not."""

    min_chars: int | None = None
    max_chars: int | None = None
    role_leak: bool = False
    refusal: bool = False
    non_text: bool = False
    ends_in_colon: bool = False
    unfinished: bool = False
    max_repeated: float | None = None
    """The largest share of runs of four words that stood in the text before."""
    max_compression: float | None = None
    """The largest ratio of a text's bytes to what zlib makes of them."""

    def frozen(self) -> dict[str, Any]:
        """As a fingerprint knows them."""
        return {
            "min_chars": self.min_chars,
            "max_chars": self.max_chars,
            "role_leak": self.role_leak,
            "refusal": self.refusal,
            "non_text": self.non_text,
            "ends_in_colon": self.ends_in_colon,
            "unfinished": self.unfinished,
            "max_repeated": self.max_repeated,
            "max_compression": self.max_compression,
        }


@dataclass(frozen=True, slots=True)
class Languages:
    """Which languages are wanted; an empty tuple is every one."""

    allowed: tuple[str, ...] = ()
    min_confidence: float = 0.0
    """A row whose language is less sure is not dropped for it."""


@dataclass(frozen=True, slots=True)
class Personal:
    """Which kinds of personal data are looked for, and whether they drop a row."""

    kinds: tuple[str, ...] = ()
    drop: bool = False


def why_screened(text: str, rules: Rules) -> str | None:
    """The name of the first rule that `text` breaks; None where it breaks none."""
    return next((name for name, breaks in _RULES.items() if breaks(text, rules)), None)


@contextmanager
def open_screen(
    rules: Rules, languages: Languages | None, personal: Personal | None
) -> Iterator[Callable[[pa.Table], pa.Table]]:
    """The table stage `screen`: reads `instruction`, writes `language`, `language_confidence`, `pii`.

    Raises `MissingExtra` where languages are asked for and the library is not installed.
    """
    detect = None if languages is None else open_detector()
    yield lambda table: screen(table, rules, languages, personal, detect)


def screen(
    table: pa.Table, rules: Rules, languages: Languages | None, personal: Personal | None, detect: Detect | None
) -> pa.Table:
    """A dropped row too says its language and its personal data: reports compare what was dropped with what was not."""
    texts = [text or "" for text in table.column("instruction").to_pylist()]
    found = [(None, None) if detect is None else detect(text) for text in texts]
    pii = [None if personal is None else find_pii(text, personal.kinds) for text in texts]
    reasons = [
        why_screened(text, rules) or _why_foreign(*told, languages) or _why_personal(kinds, personal)
        for text, told, kinds in zip(texts, found, pii, strict=True)
    ]
    return pa.table(
        {
            "row": table.column("row"),
            "language": pa.array([language for language, _ in found], pa.string()),
            "language_confidence": pa.array([confidence for _, confidence in found], pa.float64()),
            "pii": pa.array(pii, pa.list_(pa.string())),
            "drop_reason": pa.array(reasons, pa.string()),
        }
    )


def _why_foreign(language: str | None, confidence: float | None, wanted: Languages | None) -> str | None:
    if wanted is None or not wanted.allowed or language is None or language in wanted.allowed:
        return None
    return f"language: {language}" if (confidence or 0.0) >= wanted.min_confidence else None


def _why_personal(kinds: Sequence[str] | None, personal: Personal | None) -> str | None:
    return f"pii: {kinds[0]}" if kinds and personal is not None and personal.drop else None


# -- the rules ---------------------------------------------------------------------------------------------------------

_LEAKED = re.compile(
    r"<\|[a-z0-9_ ]{1,40}\|>|<｜[^<>\n]{1,40}｜>|\[/?INST\]|<</?SYS>>|</?(?:start|end)_of_turn>|</?think>"
    r"|\A<bos>|<(?:eos|end_of_text)>\Z|^### ?(?:Instruction|Response|Assistant)s?:",
    re.IGNORECASE | re.MULTILINE,
)
_ASSISTANT = "(?:assistant|ai|chatbot|chatgpt)"
_ASSISTANT_SPEAKS = re.compile(rf"^[*_# ]{{0,4}}{_ASSISTANT}[*_]{{0,2}} ?[:：]", re.IGNORECASE | re.MULTILINE)
_OTHERS_SPEAK = re.compile(
    rf"^[*_# ]{{0,4}}(?!{_ASSISTANT})[\w .'-]{{1,30}}[*_]{{0,2}} ?[:：]", re.IGNORECASE | re.MULTILINE
)


def leaks_roles(text: str) -> bool:
    """A control token's text, or an answer by a line that begins with the assistant's name. In a script where others
    speak as well, that name is a part like theirs."""
    if ("<" in text or "[" in text or "###" in text) and _LEAKED.search(text):
        return True
    if ":" not in text and "：" not in text:
        return False
    return _ASSISTANT_SPEAKS.search(text) is not None and _OTHERS_SPEAK.search(text) is None


_NO_CHARACTER = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufdd0-\ufdef\ufff0-\uffff]")
LEAST_ALPHANUMERIC = 0.2
"""Of the characters that are no space; code has more, and so has Hindi, whose vowel signs are marks."""


def is_no_text(text: str) -> bool:
    """No letter and no digit at all, characters that are none, or signs five to one."""
    if not text.isprintable() and _NO_CHARACTER.search(text):
        return True
    if _letters(text[: len(text) // 3]) > LEAST_ALPHANUMERIC * len(text):
        return False
    told = _letters(text)
    return not told or (len(text) > 20 and told < LEAST_ALPHANUMERIC * sum(map(len, text.split())))


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))


def ends_in_colon(text: str) -> bool:
    """What it announces is not there. The published Pro-300K drops such instructions too."""
    return text.rstrip(" \t\r\n*_\"'”’»").endswith((":", "："))


_OPEN_ENDS = tuple(",，、([{（「『")
"""No quotation marks: “ and « open in one language and close in another."""
_FACES = (":(", ";(", "=(", ":-(", ":'(")
_GOES_ON = re.compile(
    r"[^\W\d_] (?:the|an|my|your|our|their|and|or|than|because"
    r"|(?:is|are|was|for|of|with|as|like|to|me|by|from|at|about|write|make|need|want|have|has|find|create|called) a"
    r"|und|oder|weil|dass|les|des|du|et|ou|parce que|el|los|las|del|y|и|или|потому что|чтобы|для|без)\Z"
)
"""Words that no sentence ends with, in lower case, in five languages. Many more may end one: `What is it made of`,
`option a`, `Was ist das`."""
_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)


def is_unfinished(text: str) -> bool:
    """A comma or an opening bracket at the end, a word that must go on, a code block that is not closed."""
    end = text.rstrip(" \t\r\n*_")
    if (end.endswith(_OPEN_ENDS) and not end.endswith(_FACES)) or ("```" in text and len(_FENCE.findall(text)) % 2):
        return True
    return text[-1:].isalpha() and _GOES_ON.search(text[-120:]) is not None


RUN = 4
LEAST_WORDS = 40
LEAST_CHARS = 120
"""Below these a text has too little to repeat."""
_LEAST_COMPRESSION = 1.8
"""Texts that repeat themselves are at least this compressible, and counting runs of words takes ten times as long."""


def repeated_share(text: str) -> float:
    """The share of runs of four words that stood in `text` before; 0 where there are few."""
    found = words(text) if len(text) >= LEAST_WORDS else []
    if len(found) < LEAST_WORDS:
        return 0.0
    runs = list(zip(*(found[start:] for start in range(RUN)), strict=False))
    return 1 - len(set(runs)) / len(runs)


def compression(text: str) -> float:
    """How many times smaller zlib makes `text`."""
    data = text.encode("utf-8", "surrogatepass")
    return len(data) / len(zlib.compress(data, 6)) if data else 1.0


def repeats_itself(text: str, max_repeated: float | None, max_compression: float | None) -> bool:
    """Whether either bound is passed; None is no bound."""
    if len(text) < LEAST_WORDS or (max_repeated is None and max_compression is None):
        return False
    ratio = compression(text)
    if max_compression is not None and len(text) >= LEAST_CHARS and ratio > max_compression:
        return True
    return max_repeated is not None and ratio > _LEAST_COMPRESSION and repeated_share(text) > max_repeated


_RULES: dict[str, Callable[[str, Rules], bool]] = {
    "too_short": lambda text, rules: rules.min_chars is not None and len(text.strip()) < rules.min_chars,
    "too_long": lambda text, rules: rules.max_chars is not None and len(text) > rules.max_chars,
    "role_leak": lambda text, rules: rules.role_leak and leaks_roles(text),
    "refusal": lambda text, rules: rules.refusal and is_refusal(text),
    "non_text": lambda text, rules: rules.non_text and is_no_text(text),
    "ends_in_colon": lambda text, rules: rules.ends_in_colon and ends_in_colon(text),
    "unfinished": lambda text, rules: rules.unfinished and is_unfinished(text),
    "repeats_itself": lambda text, rules: repeats_itself(text, rules.max_repeated, rules.max_compression),
}
"""Every rule by its name, which is the reason that a dropped row carries; in this order."""
RULES = tuple(_RULES)
