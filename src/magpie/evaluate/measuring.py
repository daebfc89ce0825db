"""Every metric of a set of judgments, as plain values: for JSON, for a terminal and for the report.

Knows metrics; knows no file, no run and no terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from magpie.errors import UserError
from magpie.evaluate.bradley_terry import STYLES, bradley_terry
from magpie.evaluate.files import ALPACA, ARENA, WILD_PAIR, lacks_index
from magpie.evaluate.judgments import Game, Judgments
from magpie.evaluate.length_control import LcData, length_controlled
from magpie.evaluate.scores import Graded, graded, verdicts
from magpie.evaluate.statistics import Interval, mcnemar, paired, percentiles, prompt_weights, prompts_needed, wilson
from magpie.evaluate.winrate import by_category, per_prompt, preference_of_prompts, win_rate
from magpie.safe.terminal import brief

METRICS = ("winrate", "lc", "bt", "score")
MINIMAL_IS_ROUGH = (
    "lc: no instruction's difficulty is known, so this is the minimal form, length and bias alone: on AlpacaEval 2's "
    "public annotations it is 6.8 points off the published rates on average, and 28 points at worst "
    "(`--lc-data FOLDER` takes AlpacaEval's own files)"
)


@dataclass(frozen=True, slots=True)
class Ask:
    """What to measure, and how."""

    metrics: tuple[str, ...] | None = None
    """Some of `METRICS`; None takes those that the judgments allow."""
    models: tuple[str, ...] = ()
    """The models to measure; all, where none is named."""
    lc_data: LcData | None = None
    by_position: bool = False
    """Look difficulties up as AlpacaEval itself does: by the row's index in the file."""
    control: tuple[str, ...] = STYLES
    """The styles that Bradley-Terry controls for."""
    difference: float = 2.0
    """The difference, in percentage points, whose sample size is asked."""
    seed: int = 0


def measure(judgments: Judgments, ask: Ask = Ask()) -> dict[str, Any]:
    """All metrics of all models, as JSON has them.

    Raises `UserError` for a model without judgments, and for a metric that the judgments do not allow.

    measure(read_judgments(["annotations.json"]))["models"]["my-model"]["winrate"]["win_rate"]
    """
    metrics = _metrics(judgments, ask)
    models = _models(judgments, ask)
    notes: list[str] = []
    if judgments.unjudged:
        notes.append(f"{judgments.unjudged:,} answers have no verdict or score that can be read; no metric counts them")
    all_games, all_scores = judgments.by_model(), judgments.scores_by_model()
    games = {model: all_games.get(model, ()) for model in models}
    scores = {model: all_scores.get(model, ()) for model in models}
    found: dict[str, Any] = {model: {} for model in models}
    for model in models:
        if "winrate" in metrics and games[model]:
            found[model]["winrate"] = _win_rate(games[model], ask)
        if "lc" in metrics and games[model]:
            found[model]["lc"] = _length_controlled(games[model], judgments.form, ask, notes)
        if "score" in metrics:
            found[model]["score"] = _score(games[model], scores[model], judgments.form, ask)
        if (orders := flips(games[model])) is not None:
            found[model]["flips"] = orders
    told: dict[str, Any] = {"form": judgments.form, "unjudged": judgments.unjudged, "models": found}
    if "bt" in metrics:
        told["bt"] = bradley_terry(judgments.games, judgments.reference, control=ask.control, seed=ask.seed).plain()
    told["paired"] = _paired(judgments, models, ask)
    return told | {"notes": list(dict.fromkeys(notes))}


def _metrics(judgments: Judgments, ask: Ask) -> tuple[str, ...]:
    allowed = _allowed(judgments)
    if ask.metrics is None:
        return tuple(metric for metric, why in allowed.items() if why is None)
    for metric in ask.metrics:
        if metric not in METRICS:
            raise UserError(f"--metric {brief(metric)}: no such metric; expected some of {','.join(METRICS)}")
        if (why := allowed[metric]) is not None:
            raise UserError(f"--metric {metric}: {why}")
    return ask.metrics


def _allowed(judgments: Judgments) -> dict[str, str | None]:
    """Metric to why these judgments do not allow it; None for one that they do."""
    games = judgments.games
    pairs = None if games else f"these judgments ({judgments.form}) are grades of one answer; expected --metric score"
    styles = all(game.style is not None and game.opponent_style is not None for game in games)
    lengths = None if styles else "the lengths of the answers are not known; expected --answers FILE beside them"
    scored = bool(judgments.scores) or judgments.form in (ARENA, WILD_PAIR)
    return {
        "winrate": pairs,
        "lc": pairs or lengths,
        "bt": pairs,
        "score": None
        if scored
        else f"these judgments ({judgments.form}) have no score; expected --metric winrate,lc,bt",
    }


def _models(judgments: Judgments, ask: Ask) -> list[str]:
    known = judgments.models
    for name in ask.models:
        if name not in known:
            listed = ", ".join(brief(one, 60, quoted=False) for one in known[:20])
            more = f" and {len(known) - 20} more" if len(known) > 20 else ""
            raise UserError(f"{brief(name)}: no judgments of this model; expected one of {listed}{more}")
    return list(ask.models) or known


def _win_rate(games: Sequence[Game], ask: Ask) -> dict[str, Any]:
    preferences = per_prompt(games)
    deviation = float(preferences.std(ddof=1)) if len(preferences) > 1 else 0.5
    needed = {"difference": ask.difference, "prompts": prompts_needed(ask.difference / 100, deviation)}
    categories = {name: rate.plain() for name, rate in by_category(games).items()}
    return win_rate(games).plain() | {"needed": needed, "categories": categories}


def _length_controlled(games: Sequence[Game], form: str, ask: Ask, notes: list[str]) -> dict[str, Any]:
    data = ask.lc_data
    if data is None:
        notes.append(MINIMAL_IS_ROUGH)
    elif form == ALPACA and not ask.by_position and lacks_index(games, len(data.difficulty)):
        notes.append(
            f"lc: {brief(games[0].model)} has {len(games)} of {len(data.difficulty)} instructions, and no index says "
            "which: difficulties are taken by the row's place"
        )
    try:
        return length_controlled(games, data, by_position=ask.by_position, seed=ask.seed).plain()
    except ValueError as error:
        raise UserError(f"--lc-data: {brief(games[0].model)}: {error}; expected the same benchmark") from None


def _score(games: Sequence[Game], scores: Sequence[Any], form: str, ask: Ask) -> dict[str, Any]:
    if scores:
        found: Graded = graded(scores)
        deviation = float(np.std([one.score for one in scores], ddof=1)) if len(scores) > 1 else 1.0
        # a difference in percentage points of the scale from 1 to 10
        needed = {"difference": ask.difference, "prompts": prompts_needed(ask.difference / 100 * 9, deviation)}
        return found.plain() | {"needed": needed}
    if form == WILD_PAIR:
        return reward(games, seed=ask.seed)
    return verdicts(games, seed=ask.seed).plain()


def reward(games: Sequence[Game], resamples: int = 1000, seed: int = 0) -> dict[str, Any]:
    """WildBench's reward against one opponent, from -100 to 100: much better 1, better 0.5, a draw 0, worse -0.5, much
    worse -1.

    >>> reward([Game("1", "a", "b", 1.0, weight=2), Game("2", "a", "b", 0.0)])["score"]
    25.0
    """
    values = np.array([(2 * game.preference - 1) * game.weight / 2 for game in games])
    known: dict[str, int] = {}
    prompts = np.array([known.setdefault(game.prompt, len(known)) for game in games])
    weights = np.vstack([np.ones((1, len(games))), prompt_weights(prompts, resamples, seed)])
    shares = 100 * (weights @ values) / weights.sum(axis=1)
    return {"score": float(shares[0]), "interval": list(percentiles(shares[1:])), "prompts": len(known)}


def accuracy(checks: Mapping[str, Mapping[str, float]], seed: int = 0) -> dict[str, Any]:
    """How many answers of each model are right, in percent, and of two models the difference on the same prompts.

    checks: model to prompt to 1 or 0.

    >>> accuracy({"a": {"1": 1.0, "2": 0.0}})["models"]["a"]["accuracy"]
    50.0
    """
    told: dict[str, Any] = {"models": {}}
    for model, right in checks.items():
        values = np.array(list(right.values()))
        share = float(values.mean())
        low, high = wilson(int(values.sum()), len(values))
        told["models"][model] = {"accuracy": 100 * share, "interval": [100 * low, 100 * high], "prompts": len(values)}
    if len(checks) == 2:
        one, other = checks
        first, second = ({prompt: 100 * value for prompt, value in checks[name].items()} for name in (one, other))
        found = paired(first, second, seed)
        if found is not None:
            shared = [prompt for prompt in checks[one] if prompt in checks[other]]
            only = [
                sum(checks[a][prompt] > checks[b][prompt] for prompt in shared) for a, b in ((one, other), (other, one))
            ]
            told["paired"] = {"first": one, "second": other} | found.plain() | {"mcnemar_p_value": mcnemar(*only)}
    return told


def flips(games: Sequence[Game]) -> dict[str, Any] | None:
    """The judge's position bias; None where no file has the order of the answers.

    `flipped`: the share of prompts, judged in both orders, at which the verdict for an answer changed with its
    position.
    """
    first = [game.preference for game in games if game.model_first is True]
    second = [game.preference for game in games if game.model_first is False]
    if not first or not second:
        return None
    orders: dict[str, dict[bool, float]] = {}
    for game in games:
        if game.model_first is not None:
            orders.setdefault(game.prompt, {})[game.model_first] = game.preference
    both = [given for given in orders.values() if len(given) == 2]
    flipped = sum((given[True] > 0.5) != (given[False] > 0.5) for given in both if 0.5 not in given.values())
    return {
        "won_first": 100 * sum(first) / len(first),
        "won_second": 100 * sum(second) / len(second),
        "both_orders": len(both),
        "flipped": 100 * flipped / len(both) if both else None,
    }


def _paired(judgments: Judgments, models: Sequence[str], ask: Ask) -> list[dict[str, Any]]:
    """Each model against the next worse one, on the prompts that they share, in percentage points (grades: in points of
    the scale)."""
    games, scores = judgments.by_model(), judgments.scores_by_model()
    if judgments.games:
        values = {
            model: {prompt: 100 * value for prompt, value in preference_of_prompts(games.get(model, ())).items()}
            for model in models
        }
    else:
        values = {model: {one.prompt: one.score for one in scores.get(model, ())} for model in models}
    ranked = sorted(models, key=lambda model: -sum(values[model].values()) / max(1, len(values[model])))
    told = []
    for one, other in pairwise(ranked):
        if (found := paired(values[one], values[other], ask.seed)) is not None:
            told.append({"first": one, "second": other} | found.plain())
    return told


def interval_text(interval: Interval | Sequence[float] | None, digits: int = 1) -> str:
    """An interval for readers; nothing for none."""
    return "" if interval is None else f"{interval[0]:.{digits}f} to {interval[1]:.{digits}f}"
