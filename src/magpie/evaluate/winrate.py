"""The win rate of a model, its standard error, and the same by category. NumPy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from magpie.evaluate.judgments import Game
from magpie.evaluate.statistics import Interval, interval_of

FEWEST_PROMPTS = 10
"""A category with fewer prompts has no rate of its own: it would say more of the prompts than of the model."""


@dataclass(frozen=True, slots=True)
class WinRate:
    """In percent. Draws count half."""

    rate: float
    standard_error: float | None
    """Over prompts; None of a single prompt."""
    interval: Interval | None
    """95%, by the normal approximation."""
    discrete: float
    """Of games alone that are won: a preference above one half is a win, one half is a draw."""
    wins: int
    losses: int
    draws: int
    prompts: int

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "win_rate": self.rate,
            "standard_error": self.standard_error,
            "interval": None if self.interval is None else list(self.interval),
            "discrete_win_rate": self.discrete,
            "wins": self.wins,
            "losses": self.losses,
            "draws": self.draws,
            "prompts": self.prompts,
        }


def win_rate(games: Sequence[Game]) -> WinRate:
    """The mean preference for a model. Several games of one prompt, such as its two orders, are averaged first, so that
    the standard error is that of independent prompts.

    games: of one model, at least one.

    >>> win_rate([Game("1", "a", "b", 1.0), Game("2", "a", "b", 0.0)]).rate
    50.0
    """
    preferences = per_prompt(games)
    mean, error = float(preferences.mean()), None
    if len(preferences) > 1:
        error = float(preferences.std(ddof=1) / np.sqrt(len(preferences)))
    wins, losses = int((preferences > 0.5).sum()), int((preferences < 0.5).sum())
    draws = len(preferences) - wins - losses
    return WinRate(
        100 * mean,
        None if error is None else 100 * error,
        None if error is None else interval_of(100 * mean, 100 * error, 0.0, 100.0),
        100 * (wins + draws / 2) / len(preferences),
        wins,
        losses,
        draws,
        len(preferences),
    )


def per_prompt(games: Sequence[Game]) -> np.ndarray:
    """The mean preference for each prompt, in the order in which prompts come first: an array of length prompts."""
    return np.array(list(preference_of_prompts(games).values()))


def preference_of_prompts(games: Sequence[Game]) -> Mapping[str, float]:
    """Prompt to the mean preference of its games."""
    found: dict[str, list[float]] = {}
    for game in games:
        found.setdefault(game.prompt, []).append(game.preference)
    return {prompt: sum(given) / len(given) for prompt, given in found.items()}


def by_category(games: Sequence[Game]) -> dict[str, WinRate]:
    """Category to win rate, largest category first; only categories with enough prompts."""
    found: dict[str, list[Game]] = {}
    for game in games:
        if game.category is not None:
            found.setdefault(game.category, []).append(game)
    rates = {category: win_rate(of) for category, of in found.items()}
    largest = sorted(rates.items(), key=lambda item: (-item[1].prompts, item[0]))
    return {category: rate for category, rate in largest if rate.prompts >= FEWEST_PROMPTS}
