"""No message holds the key: not where it is cut, not where a server repeats it at a place that nobody expects."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from magpie.embedders.server import open_server as open_embedder
from magpie.engines import balance
from magpie.engines.server.engine import open_server
from magpie.errors import UserError
from magpie.http import retries
from magpie.models.engines import choose_server, find_server
from magpie.scorers.server import open_server_scorer
from magpie.seams import Message, Request, SamplingParams, Tokens
from magpie.settings.embedders import EmbeddingServer
from magpie.settings.engines import Server
from magpie.settings.scorers import RewardServer
from tests.engines.asking import ask
from tests.engines.fault_server import Action, Body, FaultServer, Handler, Say, event, fault_server, well

KEY = "sk-Zq81+never/shown"
VARIABLE = "MAGPIE_TEST_KEY"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    monkeypatch.setattr(retries, "FIRST_BACKOFF", 0.001)
    monkeypatch.setattr(balance, "FIRST_REST", 0.001)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with fault_server() as started:
        yield started


def settings(server: FaultServer, **changes: Any) -> Server:
    return Server(url=server.url, connect_seconds=5.0, retries=0, api_key_env=VARIABLE).model_copy(update=changes)


def pieces() -> list[str]:
    """The key, and what may be left of it."""
    written = (KEY, quote(KEY), quote(KEY, safe=""))
    return [one[:length] for one in written for length in range(4, len(one) + 1)]


def refusal(asked: Server) -> str:
    with pytest.raises(UserError) as refused, open_server(asked):
        pass
    return str(refused.value)


def in_a_run(server: FaultServer, answers: list[Action]) -> list[str]:
    told: list[str] = []
    with open_server(settings(server)) as engine:
        for answer in answers:
            server.script = lambda _, answer=answer: answer  # type: ignore[misc]
            told += map(str, ask(engine, [Request(Tokens((1,)), SamplingParams(max_tokens=9))]))
    return told


def places(echo: str) -> list[Action]:
    return [
        Say({"error": echo}, 400),
        Say({"error": {"message": echo}}, 500),
        Say({"detail": [{"msg": echo}]}, 422),
        Say(echo.encode(), 400),
        Say({"error": {"message": echo, "code": 500}}),
        Say(event({"error": {"message": echo, "code": 400}})),
        Say(echo.encode()),
        Say({"choices": [{"text": "a", "finish_reason": echo, "token_ids": [1]}]}),
        Say({}, 307, headers={"Location": f"http://other/?{echo}"}),
        Say(b"", 200, headers={"Content-Encoding": echo}),
    ]


@pytest.mark.parametrize("padding", [0, 60, 75, *range(276, 304, 3)])
@pytest.mark.parametrize("written", ["as it is", "quoted"])
def test_nothing_is_left_of_a_key_that_stands_where_a_message_is_cut(
    server: FaultServer, padding: int, written: str
) -> None:
    key = KEY if written == "as it is" else quote(KEY, safe="")
    echo = "x" * padding + f" {key} and so on"
    told = in_a_run(server, places(echo))
    for status in (401, 403, 404, 500):
        server.pages["/v1/models"] = Say({"error": echo}, status)
        server.script = lambda _, status=status: Say({"error": echo}, status)  # type: ignore[misc]
        told.append(refusal(settings(server)))
    assert not [(piece, one) for one in told for piece in pieces() if piece in one]


def no_http(handler: Handler) -> None:
    handler.wfile.write(f"HTTP/1.1 200 OK\r\n{KEY} {KEY}\r\n\r\n".encode())
    handler.close_connection = True


NAMES: Body = {"data": [{"id": f"m-{KEY}", "owned_by": "vllm"}, {"id": KEY, "owned_by": "vllm"}]}
PAGES: dict[str, Action] = {
    "names of models": Say(NAMES),
    "a type": Say(b"{", kind=f"text/{KEY}"),
    "a place": Say({}, 307, {"Location": f"http://other/{KEY}"}),
    "a packing": Say({}, 200, {"Content-Encoding": KEY}),
    "no JSON": Say(f"{{ {KEY}".encode()),
    "no HTTP": no_http,
}


@pytest.mark.parametrize("page", PAGES)
def test_a_key_that_a_server_repeats_at_opening_is_not_repeated_here(server: FaultServer, page: str) -> None:
    server.pages["/v1/models"] = PAGES[page]
    for asked in (settings(server), settings(server, served_model="other")):
        told = refusal(asked)
        assert not [piece for piece in pieces() if piece in told], told


def test_a_model_that_is_called_like_the_key_is_not_told_of_by_its_name(server: FaultServer) -> None:
    server.pages["/v1/models"] = Say({"data": [{"id": KEY, "owned_by": "vllm"}]})
    recipe = Server(url=server.url, api_key_env=VARIABLE)
    use = choose_server(recipe, find_server(recipe))
    assert use.loads == KEY, "it is asked for by its name"
    assert KEY not in use.why


@pytest.mark.parametrize("padding", [0, 75, *range(276, 304, 3)])
def test_embedders_and_scorers_cut_no_key_in_two(server: FaultServer, padding: int) -> None:
    echo = "x" * padding + f" {KEY} and so on"
    told = []
    for status in (400, 401, 404, 500):
        server.script = lambda _, status=status: Say({"error": echo}, status)  # type: ignore[misc]
        for opening in (
            open_embedder(EmbeddingServer(url=server.url, retries=0, api_key_env=VARIABLE)),
            open_server_scorer(RewardServer(url=server.url, retries=0, api_key_env=VARIABLE)),
        ):
            with pytest.raises(UserError) as refused, opening:
                pass
            told.append(str(refused.value))
    assert not [(piece, one) for one in told for piece in pieces() if piece in one]


@pytest.mark.parametrize("page", PAGES)
def test_embedders_and_scorers_repeat_no_key_that_a_list_of_models_holds(server: FaultServer, page: str) -> None:
    server.pages["/v1/models"] = PAGES[page]
    server.script = lambda _: Say({"error": KEY}, 500)
    for opening in (
        open_embedder(EmbeddingServer(url=server.url, retries=0, patience=0.1, api_key_env=VARIABLE)),
        open_server_scorer(RewardServer(url=server.url, retries=0, patience=0.1, api_key_env=VARIABLE)),
    ):
        with pytest.raises(UserError) as refused, opening:
            pass
        assert not [piece for piece in pieces() if piece in str(refused.value)], refused.value


def test_rows_of_embedders_and_scorers_carry_no_key(server: FaultServer) -> None:
    vectors = {"data": [{"index": 0, "embedding": [1.0, 2.0]}]}
    server.script = lambda _: Say(vectors)
    with open_embedder(EmbeddingServer(url=server.url, retries=0, api_key_env=VARIABLE)) as embedder:
        server.script = lambda _: Say({"error": "x" * 290 + KEY}, 400)
        (failed,) = embedder.embed(["a"])
    assert not [piece for piece in pieces() if piece in str(failed)], failed
    server.script = lambda _: Say({"data": [{"probs": [1.0]}]})
    with open_server_scorer(RewardServer(url=server.url, retries=0, api_key_env=VARIABLE)) as scorer:
        server.script = lambda _: Say({"error": "x" * 290 + KEY}, 400)
        (unscored,) = scorer.score([(Message("user", "a"), Message("assistant", "b"))])
    assert not [piece for piece in pieces() if piece in str(unscored)], unscored


def test_what_the_libraries_of_http_log_holds_no_key(server: FaultServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    server.script = lambda asked: Say(well(asked).body, headers={"X-Key": KEY})  # type: ignore[attr-defined]
    server.pages["/v1/models"] = Say({"data": [{"id": "m", "owned_by": "vllm"}]}, headers={"X-Key": KEY})
    with open_server(settings(server)) as engine:
        ask(engine, [Request(Tokens((1,)), SamplingParams(max_tokens=9))])
    for name in ("aiohttp.client", "aiohttp.internal", "asyncio"):
        logging.getLogger(name).warning("headers: %s", {"X-Key": KEY})
    assert caplog.text.count("X-Key") == 3
    assert KEY not in caplog.text


@pytest.mark.parametrize("proxy", ["http://bob:hunter22@127.0.0.1:9", "bob:hunter22@127.0.0.1:9"])
def test_the_password_of_a_proxy_is_shown_nowhere(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    for opening in (
        open_server(Server(url="http://models.invalid/v1", connect_seconds=1.0)),
        open_embedder(EmbeddingServer(url="http://models.invalid/v1", connect_seconds=1.0)),
        open_server_scorer(RewardServer(url="http://models.invalid/v1", connect_seconds=1.0)),
    ):
        with pytest.raises(UserError) as refused, opening:
            pass
        assert "hunter22" not in str(refused.value)
        assert "models.invalid" in str(refused.value)
