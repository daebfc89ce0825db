"""A run in which models answer prompts and a judge compares or grades them: ordinary stages, so that it resumes, counts
its cost and can be read as any other.

Knows recipes and imports; knows no metric.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magpie.errors import RunError, UserError
from magpie.evaluate.files import style_of
from magpie.evaluate.judgments import Game, Judgments, Score
from magpie.evaluate.prompts import input_of, is_answers, name_of_answers
from magpie.imports.importing import HoldsAnother, import_inputs
from magpie.plan.recipe import Recipe
from magpie.plan.resolve import resolve
from magpie.runs import Run
from magpie.safe.paths import expanded
from magpie.safe.terminal import brief

FORM = "magpie"
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be evaluated, and how."""

    model: str
    """A model, or a file of its answers."""
    prompts: str
    against: str | None = None
    """A model, or a file of answers."""
    judge: str | None = None
    judge_prompt: Path | None = None
    grades: bool = False
    """Whether the judge grades each answer too; without an opponent it always does."""
    check: str | None = None
    """`exact`, `math`, or the `module:function` of a checker; None checks nothing."""
    limit: int | None = None
    split: str | None = None
    overrides: tuple[str, ...] = ()
    """Further settings, as `--set` has them."""
    seed: int = 0


def prepare(asked: Asked, out: Path) -> Recipe:
    """Import the prompts into the run in `out`, or find them there, and give its recipe.

    Raises `UserError` for what cannot be evaluated, before a model is asked; `RunError` where `out` holds another run.
    """
    _check(asked)
    own, other = (
        expanded(given) if given is not None and is_answers(given) else None for given in (asked.model, asked.against)
    )
    given = input_of(asked.prompts, asked.split, own, other, asked.limit)
    try:
        import_inputs([given], out)
    except HoldsAnother:
        raise RunError(
            f"{out}: holds a run of other prompts, other answers or another --limit; expected another --out"
        ) from None
    return resolve(None, out, (*_settings(asked, own, other), *asked.overrides), {"seed": asked.seed})


def _check(asked: Asked) -> None:
    if asked.judge is None and asked.check is None:
        raise UserError(
            "evaluate: nothing says which answers are good; expected --judge MODEL, or where the truth is known "
            "--check exact, --check math or --checker MODULE:FUNCTION"
        )
    if asked.judge is None and asked.judge_prompt is not None:
        raise UserError("--judge-prompt: there is no judge; expected --judge MODEL beside it")
    if asked.judge is not None and is_answers(asked.judge):
        raise UserError(f"--judge {brief(asked.judge)}: a file of answers cannot judge; expected a model")


def _settings(asked: Asked, own: Path | None, other: Path | None) -> list[str]:
    """What the command line says, as overrides. Stages of an earlier call that this one does not ask for are left out
    of the recipe; what they made stays."""
    judge: dict[str, Any] = {"model": asked.judge}
    if asked.judge_prompt is not None:
        judge["prompt"] = str(asked.judge_prompt)
    compares = asked.judge is not None and asked.against is not None
    grades = asked.judge is not None and (asked.against is None or asked.grades)
    check: dict[str, Any] | None = None
    if asked.check is not None:
        named = asked.check in ("exact", "math")
        check = {"by": asked.check} if named else {"by": "checker", "checker": asked.check}
    stages: dict[str, Any] = {
        "model": None if own is not None else asked.model,
        "respond": None if own is not None else {"keep_unusable": True},
        "respond_against": None if asked.against is None or other is not None else {"model": asked.against},
        "compare": judge if compares else None,
        "grade": ({"model": asked.judge} if compares else judge) if grades else None,
        "check": check,
    }
    return [f"{name}={json.dumps(value)}" for name, value in stages.items()]


def names_of(asked: Asked) -> tuple[str, str]:
    """What readers know the model and its opponent by."""
    own = _name(asked.model)
    other = "nothing" if asked.against is None else _name(asked.against)
    return own, other if other != own else f"{other} (against)"


def _name(given: str) -> str:
    if is_answers(given):
        return name_of_answers(expanded(given))
    return Path(given).name if expanded(given).exists() else given


def names_in(run: Run) -> tuple[str, str]:
    """The same of a run that is there: files of answers have no names in it."""
    against = run.recipe.get("respond_against") or {}
    own, other = (
        Path(model).name if isinstance(model, str) else name
        for model, name in ((run.recipe.get("model"), "response"), (against.get("model"), "against_response"))
    )
    return own, other if other != own else f"{other} (against)"


# -- judgments of a run ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The results of a run, beside its judgments."""

    judgments: Judgments
    checks: Mapping[str, Mapping[str, float]]
    """Model to prompt to 1 where its answer is right, 0 where it is not."""
    mass: float | None
    """The mean probability that the judge gave to its two labels; None where it wrote a verdict."""
    unusable: Mapping[str, int]
    """Model to how many of its answers are cut, empty or leak control tokens; they count."""
    rows: Sequence[Mapping[str, Any]]


def judgments_of(run: Run, own: str, other: str) -> Evaluated:
    """What a run's stages say. Raises `RunError` where a judge has said nothing at all that can be read."""
    found = Judgments(FORM, reference=other)
    checks: dict[str, dict[str, float]] = {}
    masses: list[float] = []
    unusable = {own: 0, other: 0}
    replies: list[str] = []
    rows = list(run.rows(kept=True))
    for row in rows:
        prompt = str(row.get("source_id") or row["row"])
        category = (row.get("meta") or {}).get("category")
        unusable[own] += bool(row.get("unusable"))
        unusable[other] += bool(row.get("against_unusable"))
        if "judge_preference" in row:
            _add_games(found, row, prompt, category, own, other)
        if "judge_grade" in row:
            _add_score(found, row, prompt, category, own)
        if row.get("judge_mass") is not None:
            masses.append(row["judge_mass"])
        replies += [reply for key in ("judge_replies", "grade_replies") for reply in row.get(key) or ()][:1]
        for name, key in ((own, "answer_correct"), (other, "against_correct")):
            if row.get(key) is not None:
                checks.setdefault(name, {})[prompt] = float(row[key])
    _check_judged(found, replies, judged=any(key in row for row in rows for key in ("judge_preference", "judge_grade")))
    mass = sum(masses) / len(masses) if masses else None
    return Evaluated(found, checks, mass, {name: count for name, count in unusable.items() if count}, rows)


def _add_games(
    found: Judgments, row: Mapping[str, Any], prompt: str, category: str | None, own: str, other: str
) -> None:
    if row["judge_preference"] is None:
        found.unjudged += 1
        return
    style, opponent_style = style_of(row["response"]), style_of(row["against_response"])
    for key, first in (("judge_preference_first", True), ("judge_preference_second", False)):
        game = Game(
            prompt,
            own,
            other,
            row[key],
            position=row["row"],
            style=style,
            opponent_style=opponent_style,
            category=category,
            model_first=first,
        )
        found.games.append(game)


def _add_score(found: Judgments, row: Mapping[str, Any], prompt: str, category: str | None, own: str) -> None:
    if row["judge_grade"] is None:
        found.unjudged += 1
        return
    found.scores.append(Score(prompt, own, row["judge_grade"], float(len(row["response"])), category))


def _check_judged(found: Judgments, replies: Sequence[str], *, judged: bool) -> None:
    if not judged or found.games or found.scores:
        return
    said = f" (it says, for one: {brief(replies[0], _SHOWN)})" if replies else ""
    raise RunError(
        f"the judge gave not one verdict that can be read, in {found.unjudged:,} judgments{said}; expected another "
        "--judge, or a --judge-prompt whose reply is one of the two labels (or, with --set compare.by=verdict, a line "
        "such as `Verdict: A`; of grades `Grade: 7`)"
    )
