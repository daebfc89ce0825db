"""What the engine server does when servers fail: against one that fails on purpose, on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from email.utils import formatdate

import pytest

from magpie.engines import balance
from magpie.engines.server import loop as server_loop
from magpie.engines.server.engine import open_server
from magpie.engines.server.loop import Server
from magpie.errors import EngineDied, RequestFailed
from magpie.http import retries
from magpie.seams import Completion, Request, SamplingParams, Tokens, derive_seed
from magpie.settings.engines import Server as ServerSettings
from tests.engines.asking import Answer, ask, completions, new_tickets
from tests.engines.fault_server import (
    Action,
    Ask,
    Drip,
    FaultServer,
    Handler,
    Say,
    Script,
    completion,
    event,
    fault_server,
    half_close,
    hang,
    no_http,
    vanish,
    well,
)

BUSY = Say({"error": {"message": "too many", "code": 429}}, 429)
BROKEN = Say({"error": {"message": "no memory"}}, 500)
LONG = 200
"""Tokens: such an answer is streamed."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_BACKOFF", 0.005)
    monkeypatch.setattr(balance, "FIRST_REST", 0.005)
    monkeypatch.setattr(balance, "MOST_REST", 0.05)
    monkeypatch.setattr(server_loop, "TICK", 0.01)


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with fault_server() as started:
        yield started


def settings(*servers: FaultServer) -> ServerSettings:
    urls = tuple(server.url for server in servers)
    return ServerSettings(url=urls, concurrency=8, retries=2, connect_seconds=5.0, patience=30.0)


@contextmanager
def opened(*servers: FaultServer, **changes: float) -> Iterator[Server]:
    with open_server(settings(*servers).model_copy(update=changes)) as engine:
        for server in servers:
            server.asked.clear()
        yield engine


def request(seed: int = 0, most: int = 16) -> Request:
    return Request(Tokens((5, 6, 7)), SamplingParams(max_tokens=most), seed=seed)


def only(engine: Server, one: Request | None = None) -> Answer:
    return ask(engine, [one or request()])[0]


def first(bad: Action, times: int = 1, then: Action | None = None) -> Script:
    def script(asked: Ask) -> Action:
        return bad if asked.number < times else then or well(asked)

    return script


PASSING: dict[str, Action] = {
    "429": BUSY,
    "429 with seconds": replace(BUSY, headers={"Retry-After": "0.01"}),
    "429 with a date": replace(BUSY, headers={"Retry-After": formatdate(usegmt=True)}),
    "429 with nonsense": replace(BUSY, headers={"Retry-After": "soon"}),
    "500": BROKEN,
    "503": Say(b"<html>busy</html>", 503, kind="text/html"),
    "408": Say({}, 408),
    "garbage": Say(b'{"choices": [{"te'),
    "a page": Say(b"<html><body>Please log in</body></html>", kind="text/html"),
    "another form": Say({"choices": 5}),
    "a list": Say(b"[1, 2]"),
    "nothing": Say(b""),
    "no choices": Say({"choices": []}),
    "an end that is none": Say(completion(reason="abort")),
    "an error in the answer": Say({"error": {"message": "lost a worker", "code": 500}}),
    "half an answer": half_close,
    "no answer": vanish,
    "half a stream": Drip((event(completion(reason="")),), then="vanish"),
    "a stream without an end": Drip((event(completion(reason="")), event(b"[DONE]"))),
    "no HTTP": no_http,
}


@pytest.mark.parametrize("fault", PASSING)
def test_what_may_pass_is_tried_again(server: FaultServer, fault: str) -> None:
    with opened(server) as engine:
        server.script = first(PASSING[fault])
        answer = only(engine)
    assert isinstance(answer, Completion), answer
    assert answer.token_ids == (5, 6, 7)
    assert len(server.asked) == 2
    assert server.asked[0].body == server.asked[1].body


@pytest.mark.parametrize("fault", PASSING)
def test_after_the_last_try_the_request_fails_and_the_others_do_not(server: FaultServer, fault: str) -> None:
    def script(asked: Ask) -> Action:
        return PASSING[fault] if asked.body["temperature"] == 0.5 else well(asked)

    with opened(server) as engine:
        server.script = script
        bad = replace(request(), sampling=SamplingParams(temperature=0.5, max_tokens=16))
        before, failed, after = ask(engine, [request(1), bad, request(2)])
    assert isinstance(failed, RequestFailed)
    assert "after 3 tries" in str(failed)
    assert server.url in str(failed)
    assert isinstance(before, Completion)
    assert isinstance(after, Completion)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_a_refusal_is_not_tried_again_and_says_what_the_server_says(server: FaultServer, status: int) -> None:
    with opened(server) as engine:
        server.script = lambda _: Say({"error": {"message": "the prompt\nis rude"}}, status)
        failed = only(engine)
    assert isinstance(failed, RequestFailed)
    assert f"answers {status}: the prompt is rude" in str(failed)
    assert len(server.asked) == 1


def test_a_redirect_is_not_followed(server: FaultServer) -> None:
    with fault_server() as other, opened(server) as engine:
        server.script = lambda _: Say({}, 307, headers={"Location": f"{other.url}/v1/completions"})
        failed = only(engine)
        assert "not followed" in str(failed)
        assert other.asked == []


def test_tokens_are_counted_from_the_ids_whatever_the_server_says(server: FaultServer) -> None:
    lies: Sequence[object] = (None, {}, {"completion_tokens": 999, "prompt_tokens": -1}, {"completion_tokens": "4"})
    with opened(server) as engine:
        for lie in lies:
            server.script = lambda _, lie=lie: Say(completion() | {"usage": lie})  # type: ignore[misc]
            answer = only(engine)
            assert isinstance(answer, Completion), answer
            assert (answer.prompt_tokens, answer.completion_tokens, answer.token_ids) == (3, 4, (5, 6, 7))


def test_more_tokens_than_were_asked_for_fail_the_request(server: FaultServer) -> None:
    with opened(server) as engine:
        server.script = lambda _: Say(completion(ids=tuple(range(20))))
        failed = only(engine)
    assert "21 tokens, and 16 were asked for" in str(failed)


def pieces(*ids: int) -> tuple[bytes, ...]:
    whole = [event({"choices": [{"text": "", "token_ids": [one]}]}) for one in ids]
    return (*whole, event({"choices": [{"text": "", "token_ids": [2], "finish_reason": "stop"}]}), event(b"[DONE]"))


def test_a_streamed_answer_is_put_together(server: FaultServer) -> None:
    with opened(server) as engine:
        server.script = lambda _: Drip((b": a comment\n\n", *pieces(8, 9)))
        answer = only(engine, request(most=LONG))
    assert server.asked[0].body["stream"]
    assert isinstance(answer, Completion), answer
    assert (answer.token_ids, answer.completion_tokens, answer.finish_reason) == ((8, 9), 3, "stop")


def test_a_stream_cut_at_any_byte_is_put_together(server: FaultServer) -> None:
    joined = b"".join(pieces(8, 9))
    with opened(server) as engine:
        server.script = lambda _: Drip(tuple(joined[n : n + 7] for n in range(0, len(joined), 7)))
        answer = only(engine, request(most=LONG))
    assert isinstance(answer, Completion), answer
    assert answer.token_ids == (8, 9)


def test_an_error_in_the_middle_of_a_stream_is_the_servers_or_ours(server: FaultServer) -> None:
    with opened(server) as engine:
        for code, tries in ((500, 3), (400, 1)):
            server.asked.clear()
            broken = event({"error": {"message": "that went wrong", "code": code}})
            server.script = lambda _, broken=broken: Drip((pieces(8)[0], broken))  # type: ignore[misc]
            failed = only(engine, request(most=LONG))
            assert "that went wrong" in str(failed)
            assert len(server.asked) == tries


SILENCES: dict[str, tuple[Action, dict[str, float], str]] = {
    "before the headers": (hang, {"first_token_seconds": 0.2}, "first_token_seconds"),
    "after the headers": (Drip((), then="hang"), {"first_token_seconds": 0.2}, "first_token_seconds"),
    "kept alive by comments": (Drip((b": ping\n\n",) * 99, wait=0.02), {"first_token_seconds": 0.2}, "first_token"),
    "in the middle": (Drip(pieces(8)[:1], then="hang"), {"idle_seconds": 0.2}, "idle_seconds"),
}


@pytest.mark.parametrize("silence", SILENCES)
def test_silence_is_given_up_and_tried_again(server: FaultServer, silence: str) -> None:
    action, limits, told = SILENCES[silence]
    with opened(server, connect_seconds=0.1, **limits) as engine:
        server.script = lambda _: action
        failed = only(engine, request(most=LONG))
        assert isinstance(failed, RequestFailed)
        assert told in str(failed)
        assert len(server.asked) == 3
        server.script = first(action, times=4, then=Drip(pieces(8)))
        assert isinstance(only(engine, request(most=LONG)), Completion)


def test_a_slow_drip_does_not_go_on_forever(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece comes in time; the whole does not."""
    monkeypatch.setattr("magpie.engines.server.patience.SLOWEST", 1000.0)
    with opened(server, first_token_seconds=0.1, connect_seconds=0.1, retries=0) as engine:
        server.script = lambda _: Drip(pieces(*range(500)), wait=0.02)
        failed = only(engine, request(most=LONG))
    assert "no whole answer" in str(failed)


def test_a_silent_server_is_given_up_where_answers_come_whole(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("magpie.engines.server.patience.SLOWEST", 1000.0)
    with opened(server, first_token_seconds=0.05, connect_seconds=0.05, retries=0) as engine:
        server.script = lambda _: hang
        assert "no whole answer" in str(only(engine))


def test_slow_requests_hold_up_no_others(server: FaultServer) -> None:
    with opened(server) as engine:
        server.script = lambda asked: hang if asked.body["temperature"] == 0.5 else well(asked)
        slow = replace(request(), sampling=SamplingParams(temperature=0.5, max_tokens=16))
        tickets = new_tickets(3)
        for ticket in tickets:
            engine.submit(ticket, slow)
        assert len(completions(engine, [request(n) for n in range(50)], window=5)) == 50
        engine.cancel(tickets)


def test_canceling_closes_the_connection(server: FaultServer) -> None:
    with opened(server) as engine:
        server.script = lambda _: hang
        tickets = new_tickets(8)
        for ticket in tickets:
            engine.submit(ticket, request())
        _until(lambda: server.hanging == 8)
        engine.cancel(tickets)
        _until(lambda: server.hanging == 0)
        assert not engine.poll(0.02)


def test_a_request_canceled_at_any_moment_leaves_no_connection_open(server: FaultServer) -> None:
    """Also in the moment in which the connection comes about."""
    with opened(server) as engine:
        for n in range(300):
            tickets = new_tickets(8)
            for ticket in tickets:
                engine.submit(ticket, request())
            time.sleep(n / 100_000)
            engine.cancel(tickets)
        assert isinstance(only(engine), Completion)
    _until(lambda: server.connected == 0)


def test_closing_cancels_what_is_in_flight(server: FaultServer) -> None:
    with opened(server) as engine:
        server.script = lambda _: hang
        engine.submit(0, request())
        _until(lambda: server.hanging == 1)
    _until(lambda: server.hanging == 0)


def _until(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.005)


def test_a_server_that_dies_and_comes_back_loses_no_request(server: FaultServer) -> None:
    """Waiting for it uses up no tries."""
    with opened(server, retries=1) as engine:
        server.script = lambda _: hang
        tickets = new_tickets(8)
        for n, ticket in enumerate(tickets):
            engine.submit(ticket, request(n))
        _until(lambda: server.hanging == 8)
        server.stop()
        assert engine.poll(0.3) == []
        server.script = well
        server.start()
        answers = _poll_all(engine, len(tickets))
    assert all(isinstance(answer, Completion) for answer in answers), answers


def _poll_all(engine: Server, number: int) -> list[Answer]:
    answers: list[Answer] = []
    until = time.monotonic() + 30
    while len(answers) < number and time.monotonic() < until:
        answers += [answer for _, answer in engine.poll(0.1)]
    return answers


def test_when_nobody_takes_a_connection_for_long_the_engine_has_died(server: FaultServer) -> None:
    with opened(server, patience=0.8) as engine:
        assert isinstance(only(engine), Completion)
        server.stop()
        engine.submit(10**9, request())
        with pytest.raises(EngineDied, match=r"from http://127.*: no connection \(Connection refused\)") as died:
            _poll_all(engine, 1)
        with pytest.raises(EngineDied):
            engine.poll(0.0)
    assert "\n" not in str(died.value)
    server.start()


def test_a_gateway_whose_server_is_gone_uses_up_patience_and_no_rows(server: FaultServer) -> None:
    with opened(server, patience=0.3, retries=10**6) as engine:
        server.script = lambda _: Say(b"<html>502 Bad Gateway</html>", 502, kind="text/html")
        engine.submit(10**9, request())
        with pytest.raises(EngineDied, match="answers 502"):
            _poll_all(engine, 1)


def test_a_bug_in_the_thread_ends_the_engine_and_hangs_nothing(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(server) as engine:
        monkeypatch.setattr(server_loop.Server, "_again", None)
        server.script = lambda _: BROKEN
        assert "where none was expected" in str(only(engine))
        monkeypatch.setattr(server_loop.Server, "_take_in", lambda _: 1 / 0)
        engine.submit(10**9, request())
        with pytest.raises(EngineDied, match="ZeroDivisionError where none was expected"):
            _poll_all(engine, 1)


def test_idle_time_uses_up_no_patience(server: FaultServer) -> None:
    with opened(server, patience=0.5) as engine:
        time.sleep(0.8)
        assert isinstance(only(engine), Completion)


def test_work_is_shared_among_servers(server: FaultServer) -> None:
    with fault_server() as other, opened(server, other) as engine:
        assert engine.window == 16
        completions(engine, [request(n) for n in range(100)])
        assert min(len(server.asked), len(other.asked)) > 30


def test_a_slow_server_gets_less_and_holds_up_no_other(server: FaultServer) -> None:
    def slowly(asked: Ask) -> Action:
        def act(handler: Handler) -> None:
            handler.owner.closing.wait(0.3)
            well(asked)(handler)

        return act

    with fault_server(slowly) as slow, opened(server, slow) as engine:
        completions(engine, [request(n) for n in range(40)], window=6)
        slow.asked.clear()
        server.asked.clear()
        assert len(completions(engine, [request(n) for n in range(100)], window=6)) == 100
        assert len(slow.asked) < 30
        assert len(server.asked) > 70


def test_a_server_that_fails_is_set_aside_and_the_other_does_the_work(server: FaultServer) -> None:
    with fault_server() as other, opened(server, other) as engine:
        server.script = lambda _: BROKEN
        assert len(completions(engine, [request(n) for n in range(200)])) == 200
        assert len(server.asked) < 60
        server.script = well
        server.asked.clear()
        time.sleep(0.1)
        completions(engine, [request(n) for n in range(200)])
        assert len(server.asked) > 30


def test_a_server_that_is_gone_costs_nothing_while_another_is_there(server: FaultServer) -> None:
    with fault_server() as other, opened(server, other, patience=2.0) as engine:
        server.stop()
        for _ in range(10):
            assert len(completions(engine, [request(n) for n in range(20)])) == 20
            time.sleep(0.05)
        server.start()
        server.asked.clear()
        time.sleep(0.1)
        completions(engine, [request(n) for n in range(200)])
        assert len(server.asked) > 30


def test_too_many_requests_shrink_the_window_and_success_grows_it(server: FaultServer) -> None:
    with opened(server) as engine:
        assert engine.window == 8
        server.script = lambda asked: BUSY if asked.number < 3 else well(asked)
        completions(engine, [request(n) for n in range(3)], window=3)
        assert engine.window < 8
        completions(engine, [request(n) for n in range(200)])
        assert engine.window == 8


def test_connections_are_kept_and_a_stale_one_costs_no_try(server: FaultServer) -> None:
    ports = set()

    def script(asked: Ask) -> Action:
        def act(handler: Handler) -> None:
            ports.add(handler.client_address[1])
            well(asked)(handler)
            handler.close_connection = asked.number % 10 == 9

        return act

    with opened(server, retries=0) as engine:
        server.script = script
        for _ in range(10):
            assert len(completions(engine, [request(n) for n in range(10)], window=1)) == 10
    assert len(ports) <= 11


def test_a_text_that_the_server_should_have_cut_is_cut(server: FaultServer) -> None:
    with opened(server) as engine:
        server.script = lambda _: Say(completion(text="yes. no"))
        answer = only(engine, replace(request(), sampling=SamplingParams(max_tokens=16, stop=(". ",))))
    assert isinstance(answer, Completion), answer
    assert answer.text == "yes"


def test_an_answer_that_never_ends_is_given_up(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("magpie.engines.server.patience.MOST_BYTES", 1 << 16)
    with opened(server, retries=0) as engine:
        server.script = lambda _: Say(b" " * (1 << 20))
        assert "longer than" in str(only(engine))


def test_equal_pre_queries_are_sent_one_by_one_so_that_each_has_its_seed(server: FaultServer) -> None:
    """vLLM samples every prompt of a list with one seed: a list of 256 pre-queries would be one text 256 times."""

    def as_vllm_samples(asked: Ask) -> Action:
        assert all(isinstance(token, int) for token in asked.body["prompt"]), "one prompt a request"
        seed = asked.body["seed"]
        return Say(completion(ids=tuple(10 + (seed >> shift) % 64 for shift in range(0, 60, 6))))

    with opened(server) as engine:
        server.script = as_vllm_samples
        seeds = [derive_seed(7, "instruct", row, 0) for row in range(256)]
        answers = completions(engine, [request(seed) for seed in seeds])
    assert len({answer.token_ids for answer in answers}) == 256
