"""The absolute score of a model: the mean grade as WildBench has it, and Arena-Hard's share of weighted verdicts.
NumPy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from magpie.evaluate.judgments import Game, Score
from magpie.evaluate.statistics import Interval, interval_of, percentiles, prompt_weights
from magpie.evaluate.winrate import FEWEST_PROMPTS

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Graded:
    """A model's grades."""

    mean: float
    """Of grades from 1 to 10."""
    score: float
    """WildBench's: (mean - 5) * 2, from -8 to 10."""
    standard_error: float | None
    """Of the score, over prompts; None of a single one."""
    interval: Interval | None
    prompts: int
    length: float | None
    """Mean length of the answers, in characters, of those that are known."""
    categories: dict[str, float]
    """Category to score, of those with enough prompts."""

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "mean": self.mean,
            "score": self.score,
            "standard_error": self.standard_error,
            "interval": None if self.interval is None else list(self.interval),
            "prompts": self.prompts,
            "mean_length": self.length,
            "categories": self.categories,
        }


def graded(scores: Sequence[Score]) -> Graded:
    """The mean grade of one model, and WildBench's score.

    >>> graded([Score("1", "a", 7.0), Score("2", "a", 8.0)]).score
    5.0
    """
    given = np.array([one.score for one in scores])
    mean, error = float(given.mean()), None
    if len(given) > 1:
        error = float(2 * given.std(ddof=1) / np.sqrt(len(given)))
    score = wildbench_score(mean)
    lengths = [one.length for one in scores if one.length is not None]
    found: dict[str, list[float]] = {}
    for one in scores:
        if one.category is not None:
            found.setdefault(one.category, []).append(one.score)
    return Graded(
        mean,
        score,
        error,
        None if error is None else interval_of(score, error, -8.0, 10.0),
        len(given),
        sum(lengths) / len(lengths) if lengths else None,
        {
            name: wildbench_score(sum(of) / len(of))
            for name, of in sorted(found.items(), key=lambda item: -len(item[1]))
            if len(of) >= FEWEST_PROMPTS
        },
    )


def wildbench_score(mean: float) -> float:
    """A mean grade as WildBench prints it: 5 is 0, 10 is 10.

    >>> wildbench_score(7.5)
    5.0
    """
    return (mean - 5) * 2


@dataclass(frozen=True, slots=True)
class Verdicts:
    """A model's share of verdicts, strong ones counted several times, in percent: the score of Arena-Hard."""

    score: float
    interval: Interval
    """By bootstrap over prompts."""
    prompts: int

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {"score": self.score, "interval": list(self.interval), "prompts": self.prompts}


def verdicts(games: Sequence[Game], resamples: int = RESAMPLES, seed: int = 0) -> Verdicts:
    """The weighted mean preference for one model.

    >>> verdicts([Game("1", "a", "b", 1.0, weight=3), Game("1", "a", "b", 0.0)]).score
    75.0
    """
    known: dict[str, int] = {}
    prompts = np.array([known.setdefault(game.prompt, len(known)) for game in games])
    preferences = np.array([game.preference for game in games])
    weights = np.vstack([np.ones((1, len(games))), prompt_weights(prompts, resamples, seed)])
    weights = weights * np.array([float(game.weight) for game in games])
    shares = 100 * (weights @ preferences) / weights.sum(axis=1)
    return Verdicts(float(shares[0]), percentiles(shares[1:]), len(known))
