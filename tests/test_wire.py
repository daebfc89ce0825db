"""Requests and completions survive JSON."""

from __future__ import annotations

import orjson
import pytest

from magpie.seams import (
    Choice,
    Completion,
    JsonSchema,
    Logprob,
    Message,
    Messages,
    Request,
    SamplingParams,
    Text,
    Tokens,
)
from magpie.wire import plain_completion, plain_request, read_completion, read_request

SAMPLING = SamplingParams(0.7, 0.9, 12, (1, 2), ("\n", "é"))


@pytest.mark.parametrize(
    "request_",
    [
        Request(Tokens((1, 2, 3)), SAMPLING),
        Request(Tokens((1,)), SAMPLING, "assistant", 2**63 - 1, banned=(7, 8), logprobs=5),
        Request(Text("<s>日本"), SAMPLING, structure=Choice(("yes", "no"))),
        Request(
            Messages((Message("system", "x"), Message("user", "\ud7ff"))), SAMPLING, structure=JsonSchema('{"a": 1}')
        ),
    ],
)
def test_a_request_comes_back_from_json_as_it_was(request_: Request) -> None:
    back = read_request(orjson.loads(orjson.dumps(plain_request(request_))))
    assert back == request_
    assert back.digest() == request_.digest()


@pytest.mark.parametrize(
    "said",
    [
        Completion("", (), "length", 3, 0),
        Completion("naïve", (4, 5), "stop", 3, 3, wasted_tokens=2),
        Completion("a", (4,), "stop", 3, 2, logprobs=((Logprob(4, "a", -0.5), Logprob(-1, "b", -1.5)),)),
    ],
)
def test_a_completion_comes_back_from_json_as_it_was(said: Completion) -> None:
    assert read_completion(orjson.loads(orjson.dumps(plain_completion(said)))) == said


def test_a_completion_at_its_defaults_is_written_without_them_and_one_that_has_them_written_is_read() -> None:
    said = Completion("a", (4,), "stop", 3, 2)
    plain = plain_completion(said)
    assert plain.keys() == {"text", "token_ids", "finish_reason", "prompt_tokens", "completion_tokens"}
    assert read_completion({**plain, "wasted_tokens": 0, "logprobs": []}) == said


def test_requests_that_differ_in_anything_have_other_digests() -> None:
    plain = Request(Tokens((1,)), SAMPLING)
    others = [
        Request(Text("1"), SAMPLING),
        Request(Tokens((1,)), SAMPLING, logprobs=1),
        Request(Tokens((1,)), SAMPLING, structure=Choice(("a",))),
        Request(Tokens((1,)), SAMPLING, structure=JsonSchema("a")),
        Request(Tokens((1,)), SAMPLING, banned=(1,)),
        Request(Tokens((1,)), SAMPLING, seed=1),
    ]
    assert len({one.digest() for one in (plain, *others)}) == 7
