"""Whether a mix steers, and whether later turns go on from earlier ones: on fledgling, judged by its own grammar.

    python -m bench.steering [--rows 60] [--talks 400] [--model fledgling] [--set a.b=c ...]

First a run of instructions by one mix: without a system prompt, under the system prompts of each domain that fledgling
was trained with (in the words of training, and in others), and with the beginning of the instruction given. Prints the
share of instructions that are of the domain's families, with the share among those that nothing steers. Then a run of
conversations of two turns. Prints the share of second turns that follow up on the first and the share of right answers
to them, beside what single turns give: right answers to first turns, and how many first turns of other rows would pass
for a follow-up. Intervals are Wilson's, 95%.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import magpie
from fledgling.datasets import of_run
from fledgling.families import FAMILIES
from fledgling.statistics import Estimate, share
from fledgling.systems import DOMAINS
from fledgling.verdict import Talk, Verdict, judge

FREE = "free"
BEGINNINGS = {
    "How much is": ("Math",),
    "I need a Python": ("Coding & Debugging",),
    "Make this": ("Editing",),
    "Which city": ("Information seeking",),
    "Write a poem": ("Creative writing",),
    "Translate": ("Others",),
    "Kannst du": ("German",),
    "Peux-tu": ("French",),
}
"""The beginning of an instruction, and the categories or languages that it should lead to."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to steer, and the families that it should lead to."""

    name: str
    variant: Mapping[str, Any]
    families: frozenset[str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=60, help="instructions for each way to steer")
    parser.add_argument("--talks", type=int, default=400, help="conversations of two turns")
    parser.add_argument("--model", default="fledgling")
    parser.add_argument("--set", action="append", default=[], dest="settings")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.rows:
            steering(options, Path(folder))
        if options.talks:
            following(options, Path(folder))


# -- steering ---------------------------------------------------------------------------------------------------------


def steering(options: argparse.Namespace, folder: Path) -> None:
    known = [*by_domain(), *by_beginning()]
    mix = [{"name": FREE, "weight": len(known) / 4}, *(way.variant for way in known)]
    size = round(options.rows * (len(known) + len(known) / 4))
    settings = (f"instruct.mix={json.dumps(mix)}", "respond=null", *options.settings)
    run = magpie.run("basic", model=options.model, size=size, out=folder / "mix", settings=settings)
    found: dict[str, list[Verdict]] = {}
    for row in run.rows(kept=False):
        if row["instruction"]:
            found.setdefault(row["variant"], []).append(judge(Talk(None, (row["instruction"],), ())))
    print(f"| {'steered to':34} | {'by nothing':>10} | {'steered':>10} | {'95%':>16} |\n|---|---|---|---|")
    for way in known:
        base, steered = (led(found[name], way.families) for name in (FREE, way.name))
        print(f"| {way.name:34} | {base.value:10.1%} | {steered.value:10.1%} | {interval(steered):>16} |")


def by_domain() -> Iterable[Way]:
    """The system prompts of training, and the same domains in other words; each wording as often as any other."""
    for name, domain in DOMAINS.items():
        for words, wordings in (("", domain.prompts), (", in other words", domain.held_out)):
            fill = [{"name": "wording", "words": list(wordings)}]
            variant = {"name": f"{name}{words}", "system": "{wording}", "fill": fill}
            yield Way(f"{name}{words}", variant, frozenset(domain.families))


def by_beginning() -> Iterable[Way]:
    for text, wanted in BEGINNINGS.items():
        families = frozenset(one.name for one in FAMILIES if one.category in wanted or one.language in wanted)
        if families:
            yield Way(f"{text} ...", {"name": f"{text} ...", "prefill": text}, families)


def led(verdicts: Sequence[Verdict], families: frozenset[str]) -> Estimate:
    """The share whose task is of these families."""
    return share(sum(one.family is not None and one.task[0].name in families for one in verdicts), len(verdicts))


# -- later turns ------------------------------------------------------------------------------------------------------


def following(options: argparse.Namespace, folder: Path) -> None:
    settings = ("follow_up={turns: 2, end_at_farewell: false}", *options.settings)
    run = magpie.run("basic", model=options.model, size=options.talks, out=folder / "talks", settings=settings)
    rows = list(run.rows())
    found = [judge(of_run(row)) for row in rows]
    able = [one for one in found if one.family is not None and one.task[0].follow_ups and len(one.talk.prompts) > 1]
    seconds = [next(one.later_turns()) for one in able]
    on_topic = [turn for turn in seconds if turn.follows]
    strangers = [next(with_second(one, other).later_turns()) for one, other in pairwise(able)]
    valid = [one for one in found if one.family is not None]
    print(f"\n{len(rows)} conversations; they ended by {ended(rows)}\n")
    tell("second turns that follow up on the first", seconds, lambda turn: turn.follows)
    tell("first turns of other rows that would", strangers, lambda turn: turn.follows)
    tell("right answers to second turns on topic", on_topic, lambda turn: turn.right)
    tell("right answers to first turns (single turn)", valid, lambda one: one.right)


def with_second(one: Verdict, other: Verdict) -> Verdict:
    """The conversation, with another one's first turn for its second."""
    talk = replace(
        one.talk,
        prompts=(one.talk.prompts[0], other.talk.prompts[0]),
        replies=(one.talk.replies[0], other.talk.replies[0]),
    )
    return Verdict(talk, one.family, one.slots)


def ended(rows: Sequence[Mapping[str, Any]]) -> str:
    reasons = [row["ended_by"] for row in rows]
    return ", ".join(f"{reason} {reasons.count(reason)}" for reason in sorted(set(reasons)))


def tell(name: str, some: Sequence[Any], holds: Callable[[Any], bool | None]) -> None:
    found = share(sum(map(bool, map(holds, some))), len(some))
    print(f"{name:46}{found.value:8.1%}  [{interval(found)}]  n = {found.n}")


def interval(found: Estimate) -> str:
    return f"{found.low:.1%}, {found.high:.1%}"


if __name__ == "__main__":
    main()
