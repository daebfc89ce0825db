"""Text for a terminal: shown, never obeyed."""

from __future__ import annotations

import json

import pytest

from magpie.safe.terminal import visible_json


@pytest.mark.parametrize(
    "text",
    ["plain", "\x9b31m", "\x7f\u202e\u2066", "\u2028\u2029", "\U000e0041 a \U0010ffff", "\ufeff\u200b", "\u200d"],
)
def test_json_is_shown_and_says_the_same(text: str) -> None:
    document = json.dumps({"a": [text]}, ensure_ascii=False)
    shown = visible_json(document)
    assert json.loads(shown) == {"a": [text]}
    assert all(letter.isprintable() or letter in "\n\u200d" for letter in shown)
