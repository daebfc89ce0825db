"""`magpie run --dry-run`: the stages with their models and rows, the variants with their shares, what the run would
read, contact, write and cost, as far as that is known. Makes nothing; without a network it says what it cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from magpie.cli.commands import command
from magpie.cli.progress import clock
from magpie.cli.text import print_json, print_sentence
from magpie.errors import NetworkError
from magpie.executors.limits import Prices
from magpie.executors.local import reconcile_with
from magpie.explore.estimate import DRAWS, Estimate, estimate
from magpie.modelfiles.locate import shipped_models
from magpie.plan.load import dump
from magpie.plan.plan import Plan, PlannedStage, make_plan
from magpie.plan.recipe import Recipe
from magpie.plan.registry import recipe_keys, stages
from magpie.plan.touches import Touches, check_libraries, touches
from magpie.plan.upgrade import Choice
from magpie.runs import RunFolder, StageFolder, cost_of, open_run
from magpie.safe.redaction import redact
from magpie.safe.terminal import one_line
from magpie.stages.instruct.mix import Shares

_HOUR = 3600.0


def print_plan(
    recipe: Recipe, out: Path, choice: Choice, *, as_yaml: bool, as_json: bool, only: Sequence[str] | None = None
) -> None:
    """Print the plan of a recipe for a run's folder; of `only` these stages, where some are named.

    Raises `MissingExtra` before anything else, and `UserError` for what cannot be planned.
    """
    check_libraries(recipe)
    if as_yaml:
        typer.echo(dump(recipe), nl=False)
        return
    plan, offline = _plan(recipe, out, choice, only)
    if only is not None:
        recipe, plan = _of(only, recipe, plan)
    if as_json:
        print_json(_plain(recipe, plan, offline, out), indent=True)
        return
    console = Console(highlight=False)
    verb = "resume" if RunFolder(out).is_run() else "create"
    title = f"Plan: {verb} the run {out}" if only is None else f"Plan: run {', '.join(only)} on {out}"
    console.print(Text(one_line(f"{title}: {recipe.size:,} rows"), style="bold"), soft_wrap=True)
    known = _known(recipe, out, draws=1)
    console.print(_stages_table(recipe, plan, out, known))
    for line in (*_variants(recipe), *_outside(_touches(recipe, plan), out), *_known_cost(out, known)):
        console.print(Text(one_line(redact(line))), soft_wrap=True)
    if offline is not None:
        print_sentence(console, Text(one_line(f"Prompts and engines are not known: {offline}"), style="yellow"))
    if plan is not None:
        for warning in plan.warnings:
            print_sentence(console, Text(one_line(redact(f"warning: {warning}")), style="yellow"))
        console.print()
        for planned in plan.stages:
            for line in _details(planned, plan, out):
                print_sentence(console, Text(line))
    if only is None:
        console.print(Text("To print the recipe as YAML with every setting, add --yaml.", style="dim"))


def _of(only: Sequence[str], recipe: Recipe, plan: Plan | None) -> tuple[Recipe, Plan | None]:
    """The recipe and the plan without the stages that are left alone."""
    specs = stages()
    kept = {specs[name].recipe_key for name in only}
    recipe = recipe.model_copy(update={"stages": {key: each for key, each in recipe.stages.items() if key in kept}})
    return recipe, plan and replace(plan, stages=tuple(each for each in plan.stages if each.name in only))


def _plan(recipe: Recipe, out: Path, choice: Choice, only: Sequence[str] | None) -> tuple[Plan | None, str | None]:
    """The plan; where a server or the Hub cannot be reached, None and why."""
    try:
        return reconcile_with(make_plan(recipe), RunFolder(out), choice, only).plan, None
    except NetworkError as error:
        return None, redact(str(error))


def _stages_table(recipe: Recipe, plan: Plan | None, out: Path, known: Estimate | None) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("", justify="right")
    table.add_column("stage", no_wrap=True)
    table.add_column("rows", justify="right")
    table.add_column("done", justify="right")
    table.add_column("model", overflow="fold")
    if plan is None:
        for number, (key, settings) in enumerate(recipe.stages.items(), 1):
            model = getattr(settings, "model", None) or (recipe.model if recipe_keys()[key].needs_model else None)
            table.add_row(str(number), key, "", "", Text(one_line(redact(str(model or "")))))
        return table
    rows = {} if known is None else {each.stage: f"{each.rows.value:,.0f}" for each in known.stages}
    for planned in plan.stages:
        asks = [one_line(redact(f"{Path(use.loads).name} on {use.engine.name}")) for use in planned.uses.values()]
        done = _folder(planned, out).count(recipe.size)
        expected = rows.get(planned.name, f"{recipe.size:,}" if planned.position == 1 else "")
        table.add_row(str(planned.position), planned.name, expected, f"{done:,}", Text(", ".join(dict.fromkeys(asks))))
    return table


def _variants(recipe: Recipe) -> Iterator[str]:
    """The variants of the mix, each with its share and its rows."""
    for name, weight, rows in _mix(recipe):
        yield f"  variant {name}: {weight:.1%}, {rows:,} rows"


def _mix(recipe: Recipe) -> list[tuple[str, float, int]]:
    mix = getattr(recipe.settings("instruct"), "mix", ())
    if not mix:
        return []
    weights = [variant.weight for variant in mix]
    counts = Shares(weights, [variant.name for variant in mix]).counts(recipe.size)
    return [(v.name, v.weight / sum(weights), rows) for v, rows in zip(mix, counts, strict=True)]


def _touches(recipe: Recipe, plan: Plan | None) -> Touches:
    """The recipe with the models that stages have by default, where the plan knows them."""
    found = touches(recipe)
    if plan is None:
        return found
    uses = [use for planned in plan.stages for use in planned.uses.values()]
    shipped = {str(path): f"{name} (inside the package)" for name, path in shipped_models().items()}
    local = [use.loads for use in uses if use.place is not None and use.place.hub is None and use.facts is None]
    files = [shipped.get(path, path) for path in local]
    return Touches(tuple(dict.fromkeys((*found.reads, *files))), found.contacts)


def _outside(found: Touches, out: Path) -> Iterator[str]:
    yield f"Reads: {', '.join(found.reads) or 'nothing'}"
    yield f"Contacts: {', '.join(found.contacts) or 'nothing'}"
    yield f"Writes: {out}"


def _known(recipe: Recipe, out: Path, draws: int = DRAWS) -> Estimate | None:
    """The estimate for this size from the run's existing rows; None where there are none. draws: the bootstrap samples
    for its intervals."""
    if RunFolder(out).known_index() is None:
        return None
    found = estimate(open_run(out), recipe.size, Prices(), draws=draws)
    return found if found.stages else None


def _known_cost(out: Path, found: Estimate | None) -> Iterator[str]:
    if found is None:
        yield "Cost: not known before there are rows; `magpie estimate` measures 200 rows, which stay"
        return
    tokens = f"{found.prompt_tokens.value:,.0f} prompt and {found.completion_tokens.value:,.0f} completion tokens"
    yield (
        f"Cost of all {found.size:,} rows, as of {found.rows:,} that are there: about {tokens}, "
        f"{clock(found.hours.value * _HOUR)}, {found.disk.value / 1e6:,.1f} MB; about {found.kept.value:,.0f} rows kept"
    )
    if found.unmeasured:
        yield f"  without {', '.join(found.unmeasured)}, which no row has reached"
    yield f"  with intervals: {command('estimate', out, '--size', found.size)}"


def _details(planned: PlannedStage, plan: Plan, out: Path) -> Iterator[str]:
    """The resolved settings of a stage, and the columns that it reads and writes."""
    stage, sampling = planned.stage, planned.settings.get("sampling")
    names = ("temperature", "top_p", "max_tokens")
    shown = ": " + ", ".join(f"{name} {sampling[name]}" for name in names) if sampling else ""
    yield f"{planned.position} {stage.name} {planned.fingerprint}{shown}"
    reads = f"reads {', '.join(stage.reads)}; " if stage.reads else ""
    writes = ", ".join(column.name for column in stage.writes)
    yield f"  {reads}{f'writes {writes}' if writes else 'drops rows'}"
    for use in planned.uses.values():
        yield one_line(f"  asks {redact(f'{Path(use.loads).name} on {use.engine.name}: {use.why}')}")
    if stage.name == "shortlist":
        yield f"  {_expected(plan, out)}"


def _expectation(plan: Plan, out: Path) -> dict[str, float] | None:
    """What the shortlist is expected to spare of this run, from the rows that are there; None where none are, or where
    the plan has no shortlist."""
    if "shortlist" not in {planned.stage.name for planned in plan.stages} or RunFolder(out).known_index() is None:
        return None
    run = open_run(out)
    saved = cost_of(run).saved
    if saved is None:
        return None
    return {**saved, "tokens": round(saved["tokens"] / run.size * plan.recipe.size)}


def _expected(plan: Plan, out: Path) -> str:
    """The same as a phrase; p is the share that is answered."""
    expected = _expectation(plan, out)
    if expected is None:
        return "which share p is answered is known once rows are judged: make a few hundred, then look here again"
    return (
        f"p = {expected['answered']:.1%} of the rows that reach the shortlist are answered, as of "
        f"{expected['candidates']:,} so far; that spares about {expected['tokens']:,} tokens of responses"
    )


def _folder(planned: PlannedStage, out: Path) -> StageFolder:
    return RunFolder(out).stage(planned.position, planned.stage.name, planned.fingerprint, planned.stage.writes)


def _plain(recipe: Recipe, plan: Plan | None, offline: str | None, out: Path) -> dict[str, Any]:
    outside, known = _touches(recipe, plan), _known(recipe, out)
    stages = [] if plan is None else [_plain_stage(planned, recipe, out) for planned in plan.stages]
    return {
        "recipe": recipe.model_dump(mode="json"),
        "out": str(out),
        "reads": [redact(text) for text in outside.reads],
        "contacts": [redact(text) for text in outside.contacts],
        "variants": [{"name": name, "share": share, "rows": rows} for name, share, rows in _mix(recipe)],
        "warnings": [] if plan is None else plan.warnings,
        "offline": offline,
        "stages": stages,
        "expected": None if plan is None else _expectation(plan, out),
        "estimate": None if known is None else asdict(known),
    }


def _plain_stage(planned: PlannedStage, recipe: Recipe, out: Path) -> dict[str, Any]:
    return {
        "stage": planned.stage.name,
        "fingerprint": planned.fingerprint,
        "reads": planned.stage.reads,
        "settings": planned.settings,
        "models": {
            name: {"path": redact(use.loads), "engine": use.engine.name, "why": redact(use.why)}
            for name, use in planned.uses.items()
        },
        "made_before": _folder(planned, out).count(recipe.size),
    }
