"""`magpie select RUN`: chooses the dataset from a run's rows, or says what each clause of a selection would cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from magpie.cli.commands import command
from magpie.cli.keys import settle
from magpie.cli.next_steps import print_next
from magpie.cli.stage import work
from magpie.cli.status import print_summary, summary
from magpie.cli.text import print_json
from magpie.errors import RunError
from magpie.executors.rehearsal import rehearse
from magpie.plan.plan import make_plan
from magpie.plan.registry import column_map
from magpie.plan.resolve import resolve
from magpie.plan.upgrade import UNDECIDED
from magpie.runs import Run, RunFolder, located, open_run
from magpie.safe.paths import expanded
from magpie.safe.terminal import visible

STAGE = "select"


def select(
    path: Path,
    chosen: str | None,
    given: Mapping[str, Any],
    settings: tuple[str, ...],
    allowances: tuple[str, ...] = (),
    *,
    explain: bool,
    as_json: bool,
) -> None:
    """`chosen`: a selection's name, a file, or clauses, in place of what the run's recipe selects by. `given`: settings
    of the selection, where they are not None or empty."""
    path = located(path)
    RunFolder(path).index()
    asked = (*overrides(path, chosen, given), *settings)
    if resolve(None, path, asked).settings("select") is None:
        raise RunError(f"{path} has no selection yet: expected --with NAME, such as --with pro, a file, or clauses")
    if explain:
        _explain(path, asked, allowances, as_json=as_json)
        return
    _check_judged(path, asked)
    run = work(STAGE, path, asked, UNDECIDED, allowances, as_json=as_json)
    if as_json:
        print_json({**summary(run), "selection": _reported(run)}, indent=True)
        return
    console = Console(highlight=False)
    console.print()
    _print_costs(console, _reported(run))
    print_summary(console, run)
    if run.kept():
        console.print()
        print_next(console, run, larger=False)


def _check_judged(path: Path, asked: tuple[str, ...]) -> None:
    """Raise `UserError` where the selection would drop every row because all lack a judgment, before it replaces the
    run's selection."""
    plan, run = make_plan(resolve(None, path, asked)), open_run(path)
    reads = next(planned.stage.reads for planned in plan.stages if planned.stage.name == STAGE)
    made = {column.name for stage in run.stages for column in stage.columns}
    for column in made.intersection(reads):
        reached = f"error IS NULL AND (drop_reason IS NULL OR dropped_by = '{STAGE}')"
        if not run.sql(f'SELECT row FROM rows WHERE "{column}" IS NOT NULL AND {reached} LIMIT 1').num_rows:
            rehearse(plan, RunFolder(path), STAGE)  # raises for a clause that no row can meet for want of it
            return


def overrides(path: Path, chosen: str | None, given: Mapping[str, Any]) -> tuple[str, ...]:
    """The run's recipe with the options: a new selection replaces the whole section."""
    told = {name: value for name, value in given.items() if value not in (None, [], ())}
    if chosen is not None:
        told = {"file" if _is_file(chosen) else "keep": chosen} | told
    elif resolve(None, path).settings("select") is not None:
        return tuple(f"{STAGE}.{name}={json.dumps(value)}" for name, value in told.items())
    return (f"{STAGE}={json.dumps(told)}",) if told else ()


def _is_file(chosen: str) -> bool:
    return chosen.endswith(".sql") or expanded(chosen).is_file()


def _explain(path: Path, asked: tuple[str, ...], allowances: tuple[str, ...], *, as_json: bool) -> None:
    recipe = resolve(None, path, asked)
    settle(recipe, asked, allowances)
    plan = make_plan(recipe)
    found = rehearse(plan, RunFolder(path), STAGE)
    if not found:
        raise RunError(f"{path}: no row reaches {STAGE}; to make what is missing: {command('run', '--out', path)}")
    if as_json:
        print_json(dict(found), indent=True)
        return
    _print_costs(Console(highlight=False), found)


def _reported(run: Run) -> dict[str, Any]:
    """What the selection cost, if it was made just now."""
    sessions = run.info["sessions"]
    counted = sessions[-1]["stages"].get(STAGE, {}) if sessions else {}
    return dict(counted.get("report", {}))


def _print_costs(console: Console, found: Mapping[str, Any]) -> None:
    if not found:
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(f"of {found['rows']:,} rows", overflow="fold")
    for name in ("alone", "in turn", "only this"):
        table.add_column(name, justify="right")
    for step in found["steps"]:
        only = "" if step["only"] is None else _fewer(step["only"])
        table.add_row(Text(visible(step["step"])), _fewer(step["alone"]), _fewer(step["in_turn"]), only)
    table.add_row("kept", "", f"{found['kept']:,}", "")
    console.print(table)
    for column, count in found["null"].items():
        maker = column_map().maker(column.lower())
        hint = f": `magpie {maker.replace('_', '-')} RUN` makes it" if maker else ""
        console.print(f"{column} is null in {count:,} rows{hint}", markup=False)
    console.print()


def _fewer(count: int) -> str:
    return f"-{count:,}" if count else "0"
