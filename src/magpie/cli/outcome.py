"""How a command that worked on a run ends: with exit code 1 where all that it tried failed, else with what failed."""

from __future__ import annotations

import typer

from magpie.cli.commands import command
from magpie.cli.text import print_error
from magpie.runs import Run

NOTHING_MADE = 1
"""The exit code where every row that a session tried failed."""


def leave(run: Run, *, as_json: bool, owner: str | None = None) -> None:
    """Say on standard error what the last session could not make; raises `typer.Exit` where it made nothing.

    owner: the worker whose session this was; by default that of the last `magpie run`. With `as_json`, the same of rows
    that failed beside others that did not: elsewhere the summary shows them.
    """
    again = command("run", "--out", run.path)
    if hopeless := _hopeless(run, owner):
        print_error(f"error: every row that was tried failed: {'; '.join(hopeless)}. To try them again: {again}")
        raise typer.Exit(NOTHING_MADE)
    if as_json and (failed := _failed(run)):
        print_error(f"warning: some rows failed: {'; '.join(failed)}. To try them again: {again}")


def _hopeless(run: Run, owner: str | None) -> list[str]:
    """The stages that made no row in the last session, and tried some: of those that made rows before, only where
    nothing else was made either."""
    sessions = [each for each in run.info["sessions"] if owner is None or each.get("owner") == owner]
    stages = sessions[-1]["stages"] if sessions else {}
    made_any = any(counts["made"] for counts in stages.values())
    found = [
        name
        for name, counts in stages.items()
        if counts["failed"] and not counts["made"] and not (counts["reused"] and made_any)
    ]
    return [_told(run, name, stages[name]["failed"]) for name in found]


def _failed(run: Run) -> list[str]:
    return [_told(run, counts.stage, counts.failed) for counts in run.counts() if counts.failed]


def _told(run: Run, stage: str, failed: int) -> str:
    error = next((counts.commonest_error for counts in run.counts() if counts.stage == stage), None)
    return f"{stage} failed {failed:,} ({error})"
