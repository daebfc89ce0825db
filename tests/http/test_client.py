"""The one HTTP client: what it sends, what it takes, and what it makes of a server that misbehaves."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from magpie.http.answers import Garbled
from magpie.http.blocking import open_blocking
from magpie.http.client import Client
from magpie.http.endpoints import Endpoint, Key, endpoint_to, read_url
from magpie.http.exchange import Broken, Deadline, Response, TooSlow, Unreachable
from tests.engines.fault_server import (
    Ask,
    Drip,
    FaultServer,
    Handler,
    Say,
    fault_server,
    half_close,
    hang,
    no_http,
    vanish,
)
from tests.engines.local_servers import free_port

SOON = Deadline(whole=0.3)
LATER = Deadline(whole=20.0)
MOST = 1 << 16


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with fault_server(lambda _: Say(b"{}")) as started:
        yield started


def with_client(endpoint: Endpoint, use: Callable[[Client], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        client = Client(endpoint, connect_seconds=5.0)
        try:
            return await use(client)
        finally:
            await client.close()

    return asyncio.run(run())


def endpoint_of(server: FaultServer, key: str | None = None) -> Endpoint:
    return endpoint_to(read_url(server.url), Key("SOME_KEY", key))


def post(server: FaultServer, deadline: Deadline = LATER, most: int = MOST) -> Response:
    async def use(client: Client) -> Response:
        return await client.exchange("POST", "/v1/completions", b"{}", deadline=deadline, most=most)

    response: Response = with_client(endpoint_of(server), use)
    return response


def test_the_key_goes_with_every_request_and_no_redirect_is_followed(server: FaultServer) -> None:
    with fault_server() as other, open_blocking(endpoint_of(server, "word"), 5.0) as client:
        server.script = lambda _: Say({}, 307, headers={"Location": f"{other.url}/v1/completions"})
        response = client.fetch("POST", "/v1/completions", b"{}", seconds=5.0, most=MOST)
        assert (response.status, response.headers["location"]) == (307, f"{other.url}/v1/completions")
        assert other.asked == []
    assert server.asked[0].headers["Authorization"] == "Bearer word"
    assert server.asked[0].headers["Accept-Encoding"] == "identity"


def test_cookies_of_a_server_are_not_sent_back(server: FaultServer) -> None:
    server.script = lambda _: Say({}, headers={"Set-Cookie": "a=b"})
    with open_blocking(endpoint_of(server), 5.0) as client:
        for _ in range(2):
            client.fetch("POST", "/", b"{}", seconds=5.0, most=MOST)
    assert "Cookie" not in server.asked[1].headers


def test_the_name_and_password_of_a_proxy_go_to_the_proxy(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.url.replace("http://", "http://bob:hunter%202@"))
    endpoint = endpoint_to(read_url("http://models.invalid/v1"), Key(None))
    with open_blocking(endpoint, 5.0) as client:
        client.fetch("POST", "/v1/completions", b"{}", seconds=5.0, most=MOST)
    (asked,) = server.asked
    assert asked.path == "http://models.invalid/v1/completions"
    assert asked.headers["Proxy-Authorization"] == f"Basic {base64.b64encode(b'bob:hunter 2').decode()}"


@pytest.mark.parametrize("action", [half_close, vanish, no_http])
def test_a_connection_that_breaks_is_told_from_one_that_never_was(server: FaultServer, action: Any) -> None:
    server.script = lambda _: action
    with pytest.raises(Broken) as broken:
        post(server)
    assert broken.value.is_silent == (action is vanish)
    server.stop()
    with pytest.raises(Unreachable, match=r"^Connection refused$"):
        post(server)
    server.start()


@pytest.mark.parametrize("action", [hang, Drip((b"a",) * 99, wait=0.02), Drip((b"a",), then="hang")])
def test_an_answer_must_be_whole_at_its_deadline(server: FaultServer, action: Any) -> None:
    server.script = lambda _: action
    with pytest.raises(TooSlow, match=r"no whole answer in 0\.3 seconds") as slow:
        post(server, SOON)
    assert slow.value.waited_for == "whole"


@pytest.mark.parametrize(
    ("action", "waited_for"),
    [(hang, "first"), (Drip((b": ping\n\n",) * 99, wait=0.02), "first"), (Drip((b"a",), then="hang"), "idle")],
)
def test_a_stream_has_a_first_piece_and_silences(server: FaultServer, action: Any, waited_for: str) -> None:
    server.script = lambda _: action
    with pytest.raises(TooSlow) as slow:
        post(server, Deadline(whole=20.0, first=0.2, idle=0.2))
    assert slow.value.waited_for == waited_for


def test_an_answer_that_is_too_long_is_given_up(server: FaultServer) -> None:
    server.script = lambda _: Drip((b"x" * 4096,) * 999)
    with pytest.raises(Garbled, match="longer than 64 KiB"):
        post(server)


def test_no_error_holds_the_key(server: FaultServer) -> None:
    for action in (half_close, vanish, no_http, hang):
        server.script = lambda _, action=action: action  # type: ignore[misc]
        with (
            open_blocking(endpoint_of(server, "sesame-street"), 5.0) as client,
            pytest.raises((Broken, TooSlow)) as error,
        ):
            client.fetch("POST", "/", b"{}", seconds=0.2, most=MOST)
        told: BaseException | None = error.value
        while told is not None:
            assert "sesame-street" not in f"{told!r} {vars(told)}"
            told = told.__cause__ or told.__context__


def test_what_came_unasked_on_a_kept_connection_is_no_answer(server: FaultServer) -> None:
    def unasked(handler: Handler) -> None:
        Say(b"first")(handler)
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale")

    server.script = lambda asked: unasked if asked.number == 0 else Say(b"second")

    async def use(client: Client) -> list[bytes]:
        bodies = []
        for _ in range(2):
            bodies.append((await client.exchange("POST", "/", b"{}", deadline=LATER, most=MOST)).body)
            await asyncio.sleep(0.05)
        return bodies

    assert with_client(endpoint_of(server), use) == [b"first", b"second"]


def test_hundreds_at_once_share_the_connections_that_they_need(server: FaultServer) -> None:
    def echo(asked: Ask) -> Say:
        return Say({"n": asked.body["n"]})

    server.script = echo

    async def use(client: Client) -> list[Response]:
        async def one(number: int) -> Response:
            return await client.exchange("POST", "/", b'{"n":%d}' % number, deadline=LATER, most=MOST)

        return await asyncio.gather(*(one(number) for number in range(300)))

    answers = with_client(endpoint_of(server), use)
    assert [answer.body for answer in answers] == [b'{"n":%d}' % number for number in range(300)]


def test_an_exchange_that_is_canceled_closes_its_connection(server: FaultServer) -> None:
    server.script = lambda _: hang

    async def use(client: Client) -> None:
        task = asyncio.ensure_future(client.exchange("POST", "/", b"{}", deadline=LATER, most=MOST))
        while server.hanging == 0:
            await asyncio.sleep(0.01)
        task.cancel()
        until = time.monotonic() + 20.0
        while server.hanging and time.monotonic() < until:
            await asyncio.sleep(0.01)

    with_client(endpoint_of(server), use)
    assert server.hanging == 0


def test_a_port_at_which_nobody_listens_is_unreachable() -> None:
    endpoint = endpoint_to(read_url(f"http://127.0.0.1:{free_port()}"), Key(None))
    with open_blocking(endpoint, 5.0) as client, pytest.raises(Unreachable):
        client.fetch("GET", "/", seconds=5.0, most=MOST)
