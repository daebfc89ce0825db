"""How long instructions and responses are: characters of every row, tokens of a sample, turn by turn (Fig. 2 and 7)."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from magpie.report.narrow import Narrow
from magpie.seams import Tokenizer

BINS_PER_OCTAVE = 4
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
TOKENIZED = 1000
"""Rows whose texts are tokenized."""
MOST_CHARACTERS = 100_000
"""The characters of a text that are tokenized: the rest is left out, and the figure says so."""


def lengths(narrow: Narrow, tokenizer: tuple[str, Tokenizer] | None) -> dict[str, Any]:
    """Histograms, quantiles and means, for each text that there is; empty where there is none."""
    found: dict[str, Any] = {}
    for name in ("instruction", "response"):
        if f"{name}_chars" in narrow.fields and (one := _characters(narrow, f"{name}_chars")):
            found[name] = one
    if not found:
        return {}
    turns = _turns(narrow)
    told: dict[str, Any] = {"texts": found, "turns": turns}
    if tokenizer is not None:
        name, encoder = tokenizer
        told["tokenizer"] = name
        told["tokenized_rows"] = _add_tokens(narrow, turns, encoder)
    return told


def _characters(narrow: Narrow, field: str) -> dict[str, Any] | None:
    """A histogram of the rows that have the text: `length(NULL)` is no length. Bin b holds lengths from 2^(b/4) to
    below 2^((b+1)/4); an empty text is in bin 0."""
    bin_of = f"floor(log2(greatest({field}, 1)) * {BINS_PER_OCTAVE} + 1e-9)::INTEGER"
    bins = narrow.ask(
        f"SELECT {bin_of}, count(*), count(*) FILTER (state = 'kept') FROM narrow WHERE {field} IS NOT NULL "
        "GROUP BY 1 ORDER BY 1"
    )
    if not bins:
        return None
    return {
        "bins_per_octave": BINS_PER_OCTAVE,
        "bins": [{"bin": number, "rows": rows, "kept": kept} for number, rows, kept in bins],
        "all": quantiles(narrow, field),
        "kept": quantiles(narrow, field, "state = 'kept'"),
    }


def quantiles(narrow: Narrow, field: str, where: str = "true") -> dict[str, Any] | None:
    """Rows, 5th to 95th percentile, mean and largest of a field of whole numbers; None where no row has it."""
    shares = ", ".join(str(share) for share in SHARES)
    rows, total, largest, cuts = narrow.one(
        f"SELECT count({field}), sum({field}), max({field}), quantile_disc({field}, [{shares}]) FROM narrow "
        f"WHERE {where}"
    )
    if not rows:
        return None
    named = {f"p{round(100 * share)}": cut for share, cut in zip(SHARES, cuts, strict=True)}
    return {"rows": rows, **named, "mean": round(int(total) / rows, 2), "max": largest}


def _turns(narrow: Narrow) -> list[dict[str, Any]]:
    """Each turn of kept rows, the first instruction being 1; of all rows where none is kept yet."""
    where = _of(narrow)
    found = []
    for turn, name in enumerate(("instruction", "response"), start=1):
        if f"{name}_chars" in narrow.fields and (one := quantiles(narrow, f"{name}_chars", where)):
            found.append({"turn": turn, "role": ("user", "assistant")[turn - 1], "characters": one})
    if "turn_chars" in narrow.fields:
        (longest,) = narrow.one(f"SELECT max(len(turn_chars)) FROM narrow WHERE {where}")
        for place in range(1, min(longest or 0, MOST_TURNS) + 1):
            one = quantiles(narrow, f"turn_chars[{place}]", where)
            if one:
                role = ("user", "assistant")[(place - 1) % 2]
                found.append({"turn": place + 2, "role": role, "characters": one})
    return found


MOST_TURNS = 16
"""How many later turns are listed."""


def _of(narrow: Narrow) -> str:
    (kept,) = narrow.one("SELECT count(*) FROM narrow WHERE state = 'kept'")
    return "state = 'kept'" if kept else "true"


def _add_tokens(narrow: Narrow, turns: list[dict[str, Any]], tokenizer: Tokenizer) -> int:
    """Put the tokens of each turn beside its characters, of a sample; how many rows that is."""
    rows = narrow.sample(TOKENIZED, _of(narrow))
    read = narrow.read(rows, ("instruction", "response", "turns"))
    counts: dict[int, list[int]] = {}
    for row in read.values():
        texts = [row["instruction"], row["response"], *(turn["content"] for turn in row["turns"] or ())]
        for number, text in enumerate(texts[: MOST_TURNS + 2], start=1):
            if text is not None:
                counts.setdefault(number, []).append(len(tokenizer.encode(text[:MOST_CHARACTERS])))
    for turn in turns:
        if found := counts.get(turn["turn"]):
            turn["tokens"] = summary(found)
    return len(read)


def summary(values: Sequence[int]) -> dict[str, Any]:
    """The same figures as `quantiles`, of whole numbers in memory.

    summary([1, 2, 3])["p50"]  # 2
    """
    ordered = sorted(values)
    cuts = {f"p{round(100 * share)}": ordered[max(0, ceil(share * len(ordered)) - 1)] for share in SHARES}
    return {"rows": len(ordered), **cuts, "mean": round(sum(ordered) / len(ordered), 2), "max": ordered[-1]}
