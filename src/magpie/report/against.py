"""A set beside another: shares side by side, what is missing on either side, how far each covers the other.

No test of which is better: facts that show where they differ. Kept rows are compared; of a run that kept none, all.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from magpie.report.lengths import quantiles
from magpie.report.narrow import Narrow
from magpie.report.shares import ORDERED
from magpie.report.variety import FEWEST, SAMPLE, quantiles_of, sampled_rows

COMPARED = ("task_category", "language", "input_quality", "difficulty", "safety", "source")
MISSING = 0.01
"""The share on one side from which on a label or a length is missing on the other, where it has none."""
MOST_LABELS = 24
REPEAT = 0.05
"""The squared distance below which an instruction repeats another, as in `neighbors` (the paper's)."""


def against(ones: Narrow, others: Narrow) -> dict[str, Any]:
    """What can be compared with the columns that both have."""
    where, other_where = _kept(ones), _kept(others)
    sides = [(ones, where), (others, other_where)]
    told: dict[str, Any] = {
        "name": others.run.name,
        "of": ["kept" if each != "true" else "all" for _, each in sides],
        "rows": [narrow.one(f"SELECT count(*) FROM narrow WHERE {each}")[0] for narrow, each in sides],
    }
    told["labels"] = {field: found for field in COMPARED if (found := _labels(sides, field)) is not None}
    told["numbers"] = _numbers(sides)
    told["lengths"] = _lengths(sides)
    told["missing"] = _missing(told)
    if all("text_key" in narrow.fields for narrow, _ in sides):
        told["duplicates"] = _duplicates(sides)
    if all("embedding" in narrow.columns for narrow, _ in sides) and find_spec("numpy") is not None:
        told |= _by_vectors(ones, others)
    else:
        told["without_vectors"] = [narrow.run.name for narrow, _ in sides if "embedding" not in narrow.columns]
    return told


Sides = list[tuple[Narrow, str]]


def _kept(narrow: Narrow) -> str:
    (kept,) = narrow.one("SELECT count(*) FROM narrow WHERE state = 'kept'")
    return "state = 'kept'" if kept else "true"


def _labels(sides: Sides, field: str) -> dict[str, Any] | None:
    """Each label's rows and share of the rows that have one; None where a side has none of the column."""
    if any(field not in narrow.fields for narrow, _ in sides):
        return None
    counts = [
        dict(narrow.ask(f"SELECT {field}, count(*) FROM narrow WHERE {where} AND {field} IS NOT NULL GROUP BY 1"))
        for narrow, where in sides
    ]
    totals = [sum(each.values()) for each in counts]
    if not all(totals):
        return None
    names = sorted(
        set(counts[0]) | set(counts[1]), key=lambda name: (-counts[0].get(name, 0) - counts[1].get(name, 0), name)
    )
    if field in ORDERED:
        order = {name: place for place, name in enumerate(reversed(ORDERED[field]))}
        names.sort(key=lambda name: order.get(name, len(order)))
    values = [_side_by_side(name, [each.get(name, 0) for each in counts], totals) for name in names[:MOST_LABELS]]
    if others := names[MOST_LABELS:]:
        sums = [sum(each.get(name, 0) for name in others) for each in counts]
        values.append({**_side_by_side(None, sums, totals), "kinds": len(others)})
    return {"rows": totals, "values": values}


def _side_by_side(name: str | None, rows: list[int], totals: list[int]) -> dict[str, Any]:
    shares = [round(count / total, 6) for count, total in zip(rows, totals, strict=True)]
    return {"label": name, "rows": rows, "shares": shares}


def _numbers(sides: Sides) -> list[dict[str, Any]]:
    """Means and medians of both, one figure a line; of what only one has, that one's."""
    found = []
    for field in ("instruction_chars", "response_chars"):
        values = [quantiles(n, field, where) if field in n.fields else None for n, where in sides]
        if any(values):
            found.append({"figure": field, "values": values})
    for field in ("min_neighbor_distance", "instruct_reward", "reward_difference"):
        values = [quantiles_of(n, field, where) if field in n.fields else None for n, where in sides]
        if any(values):
            found.append({"figure": field, "values": values})
    return found


def _lengths(sides: Sides) -> dict[str, Any]:
    """Shares of rows by octave of characters: from 2^b to below 2^(b+1)."""
    found = {}
    for field in ("instruction_chars", "response_chars"):
        if any(field not in narrow.fields for narrow, _ in sides):
            continue
        octave = f"floor(log2(greatest({field}, 1)) + 1e-9)::INTEGER"
        counts = [
            dict(narrow.ask(f"SELECT {octave}, count(*) FROM narrow WHERE {where} AND {field} IS NOT NULL GROUP BY 1"))
            for narrow, where in sides
        ]
        totals = [sum(each.values()) for each in counts]
        if all(totals):
            bins = range(min(map(min, counts)), max(map(max, counts)) + 1)
            found[field] = [
                {"octave": b, **_side_by_side(None, [each.get(b, 0) for each in counts], totals)} for b in bins
            ]
    return found


def _missing(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Labels and lengths that one side has in at least one row of a hundred and the other not at all. side: the one
    that lacks them, 0 or 1."""
    found = []
    for field in ("task_category", "language"):
        for value in told["labels"].get(field, {}).get("values", ()):
            for side in (0, 1):
                if value["label"] is not None and not value["rows"][side] and value["shares"][1 - side] >= MISSING:
                    lacks = {"what": field, "label": value["label"], "side": side}
                    found.append({**lacks, "rows": value["rows"][1 - side], "share": value["shares"][1 - side]})
    for field, values in told["lengths"].items():
        for value in values:
            for side in (0, 1):
                if not value["rows"][side] and value["shares"][1 - side] >= MISSING:
                    span = {"from": 2 ** value["octave"], "to": 2 ** (value["octave"] + 1) - 1}
                    lacks = {"what": field, **span, "side": side}
                    found.append({**lacks, "rows": value["rows"][1 - side], "share": value["shares"][1 - side]})
    return found


def _duplicates(sides: Sides) -> dict[str, Any]:
    """Rows of each whose instruction is in the other, but for case and outer white space."""
    counts = []
    for side in (0, 1):
        (narrow, where), (other, other_where) = sides[side], sides[1 - side]
        keys = other.connection.sql(
            f"SELECT DISTINCT text_key FROM narrow WHERE {other_where} AND instruction_chars > 0"
        ).to_arrow_table()
        narrow.connection.register("other_keys", keys)
        (rows,) = narrow.one(
            f"SELECT count(*) FROM narrow WHERE {where} AND instruction_chars > 0 "
            "AND text_key IN (SELECT text_key FROM other_keys)"
        )
        narrow.connection.unregister("other_keys")
        counts.append(rows)
    return {"rows": counts}


def _by_vectors(ones: Narrow, others: Narrow) -> dict[str, Any]:
    """Coverage both ways, near duplicates and Vendi scores, on subsamples of one size."""
    import numpy as np

    from magpie.report.vectors import as_plain, coverage, nearest_distances, vendi

    sampled = [narrow.vectors(sampled_rows(narrow, SAMPLE)[1])[1] for narrow in (ones, others)]
    size = min(len(each) for each in sampled)
    if size < FEWEST or sampled[0].shape[1] != sampled[1].shape[1]:
        return {"few_vectors": size}
    first, second = (_spread(each, size) for each in sampled)
    covered = [coverage(first, second), coverage(second, first)]
    half = size // 2
    union = np.concatenate([first[::2][:half], second[::2][:half]])
    near = [float(np.mean(nearest_distances(a, b, 1)[:, 0] < REPEAT)) for a, b in ((first, second), (second, first))]
    return {
        "coverage": {
            "rows": size,
            "sides": [{name: as_plain(value) for name, value in each.items()} for each in covered],
            "near_duplicates": [as_plain(value) for value in near],
        },
        "vendi": {
            "rows": size,
            "scores": [as_plain(vendi(first)), as_plain(vendi(second))],
            "union": as_plain(vendi(union)),
            "union_rows": 2 * half,
        },
    }


def _spread(vectors: Any, size: int) -> Any:
    """`size` of the vectors, evenly over them."""
    import numpy as np

    return vectors[np.linspace(0, len(vectors) - 1, size).round().astype(int)]
