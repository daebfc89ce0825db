"""Labels: what a judge means where it writes one in another way, and what means none."""

from __future__ import annotations

import pytest

from magpie.stages.judging.labels import CATEGORIES, DIFFICULTIES, QUALITIES, Labels


@pytest.mark.parametrize("labels", [QUALITIES, DIFFICULTIES, CATEGORIES])
def test_every_label_is_read_as_itself_in_any_letters(labels: Labels) -> None:
    for name in labels.names:
        for written in (name, name.upper(), name.title(), f" {name}.", f'"{name}"', name.replace(" ", "_")):
            assert labels.read(written) == name


@pytest.mark.parametrize(
    ("labels", "written", "meant"),
    [
        (QUALITIES, "good (clear and complete)", "good"),
        (QUALITIES, "good - the task is clear", "good"),
        (QUALITIES, "4/5", "good"),
        (QUALITIES, "4 out of 5", "good"),
        (QUALITIES, "\u201cVery Poor\u201d", "very poor"),
        (DIFFICULTIES, "Very Hard", "very hard"),
        (DIFFICULTIES, "Challenging", "hard"),
        (DIFFICULTIES, "hard: long or careful work, or deep knowledge", "hard"),
        (CATEGORIES, "Other", "Others"),
        (CATEGORIES, "Others (such as translation)", "Others"),
        (CATEGORIES, "coding &amp; debugging", "Coding & Debugging"),
        (CATEGORIES, "Coding and Debugging", "Coding & Debugging"),
        (CATEGORIES, "Mathematics", "Math"),
        (CATEGORIES, "role-playing", "Role playing"),
    ],
)
def test_a_label_is_read_in_other_words(labels: Labels, written: str, meant: str) -> None:
    assert labels.read(written) == meant


@pytest.mark.parametrize(
    ("labels", "written"),
    [
        (QUALITIES, "not good"),
        (QUALITIES, "good to excellent"),
        (QUALITIES, "good, not excellent"),
        (QUALITIES, "very poor, poor, average, good or excellent"),
        (QUALITIES, "very good"),
        (QUALITIES, "3"),
        (QUALITIES, "7/10"),
        (QUALITIES, "6/5"),
        (QUALITIES, "very"),
        (QUALITIES, ""),
        (DIFFICULTIES, "medium-hard"),
        (DIFFICULTIES, "hard (very hard for some)"),
        (CATEGORIES, "Math, Reasoning"),
        (CATEGORIES, "category"),
        (CATEGORIES, "3/12"),
    ],
)
def test_what_may_mean_two_labels_or_none_means_none(labels: Labels, written: str) -> None:
    assert labels.read(written) is None


def test_an_entity_of_more_digits_than_python_reads_says_nothing() -> None:
    assert QUALITIES.read("good: &#" + "1" * 10_000 + ";") == "good"
    assert QUALITIES.read("&#" + "1" * 10_000 + ";") is None
