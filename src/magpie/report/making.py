"""A report's numbers: every section that the run's columns allow, as one document of plain values.

The page shows this document and nothing else; `--json` prints it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from magpie.executors.limits import NO_PRICES, Prices
from magpie.install import magpie_version
from magpie.report import costs, examples, findings, funnel, judgments, lengths, shares, variants, variety
from magpie.report.against import against
from magpie.report.narrow import Narrow, narrowed
from magpie.runs import Run, cost_of
from magpie.seams import Tokenizer

VERSION = 1
"""Of the document: raised when a name in it comes to mean something else."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is asked to have."""

    examples: int = 6
    """Rows to read, of each kind."""
    prices: Prices = NO_PRICES
    """What tokens and hours of work cost; without one, the report has no costs."""
    tokenizer: tuple[str, Tokenizer] | None = None
    """A name, and what counts tokens; None tells characters alone."""


def make_report(run: Run, others: Sequence[Run] = (), asked: Asked = Asked()) -> dict[str, Any]:
    """The numbers of a report of `run`, beside each of `others`. A column that the run lacks is a section that the
    document lacks. Reads the run, finished or being written, and changes nothing.

    make_report(open_run("runs/air"))["overview"]["kept"]

    Raises `RunError` for a run that cannot be read.
    """
    with ExitStack() as opened:
        narrow = opened.enter_context(narrowed(run))
        told = _own(narrow, asked)
        compared = []
        for other in others:
            with narrowed(other) as beside:
                compared.append(against(narrow, beside) | {"about": _about(other)})
    if compared:
        told["against"] = compared
    told["findings"] = findings.findings(told)
    return told


def picture_numbers(run: Run) -> dict[str, Any]:
    """The numbers of a report that its pictures show, and no others: they take a fraction of the time.

    pictures(picture_numbers(open_run("runs/air")))
    """
    with narrowed(run) as narrow:
        found = {"lengths": lengths.lengths(narrow, None), "labels": shares.labels(narrow), "grid": shares.grid(narrow)}
    return {name: section for name, section in found.items() if section}


def _own(narrow: Narrow, asked: Asked) -> dict[str, Any]:
    run = narrow.run
    counts = run.counts()
    cost = cost_of(run, counts)
    told: dict[str, Any] = {
        "format": VERSION,
        "magpie": magpie_version(),
        "run": _about(run),
        "overview": funnel.overview(narrow, cost, asked.prices),
        "funnel": funnel.funnel(narrow, counts),
        "stale": run.stale(),
    }
    sections = {
        "selections": funnel.selections(run),
        "lengths": lengths.lengths(narrow, asked.tokenizer),
        "labels": shares.labels(narrow),
        "grid": shares.grid(narrow),
        "variety": variety.variety(narrow),
        "judgments": judgments.judgments(narrow),
        "variants": variants.variants(narrow),
        "costs": costs.costs(cost, counts, asked.prices),
        "timeline": costs.timeline(run),
        "examples": examples.examples(narrow, asked.examples) if asked.examples else {},
    }
    return told | {name: section for name, section in sections.items() if section}


def _about(run: Run) -> dict[str, Any]:
    """What names the run, and who made it."""
    sessions = run.info["sessions"]
    started = [session["started"] for session in sessions if isinstance(session.get("started"), str)]
    models: dict[str, list[str]] = {}
    for stage in run.info["stages"]:
        for model in (stage.get("models") or {}).values():
            models.setdefault(_last_part(model["path"]), []).append(stage["stage"])
    told = {
        "name": run.name,
        "imported": any(stage.stage == "import" for stage in run.stages),
        "models": [{"name": name, "stages": sorted(set(stages), key=stages.index)} for name, stages in models.items()],
        "sessions": len(sessions),
        "ended": sessions[-1].get("ended") if sessions else None,
    }
    about = run.recipe.get("about")
    return (
        told
        | ({"about": about} if isinstance(about, str) and about else {})
        | ({"started": min(started)} if started else {})
    )


def _last_part(path: str) -> str:
    """Of a place on this machine its last part; a Hub id as it is."""
    return (
        path.replace("\\", "/").rstrip("/").rpartition("/")[2] if path.startswith(("/", "~")) or "\\" in path else path
    )
