"""What becomes of instructions: empty, truncated, leaking, repeated, kept, by sampling and by variant.

    python -m bench.yield [--rows 100] [--model fledgling] [--set a.b=c ...]
    python -m bench.yield --recipe air --model MODEL --rows 300

Without a recipe: one run whose variants are the samplings of the paper's sets (temperatures 1, 1.1, 1.2 and 1.25;
top_p 1, 0.995 and 0.99), two cooler ones, and at temperature 1 a system prompt and a beginning; with the stages
`screen` and `dedup`, and greedy responses. With `--recipe`: a recipe's own variants, `--rows` of each on average.
Prints, as Markdown, one row for each variant, with the share of its rows that went each way: 100% in all. Kept has
Wilson's interval of 95%. Repeats are sought among the rows of all variants, dealt out in turn: a repeat counts for
the later row. The table's form is that of docs/recipes.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

import magpie
from fledgling.statistics import share
from magpie.plan.load import parse, recipe_text

SAMPLINGS = ((0.6, 1.0), (0.8, 1.0), *((t, p) for t in (1.0, 1.1, 1.2, 1.25) for p in (1.0, 0.995, 0.99)))
OTHERS = (
    {
        "name": "system prompt",
        "system": "You answer questions from every field of knowledge.",
        "sampling": {"temperature": 1.0},
    },
    {"name": "begun: How", "prefill": "How", "sampling": {"temperature": 1.0}},
)
WAYS = {
    "empty": "the instruction is empty, or no request is in it",
    "truncated": "it did not end within its tokens or the context",
    "leak": "it holds a marker of the template, or ends in a role's name",
    "screened": "a rule of `screen` met it, or its text is broken",
    "repeat": "it says what an earlier row says, exactly or nearly",
    "response": "its response was of no use: empty, truncated, leaking",
    "other": "anything else, a failed row among them",
    "kept": "the rest",
}
_INSTRUCT = {
    "empty": "empty",
    "no_request": "empty",
    "truncated": "truncated",
    "context_full": "truncated",
    "role_leak": "leak",
    "broken_text": "screened",
}


def way_of(row: Mapping[str, Any]) -> str:
    """What became of a row: one of `WAYS`.

    >>> way_of({"error": None, "drop_reason": "role_leak", "dropped_by": "instruct"})
    'leak'
    """
    if row["error"]:
        return "other"
    if row["drop_reason"] is None:
        return "kept"
    reason = str(row["drop_reason"])
    by_stage = {"screen": "leak" if reason == "role_leak" else "screened", "dedup": "repeat"}
    by_stage |= {"instruct": _INSTRUCT.get(reason, "other"), "respond": "response", "screen_responses": "response"}
    return by_stage.get(str(row["dropped_by"]), "other")


def tallies(rows: Iterable[Mapping[str, Any]]) -> dict[str, Counter[str]]:
    """How many rows of each variant went which way. A run without variants has one."""
    found: dict[str, Counter[str]] = {}
    for row in rows:
        found.setdefault(row.get("variant") or "all", Counter())[way_of(row)] += 1
    return found


def table(found: Mapping[str, Counter[str]], order: Sequence[str]) -> Iterator[str]:
    """Lines of Markdown."""
    ways = [way for way in WAYS if way != "kept"]
    yield f"| variant | rows | {' | '.join(ways)} | kept |"
    yield f"|---|---:|{'---:|' * len(WAYS)}"
    whole: Counter[str] = sum(found.values(), Counter())
    for name, counts in [*((name, found[name]) for name in order if name in found), ("**all**", whole)]:
        rows = counts.total()
        kept = share(counts["kept"], rows)
        shares = " | ".join(f"{counts[way] / rows:.1%}" for way in ways)
        yield f"| {name} | {rows:,} | {shares} | {kept.value:.1%} ({kept.low:.1%} to {kept.high:.1%}) |"


def mix() -> list[dict[str, Any]]:
    """The variants that are measured where no recipe is named."""
    grid = [{"name": f"T {t}, top_p {p}", "sampling": {"temperature": t, "top_p": p}} for t, p in SAMPLINGS]
    return [*grid, *OTHERS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100, help="of each variant")
    parser.add_argument("--model", default="fledgling")
    parser.add_argument("--recipe", help="a recipe's name or file, in place of the grid")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    asked = parser.parse_args()
    if asked.recipe is None:
        document = {"instruct": {"mix": mix()}, "screen": {}, "dedup": {}, "respond": {"sampling": {"max_tokens": 512}}}
        recipe = parse(yaml.safe_dump(document), "bench.yield", asked.settings)
    else:
        recipe = parse(recipe_text(asked.recipe), asked.recipe, asked.settings)
    variants = [one.name for one in recipe.settings("instruct").mix] or ["all"]
    with tempfile.TemporaryDirectory() as folder:
        run = magpie.run(recipe, model=asked.model, size=asked.rows * len(variants), out=Path(folder) / "run")
        rows = run.table().to_pylist()
    print("\n".join(table(tallies(rows), variants)))


if __name__ == "__main__":
    main()
