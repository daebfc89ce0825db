"""The labels that judges give, and the one that a judge means where it writes it in another way.

Whatever could mean two labels means none: a label that is lost can be asked for again, a wrong one cannot be found.
Knows words; knows no prompt and no form of a reply.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from html import unescape

from magpie.columns import LABELS
from magpie.safe.normal_forms import nfkc


@dataclass(frozen=True)
class Labels:
    """A set of labels, of which one fits."""

    names: tuple[str, ...]
    """As they are kept; from less to more where they have an order."""
    meant: Mapping[str, str]
    """Other ways to write them, plain (see `_plain`), to the label."""
    scale: bool = False
    """Whether they have an order, so that "4 out of 5" is the fourth."""

    def read(self, text: str) -> str | None:
        """The label that `text` says, and None where it says none, or more than one."""
        text = _tidy(text)
        if (whole := self._named(text)) is not None:
            return whole
        head, rest = _split(text)
        label = self._named(head)
        return label if label is not None and not (self._inside(rest) - {label}) else None

    def _named(self, text: str) -> str | None:
        plain = _plain(text)
        return self._known.get(plain) or (self._scaled(plain) if self.scale else None)

    def _scaled(self, plain: str) -> str | None:
        """A number only with its scale: a bare 3 may be of ten."""
        match = re.fullmatch(r"([1-9])(?: ?/ ?| out of | of )([1-9]0?)", plain)
        if match is None or int(match[2]) != len(self.names) or int(match[1]) > len(self.names):
            return None
        return self.names[int(match[1]) - 1]

    def _inside(self, text: str) -> set[str]:
        """Labels that are named somewhere in a text. The words in which each is found are not looked at again."""
        return {self._known[_plain(match[0])] for match in self._finder.finditer(_plain(text))}

    @cached_property
    def _known(self) -> dict[str, str]:
        return {_plain(name): name for name in self.names} | dict(self.meant)

    @cached_property
    def _finder(self) -> re.Pattern[str]:
        longest_first = sorted(self._known, key=len, reverse=True)
        return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")


_ENDS = re.compile(r"[(\[{,;:.!?|\n\u2014\u2013\uff0c\u3002\uff08\uff1a]|\s-+\s")
"""Where a label ends and a remark on it begins: "good (clear and complete)"."""
_FRAME = " \t\r\n\"'`*_.,;:!\u201c\u201d\u2018\u2019\u00ab\u00bb\u300c\u300d()[]<>#"


def _tidy(text: str) -> str:
    return nfkc(_unescaped(text)).strip(_FRAME)


def _unescaped(text: str) -> str:
    """`text` with the characters that HTML entities stand for; as it is where one has more digits than Python reads."""
    try:
        return unescape(text)
    except ValueError:
        return text


def _split(text: str) -> tuple[str, str]:
    end = _ENDS.search(text)
    return (text[: end.start()], text[end.end() :]) if end else (text, "")


def _plain(text: str) -> str:
    """In small letters, with one space between words and none around."""
    text = text.casefold().replace("&", " and ")
    return " ".join(re.sub(r"[_\-\s]+", " ", text).strip(_FRAME).split())


QUALITIES = Labels(
    LABELS["input_quality"],
    {
        "very bad": "very poor",
        "very low": "very poor",
        "terrible": "very poor",
        "bad": "poor",
        "low": "poor",
        "fair": "average",
        "mediocre": "average",
        "moderate": "average",
        "medium": "average",
        "ok": "average",
        "okay": "average",
        "very high": "excellent",
        "outstanding": "excellent",
    },
    scale=True,
)
DIFFICULTIES = Labels(
    LABELS["difficulty"],
    {
        "trivial": "very easy",
        "very simple": "very easy",
        "simple": "easy",
        "moderate": "medium",
        "average": "medium",
        "intermediate": "medium",
        "difficult": "hard",
        "challenging": "hard",
        "very difficult": "very hard",
        "very challenging": "very hard",
    },
    scale=True,
)
CATEGORIES = Labels(
    (
        "Information seeking", "Reasoning", "Planning", "Editing", "Coding & Debugging", "Math", "Role playing",
        "Data analysis", "Creative writing", "Advice seeking", "Brainstorming", "Others",
    ),
    {
        "information": "Information seeking",
        "info seeking": "Information seeking",
        "informationseeking": "Information seeking",
        "logical reasoning": "Reasoning",
        "logic": "Reasoning",
        "plan": "Planning",
        "edit": "Editing",
        "code": "Coding & Debugging",
        "coding": "Coding & Debugging",
        "debugging": "Coding & Debugging",
        "coding / debugging": "Coding & Debugging",
        "coding/debugging": "Coding & Debugging",
        "coding debugging": "Coding & Debugging",
        "programming": "Coding & Debugging",
        "maths": "Math",
        "mathematics": "Math",
        "roleplay": "Role playing",
        "role play": "Role playing",
        "roleplaying": "Role playing",
        "data analytics": "Data analysis",
        "dataanalysis": "Data analysis",
        "creativewriting": "Creative writing",
        "advice": "Advice seeking",
        "adviceseeking": "Advice seeking",
        "brainstorm": "Brainstorming",
        "brain storming": "Brainstorming",
        "other": "Others",
        "translation": "Others",
    },
)  # fmt: skip
"""The names are those of the paper (appendix C): "Others" is asked for, so "Other" means it too."""
