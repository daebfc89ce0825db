"""Normal forms are those of Unicode, however many marks stand in a row."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from magpie.safe.normal_forms import nfc, nfkc

SIGNS = "ae\u0301\u0323\u0315\u0345\u0f73\u0f72\u0f71\uff9e\u1100\u1161\u00e9\ufb01\U0001d165\U0001e94a\ud800"
"""Letters, marks of several classes, what decomposes into marks, and half of a surrogate pair."""


@given(st.lists(st.sampled_from(SIGNS), max_size=200).map("".join))
def test_the_forms_are_those_of_unicodedata(text: str) -> None:
    assert nfc(text) == unicodedata.normalize("NFC", text)
    assert nfkc(text) == unicodedata.normalize("NFKC", text)


def test_runs_of_marks_without_end_are_put_into_order() -> None:
    assert nfc("a" + "\u0300\u0323" * 50_000) == "\u1ea1" + "\u0323" * 49_999 + "\u0300" * 50_000
