"""What judging before answering saves: the recipe `pro-mini` in two orders, over the same instructions.

    python -m bench.answer_last [--rows 1000] [--recipe pro-mini] [--set a.b=c ...]

Answer last: the shortlist drops what is not worth an answer, then the others are answered. Answer first, as upstream
does it: everything is answered, and the same clauses are part of the selection at the end. Both select from the same
candidates, so the rows that are kept are the same ones. Generated tokens, prompt tokens and seconds are told apart, for
every stage and for each kept row. Expected of generated tokens, relative to upstream's without its judging:
s + p (1 - s) + judging, where s is the instructions' share of these tokens, p the share of candidates that is answered,
and judging what tags, safety and rewards write. It is the tokens that carry over to other machines; the seconds are
those of this one.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from magpie.executors.local import execute
from magpie.plan.recipe import Recipe
from magpie.plan.resolve import resolve
from magpie.runs import Cost, Run, cost_of

MAKING = ("instruct", "respond", "follow_up")
"""Stages whose tokens are the data; those of all others are spent on judging it."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order of work, and what it came to."""

    name: str
    run: Run
    cost: Cost

    def tokens(self, *stages: str) -> int:
        return sum(one.completion_tokens for one in self.cost.stages if not stages or one.stage in stages)

    @property
    def judging(self) -> int:
        return self.tokens() - self.tokens(*MAKING)


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        given = (*options.set, f"size={options.rows}", "name=answered")
        last = resolve(options.recipe, Path(folder) / "last", given)
        first = answering_first(resolve(options.recipe, Path(folder) / "first", given))
        show(make("answer last", last, Path(folder) / "last"), make("answer first", first, Path(folder) / "first"))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--recipe", default="pro-mini")
    parser.add_argument("--set", action="append", default=[], help="override a setting of the recipe, in both orders")
    return parser.parse_args()


def answering_first(recipe: Recipe) -> Recipe:
    """The same, where the shortlist's clauses are asked at the end, of rows that were all answered."""
    assert recipe.settings("shortlist") is not None, "a recipe that answers last"
    assert recipe.settings("select") is not None, "a recipe that selects"
    clauses = tuple(text for text in (recipe.settings("shortlist").keep, *recipe.settings("shortlist").also) if text)
    select = recipe.settings("select").model_copy(update={"also": (*recipe.settings("select").also, *clauses)})
    return recipe.model_copy(update={"shortlist": None, "select": select})


def make(name: str, recipe: Recipe, out: Path) -> Order:
    run = execute(recipe, out)
    return Order(name, run, cost_of(run))


def show(last: Order, first: Order) -> None:
    console = Console(width=120)
    console.print(stages(last, first))
    kept = [set(order.run.sql("SELECT row FROM kept").column("row").to_pylist()) for order in (last, first)]
    both = len(kept[0] & kept[1])
    print(f"kept rows: {len(kept[0]):,} answering last, {len(kept[1]):,} answering first, {both:,} in both")
    made = first.tokens(*MAKING)
    share, saved = first.tokens("instruct") / made, last.cost.saved
    assert saved is not None, "the recipe has a shortlist, and something was answered"
    answered, judging = saved["answered"], last.judging / made
    expected = share + answered * (1 - share) + judging
    found = last.tokens() / made
    print(f"s = {share:.3f}, p = {answered:.3f}, judging = {judging:.3f}")
    print(f"generated tokens against upstream's: {found:.3f}, expected s + p (1 - s) + judging = {expected:.3f}, "
          f"difference {found - expected:+.3f}")  # fmt: skip
    print(f"with upstream's judging counted too: {last.tokens() / first.tokens():.3f}")


def stages(last: Order, first: Order) -> Table:
    """Each stage's cost in both orders, and all of it for each kept row."""
    table = Table(box=None, title="answer last | answer first")
    table.add_column("stage")
    for name in ("generated tokens", "prompt tokens", "seconds"):
        for order in (last, first):
            table.add_column(f"{name}, {order.name.split()[1]}", justify="right")
    by_stage = [{one.stage: one for one in order.cost.stages} for order in (last, first)]
    for stage in dict.fromkeys([*by_stage[1], *by_stage[0]]):
        found = [costs.get(stage) for costs in by_stage]
        cells = [
            "" if one is None else f"{value:,.0f}" if name != "seconds" else f"{value:,.1f}"
            for name in ("completion_tokens", "prompt_tokens", "seconds")
            for one in found
            for value in (getattr(one, name, 0),)
        ]
        table.add_row(stage, *cells)
    table.add_section()
    totals = [
        sum(getattr(one, name) for one in order.cost.stages) / max(1, order.cost.kept)
        for name in ("completion_tokens", "prompt_tokens", "seconds")
        for order in (last, first)
    ]
    table.add_row(
        "all, per kept row", *(f"{value:,.3f}" if place > 3 else f"{value:,.1f}" for place, value in enumerate(totals))
    )
    return table


if __name__ == "__main__":
    main()
