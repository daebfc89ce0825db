"""Metrics on judgments whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from magpie.errors import UserError
from magpie.evaluate.bradley_terry import bradley_terry
from magpie.evaluate.judgments import Game, Judgments, Score, Style
from magpie.evaluate.length_control import LcData, Regularizer, fit, length_controlled, sigmoid
from magpie.evaluate.measuring import Ask, flips, measure, reward
from magpie.evaluate.scores import graded, verdicts
from magpie.evaluate.statistics import mcnemar, paired, prompts_needed, sign_flips
from magpie.evaluate.winrate import by_category, win_rate


def games_of(preferences: list[float], model: str = "a", opponent: str = "b") -> list[Game]:
    return [Game(str(n), model, opponent, preference) for n, preference in enumerate(preferences)]


def test_two_orders_of_one_prompt_are_one_observation() -> None:
    once = win_rate(games_of([1.0, 0.0, 1.0, 1.0]))
    twice = win_rate([*games_of([1.0, 0.0, 1.0, 1.0]), *games_of([1.0, 0.0, 1.0, 1.0])])
    assert once == twice
    assert once.rate == 75.0
    assert once.standard_error == pytest.approx(25.0)


def test_a_single_prompt_has_no_standard_error() -> None:
    found = win_rate(games_of([0.5]))
    assert (found.standard_error, found.interval, found.draws, found.discrete) == (None, None, 1, 50.0)


def test_categories_with_few_prompts_have_no_rate() -> None:
    games = [Game(str(n), "a", "b", 1.0, category="math" if n < 12 else "code") for n in range(15)]
    assert list(by_category(games)) == ["math"]


def test_a_win_that_length_explains_is_taken_away() -> None:
    generator = np.random.default_rng(0)
    lengths = generator.uniform(0, 1500, 3000)
    feature = np.tanh(-lengths / lengths.std(ddof=1))
    wins = generator.random(3000) < sigmoid(-3.0 * feature)
    games = [
        Game(str(n), "a", "b", float(won), style=Style(500 + longer), opponent_style=Style(500))
        for n, (won, longer) in enumerate(zip(wins, lengths, strict=True))
    ]
    assert win_rate(games).rate > 75
    found = length_controlled(games, None, resamples=50)
    assert found.rate == pytest.approx(50, abs=8)
    assert found.interval[0] < 50 < found.interval[1]
    assert found.form == "minimal"


def test_regularizing_baselines_pull_the_coefficients() -> None:
    generator = np.random.default_rng(1)
    difficulty = generator.normal(size=400)
    features = np.column_stack([generator.uniform(-1, 1, 400), difficulty])
    held = Regularizer(features, features.T @ sigmoid(features @ np.array([-2.0, 1.0])))
    flat = np.column_stack([features, np.ones(400)])
    targets = np.full(400, 0.5)
    free, pulled = (fit(flat, targets, np.ones((1, 400)), given)[0] for given in ((), (held,)))
    assert free == pytest.approx([0, 0, 0], abs=1e-6)
    assert pulled[0] < -0.1
    assert pulled[1] > 0.05


def test_a_place_outside_the_benchmark_is_refused() -> None:
    game = Game("1", "a", "b", 1.0, position=900, place=900, style=Style(1), opponent_style=Style(2))
    for by_position in (False, True):
        with pytest.raises(UserError, match="no place from 0 to 804 of the benchmark; expected the same benchmark"):
            measure(Judgments("AlpacaEval", [game]), Ask(("lc",), (), LcData(np.zeros(805)), by_position))


def test_bradley_terry_finds_strengths_and_what_the_judge_gives_to_length() -> None:
    """The true strength lies in its 95% interval about as often as it says; `python -m bench.judgments` draws more."""
    generator = np.random.default_rng(2)
    hits = {"strength": 0, "length": 0}
    draws = 150
    for number in range(draws):
        own, other = generator.uniform(100, 2000, (2, 100))
        longer = (own - other) / (own + other)
        longer = longer / longer.std()
        won = generator.random(100) < sigmoid(0.6 + 0.5 * longer)
        games = [
            Game(str(n), "a", "b", float(won[n]), style=Style(own[n]), opponent_style=Style(other[n]))
            for n in range(100)
        ]
        found = bradley_terry(games, "b", resamples=150, seed=number)
        low, high = found.strengths[0].strength_interval if found.strengths[0].model == "a" else (0, 0)
        hits["strength"] += low <= 0.6 <= high
        low, high = found.styles["length"][1]
        hits["length"] += low <= 0.5 <= high
    assert all(0.89 <= count / draws <= 0.99 for count in hits.values()), hits


def test_resamples_found_from_the_whole_are_those_of_newtons_method() -> None:
    generator = np.random.default_rng(3)
    games = [
        Game(str(n % 60), model, other, float(generator.random() < 0.7))
        for n, (model, other) in enumerate([("a", "b"), ("b", "c"), ("a", "c")] * 60)
    ]
    found = bradley_terry(games, "c", resamples=20, seed=4)
    a = next(one for one in found.strengths if one.model == "a")
    assert a.strength_interval[0] < a.strength < a.strength_interval[1]
    assert [one.model for one in found.strengths] == ["a", "b", "c"]


def test_a_model_that_wins_every_game_has_a_finite_strength() -> None:
    found = bradley_terry(games_of([1.0] * 30), "b", resamples=30)
    assert 90 < found.strengths[0].rate < 100


def test_a_style_that_is_always_the_same_takes_nothing_from_the_model() -> None:
    """A column of rounding errors, divided by its deviation, took the whole preference."""
    games = [
        Game(str(n), "a", "b", 0.7, style=Style(291.0), opponent_style=Style(71.0), model_first=bool(n % 2))
        for n in range(60)
    ]
    found = bradley_terry(games, "b", resamples=30)
    assert found.styles == {}
    assert found.strengths[0].rate == pytest.approx(69.7, abs=0.3)


def test_strong_verdicts_count_three_times() -> None:
    assert verdicts([Game("1", "a", "b", 1.0, weight=3), Game("1", "a", "b", 0.0)]).score == 75.0


def test_wildbenchs_reward_halves_what_is_only_better() -> None:
    games = [
        Game("1", "a", "b", 1.0, 2),
        Game("2", "a", "b", 1.0, 1),
        Game("3", "a", "b", 0.0, 2),
        Game("4", "a", "b", 0.5),
    ]
    assert reward(games)["score"] == pytest.approx(12.5)


def test_pairing_sees_what_unpaired_models_hide() -> None:
    hard = [n % 10 / 10 for n in range(200)]
    better = {str(n): value + 0.02 + (n % 3) * 0.01 for n, value in enumerate(hard)}
    found = paired(better, {str(n): value for n, value in enumerate(hard)})
    assert found is not None
    assert found.p_value < 0.001
    assert found.interval[0] > 0
    assert found.unpaired_error > 10 * found.standard_error


def test_models_that_share_no_prompt_are_not_compared() -> None:
    assert paired({"1": 1.0}, {"2": 1.0}) is None


def test_equal_models_have_no_evidence_against_them() -> None:
    assert sign_flips(np.zeros(10)) == 1.0
    assert mcnemar(5, 5) == 1.0
    assert mcnemar(0, 0) == 1.0


def test_the_sample_size_is_the_textbooks() -> None:
    assert prompts_needed(0.05, 0.5) == 785  # ((1.96 + 0.8416) * 0.5 / 0.05) ** 2


def test_flips_are_verdicts_that_follow_the_place() -> None:
    games = [
        Game("1", "a", "b", 1.0, model_first=True),
        Game("1", "a", "b", 0.0, model_first=False),
        Game("2", "a", "b", 1.0, model_first=True),
        Game("2", "a", "b", 1.0, model_first=False),
    ]
    assert flips(games) == {"won_first": 100.0, "won_second": 50.0, "both_orders": 2, "flipped": 50.0}
    assert flips(games_of([1.0])) is None


@pytest.mark.parametrize("preference", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("count", [1, 2, 30])
def test_judgments_that_all_say_the_same_are_measured(preference: float, count: int) -> None:
    games = [
        Game(str(n), "a", "b", preference, style=Style(5), opponent_style=Style(5 + n % 2), model_first=bool(n % 2))
        for n in range(count)
    ]
    found = measure(Judgments("magpie", games))
    assert found["models"]["a"]["winrate"]["win_rate"] == 100 * preference
    assert found["models"]["a"]["lc"]["length_controlled_win_rate"] == pytest.approx(100 * preference, abs=1)
    told = {one["model"]: one["win_rate"] for one in found["bt"]["models"]}
    assert (told["a"] > told["b"]) == (preference > 0.5)


def test_metrics_that_judgments_do_not_allow_say_which_they_do() -> None:
    grades = Judgments("WildBench", scores=[Score("1", "a", 7.0)])
    with pytest.raises(UserError, match="grades of one answer; expected --metric score"):
        measure(grades, Ask(("winrate",)))
    with pytest.raises(UserError, match="lengths of the answers are not known; expected --answers"):
        measure(Judgments("Arena-Hard", games_of([1.0])), Ask(("lc",)))


def test_grades_are_paired_in_points_of_the_scale() -> None:
    scores = [Score(str(n), model, score) for n in range(20) for model, score in (("a", 7.0 + n % 2), ("b", 6.0))]
    found = measure(Judgments("WildBench", scores=scores))
    assert found["models"]["a"]["score"]["score"] == graded(scores[::2]).score == 5.0
    assert found["paired"][0]["difference"] == 1.5
    assert found["models"]["b"]["score"]["needed"]["prompts"] >= 2
