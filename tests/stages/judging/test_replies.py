"""Judges' replies: what is read of them, in whatever form they come, and that nothing is read wrongly."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magpie.stages.judging.replies import Form, Reading, read
from magpie.stages.tag.questions import question
from tests.stages.judging.hostile_replies import KINDS, Reply, replies

FORMS: dict[str, Form] = {name: question(name, fast=False).form for name in ("quality", "difficulty", "category")}
QUALITY = FORMS["quality"]
HOSTILE = replies(500, seed=1)


def label(reply: Reply) -> str | None:
    reading = read(reply.text, FORMS[reply.tag])
    return None if reading is None else reading.label


@pytest.mark.parametrize("kind", KINDS)
def test_no_hostile_reply_is_read_as_something_that_it_does_not_say(kind: str) -> None:
    for reply in HOSTILE:
        if reply.kind == kind:
            assert label(reply) in (None, reply.truth), reply.text


def test_of_five_hundred_hostile_replies_nearly_all_that_say_a_label_are_read() -> None:
    saying = [reply for reply in HOSTILE if reply.truth is not None]
    unread = [reply for reply in saying if label(reply) is None]
    assert len(saying) > 300
    assert len(unread) / len(saying) < 0.01, [reply.text for reply in unread]


def test_of_twenty_times_as_many_none_is_read_wrongly() -> None:
    wrong = [reply.text for reply in replies(10_000, seed=2) if label(reply) not in (None, reply.truth)]
    assert wrong == []


def test_the_texts_beside_the_label_are_kept() -> None:
    reply = '{"intent": "to know\\nwhy", "knowledge": ["birds", "trees"], "difficulty": "Very Easy"}'
    assert read(reply, FORMS["difficulty"]) == Reading(
        "very easy", {"intent": "to know\nwhy", "knowledge": "birds, trees"}
    )


def test_a_text_that_is_missing_is_no_fault() -> None:
    assert read('{"difficulty": "easy", "intent": null}', FORMS["difficulty"]) == Reading("easy")


def test_further_labels_are_kept_once_without_the_first_and_without_what_is_none() -> None:
    reply = '{"task_category": "Math", "other_tags": ["coding", "Math", "Coding & Debugging", "Fun"]}'
    assert read(reply, FORMS["category"]) == Reading("Math", {}, ("Coding & Debugging",))
    reply = '{"task_category": "Math", "other_tags": "Reasoning, Planning"}'
    assert read(reply, FORMS["category"]) == Reading("Math", {}, ("Reasoning", "Planning"))


def test_the_exact_key_goes_before_another_name_of_it() -> None:
    assert read('{"rating": "poor", "input_quality": "good"}', QUALITY) == Reading("good")
    assert read('{"rating": "poor", "quality": "good"}', QUALITY) is None


def test_half_a_pair_of_surrogates_becomes_a_mark_that_can_be_kept() -> None:
    reading = read('{"explanation": "\\ud800!", "input_quality": "good"}', QUALITY)
    assert reading is not None
    assert reading.texts["explanation"] == "\ufffd!"


def test_an_endless_text_is_cut() -> None:
    reading = read(f'{{"input_quality": "good", "explanation": "{"a" * 5000}"}}', QUALITY)
    assert reading is not None
    assert len(reading.texts["explanation"]) == 2000


@given(st.text(alphabet="{}[]():,\"'`\\/*#\n abgoduryevp_tilqn\u201c\u201d<>=1", max_size=200))
def test_whatever_is_written_is_read_or_not_and_raises_nothing(text: str) -> None:
    for form in FORMS.values():
        read(text, form)
        read('{"input_quality": "' + text, form)


@pytest.mark.parametrize(
    "piece",
    [
        '"/*',
        "{#",
        '{"a":',
        '{"a',
        '{a:"',
        "{",
        '{a: "x" ',
        "[",
        '"b" ',
        "/*",
        '\\"',
        "<think>",
        "{a:[",
        "=>",
        "Quality: ",
    ],
)
def test_a_reply_made_to_keep_a_reader_busy_does_not(piece: str) -> None:
    begun = time.process_time()
    read("{a: " + piece * 20_000, QUALITY)
    read(piece * 20_000, QUALITY)
    assert time.process_time() - begun < 2
