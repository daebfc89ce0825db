"""Words of a sample: n-grams that recur, texts that are said again."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from magpie.layout.naming import MOST_CHARACTERS
from magpie.report.narrow import Narrow
from magpie.stages.text.words import words

REPEATED = 10
"""Texts that are told of as the most repeated."""


def distinct(texts: Iterable[str]) -> dict[str, Any]:
    """distinct-1 to distinct-4: of all runs of n words in the texts, the share of different ones (Li et al. 2016). It
    falls with the number of words, so that stands beside it."""
    seen: list[set[tuple[str, ...]]] = [set() for _ in range(4)]
    totals = [0, 0, 0, 0]
    for text in texts:
        found = words(text[:MOST_CHARACTERS])
        for n in range(1, 5):
            grams = zip(*(islice(found, start, None) for start in range(n)), strict=False)
            seen[n - 1].update(grams)
            totals[n - 1] += max(0, len(found) - n + 1)
    shares = {f"distinct_{n}": round(len(seen[n - 1]) / totals[n - 1], 4) for n in range(1, 5) if totals[n - 1]}
    return {"words": totals[0], **shares}


def repeated(narrow: Narrow) -> dict[str, Any] | None:
    """Instructions that occur more than once, but for case and outer white space: how many rows repeat an earlier one,
    and those that are said most often."""
    if "text_key" not in narrow.fields:
        return None
    there = "text_key IS NOT NULL AND instruction_chars > 0"
    rows, different = narrow.one(f"SELECT count(*), count(DISTINCT text_key) FROM narrow WHERE {there}")
    groups = narrow.ask(
        f"SELECT min(row), count(*), count(*) FILTER (state = 'kept') FROM narrow WHERE {there} GROUP BY text_key "
        f"HAVING count(*) > 1 ORDER BY 2 DESC, 1 LIMIT {REPEATED}"
    )
    texts = narrow.read(sorted(row for row, *_ in groups), ("id", "instruction"))
    most = [
        {"id": texts[row]["id"], "instruction": texts[row]["instruction"], "rows": count, "kept": kept}
        for row, count, kept in groups
        if row in texts
    ]
    return {"rows": rows, "different": different, "repeating": rows - different, "most": most}
