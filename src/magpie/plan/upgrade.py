"""Keeps an upgrade of the package from making rows again that a run has and that its user did not change.

A stage's fingerprint changes when its user edits the recipe, and also when a new version of the package resolves the
same recipe otherwise: another default, prompt, template rule, stage version or shipped model. To tell the two apart,
the run's own recipe is planned with the package as it is now: what then differs from the run comes from the package.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import orjson

from magpie.errors import RecipeError, RunError, UserError
from magpie.plan.load import check_stage
from magpie.plan.plan import Covered, Plan, PlannedStage, make_plan, pin
from magpie.plan.recipe import Recipe
from magpie.plan.registry import stages

_SHOWN = 4
"""How many differences of one stage a message shows."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What to do where the package now resolves a stage otherwise than the run did."""

    remake: Collection[str] = ()
    """Stages to make again; `all` is every one."""
    keep: bool = False
    """Resume with the run's own values, and keep what was made."""


UNDECIDED = Choice()


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A plan that makes no row again unless its user asked for it."""

    plan: Plan
    kept: Mapping[str, str]
    """Stages that keep their rows although the package would make others, each with the digest of the package's way."""
    stale: Mapping[str, str]
    """Stages that are left as they are although the recipe would now make other rows, each with the reason."""


def reconcile(
    plan: Plan, index: Mapping[str, Any], before: Callable[[], Recipe], choice: Choice, only: Collection[str] | None
) -> Reconciled:
    """Compare a plan with the run that it resumes.

    index: `run.json`. before: the run's own recipe, resolved again by the package as it is now. only: the stages that
    are worked on; the rows of other stages stay valid whatever the plan says about them. Raises `RunError`, with each
    stage and reason, where the package resolves a stage otherwise and `choice` does not cover it.
    """
    entries = {entry["stage"]: _Entry(entry, index) for entry in index["stages"]}
    _check_names(choice, plan)
    left_alone = {name: entry.fingerprint for name, entry in entries.items() if only is not None and name not in only}
    pinned, kept = _settled(plan, entries, left_alone, _Own(before, plan), choice)
    plan = _with_own_values(plan, {name: entries[name] for name in kept})
    free = pin(plan, {})
    stale = {
        planned.name: _why_stale(planned, entries[planned.name])
        for planned in free.stages
        if planned.name in left_alone and planned.fingerprint != left_alone[planned.name]
    }
    return Reconciled(pin(plan, pinned), kept, stale)


def _check_names(choice: Choice, plan: Plan) -> None:
    names = [planned.name for planned in plan.stages]
    unknown = sorted(set(choice.remake) - {*names, "all"})
    if unknown:
        raise RecipeError(f"--remake {unknown[0]}: this run has no such stage; expected one of {', '.join(names)}, all")


def _with_own_values(plan: Plan, entries: Mapping[str, _Entry]) -> Plan:
    """The plan with the settings that these stages had in the run, as far as a recipe can say them."""
    recipe = plan.recipe
    for name, entry in entries.items():
        spec = stages()[name]
        if entry.resolved is not None:
            recipe = recipe.with_stage(spec.recipe_key, check_stage(spec.recipe_key, entry.resolved))
    return plan if recipe is plan.recipe else make_plan(recipe)


def _settled(
    plan: Plan, entries: Mapping[str, _Entry], left_alone: Mapping[str, str], own: _Own, choice: Choice
) -> tuple[dict[str, str], dict[str, str]]:
    """The fingerprints that the plan keeps, and of these the ones that the package would make otherwise."""
    pinned, kept = dict(left_alone), {}
    problems: list[str] = []
    for planned in plan.stages:
        entry = entries.get(planned.name)
        if entry is None or planned.name in pinned:
            continue
        current = next(each for each in pin(plan, pinned).stages if each.name == planned.name)
        if current.fingerprint == entry.fingerprint or own.is_edited(current):
            continue
        reasons = entry.differences(current)
        if not reasons:  # only its input changed: another stage makes that again
            continue
        if planned.name in choice.remake or "all" in choice.remake:
            continue
        mark = own_digest(current.covered)
        if choice.keep or entry.kept == mark:
            pinned[planned.name], kept[planned.name] = entry.fingerprint, mark
        else:
            problems.append(f"{planned.name}: {'; '.join(reasons)}")
    if problems:
        raise RunError(_refusal(problems))
    return pinned, kept


def _refusal(problems: Sequence[str]) -> str:
    first = problems[0].partition(":")[0]
    return (
        f"this magpie resolves the run's recipe otherwise than the one that made it. {'. '.join(problems)}. No "
        f"row was changed. Add --keep to resume with the run's own values and keep every row, or --remake {first} to "
        "generate that stage's rows again (also --remake all)"
    )


class _Own:
    """The stages of the run's own recipe, as the package now plans them."""

    def __init__(self, before: Callable[[], Recipe], plan: Plan) -> None:
        self._before = before
        self._plan = plan
        self._known: Mapping[str, dict[str, Any]] | None = None

    def is_edited(self, planned: PlannedStage) -> bool:
        """Whether the user's edits changed the stage itself."""
        if self._known is None:
            self._known = self._planned()
        return planned.name not in self._known or self._known[planned.name] != planned.covered.own()

    def _planned(self) -> Mapping[str, dict[str, Any]]:
        recipe = self._before()
        if recipe == self._plan.recipe:
            return {planned.name: planned.covered.own() for planned in self._plan.stages}
        try:
            stages = make_plan(recipe).stages
        except UserError:  # the recipe was edited since it stopped working here, such as where a server is gone
            return {}
        return {planned.name: planned.covered.own() for planned in stages}


class _Entry:
    """A stage as `run.json` has it."""

    def __init__(self, entry: Mapping[str, Any], index: Mapping[str, Any]) -> None:
        self.entry = entry
        self.seed = int(index.get("seed", 0))
        self.settings = entry.get("settings") or {}
        makers = {column["name"]: each for each in index["stages"] for column in each["columns"]}
        self._read = {name: _fingerprint(makers[name]) for name in entry["reads"] if name in makers}

    @property
    def fingerprint(self) -> str:
        return _fingerprint(self.entry)

    @property
    def resolved(self) -> Mapping[str, Any] | None:
        """The stage's settings with the values that were filled in; None in a run of an earlier magpie."""
        found = self.entry.get("resolved")
        return found if isinstance(found, Mapping) else None

    @property
    def kept(self) -> str | None:
        """The digest of the package's way, where the user has chosen to keep the run's."""
        found = self.entry.get("kept")
        return found if isinstance(found, str) else None

    def differences(self, planned: PlannedStage) -> list[str]:
        """How the stage itself differs from what the plan would make; empty where only what it reads does."""
        now = planned.covered
        version = int(self.entry.get("version", 1))
        found = []
        if now.version != version:
            found.append(f"the stage makes other rows (version {version} in the run, {now.version} now)")
        differing = list(_differing(self.settings, now.own()["settings"]))
        found += differing[:_SHOWN]
        if len(differing) > _SHOWN:
            found.append(f"and {len(differing) - _SHOWN} more settings")
        if self._has_another_model(now, version):
            found.append("its model is another one (the files changed, or what names them)")
        return found

    def _has_another_model(self, now: Covered, version: int) -> bool:
        if "identity" in self.entry:
            return bool(self.entry["identity"] != now.own()["identity"])
        # A run from before identities stood in run.json: its fingerprint tells whether this model was meant.
        supposed = replace(now, version=version, seed=self.seed, settings=self.settings, read=self._read)
        return supposed.fingerprint(self.entry["stage"]) != self.fingerprint


def _fingerprint(entry: Mapping[str, Any]) -> str:
    return str(entry["folder"]).rpartition("-")[2]


def own_digest(covered: Covered) -> str:
    """What names a stage's own part of a fingerprint."""
    return blake2b(orjson.dumps(covered.own(), option=orjson.OPT_SORT_KEYS), digest_size=8).hexdigest()


def _differing(then: Any, now: Any, path: str = "") -> Iterator[str]:
    """The settings that differ, each as `path was X, is now Y`."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*then, *now]):
            yield from _differing(then.get(key), now.get(key), f"{path}.{key}" if path else str(key))
    elif then != now:
        yield f"{path} was {_short(then)} in the run, is {_short(now)} now"


def _short(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


def _why_stale(planned: PlannedStage, entry: _Entry) -> str:
    reasons = entry.differences(planned)
    return "; ".join(reasons) if reasons else f"made from other rows of {', '.join(planned.stage.reads)}"
