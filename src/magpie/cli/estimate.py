"""`magpie estimate`: what a run would take and keep at a size, from rows that are there; where there are too few, from
a pilot, whose rows are real and stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from magpie.cli.commands import command
from magpie.cli.keys import settle
from magpie.cli.outcome import leave
from magpie.cli.progress import clock
from magpie.cli.run import execute_watched
from magpie.cli.text import print_json
from magpie.errors import RunError
from magpie.executors.limits import NO_LIMITS, Prices
from magpie.explore.estimate import Estimate, Interval, StageEstimate, estimate
from magpie.explore.state import state_of
from magpie.plan.load import parse, recipe_text
from magpie.plan.resolve import resolve
from magpie.plan.upgrade import UNDECIDED
from magpie.runs import Run, RunFolder, located, open_run
from magpie.safe.terminal import one_line

_HOUR = 3600.0
_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def estimate_command(
    what: str,
    out: Path | None,
    settings: tuple[str, ...],
    size: int | None,
    pilot: int,
    prices: Prices,
    allowances: tuple[str, ...] = (),
    *,
    as_json: bool,
) -> None:
    """what: the folder of a run, or a recipe. out: where a recipe's pilot is, by default `runs/RECIPE`. allowances:
    keys that the recipe's file may send, as `--allow-key` names them."""
    folder = located(what)
    is_run = RunFolder(folder).is_run()
    if is_run and out is not None and located(out) != folder:
        raise RunError(
            f"--out {one_line(out)}: {one_line(folder)} is a run already, and is estimated from its own rows"
        )
    if is_run and settings:
        raise RunError(f"--set {one_line(settings[0])}: {one_line(folder)} is a run already, and is taken as it is")
    where = folder if is_run else located(out or Path("runs") / Path(what).stem)
    wanted = size or (open_run(where).size if is_run else parse(recipe_text(what), what, settings).size)
    run = _with_pilot(None if is_run else what, where, settings, pilot, allowances, as_json=as_json)
    found = estimate(run, wanted, prices)
    if not found.stages:
        raise RunError(f"{where}: no stage has a row yet; expected a pilot of 1 row or more: --pilot 200")
    if as_json:
        print_json(asdict(found), indent=True)
        return
    _print(Console(highlight=False), run, found)


def _with_pilot(
    recipe: str | None,
    where: Path,
    settings: tuple[str, ...],
    pilot: int,
    allowances: tuple[str, ...],
    *,
    as_json: bool,
) -> Run:
    """The run, with at least `pilot` rows through all stages where it is not larger than that: what is there stays, and
    what is missing is made. A run that is larger is taken as it is."""
    if RunFolder(where).is_run():
        run = open_run(where)
        if recipe is not None:
            _check_same(recipe, where, settings)
        if run.size > pilot or (run.size == pilot and state_of(run).current is None):
            return run
        if run.size < pilot and any(stage.stage == "import" for stage in run.stages):
            return run  # imported rows are as many as there are
    if pilot < 1:
        raise RunError(f"{where}: there is no run yet; expected a pilot of 1 row or more: --pilot 200")
    resolved = resolve(recipe, where, settings, {"size": pilot})
    settle(resolved, settings, allowances)
    made = execute_watched(resolved, where, UNDECIDED, NO_LIMITS, retry_failed=False, as_json=as_json)
    leave(made, as_json=as_json)
    return made


def _check_same(recipe: str, where: Path, settings: tuple[str, ...]) -> None:
    """Raise `RunError` where the run at the pilot's path was made by another recipe or other settings."""
    if resolve(recipe, where, settings, {"size": 1}) != resolve(None, where, (), {"size": 1}):
        raise RunError(
            f"{one_line(where)}: is a run of another recipe or of other settings than {one_line(recipe)}; expected "
            "another --out for the pilot, or the run's folder in place of the recipe"
        )


def _print(console: Console, run: Run, found: Estimate) -> None:
    console.print()
    console.print(Text(one_line(f"A run of {found.size:,} rows, from {found.rows:,} of {run.path}"), style="bold"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("stage", no_wrap=True)
    for name in ("rows", "prompt tokens", "completion tokens", "time"):
        table.add_column(name, justify="right")
    for stage in found.stages:
        table.add_row(*_stage_line(stage))
    console.print(table)
    console.print()
    totals = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "estimate", "9 of 10 between"):
        totals.add_column(name, justify="left" if not name else "right", no_wrap=True)
    for row in _totals(found):
        totals.add_row(*row)
    console.print(totals)
    console.print()
    for line in _remarks(run, found):
        console.print(Text(one_line(line)), soft_wrap=True)


def _stage_line(stage: StageEstimate) -> tuple[str, ...]:
    tokens = (stage.prompt_tokens.value, stage.completion_tokens.value)
    return (stage.stage, _short(stage.rows.value), *map(_short, tokens), clock(stage.seconds.value))


def _totals(found: Estimate) -> Iterator[tuple[str, str, str]]:
    yield _total("kept rows", found.kept, "")
    yield _total("prompt tokens", found.prompt_tokens, "")
    yield _total("completion tokens", found.completion_tokens, "")
    hours = (clock(seconds * _HOUR) for seconds in (found.hours.value, found.hours.low, found.hours.high))
    value, low, high = hours
    yield "time", value, f"{low} and {high}"
    if found.cost is not None:
        cost = found.cost
        yield "cost", f"{cost.value:,.2f}", f"{cost.low:,.2f} and {cost.high:,.2f}"
        if found.kept.value >= 1:
            yield "cost of 1,000 kept rows", f"{1000 * cost.value / found.kept.value:,.2f}", ""
    yield _total("disk", found.disk, "B")
    for name, share in (("duplicates", found.duplicates), ("repeats", found.repeats)):
        if share is not None:
            yield name, f"{share.value:.1%}", f"{share.low:.1%} and {share.high:.1%}"


def _total(name: str, figure: Interval, unit: str) -> tuple[str, str, str]:
    return name, _short(figure.value) + unit, f"{_short(figure.low)}{unit} and {_short(figure.high)}{unit}"


def _remarks(run: Run, found: Estimate) -> Iterator[str]:
    if found.duplicates is not None or found.repeats is not None:
        yield (
            "Duplicates and repeats grow with size: their shares come from a Pitman-Yor process fitted to the "
            "groups of equal rows, not from the share so far."
        )
    yield (
        "Time is at the speed of the rows so far. A pilot too small to keep the engine's window full is slower than a "
        "large run."
    )
    if found.unmeasured:
        yield f"Not in these figures, since no row has reached them: {', '.join(found.unmeasured)}."
    yield from (f"{note[0].upper()}{note[1:]}." for note in found.notes)
    if found.size > run.size:
        create = command("run", "--out", run.path, "--size", found.size)
        yield f"To create these rows; those that are there stay: {create}"


def _short(value: float) -> str:
    """At most four digits: 12.3M."""
    for unit, name in _UNITS:
        if abs(value) >= unit * 10 or (abs(value) >= unit and unit > 1e3):
            return f"{value / unit:,.3g}{name}" if value / unit < 1000 else f"{value / unit:,.0f}{name}"
    return f"{value:,.0f}"
