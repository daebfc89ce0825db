"""What judges said: rewards and their differences, probabilities, and how far two judges agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from magpie.report.histograms import histogram
from magpie.report.narrow import JUDGED, Narrow, plain_number
from magpie.report.shares import ORDERED
from magpie.report.variety import quantiles_of

SCORES = (
    "instruct_reward",
    "base_reward",
    "reward_difference",
    "chosen_reward",
    "rejected_reward",
    "quality_score",
    "difficulty_score",
    "harm_probability",
    "input_quality_probs_top",
    "difficulty_probs_top",
    "task_category_probs_top",
)
"""The last three: the probability that the judge gave to the label it chose, the highest of all."""
MOST_LABELS = 24
"""Labels of a table of two judges."""


def judgments(narrow: Narrow) -> dict[str, Any]:
    """Every score that the run has, and every pair of judges; empty where there are none."""
    found: dict[str, Any] = {}
    for field in SCORES:
        if field in narrow.fields and (bins := histogram(narrow, field)) is not None:
            scores = {name: quantiles_of(narrow, field, where) for name, where in _OF.items()}
            found.setdefault("scores", {})[field] = {"histogram": bins, **{k: v for k, v in scores.items() if v}}
    if "reward_difference" in narrow.fields:
        above, of = narrow.one("SELECT count(*) FILTER (reward_difference > 0), count(reward_difference) FROM narrow")
        if of:
            found["better_than_base"] = {"rows": above, "of": of}
    pairs = [pair for one, other in _pairs(narrow) if (pair := _agreement(narrow, one, other)) is not None]
    if pairs:
        found["agreement"] = pairs
    return found


_OF = {"all": "true", "kept": "state = 'kept'"}


def _pairs(narrow: Narrow) -> list[tuple[str, str]]:
    """Columns with two judgments: `difficulty__other` beside `difficulty`, and an imported label beside a new one."""
    found = []
    for base in (*JUDGED, "instruct_reward"):
        others = sorted(f for f in narrow.fields if f.startswith(f"{base}__") or f == f"original_{base}")
        judges = [base, *others] if base in narrow.fields else others
        found += [(one, other) for at, one in enumerate(judges) for other in judges[at + 1 :]]
    return found


def _mean_rank(column: str) -> str:
    """The rank of each row, as SQL; equal values share the mean of theirs, as Spearman's correlation has it."""
    return f'rank() OVER (ORDER BY "{column}") + (count(*) OVER (PARTITION BY "{column}") - 1) / 2.0'


def _agreement(narrow: Narrow, one: str, other: str) -> dict[str, Any] | None:
    """The agreement of two judges on the rows that both judged; None where there are none."""
    if "reward" in one:
        rows, rank = narrow.one(
            f"SELECT count(*), corr(a, b) FROM (SELECT {_mean_rank(one)} AS a, {_mean_rank(other)} AS b FROM narrow "
            f'WHERE "{one}" IS NOT NULL AND "{other}" IS NOT NULL)'
        )
        return {"one": one, "other": other, "rows": rows, "rank_correlation": plain_number(rank, 4)} if rows else None
    counts = {
        (str(a), str(b)): rows
        for a, b, rows in narrow.ask(
            f'SELECT "{one}", "{other}", count(*) FROM narrow WHERE "{one}" IS NOT NULL AND "{other}" IS NOT NULL '
            "GROUP BY 1, 2"
        )
    }
    if not counts:
        return None
    field = one.partition("__")[0].removeprefix("original_")
    order = ORDERED.get(field)
    labels = _labels(counts, order)
    told = {"one": one, "other": other, "labels": labels, **agreement(counts, order)}
    told["table"] = [[counts.get((a, b), 0) for b in labels] for a in labels]
    return told


def _labels(counts: Mapping[tuple[str, str], int], order: Sequence[str] | None) -> list[str]:
    """The labels in use: in their order, else the commonest first."""
    sums: dict[str, int] = {}
    for pair, rows in counts.items():
        for label in pair:
            sums[label] = sums.get(label, 0) + rows
    if order is not None:
        return [label for label in order if label in sums]
    return sorted(sums, key=lambda label: (-sums[label], label))[:MOST_LABELS]


def agreement(counts: Mapping[tuple[str, str], int], order: Sequence[str] | None) -> dict[str, Any]:
    """The share of rows with the same label, Cohen's kappa, and for labels with an order the share within one step and
    the kappa with quadratic weights (Cohen 1968).

    agreement({("good", "good"): 3, ("good", "poor"): 1}, ("poor", "good"))["same"]  # 0.75
    """
    known = {pair: rows for pair, rows in counts.items() if order is None or set(pair) <= set(order)}
    total = sum(known.values())
    if not total:
        return {"rows": 0}
    same = sum(rows for (a, b), rows in known.items() if a == b) / total
    told = {"rows": total, "same": round(same, 4), "kappa": _kappa(known, None)}
    if order is not None:
        place = {label: at for at, label in enumerate(order)}
        near = sum(rows for (a, b), rows in known.items() if abs(place[a] - place[b]) <= 1) / total
        told |= {"within_one": round(near, 4), "weighted_kappa": _kappa(known, place)}
    return told


def _kappa(counts: Mapping[tuple[str, str], int], place: Mapping[str, int] | None) -> float | None:
    """1 - observed / expected disagreement; None where both judges gave everything one label."""
    total = sum(counts.values())
    ones: dict[str, int] = {}
    others: dict[str, int] = {}
    for (a, b), rows in counts.items():
        ones[a] = ones.get(a, 0) + rows
        others[b] = others.get(b, 0) + rows

    def apart(a: str, b: str) -> float:
        return float(a != b) if place is None else float((place[a] - place[b]) ** 2)

    observed = sum(rows * apart(a, b) for (a, b), rows in counts.items()) / total
    expected = sum(n * m * apart(a, b) for a, n in ones.items() for b, m in others.items()) / total**2
    return round(1 - observed / expected, 4) if expected else None
