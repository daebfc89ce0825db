"""JSON schemas as grammars, written by the grammar's own reader: llama.cpp."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from magpie.engines.json_grammar import UnknownSchema, json_grammar
from magpie.engines.llamacpp.engine import open_llamacpp
from magpie.engines.llamacpp.server import LlamaCpp
from magpie.errors import RequestFailed
from magpie.modelfiles.locate import find_model
from magpie.seams import Completion, JsonSchema, Request, SamplingParams, Tokens
from magpie.settings.engines import LlamaCpp as LlamaCppSettings
from tests.engines.asking import ask


@pytest.fixture(scope="module")
def engine() -> Iterator[LlamaCpp]:
    with open_llamacpp(find_model("fledgling"), LlamaCppSettings(slots=8, context=256, threads=1)) as opened:
        yield opened


def written(engine: LlamaCpp, schema: Any) -> list[Any]:
    """What the model writes under the schema, hot enough to try every way that the grammar leaves open."""
    sampling = SamplingParams(temperature=2.0, max_tokens=120)
    prompt = Tokens(tuple(engine.tokenize("<|im_start|>assistant\n")))
    asked = [Request(prompt, sampling, seed=i, structure=JsonSchema(json.dumps(schema))) for i in range(16)]
    answers = ask(engine, asked)
    assert all(isinstance(answer, Completion) for answer in answers), answers
    done = [a.text for a in answers if isinstance(a, Completion) and a.finish_reason == "stop"]
    assert done, "none ended by itself"
    return [json.loads(text) for text in done]


@pytest.mark.parametrize("schema", [{"enum": ['a "quoted" one', "ü\n", 3, None]}, {"const": {"a": [1]}}])
def test_a_choice_is_one_of_its_values(engine: LlamaCpp, schema: Any) -> None:
    values = schema.get("enum", [schema.get("const")])
    assert all(one in values for one in written(engine, schema))


def test_an_object_has_its_properties_in_order_and_nothing_else(engine: LlamaCpp) -> None:
    schema = {
        "type": "object",
        "properties": {
            "quality": {"enum": ["good", "poor"]},
            "score": {"type": "integer"},
            "sure": {"type": "boolean"},
        },
        "required": ["quality", "score", "sure"],
        "additionalProperties": False,
    }
    for one in written(engine, schema):
        assert list(one) == ["quality", "score", "sure"]
        assert one["quality"] in ("good", "poor")
        assert isinstance(one["score"], int)
        assert isinstance(one["sure"], bool)


def test_lists_keep_their_bounds(engine: LlamaCpp) -> None:
    schema = {"type": "array", "items": {"enum": ["x", "y"]}, "minItems": 1, "maxItems": 3}
    assert all(1 <= len(one) <= 3 and set(one) <= {"x", "y"} for one in written(engine, schema))
    assert all(one == [] for one in written(engine, {**schema, "minItems": 0, "maxItems": 0}))


def test_numbers_and_alternatives_are_read_back_as_what_they_are(engine: LlamaCpp) -> None:
    schema = {
        "anyOf": [{"type": "number"}, {"type": "null"}, {"type": "array", "items": {"type": "integer"}, "maxItems": 2}]
    }
    assert all(one is None or isinstance(one, int | float | list) for one in written(engine, schema))


def test_a_text_is_one_json_string(engine: LlamaCpp) -> None:
    """Short ones: what a small model writes at this temperature may not end."""
    schema = {"type": "object", "properties": {"why": {"type": "string"}}}
    sampling = SamplingParams(temperature=1.0, max_tokens=200)
    prompt = Tokens(tuple(engine.tokenize("<|im_start|>assistant\n")))
    asked = [Request(prompt, sampling, seed=i, structure=JsonSchema(json.dumps(schema))) for i in range(16)]
    done = [a for a in ask(engine, asked) if isinstance(a, Completion) and a.finish_reason == "stop"]
    assert done
    assert all(isinstance(json.loads(a.text)["why"], str) for a in done)


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "bogus"}, "the type 'bogus'"),
        ({}, "the type None"),
        (True, "expected an object"),
        ({"enum": []}, "nothing to choose"),
        ({"type": "string", "pattern": "a+"}, "the keyword 'pattern'"),
        ({"type": "array"}, "may hold anything"),
        ({"anyOf": []}, "nothing to choose"),
        ({"anyOf": [{"type": "null"}], "type": "object"}, "the keyword 'type' beside 'anyOf'"),
        ({"type": "object", "properties": ["a"]}, "no JSON schema"),
        ({"enum": 3}, "no JSON schema"),
        ({"type": "object", "properties": {"a": {"type": "integer", "minimum": 3}}}, "the keyword 'minimum'"),
    ],
)
def test_what_has_no_translation_is_said(schema: Any, told: str) -> None:
    with pytest.raises(UnknownSchema, match=told):
        json_grammar(schema)


def test_a_schema_that_cannot_be_asked_fails_its_own_request(engine: LlamaCpp) -> None:
    prompt = Tokens(tuple(engine.tokenize("<|im_start|>assistant\n")))
    sampling = SamplingParams(max_tokens=3)
    bad = [Request(prompt, sampling, structure=JsonSchema(text)) for text in ('{"type": "bogus"}', "not json")]
    good = Request(prompt, sampling)
    first, second, third = ask(engine, [*bad, good])
    assert isinstance(first, RequestFailed)
    assert "the JSON schema is no JSON" in str(second)
    assert isinstance(third, Completion)
