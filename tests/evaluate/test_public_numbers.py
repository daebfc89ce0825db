"""Our arithmetic against published tables: AlpacaEval 2 and WildBench. It says nothing of our judging."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from magpie.evaluate.files import read_judgments
from magpie.evaluate.judgments import Judgments
from magpie.evaluate.lc_files import read_lc_data
from magpie.evaluate.length_control import LcData, length_controlled, rate_of_coefficients
from magpie.evaluate.scores import graded
from magpie.evaluate.winrate import win_rate

DATA = Path(os.environ.get("MAGPIE_TEST_DATA", "nowhere")) / "data"
ALPACA, WILD = DATA / "alpaca_eval", DATA / "wildbench"
needs_alpaca = pytest.mark.skipif(not ALPACA.exists(), reason="needs data/alpaca_eval of MAGPIE_TEST_DATA")
needs_wild = pytest.mark.skipif(not WILD.exists(), reason="needs data/wildbench of MAGPIE_TEST_DATA")


def table(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return {next(iter(row.values())): row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def published() -> dict[str, dict[str, str]]:
    found = table(ALPACA / "leaderboard.csv")
    return {name: row for name, row in found.items() if row["length_controlled_winrate"]}


@pytest.fixture(scope="module")
def annotated() -> Judgments:
    return read_judgments([str(ALPACA / "annotations.parquet")])


@pytest.fixture(scope="module")
def lc_data() -> LcData:
    return read_lc_data(ALPACA)


def judged(annotated: Judgments, published: dict[str, Any]) -> list[str]:
    found = [model for model in annotated.models if model in published]
    assert len(found) >= 40
    return found


@needs_alpaca
def test_win_rates_and_their_errors_are_the_published_ones(
    annotated: Judgments, published: dict[str, dict[str, str]]
) -> None:
    for model in judged(annotated, published):
        found, told = win_rate(annotated.of(model)), published[model]
        assert found.rate == pytest.approx(float(told["win_rate"]), abs=1e-6)
        assert found.standard_error == pytest.approx(float(told["standard_error"]), abs=1e-6)
        assert found.discrete == pytest.approx(float(told["discrete_win_rate"]), abs=1e-6)
        assert found.prompts == int(told["n_total"])


@needs_alpaca
def test_length_controlled_rates_from_annotations_are_near_the_published_ones(
    annotated: Judgments, published: dict[str, dict[str, str]], lc_data: LcData
) -> None:
    errors = []
    for model in judged(annotated, published):
        found = length_controlled(annotated.of(model), lc_data, by_position=True, resamples=2)
        errors.append(abs(found.rate - float(published[model]["length_controlled_winrate"])))
        assert found.form == "full"
    assert sum(errors) / len(errors) <= 0.2
    assert max(errors) <= 1.0


@needs_alpaca
def test_by_the_true_index_only_models_with_missing_rows_differ(
    annotated: Judgments, published: dict[str, dict[str, str]], lc_data: LcData
) -> None:
    for model in judged(annotated, published):
        games = annotated.of(model)
        own, upstream = (length_controlled(games, lc_data, by_position=by, resamples=2).rate for by in (False, True))
        assert (own == upstream) == (len(games) == 805)


@needs_alpaca
def test_length_controlled_rates_from_given_coefficients(published: dict[str, dict[str, str]], lc_data: LcData) -> None:
    assert lc_data.coefficients is not None
    known = [name for name in lc_data.coefficients if name in published]
    assert len(known) > 150
    for name in known:
        told = float(published[name]["length_controlled_winrate"])
        assert rate_of_coefficients(lc_data.coefficients[name], lc_data.difficulty) == pytest.approx(told, abs=0.25)


@needs_alpaca
def test_the_minimal_form_is_as_rough_as_its_warning_says(
    annotated: Judgments, published: dict[str, dict[str, str]]
) -> None:
    errors = []
    for model in judged(annotated, published):
        found = length_controlled(annotated.of(model), None, resamples=2)
        errors.append(abs(found.rate - float(published[model]["length_controlled_winrate"])))
    assert sum(errors) / len(errors) == pytest.approx(6.8, abs=0.05)
    assert max(errors) == pytest.approx(28.0, abs=0.05)


@needs_wild
def test_wildbench_scores_are_the_published_ones() -> None:
    judgments = read_judgments([str(WILD / "scores.parquet")])
    told = table(WILD / "leaderboard.csv")
    known = [model for model in judgments.models if model in told]
    for model in known:
        found = graded([one for one in judgments.scores if one.model == model])
        assert found.mean == float(told[model]["score"])
        assert found.score == (float(told[model]["score"]) - 5) * 2
        assert found.prompts == int(told[model]["total"])
    assert len(known) > 1


@needs_alpaca
def test_the_sums_of_a_baseline_say_as_much_as_its_rows(tmp_path: Path, lc_data: LcData) -> None:
    """`df_gamed.csv`, as AlpacaEval has it, and our sums of it are the same regularizer."""
    difficulty = lc_data.difficulty.tolist()
    lines = ["model,index,std_delta_len,instruction_difficulty,preference"]
    preferences = [(place % 7) / 7 for place in range(len(difficulty))]
    for place, value in enumerate(difficulty):
        lines.append(f"terse,{place},{(place % 5) - 2},{value},{preferences[place]}")
    (tmp_path / "df_gamed.csv").write_text("\n".join(lines), encoding="utf-8")
    (held,) = read_lc_data(tmp_path).regularizers
    assert held.sums[1] == pytest.approx(sum(d * p for d, p in zip(difficulty, preferences, strict=True)))
    assert json.dumps(read_lc_data(tmp_path).difficulty.tolist()) == json.dumps(difficulty)
