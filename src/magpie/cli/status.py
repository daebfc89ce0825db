"""`magpie status`, and the summary that ends `magpie run`: what a run has, what was judged, what was dropped and why,
what it took; what is stale or pending, and the command for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from magpie.cli.bars import print_judgments
from magpie.cli.commands import command
from magpie.cli.text import print_json, print_sentence
from magpie.explore.judgments import judgments, plain
from magpie.explore.state import StageState, State, state_of
from magpie.plan.registry import stages
from magpie.runs import Cost, Run, StageCounts, cost_of, open_run
from magpie.safe.redaction import redact
from magpie.safe.terminal import one_line, visible


def status(path: Path, *, as_json: bool) -> None:
    run = open_run(path)
    if as_json:
        print_json(summary(run), indent=True)
        return
    console = Console(highlight=False)
    print_summary(console, run)
    for warning in run.info.get("warnings", ()):
        print_sentence(console, Text(one_line(redact(f"warning: {warning}")), style="yellow"))


def summary(run: Run) -> dict[str, Any]:
    """Counts over the run's files, what was judged, and the time of its sessions, for a script."""
    last, state = _last_session(run), state_of(run)
    return {
        "name": run.name,
        "path": str(run.path),
        "size": run.size,
        "kept": run.kept(),
        "complete": state.current is None,
        "working": state.working,
        "workers": [
            {name: getattr(worker, name) for name in ("owner", "host", "executor", "stage", "rows")} | {"state": how}
            for worker, how in state.workers
        ],
        "last_session": None if last is None else {name: last.get(name) for name in ("ended", "error")},
        "seconds": round(sum(session["seconds"] for session in run.info["sessions"]), 3),
        "stages": [
            asdict(each.counts) | {"wanted": each.wanted, "done": each.done, "pending": each.pending}
            for each in state.stages
        ],
        "judged": plain(judgments(run)),
        "cost": cost_of(run).plain(),
        "stale": run.stale(),
        "warnings": run.info.get("warnings", []),
    }


_COMMANDS = frozenset(name for name, spec in stages().items() if spec.command or name == "select")

_REMEDIES = {
    "truncated": "a larger max_tokens lets more of them end",
    "context_full": "engine.context is too small for them; rows made before stay, a new run with a larger one has more",
    "template_refused": "the chat template does not take what they say",
}


def print_summary(console: Console, run: Run) -> None:
    state, stale = state_of(run), run.stale()
    console.print(Text(one_line(f"{run.name}: {_made_by(run)}"), style="dim"), soft_wrap=True)
    console.print(_stages_table(state.stages))
    for each in state.stages:
        for line in _losses(each.counts, run):
            console.print(Text(one_line(line)), soft_wrap=True)
    if found := judgments(run):
        console.print()
        print_judgments(console, found, kept=state.current is None and 0 < run.kept() < run.size)
        console.print()
    for line in _cost(cost_of(run)):
        print_sentence(console, Text(line))
    for stage_name, why in stale.items():
        words = (stage_name.replace("_", "-"),) if stage_name in _COMMANDS else ("run", "--out")
        told = visible(f"{stage_name} is stale: {why}. It counts as it is. To redo it: {command(*words, run.path)}")
        console.print(Text(told), soft_wrap=True)
    for line in (*_ending(run, state), *_at_work(state)):
        console.print(Text(one_line(line)), soft_wrap=True)


def _at_work(state: State) -> Iterator[str]:
    """A line for each worker, where there are others than one `magpie run`."""
    told = {"working": "at work", "silent": "silent, so it may be lost", "gone": "was killed"}
    if len(state.workers) < 2 and all(worker.executor == "local" for worker, _ in state.workers):
        return
    for worker, how in state.workers:
        stage = f", {worker.stage}" if worker.stage else ""
        yield f"  worker {worker.owner} on {worker.host}: {told[how]}{stage}, {worker.rows:,} rows in this session"


def _ending(run: Run, state: State) -> Iterator[str]:
    """What is kept of a run that is complete; of another, how far it is, and what to do."""
    current = state.current
    interrupted = None if state.working else _interrupted(run)
    if current is None:
        if interrupted:
            yield interrupted
        seconds = sum(session["seconds"] for session in run.info["sessions"])
        yield f"Kept {run.kept():,} of {run.size:,} rows in {seconds:.1f} s of work."
        return
    yield _standing(state, current)
    if kept := run.kept():
        yield f"So far {kept:,} of {run.size:,} rows came through every stage."
    if interrupted or not state.working:
        yield interrupted or f"To resume: {command('run', '--out', run.path)}"


def _standing(state: State, current: StageState) -> str:
    """Such as: tag: 74 of 982 rows done, continuing (stage 7 of 14)."""
    going = "continuing" if state.working else f"{current.pending:,} pending"
    stages_left = f"stage {current.position} of {len(state.stages)}"
    return f"{current.counts.stage}: {current.done:,} of {current.wanted:,} rows done, {going} ({stages_left})."


def _interrupted(run: Run) -> str | None:
    """How the last session ended, where it is not done."""
    if (last := _last_session(run)) is None:
        return None
    ended, error = last["ended"], redact(last.get("error") or "no more is known of it").rstrip(".")
    again = command("run", "--out", run.path)
    match ended:
        case "done":
            return None
        case None:
            return f"The last session was killed. To resume: {again}"
        case "stopped":
            return f"The last session was stopped. To resume: {again}"
        case "LimitReached":
            return f"The last session stopped at its limit, {error}. To resume: {again}"
        case "ServerLost":
            why = f"because its server was lost: {error}. Start the server again; then, to resume"
        case "EngineDied" | "EngineCrashed":
            why = f"because its engine died: {error}. What was made is kept. To resume"
        case _:
            why = f"with an error ({redact(ended)}): {error}. When that is mended, to resume"
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
        total, read = sum(each for _, each in tokens), sum(one.prompt_tokens for one in cost.stages) / cost.kept
        parts = ", ".join(f"{stage} {each:,.1f}" for stage, each in tokens)
        if total:
            yield f"A kept row took {read:,.1f} prompt and {total:,.1f} completion tokens: {parts}."
    if cost.saved is not None:
        yield (
            f"The shortlist left {cost.saved['answered']:.1%} of {cost.saved['candidates']:,} rows to be answered and "
            f"spared about {cost.saved['tokens']:,} tokens of responses."
        )


def _stages_table(found: Sequence[StageState]) -> Table:
    """Columns that hold only zeros are left out."""
    columns = {
        "rows": [each.wanted for each in found],
        "done": [each.counts.made for each in found],
        "pending": [each.pending for each in found],
        "dropped": [sum(each.counts.dropped.values()) for each in found],
        "failed": [each.counts.failed for each in found],
        "prompt\ntokens": [each.counts.prompt_tokens for each in found],
        "completion\ntokens": [each.counts.completion_tokens for each in found],
        "wasted\ntokens": [each.counts.wasted_tokens for each in found],
    }
    always = ("rows", "done", "dropped")
    shown = {name: figures for name, figures in columns.items() if name in always or any(figures)}
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("stage", no_wrap=True)
    for name in shown:
        table.add_column(name, justify="right")
    for number, each in enumerate(found):
        table.add_row(each.counts.stage, *(f"{figures[number]:,}" for figures in shown.values()))
    return table
