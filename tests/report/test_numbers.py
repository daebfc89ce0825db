"""Reports in numbers: they equal what SQL says of the run, and a column that is not there is a section that is not."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import correlation
from typing import Any

import pytest

from magpie.executors.limits import Prices
from magpie.explore.judgments import judgments
from magpie.layout.naming import label_topics
from magpie.report import Asked, make_report
from magpie.report.judgments import agreement
from magpie.report.lengths import summary
from magpie.report.page import page
from magpie.report.topics import distinct
from magpie.report.variants import estimate
from magpie.runs import Run, open_run
from tests.report.made import Rows, curated, imported, made_run
from tests.runs.kept import kept_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return curated(tmp_path_factory.mktemp("curated") / "air")


@pytest.fixture(scope="module")
def numbers(run: Run) -> dict[str, Any]:
    return make_report(run, asked=Asked(prices=Prices(3600.0, 1, 1.0, 10.0)))


def of(numbers: dict[str, Any], column: str, label: str | None) -> dict[str, Any]:
    (found,) = (value for value in numbers["labels"][column]["values"] if value["label"] == label)
    return dict(found)


def asked(run: Run, query: str) -> Any:
    return run.sql(f"SELECT {query}").column(0)[0].as_py()


def test_rows_tokens_and_cost_are_those_of_the_run(run: Run, numbers: dict[str, Any]) -> None:
    overview = numbers["overview"]
    assert (overview["rows"], overview["kept"], overview["dropped"]) == (81, run.kept(), 27)
    tokens = sum(one.completion_tokens for one in run.counts())
    assert overview["completion_tokens"] == tokens
    assert overview["per_kept_row"]["completion_tokens"] == round(tokens / 54, 3)
    assert overview["per_kept_row"]["prompt_tokens"] == round(81 * 93 / 54, 3)
    assert overview["cost"] == pytest.approx((81 * 93 + 10 * tokens) / 1e6 + overview["seconds"])


def test_labels_are_counted_with_their_kept_shares(run: Run, numbers: dict[str, Any]) -> None:
    for label, rows, kept in _triples(run):
        found = of(numbers, "task_category", label)
        assert (found["rows"], found["kept"], found["kept_share"]) == (rows, kept, round(kept / rows, 6))


def _triples(run: Run) -> list[tuple[str, int, int]]:
    query = "SELECT task_category AS a, count(*) AS b, count(*) FILTER (drop_reason IS NULL) AS c FROM rows GROUP BY 1"
    return [(row["a"], row["b"], row["c"]) for row in run.sql(query).to_pylist()]


def test_a_shortlist_that_keeps_no_row_of_a_category_is_the_first_finding(numbers: dict[str, Any]) -> None:
    assert of(numbers, "task_category", "Brainstorming")["none_kept"]
    assert "none_kept" not in of(numbers, "task_category", "Math")
    first = numbers["findings"][0]
    assert (first["kind"], first["label"], first["rows"], first["stage"]) == (
        "none_kept",
        "Brainstorming",
        27,
        "shortlist",
    )


def test_what_a_selection_meant_to_drop_is_no_finding(numbers: dict[str, Any]) -> None:
    assert all(finding["kind"] != "none_kept" or finding["column"] == "category" for finding in numbers["findings"])


def test_lengths_are_of_rows_that_have_the_text(run: Run, numbers: dict[str, Any]) -> None:
    response = numbers["lengths"]["texts"]["response"]
    assert sum(one["rows"] for one in response["bins"]) == asked(run, "count(response) FROM rows") == 54
    assert response["all"]["p50"] == asked(run, "quantile_disc(length(response), 0.5) FROM rows")
    assert response["kept"]["mean"] == pytest.approx(asked(run, "avg(length(response)) FROM kept"), abs=0.01)
    assert response["all"]["max"] == asked(run, "max(length(response)) FROM rows")


def test_the_funnel_and_its_reasons_add_up(numbers: dict[str, Any]) -> None:
    stages = {stage["stage"]: stage for stage in numbers["funnel"]}
    assert [stage["reached"] for stage in stages.values()] == [81, 81, 81, 54]
    assert stages["shortlist"]["reasons"] == [
        {"reason": "not_shortlisted: task_category <> 'Brainstorming'", "rows": 27}
    ]
    assert numbers["selections"][0]["steps"][0]["in_turn"] == 27


def test_quality_by_difficulty_has_empty_cells_too(run: Run, numbers: dict[str, Any]) -> None:
    cells = {(cell["quality"], cell["difficulty"]): cell for cell in numbers["grid"]["cells"]}
    assert len(cells) == 25
    assert cells["good", "medium"]["rows"] == asked(run, "count(*) FROM rows WHERE input_quality = 'good'")
    assert cells["excellent", "hard"]["rows"] == 0


def test_variants_have_intervals_around_their_figures(run: Run, numbers: dict[str, Any]) -> None:
    (hot,) = (variant for variant in numbers["variants"] if variant["variant"] == "hot")
    share = asked(run, "avg((drop_reason IS NULL)::INT) FROM rows WHERE variant = 'hot'")
    assert hot["kept_share"]["value"] == pytest.approx(share, abs=1e-4)
    assert hot["kept_share"]["low"] < share < hot["kept_share"]["high"]
    assert hot["quality"]["value"] == 2.0  # every one of them is poor


def test_repeated_instructions_are_counted_and_shown(run: Run, numbers: dict[str, Any]) -> None:
    repeated = numbers["variety"]["repeated"]
    assert repeated["repeating"] == asked(run, "count(*) - count(DISTINCT instruction) FROM rows") == 11
    assert repeated["most"][0] == {
        "id": "air-00000000",
        "instruction": "Please do task number 0.",
        "rows": 2,
        "kept": 1,
    }


def test_examples_are_of_every_kind_and_the_same_each_time(run: Run, numbers: dict[str, Any]) -> None:
    examples = numbers["examples"]
    assert len(examples["kept"]) == 6
    assert examples["dropped"][0]["drop_reason"].startswith("not_shortlisted")
    assert examples["longest"][0]["id"] == "air-00000080"
    assert make_report(run)["examples"] == examples


def test_the_numbers_are_plain_json(numbers: dict[str, Any]) -> None:
    assert json.loads(json.dumps(numbers)) == numbers


# -- runs that lack something -----------------------------------------------------------------------------------------


def test_an_untagged_import_has_no_section_that_needs_tags(tmp_path: Path) -> None:
    numbers = make_report(
        imported(tmp_path, [{"instruction": f"What is {n}?", "response": "A number."} for n in range(9)])
    )
    assert numbers["overview"]["kept"] == 9
    assert {"labels", "grid", "judgments", "variants", "timeline"} & numbers.keys() == set()
    assert {"lengths", "variety", "examples"} <= numbers.keys()


def test_an_import_without_responses_has_no_length_of_them(tmp_path: Path) -> None:
    numbers = make_report(imported(tmp_path, [{"instruction": f"What is {n}?"} for n in range(3)]))
    assert list(numbers["lengths"]["texts"]) == ["instruction"]


@pytest.mark.parametrize("name", ["killed", "killed-tag", "basic", "mini"])
def test_runs_of_earlier_magpies_and_unfinished_ones_are_reported(name: str, tmp_path: Path) -> None:
    run = open_run(kept_run(name, tmp_path))
    numbers = make_report(run)
    overview = numbers["overview"]
    assert overview["kept"] == run.kept()
    states = [overview[state] for state in ("kept", "dropped", "failed", "pending")]
    assert sum(states) == overview["rows"] == asked(run, "count(*) FROM rows")
    if name.startswith("killed"):
        assert overview["pending"]
        assert any(finding["kind"] == "unfinished" for finding in numbers["findings"])


def test_no_row_of_an_unfinished_run_is_called_lost(tmp_path: Path) -> None:
    tags = [{"task_category": ("Math", "Editing")[row % 2]} for row in range(60)]
    stages: dict[str, Rows] = {
        "instruct": [{"instruction": f"Task {row}."} for row in range(60)],
        "tag": tags,
        "respond": [],
    }
    numbers = make_report(made_run(tmp_path / "half", stages))
    assert (numbers["overview"]["pending"], numbers["overview"]["kept"]) == (60, 0)
    assert of(numbers, "task_category", "Math")["kept_share"] is None
    assert [finding["kind"] for finding in numbers["findings"]] == ["unfinished"]


def test_a_run_without_a_row_is_reported(tmp_path: Path) -> None:
    nothing: dict[str, Rows] = {"instruct": [], "respond": []}
    numbers = make_report(made_run(tmp_path / "empty", nothing, size=10))
    assert (numbers["overview"]["rows"], numbers["overview"]["size"]) == (0, 10)
    assert "lengths" not in numbers


def test_columns_that_are_null_throughout_and_numbers_that_are_none_break_nothing(tmp_path: Path) -> None:
    nothing = {"task_category": None, "input_quality": None, "difficulty": None, "instruct_reward": float("nan")}
    stages: dict[str, Rows] = {"instruct": [{"instruction": f"Task {row}."} for row in range(5)], "tag": [nothing] * 5}
    numbers = make_report(made_run(tmp_path / "null", stages))
    assert "grid" not in numbers
    assert "judgments" not in numbers
    assert numbers["overview"]["kept"] == 5
    assert page(numbers)


def test_failed_rows_are_told_apart_from_dropped_ones(tmp_path: Path) -> None:
    rows: Rows = [{"instruction": "Hello."}, {"instruction": None, "error": "the server said no"}]
    numbers = make_report(made_run(tmp_path / "failed", {"instruct": rows}))
    assert (numbers["overview"]["kept"], numbers["overview"]["failed"]) == (1, 1)
    assert numbers["funnel"][0]["error"] == "the server said no"
    assert numbers["findings"][0]["kind"] == "failed"


def test_two_judges_are_compared(tmp_path: Path) -> None:
    ours = ["easy", "hard", "medium", "very hard", "easy"]
    theirs = ["easy", "very hard", "medium", "hard", None]
    tags = [{"difficulty": one, "difficulty__other": other} for one, other in zip(ours, theirs, strict=True)]
    stages: dict[str, Rows] = {"instruct": [{"instruction": f"Task {row}."} for row in range(5)], "tag": tags}
    (pair,) = make_report(made_run(tmp_path / "two", stages))["judgments"]["agreement"]
    assert (pair["one"], pair["other"], pair["rows"], pair["same"], pair["within_one"]) == (
        "difficulty", "difficulty__other", 4, 0.5, 1.0
    )  # fmt: skip
    assert pair["labels"] == ["easy", "medium", "hard", "very hard"]
    assert pair["table"][2] == [0, 0, 0, 1]


# -- arithmetic -------------------------------------------------------------------------------------------------------


def test_kappa_is_that_of_the_textbook() -> None:
    counts = {("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}
    assert agreement(counts, None)["kappa"] == pytest.approx(0.4)
    assert agreement({("a", "a"): 7}, None)["kappa"] is None


def test_a_far_disagreement_weighs_more_where_labels_have_an_order() -> None:
    order = ("low", "middle", "high")
    same = {("low", "low"): 5, ("high", "high"): 5, ("middle", "middle"): 5}
    near = agreement({**same, ("low", "middle"): 3}, order)
    far = agreement({**same, ("low", "high"): 3}, order)
    assert near["kappa"] == pytest.approx(far["kappa"], abs=0.02)
    assert near["weighted_kappa"] > far["weighted_kappa"] + 0.1


def test_an_interval_narrows_with_rows_and_holds_the_value() -> None:
    few, many = (estimate([1.0, 0.0] * n, [1.0] * 2 * n) for n in (10, 200))
    assert few is not None
    assert many is not None
    assert few["low"] < many["low"] < 0.5 < many["high"] < few["high"]
    assert many["high"] - many["low"] == pytest.approx(4 * 0.5 / 20, rel=0.3)  # two standard errors on either side
    assert estimate([0.0], [0.0]) is None


def test_quantiles_in_memory_are_those_of_the_database(run: Run) -> None:
    values = run.sql("SELECT length(instruction) AS n FROM rows").column("n").to_pylist()
    query = "quantile_disc(length(instruction), [0.05, 0.25, 0.5, 0.75, 0.95]) FROM rows"
    assert [summary(values)[name] for name in ("p5", "p25", "p50", "p75", "p95")] == asked(run, query)


def test_topics_are_named_by_words_that_set_them_apart() -> None:
    texts = ["please add the numbers two and three"] * 5 + ["please write the poem about rain"] * 5
    adding, poem = label_topics(texts, [0] * 5 + [1] * 5)
    assert "numbers" in adding
    assert "poem" in poem
    assert not {"please", "the"} & {*adding, *poem}


def test_distinct_n_is_the_share_of_different_runs_of_words() -> None:
    assert distinct(["a b a b"]) == {
        "words": 4, "distinct_1": 0.5, "distinct_2": round(2 / 3, 4), "distinct_3": 1.0, "distinct_4": 1.0
    }  # fmt: skip


AGAIN: dict[str, Rows] = {
    "import": [
        {
            "instruction": f"Task {row}.",
            "response": "old",
            "turns": [{"role": "user", "content": "old?"}, {"role": "assistant", "content": "old."}],
            "safety": "unsafe",
            "instruct_reward": float(row),
        }
        for row in range(3)
    ],
    "respond": [{"response": f"new {row}"} for row in range(3)],
}
"""Imported conversations whose first answer was made anew, and nothing after it."""


def test_what_was_said_of_an_old_answer_is_not_shown_beside_the_new_one(tmp_path: Path) -> None:
    run = made_run(tmp_path / "again", AGAIN)
    numbers = make_report(run, asked=Asked(examples=3))
    shown = [row for rows in numbers["examples"].values() for row in rows]
    assert shown
    assert {len(row["turns"]) for row in shown} == {2}
    assert all(row["turns"][1]["text"].startswith("new ") for row in shown)
    assert not [row for row in shown if "unsafe" in str(row)]
    assert "safety" not in numbers.get("labels", {})
    assert page(numbers)


def test_judgments_of_an_old_answer_are_not_counted_and_break_no_status(tmp_path: Path) -> None:
    run = made_run(tmp_path / "again", AGAIN)
    assert [one.title for one in judgments(run)] == []
    assert [one.title for one in judgments(run, "import")] == ["unsafe", "reward"]


def test_rewards_that_lie_beyond_all_bounds_have_no_bins(tmp_path: Path) -> None:
    rows: Rows = [{"instruction": f"Task {row}.", "instruct_reward": (-1e308, 1e308)[row % 2]} for row in range(4)]
    numbers = make_report(made_run(tmp_path / "far", {"instruct": rows}))
    assert page(numbers)


def test_equal_rewards_share_their_rank(tmp_path: Path) -> None:
    pairs = [(1.0, 2.0), (1.0, 1.0), (2.0, 1.0), (3.0, 3.0), (3.0, 3.0)]
    rows: Rows = [
        {"instruction": f"Task {row}.", "instruct_reward": one, "instruct_reward__other": other}
        for row, (one, other) in enumerate(pairs)
    ]
    (pair,) = make_report(made_run(tmp_path / "ties", {"instruct": rows}))["judgments"]["agreement"]
    ones, others = [1.5, 1.5, 3.0, 4.5, 4.5], [3.0, 1.5, 1.5, 4.5, 4.5]
    assert pair["rank_correlation"] == pytest.approx(correlation(ones, others), abs=1e-4)
