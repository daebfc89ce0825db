"""Bradley-Terry strengths of models from games between them, with the style of answers controlled for, and intervals by
a bootstrap over prompts. NumPy alone.

Strengths are coefficients of a logistic regression without intercept: 1 for the model, -1 for its opponent, and beside
them how the two answers differ in style. The effect of length and markdown on a judge is then in the coefficients of
style, and not in those of the models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from magpie.evaluate.judgments import Game, Style
from magpie.evaluate.length_control import curvature, fit, sigmoid
from magpie.evaluate.statistics import Interval, percentiles, prompt_weights

RESAMPLES = 500
STYLES = ("length", "headers", "lists", "bold")
_PRIOR = 0.5
"""A win and a loss, each of this weight, of each model against the reference: a model that wins every game has a
strength, too."""
_BLOCK = 1 << 22
"""Numbers of weights that are fitted at once."""
_CONSTANT = 1e-9
"""A style in which answers always differ by the same tells nothing apart from who wrote them."""
_STEPS, _SETTLED, _DIVERGES = 30, 1e-5, 10.0


@dataclass(frozen=True, slots=True)
class Strength:
    """A model among others."""

    model: str
    strength: float
    """In logits; the reference's is 0."""
    strength_interval: Interval
    rate: float
    """The chance that it beats the reference, in percent, with answers of the same style."""
    interval: Interval
    games: int


@dataclass(frozen=True, slots=True)
class BradleyTerry:
    """Every model's strength, and what the judge gives to style."""

    reference: str
    strengths: tuple[Strength, ...]
    """Strongest first; the reference among them."""
    styles: dict[str, tuple[float, Interval]]
    """Style to its coefficient, for a difference of one standard deviation, and its interval. Only styles in which
    answers differ."""
    prompts: int
    games: int

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "reference": self.reference,
            "models": [
                {
                    "model": one.model,
                    "strength": one.strength,
                    "strength_interval": list(one.strength_interval),
                    "win_rate": one.rate,
                    "interval": list(one.interval),
                    "games": one.games,
                }
                for one in self.strengths
            ],
            "styles": {
                name: {"coefficient": value, "interval": list(reach)} for name, (value, reach) in self.styles.items()
            },
            "prompts": self.prompts,
            "games": self.games,
        }


def bradley_terry(
    games: Sequence[Game],
    reference: str | None = None,
    *,
    control: Sequence[str] = STYLES,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> BradleyTerry:
    """Strengths of all models that have games.

    reference: whose strength is 0; by default the model with the most games. control: the styles to control for; those
    of answers whose style is not known are not.
    """
    reference = reference or most_games(games)
    names = [name for name in _models(games) if name != reference]
    prompts, rows = _rows(games, names)
    named, styles = style_features(games, control)
    features = np.hstack([rows, styles])
    targets = np.array([game.preference for game in games])
    counts = np.array([float(game.weight) for game in games])
    draws = _fitted(features, targets, counts, prompts, len(names), resamples, seed)
    found = [_strength(name, draws[:, place], games) for place, name in enumerate(names)]
    found.append(Strength(reference, 0.0, (0.0, 0.0), 50.0, (50.0, 50.0), _count(games, reference)))
    of_styles = {
        style: (float(draws[0, len(names) + place]), percentiles(draws[1:, len(names) + place]))
        for place, style in enumerate(named)
    }
    strongest = tuple(sorted(found, key=lambda one: -one.strength))
    return BradleyTerry(reference, strongest, of_styles, int(prompts.max()) + 1, len(games))


def most_games(games: Sequence[Game]) -> str:
    """The model that has the most games: the opponent of all others, as a rule."""
    counts = Counter(game.opponent for game in games) + Counter(game.model for game in games)
    return max(counts, key=lambda name: (counts[name], any(game.opponent == name for game in games[:1]), name))


def style_features(games: Sequence[Game], control: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """How the answers of each game differ, a column for each style in which any do: its name, and [games, styles].

    Length as the share by which it is longer, markdown by its density; each divided by its standard deviation, and not
    centred: a difference of 0 is an even game.
    """
    if any(game.style is None or game.opponent_style is None for game in games):
        return [], np.zeros((len(games), 0))
    own = np.array([_counts(game.style) for game in games])
    other = np.array([_counts(game.opponent_style) for game in games])
    columns, names = [], []
    for place, name in enumerate(STYLES):
        if name not in control:
            continue
        if name == "length":
            column = (own[:, 0] - other[:, 0]) / np.maximum(own[:, 0] + other[:, 0], 1.0)
        else:
            one, two = own[:, place] / np.maximum(own[:, 0], 1.0), other[:, place] / np.maximum(other[:, 0], 1.0)
            column = (one - two) / (one + two + 1.0)
        if (deviation := column.std()) > _CONSTANT:
            columns.append(column / deviation)
            names.append(name)
    return names, np.column_stack(columns) if columns else np.zeros((len(games), 0))


def _counts(style: Style | None) -> tuple[float, float, float, float]:
    assert style is not None, "asked for before"
    return float(style.length), float(style.headers), float(style.lists), float(style.bold)


def _models(games: Sequence[Game]) -> list[str]:
    return list(dict.fromkeys(name for game in games for name in (game.model, game.opponent)))


def _rows(games: Sequence[Game], names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The number of each game's prompt, and 1 and -1 for its two models [games, models]."""
    known: dict[str, int] = {}
    prompts = np.array([known.setdefault(game.prompt, len(known)) for game in games])
    places = {name: place for place, name in enumerate(names)}
    rows = np.zeros((len(games), len(names)))
    for number, game in enumerate(games):
        for name, sign in ((game.model, 1.0), (game.opponent, -1.0)):
            if name in places:
                rows[number, places[name]] += sign
    return prompts, rows


def _fitted(
    features: np.ndarray,
    targets: np.ndarray,
    counts: np.ndarray,
    prompts: np.ndarray,
    models: int,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """The coefficients of all games, and then of each resample: [1 + resamples, coefficients]."""
    weights = np.vstack([np.ones((1, len(features))), prompt_weights(prompts, resamples, seed)]) * counts
    prior = np.zeros((models, features.shape[1]))
    prior[:, :models] = np.eye(models)
    features = np.vstack([features, prior])
    targets = np.concatenate([targets, np.full(models, 0.5)])
    weights = np.hstack([weights, np.full((len(weights), models), 2 * _PRIOR)])
    whole = fit(features, targets, weights[:1])
    at_once = max(1, _BLOCK // len(features))
    blocks = range(1, len(weights), at_once)
    return np.vstack([whole, *(_near(whole[0], features, targets, weights[n : n + at_once]) for n in blocks)])


def _near(start: np.ndarray, features: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The coefficients of resamples, found from those of all games: [resamples, coefficients].

    A resample's curvature is nearly that of all games, so that one inverse serves all of them, at a fraction of the
    time of Newton's method; a resample that is not settled after a few steps is fitted alone.
    """
    middle = sigmoid(start @ features.T)
    even = weights.mean(axis=0) * middle * (1 - middle)
    inverse = np.linalg.pinv(curvature(features, even[None, :])[0])
    found: np.ndarray = np.repeat(start[None, :], len(weights), axis=0)
    for _ in range(_STEPS):
        residuals = weights * (targets - sigmoid(found @ features.T))
        step = residuals @ features @ inverse
        found = found + step
        if abs(step).max() < _SETTLED:
            return found
        if not np.isfinite(step).all() or abs(step).max() > _DIVERGES:
            break
    unsettled = ~(abs(step) < _SETTLED).all(axis=1)
    found[unsettled] = fit(features, targets, weights[unsettled])
    return found


def _strength(name: str, draws: np.ndarray, games: Sequence[Game]) -> Strength:
    low, high = percentiles(draws[1:])
    rate, least, most = (float(100 * sigmoid(np.array(value))) for value in (draws[0], low, high))
    return Strength(name, float(draws[0]), (low, high), rate, (least, most), _count(games, name))


def _count(games: Sequence[Game], name: str) -> int:
    return sum(name in (game.model, game.opponent) for game in games)
