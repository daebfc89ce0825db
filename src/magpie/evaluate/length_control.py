"""The length-controlled win rate of AlpacaEval 2: the win rate that a model would have with answers as long as its
opponent's (Dubois et al. 2024, arXiv 2404.04475). NumPy alone.

Preference is a logistic model: `length * tanh(standardized length difference) + difficulty * the instruction's
difficulty + bias`; the rate is its mean where the difference is 0. Two baselines that were told to be wordy and to be
terse keep the first two coefficients near values that tell style from substance (weight 0.2 together). The original
adds an L1 penalty whose strength is chosen by cross-validation; it is left out here: with 805 rows and three
coefficients it moves a rate by a few hundredths.

Without known difficulties there is a minimal form, `length * tanh(...) + bias`, without baselines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from magpie.evaluate.judgments import Game
from magpie.evaluate.statistics import Interval, percentiles, prompt_weights

REGULARIZING = 0.2
"""The weight of all regularizing baselines together."""
RESAMPLES = 200
_STEPS = 100
_TOLERANCE = 1e-9
_RIDGE = 1e-9
_LARGEST_STEP = 1.0
_FEW_FEATURES = 8
_CONSTANT = 1e-9
"""Below it a standard deviation is rounding."""


@dataclass(frozen=True, slots=True)
class Regularizer:
    """A baseline whose annotations hold the coefficients of length and difficulty in place.

    Its likelihood depends on its preferences only by their sums with the features: these suffice.
    """

    features: np.ndarray
    """tanh(standardized length difference) and difficulty: [instructions, 2]."""
    sums: np.ndarray
    """Of each feature times the preference: [2]."""


@dataclass(frozen=True, slots=True)
class LcData:
    """What is known of a benchmark's instructions and baselines."""

    difficulty: np.ndarray
    """By the instruction's index in the benchmark: [instructions]."""
    regularizers: tuple[Regularizer, ...] = ()
    coefficients: dict[str, tuple[float, float, float]] | None = None
    """Model to published coefficients: length, difficulty, bias."""


@dataclass(frozen=True, slots=True)
class LengthControlled:
    """In percent."""

    rate: float
    standard_error: float
    """By bootstrap over prompts; the model is fitted again to each sample."""
    interval: Interval
    spread_error: float
    """What AlpacaEval prints as `lc_standard_error`: of the fitted preferences over instructions. It says how much
    instructions differ, not how sure the rate is."""
    coefficients: tuple[float, ...]
    """Length, difficulty (of the full form), bias."""
    form: str
    """`full`, or `minimal` without difficulties."""
    prompts: int
    published: float | None = None
    """From the published coefficients of the same model, where they are known."""

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        names = ("length", "difficulty", "bias") if self.form == "full" else ("length", "bias")
        return {
            "length_controlled_win_rate": self.rate,
            "standard_error": self.standard_error,
            "interval": list(self.interval),
            "spread_error": self.spread_error,
            "coefficients": dict(zip(names, self.coefficients, strict=True)),
            "form": self.form,
            "prompts": self.prompts,
            "published_coefficients_rate": self.published,
        }


def length_controlled(
    games: Sequence[Game], data: LcData | None, *, by_position: bool = False, resamples: int = RESAMPLES, seed: int = 0
) -> LengthControlled:
    """The length-controlled win rate of one model.

    games: of one model, each with the style of both answers; with `data`, each with its position. data: None for the
    minimal form. by_position: as the original does, take the difficulty of a game's place in the file for its own,
    which misplaces those of a model whose rows are not all there. Raises `ValueError` for a position that the data does
    not have.
    """
    lengths = length_feature(games)
    preferences = np.array([game.preference for game in games])
    columns = [lengths]
    if data is not None:
        columns.append(data.difficulty[places_of(games, data, by_position=by_position)])
    features = np.column_stack([*columns, np.ones(len(games))])
    held = () if data is None else data.regularizers
    numbers = _numbers([game.prompt for game in games])
    weights = np.vstack([np.ones((1, len(games))), prompt_weights(numbers, resamples, seed)])
    fitted = fit(features, preferences, weights, held)
    without_length = features.copy()
    without_length[:, 0] = 0.0
    predicted = sigmoid(fitted @ without_length.T)
    rates = 100 * (predicted * weights).sum(axis=1) / weights.sum(axis=1)
    spread = 100 * predicted[0].std(ddof=1) / np.sqrt(len(games)) if len(games) > 1 else 0.0
    known = None if data is None or data.coefficients is None else data.coefficients.get(games[0].model)
    return LengthControlled(
        float(rates[0]),
        float(rates[1:].std(ddof=1)),
        percentiles(rates[1:]),
        float(spread),
        tuple(map(float, fitted[0])),
        "minimal" if data is None else "full",
        len(set(numbers.tolist())),
        None if known is None or data is None else rate_of_coefficients(known, data.difficulty),
    )


def rate_of_coefficients(coefficients: tuple[float, float, float], difficulty: np.ndarray) -> float:
    """The length-controlled win rate, in percent, that published coefficients say.

    >>> rate_of_coefficients((-1.5, 0.8, 0.0), np.zeros(3))
    50.0
    """
    _, slope, bias = coefficients
    return float(100 * sigmoid(slope * difficulty + bias).mean())


def length_feature(games: Sequence[Game]) -> np.ndarray:
    """tanh of the opponent's length minus the model's, in standard deviations of that difference over the games."""
    difference = np.array([_length(game.opponent_style) - _length(game.style) for game in games])
    deviation = difference.std(ddof=1) if len(games) > 1 else 0.0
    feature: np.ndarray = np.tanh(difference / deviation) if deviation > _CONSTANT else np.zeros(len(games))
    return feature


def places_of(games: Sequence[Game], data: LcData, *, by_position: bool) -> np.ndarray:
    """The instruction of each game, as its index in the benchmark."""
    found = [game.place if by_position else game.position for game in games]
    places = np.array([-1 if place is None else place for place in found])
    if (places < 0).any() or (places >= len(data.difficulty)).any():
        raise ValueError(f"a judgment stands at no place from 0 to {len(data.difficulty) - 1} of the benchmark")
    return places


def _length(style: Any) -> float:
    return 0.0 if style is None else float(style.length)


def _numbers(prompts: Sequence[str]) -> np.ndarray:
    known: dict[str, int] = {}
    return np.array([known.setdefault(prompt, len(known)) for prompt in prompts])


def fit(features: np.ndarray, targets: np.ndarray, weights: np.ndarray, held: Sequence[Regularizer] = ()) -> np.ndarray:
    """Logistic regressions on probabilities, one for each set of weights, by Newton's method.

    features [rows, k], targets [rows] from 0 to 1, weights [fits, rows]. held: of each, the first two features count,
    with the weight `REGULARIZING` divided among them. Gives coefficients [fits, k].
    """
    count, width = len(weights), features.shape[1]
    found = np.zeros((count, width))
    share = REGULARIZING / len(held) if held else 0.0
    for _ in range(_STEPS):
        probabilities = sigmoid(found @ features.T)
        slope = (weights * (targets - probabilities)) @ features
        curve = curvature(features, weights * probabilities * (1 - probabilities))
        for one in held:
            own = sigmoid(found[:, :2] @ one.features.T)
            slope[:, :2] += share * (one.sums - own @ one.features)
            curve[:, :2, :2] += share * curvature(one.features, own * (1 - own))
        curve += _RIDGE * np.eye(width)
        step = np.clip(np.linalg.solve(curve, slope[:, :, None])[:, :, 0], -_LARGEST_STEP, _LARGEST_STEP)
        found = found + step
        if abs(step).max() < _TOLERANCE:
            break
    return found


def curvature(features: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted sums of products of features: [rows, k] and [fits, rows] to [fits, k, k]."""
    width = features.shape[1]
    if width > _FEW_FEATURES:  # the products of all pairs would take k times the memory
        return np.stack([(features * one[:, None]).T @ features for one in weights])
    products = (features[:, :, None] * features[:, None, :]).reshape(len(features), width * width)
    summed: np.ndarray = (weights @ products).reshape(len(weights), width, width)
    return summed


def sigmoid(values: np.ndarray) -> np.ndarray:
    """The logistic function, without overflow."""
    bounded: np.ndarray = 0.5 + 0.5 * np.tanh(0.5 * values)
    return bounded
