"""One line for each variant of the mix, with intervals: the paper's ablations (Fig. 11 and 12) for one's own model.

Intervals are percentiles of a bootstrap over groups of rows: a variant's rows are dealt into at most 400 groups in the
order of a hash, groups are drawn with replacement 400 times, and the figure is computed for each draw. With up to 400
rows each row is a group of its own, which is the bootstrap over rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from random import Random
from typing import Any

from magpie.report.narrow import Narrow, plain_number
from magpie.report.shares import ORDERED

GROUPS = 400
DRAWS = 400
MOST = 24
"""How many variants are listed: those with the most rows."""


def variants(narrow: Narrow) -> list[dict[str, Any]]:
    """Kept share, quality, difficulty, distance and tokens per kept row of each variant; empty where there are none."""
    if "variant" not in narrow.fields:
        return []
    names = narrow.ask(
        f"SELECT variant, count(*) FROM narrow WHERE variant IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST}"
    )
    if not names:
        return []
    figures = _figures(narrow)
    sampling = _sampling(narrow)
    found = []
    for name, rows in names:
        sums = _group_sums(narrow, name, figures)
        told: dict[str, Any] = {"variant": name, "rows": rows, "sampling": sampling.get(name)}
        for place, (figure, _, _) in enumerate(figures):
            tops = [group[2 * place] for group in sums]
            bottoms = [group[2 * place + 1] for group in sums]
            if (interval := estimate(tops, bottoms)) is not None:
                told[figure] = interval
        found.append(told)
    return found


def _figures(narrow: Narrow) -> list[tuple[str, str, str]]:
    """Each figure as the ratio of two sums: its name, what is summed above, and below."""
    found = [("kept_share", "(state = 'kept')::INT", "(state <> 'pending')::INT")]
    for name, field in (("quality", "input_quality"), ("difficulty", "difficulty")):
        if field in narrow.fields:
            cases = " ".join(f"WHEN '{label}' THEN {n}" for n, label in enumerate(ORDERED[field], start=1))
            value = f"CASE {field} {cases} END"
            found.append((name, f"coalesce({value}, 0)", f"({value} IS NOT NULL)::INT"))
    if "min_neighbor_distance" in narrow.fields:
        value = "CASE WHEN isfinite(min_neighbor_distance) THEN min_neighbor_distance END"
        found.append(("distance", f"coalesce({value}, 0)", f"({value} IS NOT NULL)::INT"))
    tokens = sorted(field for field in narrow.fields if field.endswith("_tokens"))
    if tokens:
        total = " + ".join(f'coalesce("{field}", 0)' for field in tokens)
        found.append(("tokens_per_kept_row", total, "(state = 'kept')::INT"))
    return found


def _group_sums(narrow: Narrow, variant: str, figures: Sequence[tuple[str, str, str]]) -> list[tuple[float, ...]]:
    sums = ", ".join(f"sum({top})::DOUBLE, sum({bottom})::DOUBLE" for _, top, bottom in figures)
    return narrow.ask(
        f"SELECT {sums} FROM (SELECT *, (row_number() OVER (ORDER BY mix(row), row) - 1) % {GROUPS} AS dealt "
        "FROM narrow WHERE variant = ?) GROUP BY dealt ORDER BY dealt",
        [variant],
    )


def estimate(tops: Sequence[float], bottoms: Sequence[float]) -> dict[str, Any] | None:
    """A ratio of sums with its 95% interval; None where nothing is below.

    estimate([1.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0])["value"]  # 0.75
    """
    below = sum(bottoms)
    if not below:
        return None
    drawn = []
    for draw in _draws(len(tops)):
        bottom = sum(map(bottoms.__getitem__, draw))
        if bottom:
            drawn.append(sum(map(tops.__getitem__, draw)) / bottom)
    drawn.sort()
    told = {"value": plain_number(sum(tops) / below, 5)}
    if len(tops) > 1 and len(drawn) > DRAWS // 2:
        cut = len(drawn) * 25 // 1000
        told |= {"low": plain_number(drawn[cut], 5), "high": plain_number(drawn[-1 - cut], 5)}
    return told


@cache
def _draws(groups: int) -> list[list[int]]:
    """The groups of every draw: the same for each variant with as many."""
    random = Random(groups)
    return [random.choices(range(groups), k=groups) for _ in range(DRAWS)]


def _sampling(narrow: Narrow) -> dict[str, dict[str, Any]]:
    """The temperature and top_p that the recipe gives each variant, where it does."""
    instruct = narrow.run.recipe.get("instruct")
    mix = instruct.get("mix") if isinstance(instruct, dict) else None
    found = {}
    for variant in mix if isinstance(mix, list) else []:
        if isinstance(variant, dict) and isinstance(variant.get("name"), str):
            given = variant.get("sampling")
            settings = given if isinstance(given, dict) else {}
            found[variant["name"]] = {
                name: settings[name] for name in ("temperature", "top_p") if isinstance(settings.get(name), int | float)
            } | ({"system": True} if isinstance(variant.get("system"), str) else {})
    return found
