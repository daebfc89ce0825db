"""Scores from a server: what it is asked, what its answers mean, and what is said when it does not answer.

The answers to `/classify` and `/pooling` were recorded from vLLM 0.32, that to `/score` is as its source has it; the
server here says them again, or fails on purpose. A real one is in `test_server_vllm`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Timer
from typing import Any

import pytest
from pydantic import ValidationError

from magpie.errors import ModelError, RequestFailed, ServerLost, UserError
from magpie.http import retries
from magpie.scorers.server import open_server_scorer
from magpie.scorers.server_answers import Api, Garbled, WrongLabel, body, score
from magpie.seams import Message
from magpie.settings.scorers import RewardServer
from tests.engines.fault_server import Action, Ask, Body, FaultServer, Say, fault_server, half_close, vanish
from tests.engines.hostile_answers import LARGE, ODDLY_PACKED, SLOW, TEXTS
from tests.scorers.small_models import conversation

TWO = conversation("What is 2 + 2?", "It is 4.")
FOUR = (*TWO, *conversation("And 3 + 3?", "It is 6."))
USAGE = {"prompt_tokens": 30, "total_tokens": 30, "completion_tokens": 0, "prompt_tokens_details": None}
TOO_LONG = (
    "This model's maximum context length is 256 tokens. However, your prompt contains at least 257 input tokens, which "
    "exceeds this limit even without any output tokens. Please reduce the length of the input prompt. "
    "(parameter=input_tokens, value=257)"
)


def classified(*logits: Any) -> Body:
    data = [{"index": 0, "label": "LABEL_0", "probs": list(logits), "num_classes": len(logits)}]
    return {"id": "classify-1", "object": "list", "created": 1, "model": "m", "data": data, "usage": USAGE}


def pooled(data: Any) -> Body:
    return {"id": "pool-1", "object": "list", "data": [{"index": 0, "object": "pooling", "data": data}], "usage": USAGE}


def error(message: str, code: int = 400, param: str | None = None) -> Say:
    return Say({"error": {"message": message, "type": "BadRequestError", "param": param, "code": code}}, code)


Answers = Callable[[Ask], Action]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answers], FaultServer]]:
    """A server with one model, `m`, and no waits between tries."""
    monkeypatch.setattr(retries, "FIRST_BACKOFF", 0.01)
    running: list[Any] = []

    def begin(answers: Answers) -> FaultServer:
        context = fault_server(answers)
        running.append(context)
        return context.__enter__()

    yield begin
    for context in running:
        context.__exit__(None, None, None)


def by_length(ask: Ask) -> Action:
    """Scores a conversation by the length of its last message."""
    return Say(classified(float(len(ask.body["messages"][-1]["content"]))))


def scores(url: str, some: Any = (TWO,), **settings: Any) -> list[Any]:
    with open_server_scorer(RewardServer(url=url, **settings)) as scorer:
        return scorer.score(some)


# -- what is asked and what is read -----------------------------------------------------------------------------------


def test_conversations_are_asked_for_whole_and_as_logits(serve: Callable[[Answers], FaultServer]) -> None:
    stub = serve(by_length)
    assert scores(f"{stub.url}/v1/", [FOUR, TWO, FOUR]) == [8.0, 8.0, 8.0]
    assert stub.asked[-1].path == "/classify"
    said = next(ask.body for ask in stub.asked[1:] if len(ask.body["messages"]) == 4)
    assert said == {
        "model": "m",
        "use_activation": False,
        "messages": [{"role": role, "content": content} for role, content in FOUR],
    }


def test_every_score_goes_to_its_conversation(serve: Callable[[Answers], FaultServer]) -> None:
    some = [conversation("Count.", "x" * n) for n in range(1, 100)]
    assert scores(serve(by_length).url, some, concurrency=8) == [float(n) for n in range(1, 100)]


@pytest.mark.parametrize(
    ("api", "said", "value"),
    [
        ("classify", classified(-1.5), -1.5),
        ("pooling", pooled([-1.5]), -1.5),
        ("pooling", pooled([[0.1], [0.2], [-1.5]]), -1.5),
        ("score", {"data": [{"index": 0, "object": "score", "score": 3}]}, 3.0),
    ],
)
def test_each_route_has_the_score_in_a_place_of_its_own(api: Api, said: Body, value: float) -> None:
    assert score(api, said, None) == value


def test_of_several_labels_one_must_be_said() -> None:
    assert score("classify", classified(0.5, 2.0), 1) == 2.0
    with pytest.raises(WrongLabel, match=r"2 labels, and one is the score: say its place by reward.server.label"):
        score("classify", classified(0.5, 2.0), None)
    with pytest.raises(WrongLabel, match="none at place 2"):
        score("classify", classified(0.5, 2.0), 2)


@pytest.mark.parametrize(
    "said", [{}, {"data": []}, {"data": [{"probs": "x"}]}, [], None, classified("high"), classified(True)]
)
def test_an_answer_without_a_score_is_garbled(said: Any) -> None:
    with pytest.raises(Garbled):
        score("classify", said, None)


@pytest.mark.parametrize("value", [None, float("nan"), float("-inf")])
def test_a_score_that_is_no_number_fails_alone(value: float | None) -> None:
    with pytest.raises(RequestFailed, match="no number"):
        score("classify", classified(value), None)


def test_a_pair_is_an_instruction_and_a_response_and_nothing_else() -> None:
    assert body("score", "m", TWO) == {"use_activation": False, "model": "m", "text_1": TWO[0][1], "text_2": TWO[1][1]}
    for other in (FOUR, (Message("system", "Hi"), *TWO), TWO[:1]):
        with pytest.raises(RequestFailed, match="serve the reward model with /classify"):
            body("score", "m", other)


# -- finding out what the server is -----------------------------------------------------------------------------------


def test_a_server_is_asked_by_the_first_route_that_it_has(serve: Callable[[Answers], FaultServer]) -> None:
    def only_pooling(ask: Ask) -> Action:
        return Say(pooled([2.5])) if ask.path == "/pooling" else Say({"detail": "Not Found"}, 404)

    stub = serve(only_pooling)
    assert scores(stub.url) == [2.5]
    assert [ask.path for ask in stub.asked] == ["/classify", "/pooling", "/pooling"]
    with pytest.raises(ModelError, match=r"has no /classify: expected a server that runs a reward model"):
        scores(stub.url, api="classify")


def test_a_server_of_several_models_must_be_told_which(serve: Callable[[Answers], FaultServer]) -> None:
    stub = serve(by_length)
    stub.pages["/v1/models"] = Say({"data": [{"id": "a"}, {"id": "b"}]})
    with pytest.raises(ModelError, match=r"serves a, b: name one by reward.server.served_model"):
        scores(stub.url)
    assert scores(stub.url, served_model="b") == [8.0]
    stub.pages["/v1/models"] = Say({"detail": "Not Found"}, 404)
    assert scores(stub.url) == [8.0]
    assert "model" not in stub.asked[-1].body


def test_a_model_that_is_not_served_is_told_in_the_servers_words(serve: Callable[[Answers], FaultServer]) -> None:
    stub = serve(lambda _: error("The model `huge` does not exist.", 404))
    with pytest.raises(ModelError, match=r"`huge` does not exist.*served_model"):
        scores(stub.url, served_model="huge")


def test_the_key_is_sent_and_stands_in_no_error(
    serve: Callable[[Answers], FaultServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REWARD_KEY", "sesame")

    def guarded(ask: Ask) -> Action:
        sent = ask.headers.get("Authorization", "")
        return by_length(ask) if sent == "Bearer sesame" else Say({"error": f"not for {sent}"}, 401)

    stub = serve(guarded)
    assert scores(stub.url, api_key_env="REWARD_KEY") == [8.0]
    with pytest.raises(UserError, match="401 not for: name the variable with its API key"):
        scores(stub.url)
    monkeypatch.setenv("REWARD_KEY", "guess")
    with pytest.raises(UserError, match=r"401 not for Bearer \*\*\*: check the key in REWARD_KEY"):
        scores(stub.url, api_key_env="REWARD_KEY")
    monkeypatch.delenv("REWARD_KEY")
    with pytest.raises(UserError, match=r"REWARD_KEY, named by reward.server.api_key_env, is not set"):
        scores(stub.url, api_key_env="REWARD_KEY")


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x", "http://user:word@host"])
def test_what_is_no_address_is_told_without_the_secrets_in_it(url: str) -> None:
    with pytest.raises((UserError, ValidationError), match=r"reward.server.url|holds a name or a password") as told:
        scores(url)
    assert "word" not in str(told.value).replace("password", "")


# -- faults -----------------------------------------------------------------------------------------------------------


def test_what_may_pass_is_tried_again(serve: Callable[[Answers], FaultServer]) -> None:
    faults: list[Action] = [Say({}, 503), vanish, half_close, Say(b"<html>"), Say(classified("?")), Say({}, 429)]

    def recovering(ask: Ask) -> Action:
        return faults[ask.number - 1] if 0 < ask.number <= len(faults) else by_length(ask)

    assert scores(serve(recovering).url, retries=6) == [8.0]


def test_what_does_not_pass_fails_alone_with_the_servers_words(serve: Callable[[Answers], FaultServer]) -> None:
    def choosy(ask: Ask) -> Action:
        text = ask.body["messages"][-1]["content"]
        faults: dict[str, Action] = {"bad": error("no such role"), "down": Say({"error": "on fire"}, 500)}
        return faults.get(text) or by_length(ask)

    some = [conversation("Say it.", text) for text in ("fine", "bad", "down", "well")]
    found = scores(serve(choosy).url, some, retries=2)
    assert (found[0], found[3]) == (4.0, 4.0)
    assert "refuses the conversation: no such role" in str(found[1])
    assert "no score in 3 tries: 500 on fire" in str(found[2])


def test_a_conversation_that_is_longer_than_the_model_reads_has_no_score(
    serve: Callable[[Answers], FaultServer],
) -> None:
    """vLLM names the parameter; the message ends with it for the same reason."""
    too_long = error(TOO_LONG, param="input_tokens")
    stub = serve(lambda ask: too_long if len(ask.body["messages"][-1]["content"]) > 100 else by_length(ask))
    assert scores(stub.url, [TWO, conversation("Go on.", "x" * 500)]) == [8.0, None]


def test_where_no_field_says_it_a_shortened_conversation_shows_that_it_was_too_long(
    serve: Callable[[Answers], FaultServer],
) -> None:
    def reads_little(ask: Ask) -> Action:
        fits = len(ask.body["messages"][-1]["content"]) <= 100 or "truncate_prompt_tokens" in ask.body
        return by_length(ask) if fits else error("no")

    stub = serve(reads_little)
    assert scores(stub.url, [TWO, conversation("Go on.", "x" * 500)]) == [8.0, None]


QUOTES = ("maximum context length", "longer than the maximum model length: too long", "max_model_len")


@pytest.mark.parametrize("quote", QUOTES)
def test_a_refusal_that_quotes_the_conversation_says_nothing_of_its_length(
    serve: Callable[[Answers], FaultServer], quote: str
) -> None:
    def rude(ask: Ask) -> Action:
        text = ask.body["messages"][-1]["content"]
        return error(f"I do not like {text!r}") if text == quote else by_length(ask)

    found = scores(serve(rude).url, [TWO, conversation("Say it.", quote)])
    assert found[0] == 8.0
    assert isinstance(found[1], RequestFailed)
    assert quote in str(found[1])


def test_a_refusal_that_passes_is_none_of_its_length(serve: Callable[[Answers], FaultServer]) -> None:
    refused: list[Ask] = []

    def moody(ask: Ask) -> Action:
        if ask.body["messages"][-1]["content"] == "moody" and not refused:
            refused.append(ask)
            return error(TOO_LONG)
        return by_length(ask)

    assert scores(serve(moody).url, [conversation("Say it.", "moody")]) == [5.0]


def test_a_route_that_is_gone_is_no_missing_model_whatever_the_server_says(
    serve: Callable[[Answers], FaultServer],
) -> None:
    stub = serve(lambda _: error("this model does not exist as a route", 404))
    with pytest.raises(ModelError, match="has no /classify or /pooling or /score"):
        scores(stub.url, served_model="m")


ODD_ANSWERS: dict[str, Action] = {
    "a text for a score": Say(classified("1.5")),
    "a truth value": Say(classified(True)),
    "a list in a list": Say(classified([1.0])),
    "an object": Say(classified({"a": 1})),
    "no list": Say({"data": [{"probs": 5}]}),
    "an object for the list": Say({"data": {"0": {"probs": [1.0]}}}),
    "nested deep": Say(b'{"data": [{"probs": %s}]}' % (b"[" * 1000 + b"]" * 1000)),
    **{name: Say(text) for name, text in TEXTS.items()},
    **ODDLY_PACKED,
    **LARGE,
}


@pytest.mark.parametrize("fault", ODD_ANSWERS)
def test_whatever_the_server_answers_a_conversation_fails_alone_and_in_one_line(
    serve: Callable[[Answers], FaultServer], fault: str
) -> None:
    def script(ask: Ask) -> Action:
        return ODD_ANSWERS[fault] if ask.body["messages"][-1]["content"] == "bad" else by_length(ask)

    some = [conversation("Say it.", text) for text in ("fine", "bad", "well")]
    found = scores(serve(script).url, some, retries=1)
    assert (found[0], found[2]) == (4.0, 4.0)
    assert isinstance(found[1], RequestFailed)
    assert "\n" not in str(found[1])
    assert len(str(found[1])) < 500


@pytest.mark.parametrize("fault", SLOW)
def test_an_answer_that_never_ends_fails_alone_at_its_deadline(
    serve: Callable[[Answers], FaultServer], fault: str
) -> None:
    def script(ask: Ask) -> Action:
        return SLOW[fault] if ask.body["messages"][-1]["content"] == "bad" else by_length(ask)

    some = [conversation("Say it.", text) for text in ("fine", "bad", "well")]
    found = scores(serve(script).url, some, retries=1, answer_seconds=0.4)
    assert (found[0], found[2]) == (4.0, 4.0)
    assert str(found[1]) == "the server gave no score in 2 tries: no whole answer in 0.4 seconds"


@pytest.mark.parametrize("fault", [*ODD_ANSWERS, *SLOW])
@pytest.mark.parametrize("route", ["/v1/models", "/classify"])
def test_whatever_the_server_answers_at_opening_is_one_line(
    serve: Callable[[Answers], FaultServer], route: str, fault: str
) -> None:
    stub = serve(by_length)
    stub.pages[route] = {**ODD_ANSWERS, **SLOW}[fault]
    told = ""
    started = time.monotonic()
    try:
        scores(stub.url, answer_seconds=0.4, retries=0)
    except UserError as error:
        told = str(error)
    assert time.monotonic() - started < 20
    assert told or route == "/v1/models", "a server that does not say what it serves may score"
    assert "\n" not in told
    assert len(told) < 1000


def test_half_of_a_surrogate_pair_fails_alone(serve: Callable[[Answers], FaultServer]) -> None:
    found = scores(serve(by_length).url, [TWO, conversation("Say it.", "\ud800")])
    assert found[0] == 8.0
    assert "cannot be sent to the server" in str(found[1])


def test_a_server_that_is_gone_is_waited_for(serve: Callable[[Answers], FaultServer]) -> None:
    stub = serve(by_length)
    with open_server_scorer(RewardServer(url=stub.url)) as scorer:
        stub.stop()
        Timer(0.3, stub.start).start()
        assert scorer.score([TWO]) == [8.0]


def test_a_server_that_stays_away_ends_the_run_and_keeps_what_it_said(serve: Callable[[Answers], FaultServer]) -> None:
    stub = serve(by_length)
    with open_server_scorer(RewardServer(url=stub.url, patience=0.3)) as scorer:
        stub.stop()
        with pytest.raises(ServerLost, match=r"has not answered for 0.3 s .*start it again"):
            scorer.score([TWO, FOUR])
    with pytest.raises(UserError, match="takes no connection"):
        scores(stub.url, patience=0.3)
    stub.start()


def test_scores_that_came_before_a_server_went_are_kept(serve: Callable[[Answers], FaultServer]) -> None:
    def last_words(ask: Ask) -> Action:
        return vanish if ask.body["messages"][-1]["content"] == "die" else by_length(ask)

    stub = serve(last_words)
    with open_server_scorer(RewardServer(url=stub.url, patience=0.2, concurrency=1)) as scorer:
        found = scorer.score([TWO, conversation("Go.", "die")])
    assert found[0] == 8.0
    assert isinstance(found[1], RequestFailed)


def test_a_server_that_is_still_loading_is_waited_for_as_one_that_is_gone(
    serve: Callable[[Answers], FaultServer],
) -> None:
    loading = serve(lambda ask: Say({}, 503) if 0 < ask.number <= 8 else by_length(ask))
    assert scores(loading.url, retries=0) == [8.0]
    stub = serve(lambda ask: Say({}, 503) if ask.number else by_length(ask))
    with pytest.raises(ServerLost, match=r"has not answered for 0.2 s \(503 .*run the same command"):
        scores(stub.url, patience=0.2)


def test_a_server_that_says_when_is_asked_again_then(serve: Callable[[Answers], FaultServer]) -> None:
    began: list[float] = []

    def busy(ask: Ask) -> Action:
        began.append(time.monotonic())
        return Say({}, 429, headers={"Retry-After": "0.5"}) if ask.number == 1 else by_length(ask)

    assert scores(serve(busy).url, retries=1) == [8.0]
    assert began[2] - began[1] >= 0.5
