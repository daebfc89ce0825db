"""Finds JSON objects in what a model wrote, also where they are not quite JSON.

Takes fences and prose around, comments, trailing and missing commas, single and curly quotes, quotes that were not
escaped, bare keys, Python's words, line ends in texts, and an end that never comes. It never guesses what a broken
object goes on to say: what stands behind the place where it broke is not read. Knows no key and no label.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

Pairs = list[tuple[str, Any]]
"""An object as it was written: a key that comes twice is there twice. Values are texts, numbers, lists, `Pairs`, ..."""

LONGEST = 10_000
"""Characters of a reply that are looked at: a judge's is a tenth of that, and hostile ones take time by the square."""
MOST_IN_VAIN = 20 * LONGEST
"""Characters that are read as JSON which is none, in all: of objects in objects without an end, each brace is begun at
again, and read to the end again."""
DEEPEST = 8
"""Objects and lists inside each other; what lies deeper ends the reading."""


class Cut:
    """The value that a reply broke off in."""


CUT = Cut()


@dataclass(frozen=True, slots=True)
class Found:
    """What a reply holds."""

    objects: tuple[Pairs, ...]
    looks_like_objects: bool
    """Whether there is a brace at all: if so, prose around it says nothing."""


def find_objects(reply: str) -> Found:
    """The outermost objects of a reply, in their order."""
    text = _unescaped(reply[:LONGEST])
    objects: list[Pairs] = []
    place = text.find("{")
    looks = place >= 0
    in_vain = 0
    while place >= 0 and in_vain <= MOST_IN_VAIN:
        strict, upto = _strict(text, place)
        if strict is None:
            in_vain += upto - place
            reader = _Reader(text, place)
            found, place, broken = reader.read()
        else:
            found, place, broken = strict, upto, False
        if found:
            objects.append(found)
        if broken:
            break
        place = text.find("{", place)
    return Found(tuple(objects), looks)


def _unescaped(text: str) -> str:
    """An object that was written as the text of a JSON string: every quote escaped."""
    return text.replace('\\"', '"') if re.match(r'[^{]*\{\s*\\"', text) else text


def _refuse(number: str) -> Any:
    raise ValueError(f"{number} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=list, parse_int=str, parse_float=str, parse_constant=_refuse)
_OPENS_JSON = re.compile(r'\{[ \t\n\r]*+["}]')


def _strict(text: str, place: int) -> tuple[Pairs | None, int]:
    """The object that begins here, if it is JSON; and up to where it was read."""
    if _OPENS_JSON.match(text, place) is None:
        return None, place + 1
    try:
        return _DECODER.raw_decode(text, place)
    except json.JSONDecodeError as error:
        return None, error.pos
    except (ValueError, RecursionError):
        return None, len(text)


_QUOTES = {
    '"': '"', "'": "'", "`": "`", "\u00ab": "\u00bb", "\u300c": "\u300d",
    "\u201c": '\u201d\u201c"', "\u201d": '\u201d\u201c"', "\u201e": '\u201d\u201c"',
    "\u2018": "\u2019\u2018'", "\u2019": "\u2019\u2018'",
}  # fmt: skip
"""What opens a text to what may close it."""
_OPENING = "".join(_QUOTES)
_GAP = re.compile(r"(?:\s++|//[^\n]*+|#[^\n]*+|/\*.{0,300}?\*/)*+", re.DOTALL)
_BARE_KEY = re.compile(r"[^\W\d][\w\- ]{0,30}")
_COLON = re.compile(r"\s*(?:=>|[:=\uff1a])")
_COMMA = re.compile(r"[,;\uff0c\u3001]")
_COMMAS = re.compile(rf"(?:{_COMMA.pattern}{_GAP.pattern})+", re.DOTALL)
_KEY_AHEAD = re.compile(
    rf"\s*[{_OPENING}]?[^\W\d][\w\- ]{{0,30}}[\"'`\u201c\u201d\u2018\u2019\u00bb\u300d]?\s*(?:=>|[:=\uff1a])"
)
_BARE_VALUE = re.compile(r"[^,;{}\[\]()\n\"'\u201c\u201d]+")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class _BrokenError(Exception):
    """The text stops being an object here."""


class _Reader:
    """Reads one object from its brace on. What was read before the text broke stays."""

    def __init__(self, text: str, place: int) -> None:
        self.text, self.start, self.place = text, place, place

    def read(self) -> tuple[Pairs, int, bool]:
        """The object, where the rest begins, and whether it broke off. A brace that opens no object is stepped over."""
        pairs: Pairs = []
        if not self._opens_object():
            return pairs, self.start + 1, False
        try:
            self._object(pairs, 1)
        except _BrokenError:
            return pairs, self.place, True
        return pairs, self.place, False

    def _opens_object(self) -> bool:
        return _KEY_AHEAD.match(self.text, self._past(_GAP, self.start + 1)) is not None

    def _object(self, pairs: Pairs, depth: int) -> None:
        """Fills `pairs` as it goes on, so that they are there when the text breaks."""
        if depth > DEEPEST:
            raise _BrokenError
        self.place += 1
        while not self._closes("}"):
            key = self._key()
            self._colon()
            self._value(pairs, key, depth)
            self._comma()

    def _list(self, depth: int) -> list[Any]:
        if depth > DEEPEST:
            raise _BrokenError
        end = {"[": "]", "(": ")"}[self.text[self.place]]
        self.place += 1
        found: Pairs = []
        while not self._closes(end):
            self._value(found, "", depth, end)
            self._comma()
        return [value for _, value in found]

    def _closes(self, end: str) -> bool:
        self._gap()
        if self.place >= len(self.text):
            raise _BrokenError
        if self.text[self.place] != end:
            return False
        self.place += 1
        return True

    def _key(self) -> str:
        if self.text[self.place] in _QUOTES:
            return self._quoted(":=\uff1a", None)
        match = _BARE_KEY.match(self.text, self.place)
        if match is None:
            raise _BrokenError
        self.place = match.end()
        return match[0].strip()

    def _colon(self) -> None:
        self._gap()
        match = _COLON.match(self.text, self.place)
        if match is None:
            raise _BrokenError
        self.place = match.end()
        self._gap()

    def _comma(self) -> None:
        """One that is missing is not missed: what comes next must be a key or a value all the same."""
        self._gap()
        while self.place < len(self.text) and _COMMA.match(self.text, self.place):
            self.place += 1
            self._gap()

    def _value(self, pairs: Pairs, key: str, depth: int, end: str = "}") -> None:
        """Adds the value, which counts as cut until it is whole; of an object, what was read of it stays."""
        pairs.append((key, CUT))
        if self.place >= len(self.text):
            raise _BrokenError
        sign = self.text[self.place]
        if sign == "{":
            below: Pairs = []
            pairs[-1] = (key, below)
            self._object(below, depth + 1)
        elif sign in "[(":
            pairs[-1] = (key, self._list(depth + 1))
        elif sign in _QUOTES:
            pairs[-1] = (key, self._quoted(",;\uff0c\u3001", end))
        else:
            pairs[-1] = (key, self._bare())

    def _bare(self) -> str:
        match = _BARE_VALUE.match(self.text, self.place)
        if match is None or match.end() == len(self.text):
            raise _BrokenError
        self.place = match.end()
        return re.split(r"\s(?://|#|/\*)", match[0])[0].strip()

    def _gap(self) -> None:
        self.place = self._past(_GAP, self.place)

    def _past(self, pattern: re.Pattern[str], place: int) -> int:
        match = pattern.match(self.text, place)
        return match.end() if match else place

    def _quoted(self, followers: str, end: str | None) -> str:
        """A text from its opening quote to the quote that closes it: the first that something structural follows."""
        closing = _QUOTES[self.text[self.place]]
        self.place += 1
        said: list[str] = []
        while self.place < len(self.text):
            sign = self.text[self.place]
            if sign == "\\":
                said.append(self._escape())
            elif sign in closing and self._ends_text(followers, end):
                self.place += 1
                return "".join(said)
            else:
                said.append(sign)
                self.place += 1
        raise _BrokenError

    def _ends_text(self, followers: str, end: str | None) -> bool:
        """Whether the quote here closes its text, by what comes behind it."""
        after = self._past(_GAP, self.place + 1)
        if after >= len(self.text):
            return end is not None
        sign = self.text[after]
        if end is None:
            return sign in followers
        if sign == end:
            return True
        if end != "}":
            return sign in followers
        if sign in followers:
            rest = self._past(_COMMAS, after)
            return self.text[rest : rest + 1] in ("", end) or _KEY_AHEAD.match(self.text, rest) is not None
        return after > self.place + 1 and sign in _QUOTES and _KEY_AHEAD.match(self.text, after) is not None

    def _escape(self) -> str:
        sign = self.text[self.place + 1 : self.place + 2]
        digits = self.text[self.place + 2 : self.place + 6]
        if sign == "u" and re.fullmatch(r"[0-9a-fA-F]{4}", digits):
            self.place += 6
            return chr(int(digits, 16))
        self.place += 1 + len(sign)
        return _ESCAPES.get(sign, sign)
