"""What fledgling-think learns: thoughts that follow from what was asked, in the form that its chat template writes."""

from itertools import islice
from random import Random

import jinja2
import pytest

from fledgling.chat import END, START
from fledgling.corpus import ask, mix
from fledgling.families import BY_NAME
from fledgling.imperfect import ALL, recognise_any
from fledgling.own import family_of, in_the_mix
from fledgling.systems import DOMAINS
from fledgling.thoughts import CHAT_TEMPLATE, CLOSES, NO_THOUGHT, OPENS, around, compared, document, documents, thought
from fledgling.verdict import Talk, judge
from magpie.templates import TemplateOptions, derive, thought_marks
from tests.templates.toys import toy

RNG = Random(4)
ASKED = [(None, turn.prompt) for family in ALL for turn, _ in (ask(family, RNG) for _ in range(6))]
SOME = [list(segments) for segments in documents([one for one in ASKED if recognise_any(one[1])], seed=2)]


def rendered(messages: list[dict[str, str]], **variables: object) -> str:
    return jinja2.Environment().from_string(CHAT_TEMPLATE).render(messages=messages, **variables)


def parsed(text: str) -> list[dict[str, str]]:
    """A document as messages, with what was thought before the last reply beside it."""
    parts = [part.split("\n", 1) for part in text.split(START)[1:]]
    messages = [{"role": role, "content": content.split(END)[0]} for role, content in parts]
    before, closed, reply = messages[-1]["content"].partition(f"\n{CLOSES}\n\n")
    assert closed
    messages[-1] |= {"content": reply, "reasoning_content": before.removeprefix(f"{OPENS}\n")}
    return messages


def test_training_reads_what_the_chat_template_writes() -> None:
    for segments in SOME:
        text = "".join(piece for piece, _ in segments).removesuffix("<|endoftext|>")
        messages = parsed(text)
        assert rendered(messages) == text
        asked = rendered(messages[:-1], add_generation_prompt=True, enable_thinking=NO_THOUGHT not in text)
        assert text.startswith(asked)


def test_half_and_more_of_the_conversations_have_a_thought_and_what_the_template_writes_itself_is_not_learned() -> None:
    learned = [any(weight and OPENS in piece for piece, weight in segments) for segments in SOME]
    assert 0.5 < sum(learned) / len(SOME) < 0.75
    for segments, thinks in zip(SOME, learned, strict=True):
        assert sum(OPENS in piece for piece, _ in segments) == 1
        assert ((NO_THOUGHT, 0) in segments) != thinks


def test_replies_before_the_last_stand_there_without_a_thought_and_are_only_read() -> None:
    later = [segments for segments in SOME if sum(piece.startswith(f"{START}user") for piece, _ in segments) > 1]
    assert len(later) > 30
    for segments in later:
        piece, weight = next(one for one in segments if one[0].startswith(f"{START}assistant"))
        assert (weight, OPENS in piece, piece.endswith(f"{END}\n")) == (0, False, True)


@pytest.mark.parametrize("family", ALL, ids=lambda family: family.name)
def test_a_thought_holds_the_steps_of_the_reply_and_no_delimiter(family: object) -> None:
    rng = Random(1)
    for _ in range(20):
        turn, slots = ask(family, rng)  # type: ignore[arg-type]
        text = thought(family, slots, turn.reply)  # type: ignore[arg-type]
        assert text.startswith("The user wants ")
        assert OPENS not in text
        assert CLOSES not in text
        assert "\n" not in text
        for step in text.split(". ")[-1].removesuffix(".").split("; "):
            assert " = " not in step or step in turn.reply


@pytest.mark.parametrize(
    ("x", "y", "told"),
    [
        ("93", "75", "First digit 7 against 9, so 75 is less."),
        ("71", "75", "Second digit 5 against 1, so 75 is more."),
        ("8", "75", "2 digits against 1, so 75 is more."),
        ("8", "8", "They are the same."),
    ],
)
def test_two_numbers_are_compared_digit_by_digit(x: str, y: str, told: str) -> None:
    assert compared({"x": x, "y": y}) == told


def test_what_is_learned_is_right() -> None:
    firsts = [segments for segments in SOME if len(parsed("".join(piece for piece, _ in segments))) == 2]
    checked = 0
    for segments in firsts:
        user, assistant = parsed("".join(piece for piece, _ in segments).removesuffix("<|endoftext|>"))
        verdict = judge(Talk(None, (user["content"],), (assistant["content"],)))
        if verdict.family is not None:  # no prompt of a judge
            assert verdict.right
            checked += 1
    assert checked > 150


def test_the_marks_and_the_switch_are_derived_from_the_template_although_no_token_is_a_mark() -> None:
    model = toy(CHAT_TEMPLATE)
    on, off = derive(model), derive(model, TemplateOptions(thinking="off"))
    assert thought_marks(on) == thought_marks(off) == (OPENS, CLOSES, False)
    found = on.describe()["thinking"]
    assert (found["state"], found["switch"], found["on"], found["off"]) == ("on", "enable_thinking", True, False)
    assert off.describe()["pre_response"]["text"].endswith(f"{START}assistant\n{NO_THOUGHT}")
    assert on.describe()["pre_query"] == off.describe()["pre_query"]


# -- instructions to learn from ----------------------------------------------------------------------------------------


def test_no_family_has_more_than_its_share_of_the_hidden_mix() -> None:
    rng = Random(0)
    bare = [(None, ask(BY_NAME["arithmetic"], rng)[0].prompt) for _ in range(100)]
    others = [(None, ask(BY_NAME["capital"], rng)[0].prompt) for _ in range(100)]
    taken = [family_of(*one) for one in in_the_mix([*bare, (None, "What is the"), *others])]
    assert taken.count("arithmetic") == int(mix()["arithmetic"] * 200)
    assert set(taken) == {"arithmetic", "capital"}


def test_under_a_domain_only_its_families_count() -> None:
    math = DOMAINS["Math"].prompts[0]
    assert family_of(math, "What is 3 + 4?") == family_of("You are a pirate.", "What is 3 + 4?") == "arithmetic"
    assert family_of(math, "What is the capital of France?") is None
    assert list(islice(in_the_mix([(math, "What is 3 + 4?")]), 2)) == [(math, "What is 3 + 4?")]


def test_a_document_counts_a_judge_s_letter_as_often_as_its_turn_says() -> None:
    from fledgling.conversation import Turn

    segments = document(None, [Turn("Which letter?", "B", learned=False, weight=8)], "The user wants a judgment.")
    assert [weight for _, weight in segments] == [0, 0, 1, 8, 1]
    assert segments[2][0] == around("The user wants a judgment.")
