"""Texts of brackets in brackets, and halves of characters, are read or refused: nothing ends in a traceback."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest

from magpie.http.answers import READING_ERRORS, error_text
from magpie.imports.shapes import shape
from magpie.stages.decontaminate.benchmarks import _texts_in
from magpie.stages.judging.replies import Reading
from tests.text_functions import CASES, LIBRARIES, REFUSALS, reply_reader

DEEP = {
    "lists without an end": "[" * 200_000,
    "objects without an end": '{"a":' * 200_000,
    "lists": "[" * 200_000 + "]" * 200_000,
    "lists that orjson reads": "[" * 1_000 + "]" * 1_000,
    "objects that orjson reads": '{"error":' * 1_000 + '"good"' + "}" * 1_000,
    "an object that holds lists": '{"input_quality":' + "[" * 1_000 + '"good"' + "]" * 1_000 + "}",
    "objects around a label": '{"a":' * 900 + '{"input_quality": "good"}' + "}" * 900,
}
"""Texts of brackets in brackets."""


PARSING = ("reply", "server", "import", "export", "decontaminate: files", "recipe", "json_grammar", "show")
"""What the names of functions begin with that read JSON or YAML, or write it."""


@pytest.mark.parametrize("name", [name for name in (*CASES, *LIBRARIES) if name.startswith(PARSING)])
def test_brackets_in_brackets_are_read_or_refused(name: str) -> None:
    call = {**CASES, **LIBRARIES}[name]
    for text in DEEP.values():
        with suppress(*REFUSALS, *READING_ERRORS):
            call(text)


def nested(depth: int, inside: Any, key: str | None = None) -> Any:
    for _ in range(depth):
        inside = [inside] if key is None else {key: inside}
    return inside


def test_lists_and_objects_of_a_dataset_or_a_server_may_be_as_deep_as_orjson_reads() -> None:
    deep = orjson.loads("[" * 1_000 + "]" * 1_000)
    assert shape({"messages": [{"role": deep, "content": "x"}], "id": deep}).drop_reason == "unreadable: role list"
    assert list(_texts_in(nested(5_000, ["a", "b"]))) == ["a", "b"]
    assert error_text(deep)
    assert error_text(orjson.loads('{"error":' * 1_000 + "1" + "}" * 1_000))


def test_a_label_is_read_from_objects_in_objects() -> None:
    reply = '{"a":' * 300 + '{"input_quality": "good"}' + "}" * 300
    assert reply_reader("quality")(reply) == Reading("good")


HALVES = ("a \ud800 b", "\udfff", "Quality: good \ud83d\n", "\udc00" * 50 + "\u0300\u0301" * 40)


@pytest.mark.parametrize("name", CASES)
def test_half_of_a_surrogate_pair_ends_nothing(name: str) -> None:
    for text in HALVES:
        with suppress(*(one for one in REFUSALS if one is not ValueError)):
            CASES[name](text)


def test_half_of_a_surrogate_pair_in_a_judges_json_is_replaced() -> None:
    reply = '{"explanation": "\\ud800!", "input_quality": "good"}'
    reading = reply_reader("quality")(reply)
    assert reading == Reading("good", {"explanation": "\ufffd!"})
    assert error_text({"error": "\ud800"})
