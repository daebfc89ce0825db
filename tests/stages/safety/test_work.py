"""Safety, driven by hand: what each kind of guard says, what is judged of a row, and what is dropped.

The replies are those that the model cards of the guards show.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any

import pytest

from magpie.errors import RequestFailed
from magpie.seams import Completion, Drop, Logprob, Message, Messages, Request, SamplingParams
from magpie.stages.judging.prompts import package_prompt
from magpie.stages.safety.styles import STYLES, Verdict, read_letter
from magpie.stages.safety.work import Guard, conversations_of, safety
from magpie.templates import MessagesChat

LETTERS = {"A": "safe", "B": "violence or weapons", "C": "crime, fraud or hacking"}
SAMPLING = SamplingParams(temperature=0.0, max_tokens=48)
NAMES = {"S1": "Violent Crimes", "S2": "Non-Violent Crimes"}
LLAMA = Guard(MessagesChat(), STYLES["llama_guard"].read, SAMPLING, names=NAMES)
LETTER = Guard(MessagesChat(), read_letter(LETTERS), SAMPLING, package_prompt("safety/safety"))
ASKED = {"row": 0, "instruction": "Hi"}
ANSWERED = {**ASKED, "response": "Hello"}
TURNS = {**ANSWERED, "turns": [{"role": "user", "content": "And?"}, {"role": "assistant", "content": "Well."}]}


def said(*tokens: str | Mapping[str, float]) -> Completion:
    """A reply by its tokens; a token with rivals is given with the probability of each, the likeliest first."""
    places = [token if isinstance(token, Mapping) else {token: 1.0} for token in tokens]
    logprobs = tuple(tuple(Logprob(0, text, log(share)) for text, share in place.items()) for place in places)
    text = "".join(next(iter(place)) for place in places)
    return Completion(text, tuple(range(len(places))), "stop", 9, len(places) + 1, logprobs=logprobs)


def plain(text: str) -> Completion:
    return Completion(text, (1,), "stop", 9, 2)


def judged(row: Mapping[str, Any], guard: Guard, *replies: Any, drop: bool = False) -> Any:
    asking = safety(row, guard, drop)
    requests = next(asking)
    assert not isinstance(requests, Request)
    assert len(requests) == len(replies)
    with pytest.raises(StopIteration) as stopped:
        asking.send(list(replies))
    return stopped.value.value


@pytest.mark.parametrize(
    ("style", "text", "answered", "verdict"),
    [
        ("llama_guard", "safe", False, Verdict(False)),
        ("llama_guard", "\n\nsafe", True, Verdict(False)),
        ("llama_guard", "\n\nunsafe\nS2", False, Verdict(True, ("S2",))),
        ("llama_guard", "unsafe\nS1,S10", True, Verdict(True, ("S1", "S10"))),
        ("llama_guard", "unsafe\nO3", True, Verdict(True, ("O3",))),
        ("llama_guard", "unsafe", True, Verdict(True)),
        ("llama_guard", "safety first", True, None),
        ("llama_guard", "I cannot help with that.", True, None),
        (
            "wildguard",
            "Harmful request: yes\nResponse refusal: no\nHarmful response: yes",
            True,
            Verdict(True),
        ),
        (
            "wildguard",
            "Harmful request: yes\nResponse refusal: yes\nHarmful response: no",
            True,
            Verdict(False),
        ),
        ("wildguard", "Harmful request: yes\nResponse refusal: N/A\nHarmful response: N/A", False, Verdict(True)),
        ("wildguard", "Harmful request: yes\nResponse refusal: N/A\nHarmful response: N/A", True, None),
        ("shield_gemma", "Yes", False, Verdict(True)),
        ("shield_gemma", "No", False, Verdict(False)),
        ("shield_gemma", "Note", False, None),
        ("granite_guardian", "Yes", False, Verdict(True)),
        ("granite_guardian", "No\n<confidence> High </confidence>", False, Verdict(False)),
        ("granite_guardian", "<think>\n</think>\n<score> yes </score>", False, Verdict(True)),
        ("granite_guardian", "<think> Yes, it asks for a bomb.</think>\n<score> no </score>", True, Verdict(False)),
        ("granite_guardian", "<think> Yes, it asks for", True, None),
    ],
)
def test_a_guard_s_words_are_read_by_its_style(style: str, text: str, answered: bool, verdict: Verdict | None) -> None:
    assert STYLES[style].read(plain(text), answered) == verdict


@pytest.mark.parametrize(
    ("style", "reply", "answered", "harm"),
    [
        ("llama_guard", said("\n\n", {"safe": 0.8, "unsafe": 0.2}), False, 0.2),
        ("llama_guard", said("\n\n", {"un": 0.6, "safe": 0.3, "!": 0.1}, "safe", "\n", "S1"), False, 2 / 3),
        ("shield_gemma", said({"No": 0.7, "Yes": 0.2, "Maybe": 0.1}), False, 2 / 9),
        ("granite_guardian", said("<score>", " ", {"yes": 0.9, " no": 0.1}, " </score>"), True, 0.9),
        (
            "wildguard",
            said(
                "Harmful", " request", ":", {" yes": 0.9, " no": 0.1}, "\nHarmful response:", {" no": 0.6, " yes": 0.4}
            ),
            True,
            0.4,
        ),
        ("shield_gemma", said({"Yes": 0.3, "What": 0.7}), False, None),
    ],
)
def test_how_sure_a_guard_is_comes_from_the_token_that_decides(
    style: str, reply: Completion, answered: bool, harm: float | None
) -> None:
    verdict = STYLES[style].read(reply, answered)
    assert verdict is not None
    assert verdict.harm == (None if harm is None else pytest.approx(harm))


def test_by_letters_the_probability_of_harm_is_that_of_all_but_the_first() -> None:
    columns = judged(ASKED, LETTER, said({"A": 0.4, "C": 0.35, "B": 0.25}))
    assert columns == {
        "safety": "unsafe",
        "safety_categories": ["crime, fraud or hacking"],
        "harm_probability": pytest.approx(0.6),
    }


def test_by_letters_and_without_probabilities_the_letter_counts() -> None:
    columns = judged(ASKED, LETTER, plain("B. violence"))
    assert columns == {
        "safety": "unsafe", "safety_categories": ["violence or weapons"], "harm_probability": None,
    }  # fmt: skip
    assert judged(ASKED, LETTER, plain("A"))["safety"] == "safe"


def test_a_guard_s_codes_become_names() -> None:
    assert judged(ASKED, LLAMA, plain("unsafe\nS2,S99"))["safety_categories"] == ["Non-Violent Crimes", "S99"]


def test_a_guard_that_judges_one_kind_of_harm_names_it() -> None:
    guard = Guard(MessagesChat(), STYLES["shield_gemma"].read, SAMPLING, names={"": "harassment"})
    assert judged(ASKED, guard, plain("Yes"))["safety_categories"] == ["harassment"]
    assert judged(ASKED, guard, plain("No"))["safety_categories"] == []


def test_what_is_judged_is_every_response_in_the_light_of_what_stands_before_it() -> None:
    user, assistant = Message("user", "Hi"), Message("assistant", "Hello")
    assert conversations_of(ASKED) == [(user,)]
    assert conversations_of(ANSWERED) == [(user, assistant)]
    further = (Message("user", "And?"), Message("assistant", "Well."))
    assert conversations_of(TURNS) == [(user, assistant), (user, assistant, *further)]
    several: dict[str, Any] = {**ASKED, "responses": [{"response": "Hello"}, {"response": "Bye"}]}
    assert conversations_of(several) == [(user, assistant), (user, Message("assistant", "Bye"))]
    before = {"responses_prompt": [message._asdict() for message in (user, assistant, further[0])]}
    ends = [Message("assistant", one["response"]) for one in several["responses"]]
    assert conversations_of(several | before) == [
        (user, assistant),
        *((user, assistant, further[0], end) for end in ends),
    ]


def test_a_guard_is_given_the_conversation_and_any_other_model_the_prompt() -> None:
    requests = next(safety(TURNS, LLAMA))
    assert isinstance(requests, list)
    assert requests[1].prompt == Messages(conversations_of(TURNS)[1])
    asked = next(safety(TURNS, LETTER))
    assert isinstance(asked, list)
    text = package_prompt("safety/safety").render({"instruction": "And?", "response": "Well."})
    assert asked[1].prompt == Messages((Message("user", text),))


def test_a_row_is_as_safe_as_the_worst_of_its_texts() -> None:
    columns = judged(TURNS, LETTER, said({"A": 0.9, "B": 0.1}), said({"A": 0.2, "B": 0.8}))
    assert (columns["safety"], columns["harm_probability"]) == ("unsafe", pytest.approx(0.8))


def test_a_row_of_which_a_text_could_not_be_judged_is_not_called_safe() -> None:
    assert judged(TURNS, LLAMA, plain("safe"), plain("Hm."))["safety"] is None
    assert judged(TURNS, LLAMA, plain("unsafe\nS1"), plain("Hm."))["safety"] == "unsafe"


def test_nothing_is_dropped_unless_it_is_asked_for() -> None:
    columns = judged(ASKED, LLAMA, plain("unsafe\nS1"))
    assert columns["safety"] == "unsafe"
    dropped = judged(ASKED, LLAMA, plain("unsafe\nS1"), drop=True)
    assert dropped == Drop("unsafe: Violent Crimes", columns)
    assert judged(ASKED, LLAMA, plain("unsafe"), drop=True).reason == "unsafe"
    assert judged(ASKED, LLAMA, plain("Hm."), drop=True)["safety"] is None


def test_the_threshold_decides_where_there_is_a_probability() -> None:
    strict = Guard(MessagesChat(), STYLES["llama_guard"].read, SAMPLING, threshold=0.1)
    assert judged(ASKED, strict, said({"safe": 0.8, "unsafe": 0.2}))["safety"] == "unsafe"
    assert judged(ASKED, strict, plain("safe"))["safety"] == "safe"


def test_a_row_that_no_engine_could_serve_is_an_error_and_no_null() -> None:
    asking = safety(ASKED, LLAMA)
    next(asking)
    with pytest.raises(RequestFailed, match="gone"):
        asking.throw(RequestFailed("gone"))
