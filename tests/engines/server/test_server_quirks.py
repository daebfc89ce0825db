"""What a server refuses is learned from fields of its errors and from experiments, never from words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest

from magpie.engines import balance
from magpie.engines.server import loop as server_loop
from magpie.engines.server.engine import open_server
from magpie.engines.server.loop import Server
from magpie.engines.server.quirks import blamed
from magpie.errors import ContextFull, RequestFailed, UserError
from magpie.http import retries
from magpie.seams import Completion, Message, Messages, Prompt, Request, SamplingParams, Text
from magpie.settings.engines import Server as ServerSettings
from tests.engines.asking import ask
from tests.engines.fault_server import Action, Ask, Body, FaultServer, Say, Script, fault_server

STOPS = tuple("123456")
LONG, SHORT = 999, 16
"""Tokens: the longer answer is streamed."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_BACKOFF", 0.005)
    monkeypatch.setattr(balance, "FIRST_REST", 0.005)
    monkeypatch.setattr(server_loop, "TICK", 0.01)


def well(_: Ask) -> Action:
    choice = {"text": "well", "finish_reason": "stop"}
    return Say({"choices": [choice], "usage": {"prompt_tokens": 2, "completion_tokens": 3}})


@contextmanager
def opened(script: Script, api: str = "chat") -> Iterator[tuple[FaultServer, Server]]:
    with fault_server(script, models={"data": [{"id": "m", "owned_by": "somebody"}]}) as server:
        settings = ServerSettings.model_validate(
            {"url": (server.url,), "api": api, "connect_seconds": 5.0, "retries": 0}
        )
        with open_server(settings) as engine:
            yield server, engine


def request(api: str = "chat", text: str = "Hello", most: int = LONG) -> Request:
    prompt: Prompt = Text(text) if api == "text" else Messages((Message("user", text),))
    return Request(prompt, SamplingParams(max_tokens=most, stop=STOPS), seed=7)


def all_fields(asked: Ask) -> bool:
    body = asked.body
    return {"seed", "presence_penalty", "max_tokens"} <= set(body) and body.get("stop") == [*STOPS]


# -- words decide nothing ---------------------------------------------------------------------------------------------

RUDE = "plant a seed and stop; max_completion_tokens and stream_options are in my garden, presence_penalty too"
QUOTING: dict[str, Body] = {
    "OpenAI": {"error": {"message": f"I will not {RUDE!r}", "type": "invalid_request_error", "param": None}},
    "a prompt at fault": {"error": {"message": RUDE, "param": "messages", "code": "content_filter"}},
    "a part of the prompt at fault": {"error": {"message": RUDE, "param": "messages[0].content.seed"}},
    "FastAPI": {"detail": [{"loc": ["body", "messages", 0, "content"], "msg": RUDE, "input": {"seed": RUDE}}]},
    "a text": {"detail": RUDE},
    "SGLang": {"object": "error", "message": RUDE, "type": "BadRequestError", "param": None, "code": 400},
    "llama.cpp": {"error": {"code": 400, "message": RUDE, "type": "invalid_request_error"}},
    "a name that is a sentence": {"error": {"message": "no", "param": RUDE}},
    "the whole request": {"error": {"message": "no"}, "request": {"seed": 1, "stop": ["a"], "param": "seed"}},
    "a code of words": {"error": {"message": "no", "code": "seed", "type": "stop"}},
}


@pytest.mark.parametrize("api", ["chat", "text"])
@pytest.mark.parametrize("quoting", QUOTING)
@pytest.mark.parametrize("status", [400, 422])
def test_a_refusal_that_quotes_the_prompt_changes_nothing_for_the_others(api: str, quoting: str, status: int) -> None:
    def script(asked: Ask) -> Action:
        return Say(QUOTING[quoting], status) if RUDE in str(asked.body) else well(asked)

    with opened(script, api) as (server, engine):
        server.asked.clear()
        found = ask(engine, [request(api, "Hello"), request(api, RUDE), request(api, "Hello")], window=1)
        again = ask(engine, [request(api, "Hello", SHORT)])
    assert [isinstance(one, Completion) for one in (*found, *again)] == [True, False, True, True]
    assert f"answers {status}" in str(found[1])
    polite = [asked for asked in server.asked if RUDE not in str(asked.body)]
    assert all(all_fields(asked) for asked in polite)
    assert polite[1].body["stream_options"] == {"include_usage": True}
    rude = [asked for asked in server.asked if RUDE in str(asked.body)]
    assert len(rude) <= 2, "one experiment, and no more"


def test_many_refusals_at_once_change_nothing_for_the_others() -> None:
    def script(asked: Ask) -> Action:
        return Say({"error": {"message": str(asked.body)}}, 400) if "rude" in str(asked.body) else well(asked)

    with opened(script) as (server, engine):
        texts = ["rude: no seed, no stop" if n % 3 == 0 else "polite" for n in range(60)]
        found = ask(engine, [request(text=text) for text in texts])
        polite = [asked for asked in server.asked[1:] if "rude" not in str(asked.body)]
    assert [isinstance(one, Completion) for one in found] == ["rude" not in text for text in texts]
    assert all(all_fields(asked) for asked in polite)


@pytest.mark.parametrize("api", ["chat", "text"])
def test_a_prompt_that_is_too_long_teaches_nothing_and_is_asked_once(api: str) -> None:
    def script(asked: Ask) -> Action:
        error = {"message": "too large", "param": "seed", "code": "context_length_exceeded"}
        return Say({"error": error}, 400) if RUDE in str(asked.body) else well(asked)

    with opened(script, api) as (server, engine):
        server.asked.clear()
        found = ask(engine, [request(api, RUDE), request(api, "Hello")], window=1)
    assert [type(one) for one in found] == [ContextFull, Completion]
    assert len(server.asked) == 2
    assert all_fields(server.asked[-1])


@pytest.mark.parametrize("moody", ["at opening", "in a run"])
def test_a_refusal_that_passes_teaches_nothing(moody: str) -> None:
    """Once refused, and then answered whatever is asked: what was left out meanwhile is not at fault."""
    refused: list[Ask] = []

    def script(asked: Ask) -> Action:
        if not refused and (moody == "at opening" or asked.body["max_tokens"] > 1):
            refused.append(asked)
            return Say({"error": {"message": "seed, stop, stream_options"}}, 400)
        return well(asked)

    with opened(script) as (server, engine):
        found = ask(engine, [request(), request()], window=1)
    assert all(isinstance(one, Completion) for one in found), found
    assert refused
    assert all_fields(server.asked[-1])
    assert not any("takes" in told for told in engine.warnings)


# -- fields decide ----------------------------------------------------------------------------------------------------

SAYS: dict[str, Any] = {
    "OpenAI": lambda name: {"error": {"message": "no", "param": name, "code": "unsupported_parameter"}},
    "OpenAI, inside": lambda name: {"error": {"message": "no", "param": f"{name}.inside[0]"}},
    "vLLM": lambda name: {"error": {"message": "no", "type": "BadRequestError", "param": name, "code": 400}},
    "SGLang": lambda name: {"object": "error", "message": "no", "type": "BadRequestError", "param": name, "code": 400},
    "FastAPI": lambda name: {"detail": [{"type": "extra_forbidden", "loc": ["body", name], "msg": "no"}]},
    "Mistral": lambda name: {"object": "Error", "message": [{"type": "extra_forbidden", "loc": ["body", name]}]},
    "Mistral, wrapped": lambda name: {"object": "error", "message": {"detail": [{"loc": ["body", name]}]}},
    "Google": lambda name: [{"error": {"message": "no", "details": [{"fieldViolations": [{"field": name}]}]}}],
    "words only": lambda name: {"error": {"message": f"Unsupported param: {name}"}},
    "no words": lambda _: {},
    "no JSON": lambda _: b"<html>400 Bad Request</html>",
}
FIELDS = ("seed", "presence_penalty", "frequency_penalty", "stream", "stream_options", "stop", "max_tokens")


def refuses(names: tuple[str, ...], says: str, status: int = 400) -> Script:
    """A server that takes none of these fields, and of stops only four."""

    def script(asked: Ask) -> Action:
        for name in names:
            if name in asked.body or (name == "more stops" and len(asked.body.get("stop", ())) > 4):
                said = SAYS[says]("stop" if name == "more stops" else name)
                return Say(said if isinstance(said, bytes) else orjson.dumps(said), status)
        return well(asked)

    return script


@pytest.mark.parametrize("says", SAYS)
@pytest.mark.parametrize("name", [*FIELDS, "more stops"])
def test_what_a_server_does_not_take_is_left_out_and_the_rest_is_not(name: str, says: str) -> None:
    with opened(refuses((name,), says)) as (server, engine):
        server.asked.clear()
        found = ask(engine, [request(), request(most=SHORT)])
        bodies = [asked.body for asked in server.asked]
    assert all(isinstance(one, Completion) for one in found), found
    assert len(bodies) == 2, "it was found out at opening"
    others = {"seed", "presence_penalty", "stop", "max_tokens"} - {name}
    others -= {"presence_penalty"} if name == "frequency_penalty" else set()
    assert all(others <= set(body) for body in bodies)
    assert name == "max_tokens" or name not in bodies[0]
    if name == "max_tokens":
        assert all(body["max_completion_tokens"] for body in bodies)
    if name != "stop":
        assert all(body["stop"] == [*STOPS][: 4 if name == "more stops" else None] for body in bodies)
    long = next(body for body in bodies if LONG in body.values())
    assert ("stream" in long) == (name != "stream")
    assert ("stream_options" in long) == (name not in ("stream", "stream_options"))


@pytest.mark.parametrize("says", ["OpenAI", "FastAPI", "words only", "no words"])
@pytest.mark.parametrize("names", [("seed", "max_tokens"), ("more stops", "stream_options", "seed"), FIELDS])
def test_a_server_that_does_not_take_several_things_is_asked_without_all_of_them(
    names: tuple[str, ...], says: str
) -> None:
    with opened(refuses(names, says)) as (server, engine):
        server.asked.clear()
        (found,) = ask(engine, [request()])
        assert len(server.asked) == 1
    assert isinstance(found, Completion), found
    assert not set(server.asked[0].body) & set(names)


@pytest.mark.parametrize("says", ["OpenAI", "words only"])
@pytest.mark.parametrize("name", ["seed", "stop", "stream_options", "more stops"])
def test_what_a_server_comes_to_refuse_in_a_run_is_found_out_once(name: str, says: str) -> None:
    """As where an update, or another server behind the same address, changes what is taken."""
    with opened(well) as (server, engine):
        server.script = refuses((name,), says)
        assert all(isinstance(one, Completion) for one in ask(engine, [request()] * 20))
        server.asked.clear()
        assert all(isinstance(one, Completion) for one in ask(engine, [request()] * 20))
        assert len(server.asked) == 20
        assert all(("seed" in asked.body) == (name != "seed") for asked in server.asked)


def test_max_completion_tokens_is_tried_unasked_at_opening_only() -> None:
    """A server that knows neither name would write until its context ends."""
    with opened(well) as (server, engine):
        server.script = lambda _: Say({"error": {"message": "no"}}, 400)
        server.asked.clear()
        (failed,) = ask(engine, [request()])
        assert isinstance(failed, RequestFailed)
        assert all("max_tokens" in asked.body for asked in server.asked)


def test_a_field_that_cannot_be_left_out_ends_the_opening_with_the_servers_words() -> None:
    said = {"error": {"message": "Unsupported value: 'temperature'", "param": "temperature"}}
    told = "answers 400 to a first request: Unsupported value: 'temperature'"
    with pytest.raises(UserError, match=told), opened(lambda _: Say(said, 400)):
        pass


def test_what_an_engine_does_without_is_told() -> None:
    with opened(refuses(("seed", "more stops"), "OpenAI")) as (_, engine):
        assert any("takes no seed: the same run made again" in told for told in engine.warnings)
        assert any("takes 4 stops" in told for told in engine.warnings)


def test_a_server_that_fails_in_the_middle_of_an_experiment_teaches_nothing() -> None:
    with opened(well) as (server, engine):
        plain = threading.Event()

        def script(asked: Ask) -> Action:
            if plain.is_set() or asked.number % 2:
                return well(asked) if plain.is_set() else Say({"error": {"message": "busy"}}, 503)
            return Say({"error": {"message": "no seed"}}, 400)

        server.script = script
        server.asked.clear()
        (failed,) = ask(engine, [request()])
        assert isinstance(failed, RequestFailed)
        plain.set()
        assert isinstance(ask(engine, [request()])[0], Completion)
        assert all_fields(server.asked[-1])


def test_stops_that_a_server_does_not_take_are_cut_here() -> None:
    def script(asked: Ask) -> Action:
        if "stop" in asked.body:
            return Say({"error": {"message": "no", "param": "stop"}}, 400)
        return Say({"choices": [{"text": "one6two", "finish_reason": "length"}]})

    with opened(script) as (_, engine):
        (found,) = ask(engine, [replace(request(), sampling=SamplingParams(max_tokens=SHORT, stop=STOPS))])
    assert isinstance(found, Completion), found
    assert (found.text, found.finish_reason) == ("one", "stop")


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b"", ()),
        (b"null", ()),
        (b"[]", ()),
        (b"[" * 1000 + b"]" * 1000, ()),
        (b'"seed"', ()),
        (b'{"param": "seed"}', ("seed",)),
        (b'{"error": {"param": "body.seed"}}', ("seed",)),
        (b'{"error": {"param": "presencePenalty"}}', ("presence_penalty",)),
        (b'{"error": {"param": ["seed"]}}', ("seed",)),
        (b'{"error": {"param": {"a": "seed"}}}', ()),
        (b'{"error": {"param": 5}}', ()),
        (b'{"error": "seed"}', ()),
        (b'{"error": {"param": "no seed please"}}', ()),
        (b'{"detail": [{"loc": ["body", "stop", 4]}, {"loc": ["query", "seed"]}, {"loc": 5}, 5]}', ("seed", "stop")),
        (b'{"detail": {"loc": ["body", "seed"]}}', ()),
        (b'{"error": {"message": "{\\"detail\\": [{\\"loc\\": [\\"body\\", \\"seed\\"]}]}"}}', ()),
        (b'{"input": {"error": {"param": "seed"}}}', ()),
    ],
)
def test_names_are_read_where_an_error_has_a_place_for_them(body: bytes, names: tuple[str, ...]) -> None:
    assert tuple(sorted(blamed(body))) == names
