"""Thoughts are told from answers, whatever a model writes."""

from __future__ import annotations

import pytest

from magpie.stages.text.reasoning import Parted, Thoughts, leaks, part

TAGS = Thoughts("<think>", "</think>")
OPENED = Thoughts("<think>", "</think>", opened=True)
UNKNOWN = Thoughts("<think>", "</think>", opened=None)
CHANNELS = Thoughts(
    "<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>", opened=False
)


@pytest.mark.parametrize(
    ("text", "how", "expected"),
    [
        ("<think>\nHm.\n</think>\n\nYes.", TAGS, Parted("Hm.", "\n\nYes.", True)),
        ("\n <think>Hm.</think>Yes.", TAGS, Parted("Hm.", "Yes.", True)),
        ("Yes.", TAGS, Parted(None, "Yes.", True)),
        ("<think>\n\n</think>\n\nYes.", TAGS, Parted(None, "\n\nYes.", True)),
        ("<think>Hm, so", TAGS, Parted("Hm, so", "", False)),
        ("<think>a</think>\n<think>b</think>Yes.", TAGS, Parted("a\n\nb", "Yes.", True)),
        ("Write <think> to think.", TAGS, Parted(None, "Write <think> to think.", True)),
        ("Hm.\n</think>\n\nYes.", OPENED, Parted("Hm.", "\n\nYes.", True)),
        ("<think>Hm.</think>Yes.", OPENED, Parted("Hm.", "Yes.", True)),
        ("Hm, and then", OPENED, Parted("Hm, and then", "", False)),
        ("Hm.</think>Yes.", TAGS, Parted(None, "Hm.</think>Yes.", True)),
        ("Hm.</think>Yes.", UNKNOWN, Parted("Hm.", "Yes.", True)),
        ("<think>Hm.</think>Yes.", UNKNOWN, Parted("Hm.", "Yes.", True)),
        ("Yes.", UNKNOWN, Parted(None, "Yes.", True)),
        ("", TAGS, Parted(None, "", True)),
        ("", OPENED, Parted(None, "", False)),
    ],
)
def test_what_stands_in_tags_before_an_answer_is_a_thought(text: str, how: Thoughts, expected: Parted) -> None:
    assert part(text, how) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
            Parted("Hm.", "Yes.", True),
        ),
        (
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary to=x <|constrain|>json"
            "<|message|>{}<|call|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>",
            Parted("a\n\n{}", "Yes.", True),
        ),
        ("<|channel|>final<|message|>Yes.", Parted(None, "Yes.", True)),
        ("<|channel|>analysis<|message|>Hm, and", Parted("Hm, and", "", False)),
        ("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>", Parted("Hm.", "", False)),
        ("<|channel|>analys", Parted(None, "", False)),
        ("Yes.", Parted(None, "Yes.", True)),
    ],
)
def test_only_the_final_channel_is_an_answer(text: str, expected: Parted) -> None:
    assert part(text, CHANNELS) == expected


def test_a_delimiter_inside_an_answer_is_seen() -> None:
    assert leaks("Yes. </think> No.", TAGS)
    assert leaks("Yes. <|channel|>", CHANNELS)
    assert not leaks("Yes, I think.", TAGS)


@pytest.mark.parametrize("how", [TAGS, CHANNELS])
def test_a_thought_put_back_around_is_told_from_the_answer_again(how: Thoughts) -> None:
    parted = part(how.around("Hm.") + "Yes.", how)
    assert (parted.reasoning, parted.response.strip()) == ("Hm.", "Yes.")


def test_a_message_in_a_channel_ends_where_the_next_begins() -> None:
    text = "<|channel|>analysis<|message|>a<|channel|>analysis<|message|>b<|end|><|channel|>final<|message|>c"
    assert part(text, CHANNELS) == Parted("a\n\nb", "c", True)
    assert part("<|channel|>final<|message|>a<|channel|>b", CHANNELS).response == "a<|channel|>b"
