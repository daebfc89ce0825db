"""The page of an evaluation: what it shows, and that what models wrote stays text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.chromium import file_url, find_chromium, open_chromium
from magpie.evaluate.judgments import Game, Judgments, Score, Style
from magpie.evaluate.measuring import accuracy, measure
from magpie.evaluate.report import changed_minds, evaluation_page
from magpie.report.page import MOST_BYTES

HOSTILE = "</div><script>alert(1)</script><img src=x onerror=alert(1)> {{ 7 * 7 }} \u202e\x1b[31m"
PROGRAM = find_chromium()


def rows(count: int = 40) -> list[dict[str, Any]]:
    return [
        {
            "id": f"run-{n}",
            "row": n,
            "source_id": f"q{n}{HOSTILE if n == 0 else ''}",
            "meta": {"category": ("math", HOSTILE)[n % 2]},
            "instruction": f"Why {n}? {HOSTILE}",
            "response": f"Because {n}. {HOSTILE}" * (1 + n % 3),
            "against_response": f"No idea, {n}.",
            "judge_preference": 0.5,
            "judge_preference_first": 0.1 + n / 100,
            "judge_preference_second": 0.9 - n / 100,
        }
        for n in range(count)
    ]


def figures(of: list[dict[str, Any]]) -> dict[str, Any]:
    games = [
        Game(
            row["source_id"],
            HOSTILE,
            "b",
            row[key],
            style=Style(len(row["response"]), n % 3),
            opponent_style=Style(12),
            category=row["meta"]["category"],
            model_first=first,
        )
        for n, row in enumerate(of)
        for key, first in (("judge_preference_first", True), ("judge_preference_second", False))
    ]
    scores = [Score(row["source_id"], HOSTILE, 6.0) for row in of]
    checks = {HOSTILE: {row["source_id"]: 1.0 for row in of}, "b": {row["source_id"]: 0.0 for row in of}}
    stage = {"prompt_tokens": 3, "completion_tokens": 4, "seconds": 0.5}
    return measure(Judgments("magpie", games, scores)) | {
        "accuracy": accuracy(checks),
        "judge_mass": 0.99,
        "unusable": {HOSTILE: 2},
        "cost": {"stages": {"compare": stage}},
    }


def test_what_models_wrote_stays_text() -> None:
    page = evaluation_page(figures(rows()), rows(), HOSTILE, "b")
    assert "<script" not in page
    assert "<img" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "{{ 7 * 7 }}" in page
    for title in ("Rates", "By category", "The order of the answers", "Bradley-Terry", "changed its mind", "Cost"):
        assert title in page


def test_examples_are_those_whose_verdict_changed_most() -> None:
    found = changed_minds(rows())
    assert [row["row"] for row in found[:3]] == [0, 1, 2]
    assert len(found) == 12
    assert changed_minds([row | {"judge_preference_first": 0.9} for row in rows()]) == []


def test_long_answers_are_cut_until_the_page_is_small() -> None:
    long = [row | {"response": "x " * 100_000, "instruction": "y" * 100_000} for row in rows()]
    page = evaluation_page(figures(rows()), long, HOSTILE, "b")
    assert len(page.encode()) < MOST_BYTES


def test_a_page_without_games_has_the_checks_alone() -> None:
    found = {"models": {}, "notes": [], "accuracy": accuracy({"a": {"1": 1.0}})}
    page = evaluation_page(found, [], "a", "nothing")
    assert "right answers of" in page
    assert "win rate" not in page


@pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed (apt-get install chromium)")
def test_a_browser_opens_it_and_nothing_runs_or_overflows(tmp_path: Path) -> None:
    assert PROGRAM is not None
    path = tmp_path / "page.html"
    path.write_text(evaluation_page(figures(rows()), rows(), HOSTILE, "b"), encoding="utf-8")
    with open_chromium(PROGRAM) as chromium:
        for width in (1120, 400):
            opened = chromium.open(file_url(path), width=width)
            assert (opened.requests, opened.console, opened.dialogs) == ([file_url(path)], [], [])
            assert chromium.evaluate("document.documentElement.scrollWidth") <= width
            assert chromium.evaluate("document.scripts.length === 0 && document.images.length === 0")
