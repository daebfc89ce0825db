"""Conversations that go on, driven by hand: what is asked, of whom, when it ends and what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from magpie.errors import ContextFull, RequestFailed, TemplateError
from magpie.seams import Asking, Completion, Message, Request, SamplingParams, Tokens
from magpie.stages.follow_up.work import Asker, Last, Rules, Systems, follow_up
from magpie.stages.respond.work import Responder

ASKS = SamplingParams(temperature=0.9, max_tokens=50)
ANSWERS = SamplingParams(temperature=0.0, max_tokens=90)
ROW = {"row": 5, "instruction": "Name a river.", "response": "The Rhine.", "system": "Users ask about water."}


class SpelledChat:
    """A chat whose prompts are the conversation spelled out, a token for each letter."""

    def leaks(self, token_ids: Sequence[int], text: str) -> bool:
        return "<|turn|>" in text

    def user_text(self, sampled: str) -> str:
        return sampled.strip()

    def assistant_text(self, sampled: str) -> str:
        return sampled.strip()

    def text(self, token_ids: Sequence[int]) -> str:
        return "".join(map(chr, token_ids))

    def next_user(self, messages: Sequence[Message]) -> Tokens:
        return self._spelled(messages, "U")

    def next_assistant(self, messages: Sequence[Message]) -> Tokens:
        return self._spelled(messages, "A")

    def _spelled(self, messages: Sequence[Message], who: str) -> Tokens:
        if any("refused" in message.content for message in messages):
            raise TemplateError("not this")
        said = "".join(f"{message.role[0]}:{message.content}|" for message in messages)
        return Tokens(tuple(map(ord, f"{said}{who}")))


CHAT = SpelledChat()
ASKER, RESPONDER = Asker(CHAT, ASKS, engine="user"), Responder(CHAT, ANSWERS, engine="assistant")


def talk(turns: int = 2, **more: Any) -> Asking:
    systems = more.pop("systems", Systems())
    return follow_up(ROW, ASKER, RESPONDER, Rules(lambda _: turns, **more), systems)


def said(text: str, request: Request) -> Completion:
    cut = len(text) >= request.sampling.max_tokens
    ids = tuple(map(ord, text))
    return Completion(text, ids, "length" if cut else "stop", len(request.prompt.ids), len(ids) + (not cut))  # type: ignore[union-attr]


def heard(asking: Asking, *texts: str | Completion | RequestFailed) -> tuple[list[Request], Any]:
    """The requests of a conversation in which these are the answers, and what came of it."""
    requests: list[Request] = []
    try:
        request = next(asking)
        for text in texts:
            assert isinstance(request, Request)
            requests.append(request)
            if isinstance(text, RequestFailed):
                request = asking.throw(text)
            else:
                request = asking.send(said(text, request) if isinstance(text, str) else text)
    except StopIteration as stop:
        return requests, stop.value
    raise AssertionError("the conversation goes on")


def kept(outcome: Any) -> list[str]:
    return [turn["content"] for turn in outcome["turns"]]


def prompts(requests: Sequence[Request]) -> list[str]:
    return [CHAT.text(request.prompt.ids) for request in requests]  # type: ignore[union-attr]


def test_each_turn_is_asked_with_all_that_was_said_and_by_its_own_side() -> None:
    requests, outcome = heard(talk(3), "And a lake?", "Como.", "How deep?", "410 m.")
    assert prompts(requests) == [
        "u:Name a river.|a:The Rhine.|U",
        "u:Name a river.|a:The Rhine.|u:And a lake?|A",
        "u:Name a river.|a:The Rhine.|u:And a lake?|a:Como.|U",
        "u:Name a river.|a:The Rhine.|u:And a lake?|a:Como.|u:How deep?|A",
    ]
    assert [request.model for request in requests] == ["user", "assistant"] * 2
    assert [request.sampling for request in requests] == [ASKS, ANSWERS] * 2
    assert outcome == {
        "turns": [
            {"role": "user", "content": "And a lake?"},
            {"role": "assistant", "content": "Como."},
            {"role": "user", "content": "How deep?"},
            {"role": "assistant", "content": "410 m."},
        ],
        "ended_by": "turns",
    }


def test_one_turn_asks_nothing() -> None:
    with pytest.raises(StopIteration) as stopped:
        next(talk(1))
    assert stopped.value.value == {"turns": [], "ended_by": "turns"}


def test_the_number_of_turns_is_the_row_s() -> None:
    counted: list[int] = []

    def turns(row: int) -> int:
        counted.append(row)
        return 1

    with pytest.raises(StopIteration):
        next(follow_up(ROW, ASKER, RESPONDER, Rules(turns)))
    assert counted == [5]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("  ", "user: empty"),
        ("Thank you!", "farewell"),
        ("name a  river", "repeats"),
        ("The Rhine.", "repeats"),
        ("x" * 50, "user: truncated"),
        ("Why <|turn|>", "user: role_leak"),
        ("assistant\nWhy?", "user: role_leak"),
        ("Tell me more:", "user: colon"),
        ("This is refused", "template_refused"),
    ],
)
def test_a_user_s_message_that_leads_nowhere_ends_the_conversation_at_its_last_whole_pair(
    text: str, reason: str
) -> None:
    _, outcome = heard(talk(3, why_screened=colon), "And a lake?", "Como.", text)
    assert outcome["ended_by"] == reason
    assert kept(outcome) == ["And a lake?", "Como."]


def colon(text: str) -> str | None:
    return "colon" if text.endswith(":") else None


@pytest.mark.parametrize(("text", "reason"), [("", "assistant: empty"), ("y" * 90, "assistant: truncated")])
def test_an_answer_of_no_use_ends_it_too_and_its_question_goes(text: str, reason: str) -> None:
    _, outcome = heard(talk(), "And a lake?", text)
    assert outcome == {"turns": [], "ended_by": reason}


def test_farewells_are_answered_where_they_may_be() -> None:
    _, outcome = heard(talk(end_at_farewell=False), "Thank you!", "You are welcome.")
    assert kept(outcome) == ["Thank you!", "You are welcome."]


def test_a_whole_conversation_may_end_with_the_user() -> None:
    requests, outcome = heard(talk(2, end_with_user=True), "And a lake?", "Como.", "How deep?")
    assert kept(outcome) == ["And a lake?", "Como.", "How deep?"]
    assert outcome["ended_by"] == "turns"
    assert requests[-1].model == "user"


def test_a_conversation_cut_short_does_not_end_with_the_user() -> None:
    _, outcome = heard(talk(3, end_with_user=True), "And a lake?", "")
    assert outcome == {"turns": [], "ended_by": "assistant: empty"}


def test_a_last_message_of_no_use_is_left_out() -> None:
    _, outcome = heard(talk(2, end_with_user=True), "And a lake?", "Como.", "Bye!")
    assert kept(outcome) == ["And a lake?", "Como."]
    assert outcome["ended_by"] == "farewell"


def test_system_prompts_stand_before_the_turns_that_they_are_for() -> None:
    def of_row(row: Any) -> Any:
        return row["system"]

    asked = "s:Users ask about water.|u:Name a river.|a:The Rhine.|"
    users, _ = heard(talk(systems=Systems(of_row)), "And a lake?", "Como.")
    assert prompts(users) == [f"{asked}U", "u:Name a river.|a:The Rhine.|u:And a lake?|A"]
    both, _ = heard(talk(systems=Systems(of_row, of_row)), "And a lake?", "Como.")
    assert prompts(both) == [f"{asked}U", f"{asked}u:And a lake?|A"]


def test_what_the_context_cuts_ends_the_conversation() -> None:
    cut = Completion("And a", (1, 2), "length", 40, 2)
    assert heard(talk(), cut)[1] == {"turns": [], "ended_by": "context_full"}


def test_a_prompt_that_is_longer_than_the_context_ends_it_and_does_not_fail_the_row() -> None:
    failed = ContextFull("the prompt has 4100 tokens and the context 4096")
    assert heard(talk(), "And a lake?", failed)[1] == {"turns": [], "ended_by": "context_full"}


def test_the_words_of_a_failure_end_nothing() -> None:
    """They may quote the prompt: what the engine made of the failure decides."""
    with pytest.raises(RequestFailed, match="context length"):
        heard(talk(), "And a lake?", RequestFailed("http://a answers 400: 'What is a maximum context length?'"))


def test_any_other_failure_is_the_row_s_to_try_again() -> None:
    with pytest.raises(RequestFailed, match="no electricity"):
        heard(talk(), RequestFailed("no electricity"))


def test_a_message_may_not_begin_with_what_is_banned() -> None:
    asking = follow_up(ROW, Asker(CHAT, ASKS, banned=(35,)), RESPONDER, Rules(lambda _: 2))
    first = next(asking)
    assert isinstance(first, Request)
    assert (first.banned, first.sampling.max_tokens) == ((35,), 1)
    rest = asking.send(Completion("A", (65,), "length", 9, 1))
    assert isinstance(rest, Request)
    assert rest.prompt == Tokens((*first.prompt.ids, 65))  # type: ignore[union-attr]
    assert (rest.banned, rest.sampling.max_tokens) == ((), ASKS.max_tokens - 1)


def test_what_does_not_belong_to_a_message_is_taken_off() -> None:
    asker = Asker(CHAT, ASKS, clean=lambda text: (text.removeprefix("Question: "), "label"))
    _, outcome = heard(follow_up(ROW, asker, RESPONDER, Rules(lambda _: 2)), "Question: How deep?", "9 m.")
    assert kept(outcome) == ["How deep?", "9 m."]


HOT = SamplingParams(temperature=0.8, max_tokens=90)
LAST = Last(Responder(CHAT, HOT, engine="assistant", name="m"), 3)


def answered(asking: Asking, *texts: str) -> tuple[list[Request], Any]:
    """What was asked at the last turn, and what came of it: the first text is the user's last message."""
    ask = next(asking)
    assert isinstance(ask, Request)
    last = asking.send(said(texts[0], ask))
    assert isinstance(last, list)
    with pytest.raises(StopIteration) as stopped:
        asking.send([said(text, request) for text, request in zip(texts[1:], last, strict=True)])
    return last, stopped.value.value


def test_the_last_message_gets_several_responses_side_by_side_and_the_first_one_ends_the_turns() -> None:
    asking = follow_up(ROW, ASKER, RESPONDER, Rules(lambda _: 2), last=LAST)
    requests, outcome = answered(asking, "And a lake?", "Como.", "<|turn|>", "Garda.")
    assert prompts(requests) == ["u:Name a river.|a:The Rhine.|u:And a lake?|A"] * 3
    assert [request.sampling for request in requests] == [HOT] * 3
    assert kept(outcome) == ["And a lake?", "Como."]
    assert [one["response"] for one in outcome["responses"]] == ["Como.", "Garda."]
    assert outcome["unusable"] == ["role_leak"]
    assert [message["content"] for message in outcome["responses_prompt"]] == [
        "Name a river.",
        "The Rhine.",
        "And a lake?",
    ]


def test_turns_before_the_last_are_answered_once() -> None:
    asking = follow_up(ROW, ASKER, RESPONDER, Rules(lambda _: 3), last=LAST)
    first = next(asking)
    assert isinstance(first, Request)
    answer = asking.send(said("And a lake?", first))
    assert isinstance(answer, Request)
    assert answer.sampling == ANSWERS


def test_without_a_usable_last_response_the_conversation_ends_before_it_and_the_reasons_stay() -> None:
    _, outcome = answered(follow_up(ROW, ASKER, RESPONDER, Rules(lambda _: 2), last=LAST), "And a lake?", "", "", "")
    assert (kept(outcome), outcome["ended_by"]) == ([], "assistant: empty")
    assert (outcome["responses"], outcome["unusable"]) == ([], ["empty"] * 3)


def test_a_conversation_that_ends_before_its_last_turn_has_no_responses() -> None:
    asking = follow_up(ROW, ASKER, RESPONDER, Rules(lambda _: 2), last=LAST)
    _, outcome = heard(asking, "Thank you!")
    assert outcome == {
        "turns": [],
        "ended_by": "farewell",
        "responses": None,
        "unusable": None,
        "responses_prompt": None,
    }
