"""Whatever a server answers, at opening it is one line, and in a run its request fails alone: soon, and in little
memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
import pytest

from magpie.engines import balance
from magpie.engines.server import facts as server_facts
from magpie.engines.server import loop as server_loop
from magpie.engines.server.engine import detect, open_server
from magpie.engines.server.info import Facts
from magpie.engines.server.loop import Server
from magpie.errors import RequestFailed, UserError
from magpie.http import retries
from magpie.modelfiles.model import open_model
from magpie.seams import Completion, Message, Messages, Prompt, Request, SamplingParams, Text, Tokens
from magpie.settings.engines import Server as ServerSettings
from tests.engines.asking import ask
from tests.engines.fault_server import Action, Ask, Body, Drip, FaultServer, Say, completion, event, fault_server
from tests.engines.hostile_answers import LARGE, ODDLY_PACKED, SLOW, TEXTS, too_deep

FLEDGLING = Path(str(files("magpie"))) / "weights" / "fledgling"
SOON = 20.0
"""Seconds, on a busy machine; each of these answers would take minutes to be whole."""
ANY: dict[str, Action] = {
    **SLOW,
    **LARGE,
    **ODDLY_PACKED,
    **{name: Say(text) for name, text in TEXTS.items()},
    **{f"{name}, as an error": Say(text, 500) for name, text in TEXTS.items()},
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_facts, "QUESTION_SECONDS", 0.4)
    monkeypatch.setattr(retries, "FIRST_BACKOFF", 0.005)
    monkeypatch.setattr(balance, "FIRST_REST", 0.005)
    monkeypatch.setattr(balance, "MOST_REST", 0.05)
    monkeypatch.setattr(server_loop, "TICK", 0.01)


def says(text: str, **more: Any) -> Body:
    choice = {"index": 0, "text": text, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"prompt_tokens": 2, "completion_tokens": 3}, **more}


WELL: dict[str, Body] = {
    "vllm": completion(()),
    "sglang": {"text": "a", "output_ids": [5], "meta_info": {"finish_reason": {"type": "length"}}},
    "llamacpp": {"content": "a", "tokens": [5], "stop_type": "limit"},
    "ollama": {"response": "a", "done": True, "done_reason": "stop"},
    "text": {"choices": [{"text": "a", "finish_reason": "stop"}], "usage": {"prompt_tokens": 2}},
    "chat": says("a"),
}
PROMPTS: dict[str, Prompt] = {
    **dict.fromkeys(("vllm", "sglang", "llamacpp"), Tokens((5,))),
    **dict.fromkeys(("ollama", "text"), Text("Hello")),
    "chat": Messages((Message("user", "Hello"),)),
}


def settings(server: FaultServer, **changes: Any) -> ServerSettings:
    quick = {"connect_seconds": 0.5, "first_token_seconds": 0.4, "idle_seconds": 0.4, "retries": 0, "patience": 30.0}
    return ServerSettings(**{"url": (server.url,), **quick, **changes})


def refused(asked: ServerSettings, vocabulary: Any = None) -> str:
    """How it is refused, in one line and soon; nothing where it is not."""
    started, told = time.monotonic(), ""
    try:
        with open_server(asked, vocabulary=vocabulary):
            pass
    except UserError as error:
        told = str(error)
    assert time.monotonic() - started < SOON
    assert "\n" not in told
    assert len(told) < 1000
    return told


# -- at opening -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ANY)
def test_a_list_of_models_that_is_none(fault: str) -> None:
    with fault_server() as server:
        server.pages["/v1/models"] = ANY[fault]
        told = refused(settings(server))
    assert server.url in told
    if fault in LARGE:
        assert "longer than 4 MiB" in told
    if fault in SLOW:
        assert "gave no whole answer" in told


@pytest.mark.parametrize("fault", ANY)
@pytest.mark.parametrize(("owner", "page"), [("llamacpp", "/props"), ("sglang", "/server_info"), ("x", "/api/version")])
def test_a_word_on_itself_that_is_none(owner: str, page: str, fault: str) -> None:
    models: Body = {"data": [{"id": "m", "owned_by": owner}]}
    with fault_server(lambda _: Say(says("a")), models=models) as server:
        server.pages[page] = ANY[fault]
        refused(settings(server))


@pytest.mark.parametrize("fault", ANY)
def test_a_first_answer_that_is_none(fault: str) -> None:
    with fault_server(lambda _: ANY[fault]) as server:
        assert server.url in refused(settings(server, api="vllm"))


@pytest.mark.parametrize("fault", ANY)
def test_a_trial_of_what_there_is_that_tells_nothing(fault: str) -> None:
    """`auto` asks a server that does not say what it is."""
    with fault_server(lambda _: ANY[fault], models={"data": [{"id": "m"}]}) as server:
        refused(settings(server))


@pytest.mark.parametrize("fault", ANY)
def test_an_answer_of_a_tokenizer_that_is_none(fault: str) -> None:
    with fault_server() as server:
        server.pages["/tokenize"] = ANY[fault]
        refused(settings(server), open_model(FLEDGLING).tokenizer)


@pytest.mark.parametrize("fault", [*TEXTS, "no count"])
def test_lengths_that_a_server_of_text_does_not_tell(fault: str) -> None:
    body = orjson.dumps(says("a", usage={"prompt_tokens": "many"})) if fault == "no count" else TEXTS[fault]

    def script(asked: Ask) -> Action:
        return Say(body if asked.body["prompt"] != "Hello" else says("a"))

    with fault_server(script, models={"data": [{"id": "m"}]}) as server:
        assert "set engine.api" in refused(settings(server, api="text"), open_model(FLEDGLING).tokenizer)


ODD_MODELS: dict[str, Any] = {
    "a list in place of one": {"data": [["m"], 5, None, {"id": "m", "owned_by": ["vllm"]}]},
    "an object in place of the list": {"data": {"id": "m"}},
    "an object nested deep": {"data": [{"id": "m", "owned_by": "vllm", "meta": [[[[]]]], "aliases": 5}]},
    "a name that is none": {"data": [{"id": 5, "owned_by": "vllm"}, {"id": "", "owned_by": "vllm"}]},
    "a name without end": {"data": [{"id": "m" * 100_000, "owned_by": "vllm"}]},
    "lines in a name": {"data": [{"id": "a\nb", "owned_by": "vllm"}, {"id": "\x1b[31m", "owned_by": "vllm"}]},
}


@pytest.mark.parametrize("models", ODD_MODELS)
def test_a_list_of_models_with_other_types(models: str) -> None:
    with fault_server(models=ODD_MODELS[models]) as server:
        refused(settings(server))
        assert "\n" not in refused(settings(server, served_model="other"))


@pytest.mark.parametrize("size", ["8192", -1, 0, True, 1.5, 1 << 40, None, [8192], {"a": 1}])
def test_a_context_that_is_no_count_is_as_if_it_were_not_told(size: Any) -> None:
    with fault_server(models={"data": [{"id": "m", "owned_by": "vllm", "max_model_len": size}]}) as server:
        assert detect(settings(server)) == Facts("vllm", "m", 4096)
    with fault_server(models={"data": [{"id": "m", "owned_by": "llamacpp", "meta": {"n_ctx": size}}]}) as server:
        server.pages["/props"] = Say({"total_slots": size, "default_generation_settings": size})
        assert detect(settings(server)) == Facts("llamacpp", "m", 4096)
    with fault_server(lambda _: Say(WELL["ollama"]), models={"data": [{"id": "m"}]}) as server:
        server.pages["/api/version"] = Say({"version": "0.12"})
        server.pages["/api/ps"] = Say({"models": [5, {"name": "m", "context_length": size}]})
        assert detect(settings(server)).context == 4096


# -- in a run ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=list(PROMPTS))
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def serving(api: str) -> Iterator[tuple[FaultServer, Server]]:
    """A server of this API, which answers well until its script is changed, and the engine that asks it."""
    with (
        fault_server(lambda _: Say(WELL[api]), models={"data": []}) as server,
        open_server(settings(server, api=api, served_model="m", context=512)) as engine,
    ):
        yield server, engine


def fails_alone(api: str, fault: Action) -> str:
    """What becomes of a request that is answered by the fault, between two that are answered well."""
    with serving(api) as (server, engine):
        server.script = lambda one: fault if "0.25" in str(one.body) else Say(WELL[api])
        plain = Request(PROMPTS[api], SamplingParams(max_tokens=16))
        bad = replace(plain, sampling=SamplingParams(temperature=0.25, max_tokens=16))
        started = time.monotonic()
        before, failed, after = ask(engine, [plain, bad, plain])
        assert time.monotonic() - started < SOON
    assert isinstance(before, Completion), before
    assert isinstance(after, Completion), after
    assert isinstance(failed, RequestFailed), failed
    assert "\n" not in str(failed)
    assert len(str(failed)) < 1000
    return str(failed)


@pytest.mark.parametrize("fault", [*LARGE, *ODDLY_PACKED])
def test_an_answer_without_end_fails_its_request_alone(fault: str, api: str) -> None:
    told = fails_alone(api, ANY[fault])
    assert "longer than 1 MiB" in told if fault in LARGE else "compressed" in told


@pytest.mark.parametrize("fault", TEXTS)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_text_that_is_no_answer_fails_its_request_alone(fault: str, status: int, api: str) -> None:
    fails_alone(api, Say(TEXTS[fault], status))


@pytest.mark.parametrize("fault", SLOW)
@pytest.mark.parametrize("most", [16, 200])
def test_an_answer_that_never_ends_is_given_up_at_its_deadline(fault: str, most: int) -> None:
    with fault_server() as server, open_server(settings(server, answer_seconds=0.5)) as engine:
        server.script = lambda _: SLOW[fault]
        started = time.monotonic()
        (failed,) = ask(engine, [Request(Tokens((5,)), SamplingParams(max_tokens=most))])
        assert time.monotonic() - started < SOON
    assert isinstance(failed, RequestFailed)
    assert "answer_seconds" in str(failed) or "first_token_seconds" in str(failed)


def test_a_server_that_answers_without_end_is_there_and_uses_up_no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "MOST_BACKOFF", 0.1)
    with fault_server() as server, open_server(settings(server, patience=1.5, retries=40)) as engine:
        server.script = lambda _: LARGE["a gzip bomb"]
        (failed,) = ask(engine, [Request(Tokens((5,)), SamplingParams(max_tokens=16))])
    assert "longer than 1 MiB" in str(failed)
    assert "after 41 tries" in str(failed)


def test_a_stream_that_goes_on_and_on_is_given_up_at_its_deadline() -> None:
    piece = event({"choices": [{"text": "", "token_ids": [5]}]})
    with fault_server() as server, open_server(settings(server, answer_seconds=0.5)) as engine:
        server.script = lambda _: Drip((piece,) * 2000, wait=0.01)
        (failed,) = ask(engine, [Request(Tokens((5,)), SamplingParams(max_tokens=400))])
    assert "no whole answer" in str(failed)
    assert "answer_seconds" in str(failed)


ODD: dict[str, dict[str, Any]] = {
    "vllm": {
        "choices": [{}, "a", 5, [5], None, [[]], {"a": 1}],
        "choices.token_ids": ["ab", [1.5], ["1"], [True], [-1], [None], 5, {"a": 1}],
        "choices.finish_reason": [5, True, [[]], {}],
        "choices.logprobs": [5, [1]],
    },
    "sglang": {
        "output_ids": [5, "ab", [1.5], [True], [None], {"a": 1}],
        "meta_info": [5, None, [], {}, {"finish_reason": 5}, {"finish_reason": {"type": []}}],
    },
    "llamacpp": {"tokens": ["ab", 5, [1.5], [True], [-5], None], "stop_type": [5, None, [[]], {}]},
    "ollama": {"response": [5, ["a"], {"a": 1}], "done": [False, 0, None], "eval_count": [-1, "4", 1.5, 1 << 60, [1]]},
    "text": {
        "choices.text": [5, ["a"], {"a": 1}, True],
        "usage": [5, "a", {"prompt_tokens": -1}, {"completion_tokens": "4"}, {"completion_tokens": 1 << 60}],
    },
    "chat": {
        "choices.message": ["a", 5, ["a"], {"content": 5}, {"content": ["a"]}],
        "usage": [[1], {"prompt_tokens": 1.5}, {"completion_tokens": True}],
    },
}
CASES = [(api, field, value) for api, fields in ODD.items() for field, values in fields.items() for value in values]


def changed(body: Body, field: str, value: Any) -> Body:
    first, _, rest = field.partition(".")
    return {**body, first: [{**body[first][0], rest: value}] if rest else value}


@pytest.mark.parametrize(("api", "field", "value"), CASES)
def test_a_field_of_another_type_fails_its_request_alone(api: str, field: str, value: Any) -> None:
    fails_alone(api, Say(changed(WELL[api], field, value)))


@pytest.mark.parametrize(
    ("api", "field"),
    [("vllm", "finish_reason"), ("sglang", "meta_info"), ("llamacpp", "stop_type"), ("ollama", "done_reason")],
)
def test_a_field_nested_deeper_than_python_goes_fails_its_request_alone(api: str, field: str) -> None:
    body = too_deep(field)
    if api == "vllm":
        body = b'{"choices": [%s]}' % body
    if api == "ollama":
        body = body[:-1] + b', "done": true}'
    fails_alone(api, Say(body))


LOGPROBS: dict[str, Any] = {
    "vllm": lambda value: changed(WELL["vllm"], "choices.logprobs", {"top_logprobs": [{"token_id:5": value}] * 2}),
    "sglang": lambda value: {
        **WELL["sglang"],
        "meta_info": {"finish_reason": {"type": "length"}, "output_top_logprobs": [[[value, 5, "a"]]]},
    },
    "llamacpp": lambda value: {
        **WELL["llamacpp"],
        "completion_probabilities": [{"top_logprobs": [{"id": 5, "bytes": [97], "logprob": value}]}],
    },
    "ollama": lambda value: {**WELL["ollama"], "logprobs": [{"top_logprobs": [{"token": "a", "logprob": value}]}]},
    "text": lambda value: changed(WELL["text"], "choices.logprobs", {"top_logprobs": [{"a": value}]}),
    "chat": lambda value: changed(
        WELL["chat"], "choices.logprobs", {"content": [{"top_logprobs": [{"token": "a", "logprob": value}]}]}
    ),
}


@pytest.mark.parametrize("value", ["-0.5", True, [], 1e300, 5.0, {"a": 1}])
def test_a_log_probability_that_is_none_fails_its_request_alone(api: str, value: Any) -> None:
    """It would become a number in a judgment: `math.exp` of it."""
    with serving(api) as (server, engine):
        server.script = lambda _: Say(LOGPROBS[api](-0.5))
        asked = Request(PROMPTS[api], SamplingParams(max_tokens=16), logprobs=1)
        (good,) = ask(engine, [asked])
        assert isinstance(good, Completion), good
        assert api == "vllm" or good.logprobs[0][0].logprob == -0.5
        server.script = lambda _: Say(LOGPROBS[api](value))
        (failed,) = ask(engine, [asked])
    assert isinstance(failed, RequestFailed)
    assert "log-probability" in str(failed)


def test_a_token_that_cannot_come_is_left_out_of_what_sglang_tells() -> None:
    said = LOGPROBS["sglang"](-0.5)
    said["meta_info"]["output_top_logprobs"] = [[[-0.5, 5, "a"], [None, 6, "b"]]]
    with serving("sglang") as (server, engine):
        server.script = lambda _: Say(said)
        (good,) = ask(engine, [Request(Tokens((5,)), SamplingParams(max_tokens=16), logprobs=2)])
    assert isinstance(good, Completion), good
    assert [one.token_id for one in good.logprobs[0]] == [5]


@pytest.mark.parametrize("api", ["text", "ollama"])
def test_half_of_a_surrogate_pair_in_a_prompt_fails_its_request_alone(api: str) -> None:
    with serving(api) as (_, engine):
        prompts = [Text("a"), Text("\ud800"), Text("b")]
        found = ask(engine, [Request(one, SamplingParams(max_tokens=16)) for one in prompts])
    assert [isinstance(one, Completion) for one in found] == [True, False, True]
    assert "cannot be sent to the server" in str(found[1])


DATES = ("Mon, 99 Foo 99999 99:99:99 +9999", "Mon, 1 Jan 9999999999999999999 0:0:0", "Mon, 1 Jan 2026 0:0:0 +999999999")


@pytest.mark.parametrize("told", ["nan", "inf", "-inf", "1e999", "-5", "", "9" * 400, "\xff", *DATES])
def test_a_wait_that_is_none_is_as_if_it_were_not_told(told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "MOST_RETRY_AFTER", 0.01)
    with fault_server() as server, open_server(settings(server, retries=1)) as engine:
        server.asked.clear()
        busy = Say({}, 429, headers={"Retry-After": told})
        server.script = lambda one: busy if one.number == 0 else Say(completion((5,)))
        (answer,) = ask(engine, [Request(Tokens((5,)), SamplingParams(max_tokens=16))])
    assert isinstance(answer, Completion), answer
