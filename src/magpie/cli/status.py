"""`magpie status`, and the summary that ends `magpie run`: what a run has, what was dropped and why, what it took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from magpie.cli.commands import command
from magpie.cli.text import print_json
from magpie.plan.registry import stages
from magpie.runs import Cost, Run, StageCounts, cost_of, open_run
from magpie.safe.redaction import redact
from magpie.safe.terminal import one_line, visible


def status(path: Path, *, as_json: bool) -> None:
    run = open_run(path)
    if as_json:
        print_json(summary(run), indent=True)
        return
    print_summary(Console(highlight=False), run)


def summary(run: Run) -> dict[str, Any]:
    """Counts over the run's files, and the time of its sessions, for a script."""
    last = _last_session(run)
    return {
        "name": run.name,
        "path": str(run.path),
        "size": run.size,
        "kept": run.kept(),
        "last_session": None if last is None else {name: last.get(name) for name in ("ended", "error")},
        "seconds": round(sum(session["seconds"] for session in run.info["sessions"]), 3),
        "stages": [asdict(stage) | {"wanted": wanted} for stage, wanted in _with_wanted(run)],
        "cost": cost_of(run).plain(),
        "stale": run.stale(),
    }


_COMMANDS = frozenset(name for name, spec in stages().items() if spec.command or name == "select")

_REMEDIES = {
    "truncated": "a larger max_tokens lets more of them end",
    "context_full": "engine.context is too small for them; rows made before stay, a new run with a larger one has more",
    "template_refused": "the chat template does not take what they say",
}


def print_summary(console: Console, run: Run) -> None:
    counted = _with_wanted(run)
    console.print(Text(one_line(f"{run.name}: {_made_by(run)}"), style="dim"), soft_wrap=True)
    console.print(_stages_table(counted))
    for stage, _ in counted:
        for line in _losses(stage, run):
            console.print(Text(one_line(line)), soft_wrap=True)
    for stage_name, why in run.stale().items():
        words = (stage_name.replace("_", "-"),) if stage_name in _COMMANDS else ("run", "--out")
        told = visible(f"{stage_name} is stale: {why}. It counts as it is. To redo it: {command(*words, run.path)}")
        console.print(Text(told), soft_wrap=True)
    if unfinished := _unfinished(run):
        console.print(Text(one_line(unfinished)), soft_wrap=True)
    seconds = sum(session["seconds"] for session in run.info["sessions"])
    for line in _cost(cost_of(run)):
        console.print(line, soft_wrap=True)
    console.print(f"Kept {run.kept():,} of {run.size:,} rows in {seconds:.1f} s of work.")


def _unfinished(run: Run) -> str | None:
    """How the last session ended, where it is not done, and what to do."""
    if (last := _last_session(run)) is None:
        return None
    ended, error = last["ended"], redact(last.get("error") or "no more is known of it").rstrip(".")
    again = command("run", "--out", run.path)
    match ended:
        case "done":
            return None
        case None:
            return f"The last session is under way, or was killed. To go on: {again}"
        case "stopped":
            return f"The last session was stopped. To go on: {again}"
        case "ServerLost":
            why = f"because its server was lost: {error}. Start the server again; then, to go on"
        case "EngineDied" | "EngineCrashed":
            why = f"because its engine died: {error}. What was made is kept. To go on"
        case _:
            why = f"with an error ({redact(ended)}): {error}. When that is mended, to go on"
    return f"The last session ended {why}: {again}"


def _last_session(run: Run) -> dict[str, Any] | None:
    """A run whose `run.json` was rebuilt may have none."""
    sessions: list[dict[str, Any]] = run.info["sessions"]
    return sessions[-1] if sessions else None


def _made_by(run: Run) -> str:
    model = run.info.get("model")
    if model is not None:
        return f"{model['path']} on {model['engine']}"
    return "rows that were imported"


def _losses(stage: StageCounts, run: Run) -> Iterator[str]:
    """A line for each reason that rows were lost."""
    for reason, count in sorted(stage.dropped.items(), key=lambda item: -item[1]):
        remedy = f" ({_REMEDIES[reason]})" if reason in _REMEDIES else ""
        yield f"  {stage.stage} dropped {count:,}: {reason}{remedy}"
    if stage.failed:
        yield f"  {stage.stage} failed {stage.failed:,}: {redact(str(stage.commonest_error))}"
        again = "to try them again (three times at most, then with --retry-failed)"
        yield f"    {again}: {command('run', '--out', run.path)}"


def _cost(cost: Cost) -> Iterator[str]:
    """What a kept row took, by stage, and what the shortlist spared."""
    if cost.kept:
        tokens = [(one.stage, one.completion_tokens / cost.kept) for one in cost.stages if one.completion_tokens]
        total = sum(each for _, each in tokens)
        parts = ", ".join(f"{stage} {each:,.1f}" for stage, each in tokens)
        if total:
            yield f"A kept row took {total:,.1f} written tokens: {parts}."
    if cost.saved is not None:
        yield (
            f"The shortlist left {cost.saved['answered']:.1%} of {cost.saved['candidates']:,} rows to be answered and "
            f"spared about {cost.saved['tokens']:,} tokens of responses."
        )


def _with_wanted(run: Run) -> list[tuple[StageCounts, int]]:
    """Each stage's counts, and how many rows it is to make as far as is known: those that the stages before kept."""
    wanted, result = run.size, []
    for stage in run.counts():
        result.append((stage, wanted))
        wanted = stage.made - sum(stage.dropped.values())
    return result


def _stages_table(counted: list[tuple[StageCounts, int]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("stage", no_wrap=True)
    for name in ("to make", "made", "dropped", "failed", "prompt tokens", "written tokens", "wasted"):
        table.add_column(name, justify="right")
    for stage, wanted in counted:
        figures = (wanted, stage.made, sum(stage.dropped.values()), stage.failed)
        tokens = (stage.prompt_tokens, stage.completion_tokens, stage.wasted_tokens)
        table.add_row(stage.stage, *(f"{figure:,}" for figure in (*figures, *tokens)))
    return table
