"""`python -m fledgling.truth FILE`: how a dataset made with fledgling compares with what fledgling was trained on.

FILE is a file of conversations (JSON lines: {"messages": [...]}, a bare list of messages, or ShareGPT's
"conversations"), or the folder of a magpie run. Every figure comes with a 95% interval: shares with Wilson's, entropy
and divergence corrected for the number of rows and bootstrapped. Knows the hidden mix; knows no model and no engine.
"""

import argparse
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fledgling.corpus import mix
from fledgling.datasets import read
from fledgling.imperfect import ALL, QUALITIES
from fledgling.novelty import CACHE, Known, known_to, together
from fledgling.statistics import Estimate, binomial_bounds, correlation, divergence, entropy, share
from fledgling.verdict import TAGS, LaterTurn, Talk, Verdict, judge

DIFFICULTIES = ("very easy", "easy", "medium", "hard", "very hard")
COMMON = 0.005  # families with at least this share of the mix are held to their bounds


@dataclass(frozen=True)
class FamilyFigures:
    """One family in the dataset, against its share of the hidden mix."""

    name: str
    category: str
    language: str
    hidden: float
    found: int
    at_least: int
    at_most: int  # bounds of 99.9% for `found`, were the valid rows drawn from the mix
    answered: int  # with or without a system prompt
    right: int

    @property
    def in_bounds(self) -> bool:
        return self.at_least <= self.found <= self.at_most


@dataclass(frozen=True)
class Report:
    """`figures` in the order in which they are printed; those that the data cannot give are left out."""

    rows: int
    families_found: int
    families_known: int
    figures: Mapping[str, Estimate]
    right_by_category: Mapping[str, Estimate]
    right_by_language: Mapping[str, Estimate]
    families: Sequence[FamilyFigures]
    out_of_bounds: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        values: dict[str, Any] = without_nan(asdict(self))
        return values


def report(talks: Iterable[Talk], known: Known | None = None) -> Report:
    """The truth about a dataset. Without `known` nothing is said about novelty."""
    verdicts = [judge(talk) for talk in talks]
    valid = [one for one in verdicts if one.family is not None]
    families = family_figures(valid)
    figures = sampling(verdicts, valid) | novelty(verdicts, valid, known) | turns(valid) | labels(verdicts)
    return Report(
        rows=len(verdicts),
        families_found=sum(one.found > 0 for one in families),
        families_known=len(families),
        figures={name: figure for name, figure in figures.items() if figure.n},
        right_by_category=rightness(valid, lambda one: one.category),
        right_by_language=rightness(valid, lambda one: one.language),
        families=families,
        out_of_bounds=[one.name for one in families if one.hidden >= COMMON and not one.in_bounds],
    )


# -- figures -----------------------------------------------------------------------------------------------------------


def share_of(verdicts: Sequence[Verdict], holds: Callable[[Verdict], bool | None]) -> Estimate:
    return share(sum(map(bool, map(holds, verdicts))), len(verdicts))


def sampling(verdicts: Sequence[Verdict], valid: Sequence[Verdict]) -> dict[str, Estimate]:
    """What the prompts are and whether their replies are right. Rows with a system prompt are not of the hidden mix."""
    free = Counter(name_of(one) for one in valid if one.talk.system is None)
    answered = [one for one in valid if one.talk.replies]
    return {
        "ends by itself": share_of([one for one in verdicts if one.talk.ended is not None], lambda one: one.talk.ended),
        "form known": share_of(verdicts, lambda one: one.has_form),
        "valid": share_of(verdicts, lambda one: one.family is not None),
        "form known but slots wrong": share_of(verdicts, lambda one: one.has_form and one.family is None),
        "entropy, bits": entropy(free),
        "KL to the hidden mix, bits": divergence(free, mix()),
        "distinct prompts": share(len({one.prompt for one in verdicts}), len(verdicts)),
        "right among valid": share_of(answered, lambda one: one.right),
    }


def name_of(verdict: Verdict) -> str:
    return verdict.family.name if verdict.family else ""


def novelty(verdicts: Sequence[Verdict], valid: Sequence[Verdict], known: Known | None) -> dict[str, Estimate]:
    if known is None:
        return {}
    novel = [one for one in valid if one.talk.replies and not known.holds(one.prompt)]
    unseen = [one for one in novel if not known.holds_anyhow(one.prompt)]
    return {
        "novel": share_of(verdicts, lambda one: not known.holds(one.prompt)),
        "novel among valid": share_of(valid, lambda one: not known.holds(one.prompt)),
        "strictly unseen among valid": share_of(valid, lambda one: not known.holds_anyhow(one.prompt)),
        "right among novel": share_of(novel, lambda one: one.right),
        "right among strictly unseen": share_of(unseen, lambda one: one.right),
    }


def turns(valid: Sequence[Verdict]) -> dict[str, Estimate]:
    """Second turns where the first turn's family has follow-ups, third ones, and small talk."""
    able = [list(one.later_turns()) for one in valid if one.task[0].follow_ups]
    seconds, later = [some[0] for some in able if some], [turn for some in able for turn in some[1:]]
    talk = [turn for one in valid for turn in one.later_turns() if turn.follows is None]
    return {
        "follow-ups on topic (second turns)": turn_share(seconds, lambda turn: turn.follows),
        "follow-ups right among on topic": turn_share([one for one in seconds if one.follows], lambda one: one.right),
        "third turns on topic or small talk": turn_share(later, lambda turn: turn.follows is not False),
        "third turns right among these": turn_share([one for one in later if one.follows], lambda one: one.right),
        "small talk right": turn_share(talk, lambda turn: turn.right),
    }


def turn_share(some: Sequence[LaterTurn], holds: Callable[[LaterTurn], bool | None]) -> Estimate:
    return share(sum(map(bool, map(holds, some))), len(some))


def labels(verdicts: Sequence[Verdict]) -> dict[str, Estimate]:
    """How far a judge's tags agree with the true labels, over valid prompts."""
    tagged = {tag: [one for one in verdicts if one.family and one.talk.tags.get(tag)] for tag in TAGS}
    quality = [one for one in tagged["input_quality"] if one.talk.tags["input_quality"] in QUALITIES]
    apart = [
        abs(DIFFICULTIES.index(one.talk.tags["difficulty"]) - DIFFICULTIES.index(one.difficulty))
        for one in tagged["difficulty"]
        if one.talk.tags["difficulty"] in DIFFICULTIES
    ]
    said = [QUALITIES.index(one.talk.tags["input_quality"]) for one in quality]
    return {
        "category agrees": share_of(
            tagged["task_category"], lambda one: one.talk.tags["task_category"] == one.category
        ),
        "quality agrees": share_of(quality, lambda one: one.talk.tags["input_quality"] == one.quality),
        "quality, Spearman": correlation(said, [QUALITIES.index(one.quality) for one in quality]),
        "difficulty agrees": share(apart.count(0), len(apart)),
        "difficulty within one": share(sum(one <= 1 for one in apart), len(apart)),
    }


def rightness(valid: Sequence[Verdict], key: Callable[[Verdict], str]) -> dict[str, Estimate]:
    answered = [one for one in valid if one.talk.replies]
    whole, right = Counter(map(key, answered)), Counter(key(one) for one in answered if one.right)
    return {name: share(right[name], whole[name]) for name in sorted(whole)}


def family_figures(valid: Sequence[Verdict]) -> list[FamilyFigures]:
    """Rows with a system prompt are counted for being right, and not against the mix."""
    free = Counter(name_of(one) for one in valid if one.talk.system is None)
    answered = Counter(name_of(one) for one in valid if one.talk.replies)
    right = Counter(name_of(one) for one in valid if one.right)
    hidden, total = mix(), free.total()
    return [
        FamilyFigures(
            family.name, family.category, family.language, hidden[family.name], free[family.name],
            *binomial_bounds(total, hidden[family.name]), answered[family.name], right[family.name],
        )
        for family in ALL
    ]  # fmt: skip


# -- command -----------------------------------------------------------------------------------------------------------


def main() -> None:
    arguments = parse()
    found = report(read(arguments.file), None if arguments.no_novelty else known_of(arguments.model))
    print(json.dumps(found.to_json(), indent=2) if arguments.json else table(found))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fledgling.truth", description=__doc__)
    parser.add_argument("file", type=Path, help="JSON lines of conversations, or the folder of a run")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--model", type=Path, default=Path("src/magpie/weights/fledgling"), help="says what was trained"
    )
    parser.add_argument("--no-novelty", action="store_true", help="do not make the training corpus again")
    return parser.parse_args()


def known_of(model: Path, cache: Path = CACHE) -> Known:
    """The prompts of the corpus that a model folder was trained on, those read during and after practice included."""
    origin = json.loads((model / "config.json").read_text(encoding="utf-8"))["fledgling"]
    parts = [origin, *(part for part in origin.values() if isinstance(part, dict))]
    return together([known_to(part["seed"], part["conversations"], cache) for part in parts])


def table(found: Report) -> str:
    lines = [f"{'rows':40}{found.rows:>9}", f"{'families':40}{found.families_found:>6}/{found.families_known}"]
    lines += [figure_line(name, figure) for name, figure in found.figures.items()]
    lines += ["", *(figure_line(f"right: {name}", figure) for name, figure in found.right_by_category.items())]
    lines += ["", *(figure_line(f"right: {name}", figure) for name, figure in found.right_by_language.items())]
    lines += ["", f"{'family':18}{'category':22}{'hidden':>8}{'found':>8}{'of 99.9%':>12}{'right':>12}"]
    lines += [family_line(one) for one in found.families]
    return "\n".join([*lines, "", f"out of bounds: {', '.join(found.out_of_bounds) or 'none'}"])


def figure_line(name: str, figure: Estimate) -> str:
    if name.endswith(("bits", "Spearman")):
        return f"{name:40}{figure.value:>9.3f}   [{figure.low:.3f}, {figure.high:.3f}]   n = {figure.n}"
    return f"{name:40}{figure.value:>9.1%}   [{figure.low:.1%}, {figure.high:.1%}]   n = {figure.n}"


def family_line(one: FamilyFigures) -> str:
    bounds = f"{one.at_least}-{one.at_most}{'' if one.in_bounds else ' !'}"
    right = f"{one.right}/{one.answered}"
    return f"{one.name:18}{one.category:22}{one.hidden:8.1%}{one.found:>8}{bounds:>12}{right:>12}"


def without_nan(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, dict):
        return {name: without_nan(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value


if __name__ == "__main__":
    main()
