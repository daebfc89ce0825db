"""How varied the instructions are: distances to the nearest other, repeats, Vendi score, topics, words.

What needs vectors is computed on a sample of kept rows, and says how large it is; distances are the stage's own.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from magpie.layout.naming import label_topics
from magpie.report.funnel import last_report
from magpie.report.histograms import histogram
from magpie.report.lengths import quantiles
from magpie.report.narrow import Narrow, plain_number
from magpie.report.topics import distinct, repeated

SAMPLE = 2000
"""Rows that vectors and words are read of."""
FEWEST = 20
"""Rows below which nothing is said of clusters."""
MOST_TOPICS = 12


def variety(narrow: Narrow) -> dict[str, Any]:
    """What can be said with the columns that there are; empty where nothing can."""
    found: dict[str, Any] = {}
    if distances := _distances(narrow):
        found["distances"] = distances
    if repeats := repeated(narrow):
        found["repeated"] = repeats
    if "duplicate_of" in narrow.fields:
        (found["duplicates"],) = narrow.one("SELECT count(duplicate_of) FROM narrow")
    if "instruction" in narrow.columns:
        found |= _sampled(narrow)
    return found


def _distances(narrow: Narrow) -> dict[str, Any] | None:
    """What `neighbors` wrote: of all rows, of kept ones, and how many of the nearest it found."""
    field = "min_neighbor_distance"
    if field not in narrow.fields or (bins := histogram(narrow, field, lowest=0.0)) is None:
        return None
    told: dict[str, Any] = {"histogram": bins}
    for name, where in (("all", "true"), ("kept", "state = 'kept'")):
        if (one := quantiles_of(narrow, field, where)) is not None:
            told[name] = one
    if "is_repeat" in narrow.fields:
        told["repeats"], told["repeats_kept"] = narrow.one(
            "SELECT count(*) FILTER (is_repeat), count(*) FILTER (is_repeat AND state = 'kept') FROM narrow"
        )
    report = last_report(narrow.run, "neighbors")
    for name in ("method", "recall", "repeat_recall"):
        if isinstance(report.get(name), int | float | str):
            told[name] = report[name]
    return told


def quantiles_of(narrow: Narrow, field: str, where: str) -> dict[str, Any] | None:
    """Rows, quantiles and mean of a field of real numbers; None where no row has it."""
    number = f'(CASE WHEN isfinite("{field}") THEN "{field}" END)'
    rows, mean, cuts = narrow.one(
        f"SELECT count({number}), fsum({number}) / count({number}), "
        f"quantile_cont({number}, [0.05, 0.25, 0.5, 0.75, 0.95]) FROM narrow WHERE {where}"
    )
    if not rows:
        return None
    named = zip(("p5", "p25", "p50", "p75", "p95"), cuts, strict=True)
    return {"rows": rows, **{name: plain_number(cut) for name, cut in named}, "mean": plain_number(mean, 5)}


def sampled_rows(narrow: Narrow, count: int = SAMPLE) -> tuple[str, list[int]]:
    """Which rows a sample is of, `kept` or `all` where few are kept, and their numbers."""
    there = "instruction_chars > 0"
    (kept,) = narrow.one(f"SELECT count(*) FROM narrow WHERE {there} AND state = 'kept'")
    if kept >= FEWEST:
        return "kept", narrow.sample(count, f"{there} AND state = 'kept'")
    return "all", narrow.sample(count, there)


def _sampled(narrow: Narrow) -> dict[str, Any]:
    of, rows = sampled_rows(narrow)
    if not rows:
        return {}
    texts = {row: read["instruction"] for row, read in narrow.read(rows, ("instruction",)).items()}
    told: dict[str, Any] = {"sample": {"of": of, "rows": len(texts)}}
    told["words"] = distinct(texts.values())
    if "embedding" not in narrow.columns:
        return told
    if find_spec("numpy") is None:
        return {**told, "needs_numpy": True}
    return told | _by_vectors(narrow, rows, texts)


def _by_vectors(narrow: Narrow, rows: list[int], texts: dict[int, str]) -> dict[str, Any]:
    from magpie.layout.clusters import clusters
    from magpie.report.vectors import as_plain, vendi

    placed, vectors = narrow.vectors(rows)
    if len(placed) < FEWEST:
        return {}
    count = min(MOST_TOPICS, max(2, len(placed) // 20))
    topics = clusters(vectors, count).tolist()
    named = label_topics([texts[row] for row in placed], topics)
    sizes = [topics.count(topic) for topic in range(len(named))]
    told = [
        {"words": words, "rows": size, "share": round(size / len(placed), 4)}
        for words, size in zip(named, sizes, strict=True)
    ]
    return {"vendi": {"rows": len(placed), "score": as_plain(vendi(vectors))}, "topics": told}


__all__ = ["quantiles", "quantiles_of", "sampled_rows", "variety"]
