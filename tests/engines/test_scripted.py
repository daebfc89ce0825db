"""What is the scripted engine's own: its script, its delays, its faults, its small talk."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from magpie.engines.scripted import open_scripted
from magpie.errors import EngineDied, RequestFailed
from magpie.seams import Completion, JsonSchema, Request, SamplingParams, Tokens
from magpie.settings.engines import Scripted as ScriptedSettings
from tests.engines.asking import ask, completions

SAMPLED = SamplingParams(max_tokens=400)


def requests(number: int) -> list[Request]:
    return [Request(Tokens((1, 2, 3)), SAMPLED, seed=seed) for seed in range(number)]


def test_a_script_says_text_completions_or_failures() -> None:
    answers: dict[int, str | Completion | RequestFailed] = {
        0: "hello",
        1: Completion("hi", (5,), "length", 3, 1),
        2: RequestFailed("no"),
    }
    with open_scripted(script=lambda request: answers[request.seed]) as engine:
        said = ask(engine, requests(3))
    assert said == [Completion("hello", tuple(b"hello"), "stop", 3, 6), answers[1], answers[2]]


def test_a_text_as_long_as_max_tokens_has_no_room_for_its_end() -> None:
    with open_scripted(script=lambda _: "hello") as engine:
        asked = [Request(Tokens((1,)), SamplingParams(max_tokens=most)) for most in (4, 5, 6)]
        got = [(c.text, c.finish_reason, c.completion_tokens) for c in completions(engine, asked)]
    assert got == [("hell", "length", 4), ("hello", "length", 5), ("hello", "stop", 6)]


def test_steps_scramble_the_order_the_same_way_each_time() -> None:
    def order() -> list[int]:
        with open_scripted(ScriptedSettings(steps=6)) as engine:
            for ticket, request in enumerate(requests(50)):
                engine.submit(ticket, request)
            return [ticket for _ in range(7) for ticket, _ in engine.poll(0.0)]

    assert sorted(order()) == list(range(50)) != order()
    assert order() == order()


def test_without_delays_one_poll_answers_everything() -> None:
    with open_scripted() as engine:
        for ticket, request in enumerate(requests(50)):
            engine.submit(ticket, request)
        assert [ticket for ticket, _ in engine.poll(0.0)] == list(range(50))


def test_seconds_delay_and_poll_waits_no_longer_than_asked() -> None:
    with open_scripted(ScriptedSettings(seconds=30.0)) as engine:
        for ticket, request in enumerate(requests(4)):
            engine.submit(ticket, request)
        started = time.monotonic()
        assert engine.poll(0.05) == []
        assert 0.04 < time.monotonic() - started < 30.0


def test_the_share_that_fails_is_as_asked_and_always_the_same_requests() -> None:
    def failed() -> list[int]:
        with open_scripted(ScriptedSettings(fail_rate=0.1)) as engine:
            return [i for i, answer in enumerate(ask(engine, requests(2000))) if isinstance(answer, RequestFailed)]

    assert 150 < len(failed()) < 250
    assert failed() == failed()


def test_it_dies_after_so_many_polls() -> None:
    with open_scripted(ScriptedSettings(die_after_polls=3, steps=9)) as engine:
        for ticket, request in enumerate(requests(9)):
            engine.submit(ticket, request)
        for _ in range(3):
            engine.poll(0.0)
        for _ in range(2):
            with pytest.raises(EngineDied, match="after 3 polls"):
                engine.poll(0.0)


def test_it_hangs_after_so_many_polls() -> None:
    with open_scripted(hang_after_polls=1) as engine:
        assert engine.poll(0.0) == []
        engine.submit(0, requests(1)[0])
        started = time.monotonic()
        assert [engine.poll(0.01) for _ in range(5)] == [[]] * 5
        assert time.monotonic() - started >= 0.05


def test_small_talk_is_varied_and_as_often_empty_or_endless_as_asked() -> None:
    with open_scripted(ScriptedSettings(empty_rate=0.1, length_rate=0.2)) as engine:
        said = completions(engine, requests(2000))
    assert len({c.text for c in said}) > 1700
    assert 150 < sum(c.text == "" for c in said) < 250
    assert 330 < sum(c.finish_reason == "length" for c in said) < 470
    assert all(c.completion_tokens == 400 for c in said if c.finish_reason == "length")


def test_small_talk_ends_by_itself_when_nothing_else_is_asked() -> None:
    with open_scripted(ScriptedSettings(length_rate=0.0)) as engine:
        assert {c.finish_reason for c in completions(engine, requests(500))} == {"stop"}


def test_small_talk_is_the_same_in_another_process() -> None:
    script = (
        "from magpie.engines.scripted import *; from magpie.seams import *\n"
        "with open_scripted() as e:\n"
        " e.submit(0, Request(Tokens((1, 2, 3)), SamplingParams(max_tokens=400), seed=7))\n"
        " print(ascii(e.poll(0)[0][1]))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout
    with open_scripted() as engine:
        assert told.strip() == ascii(ask(engine, requests(8))[7])


def test_small_talk_follows_prompt_and_sampling() -> None:
    asked = [
        Request(Tokens(ids), SamplingParams(temperature, top_p), seed=1)
        for ids in ((1,), (2,), (1, 2), (2, 1))
        for temperature in (0.5, 1.0)
        for top_p in (0.9, 1.0)
    ]
    with open_scripted() as engine:
        assert len({c.text for c in completions(engine, asked)}) == len(asked)


@pytest.mark.parametrize(
    "schema", ['{"type": "object", "properties": []}', '{"type": "object", "properties": {"a": 3}}', '{"enum": 3}']
)
def test_a_schema_that_is_none_fails_its_request_alone(schema: str) -> None:
    sampling = SamplingParams(max_tokens=9)
    bad = Request(Tokens((1,)), sampling, structure=JsonSchema(schema))
    with open_scripted() as engine:
        first, second = ask(engine, [bad, Request(Tokens((1,)), sampling)])
    assert isinstance(first, RequestFailed)
    assert isinstance(second, Completion)
