"""What a stage over the whole run would report of the rows that are there now. Nothing is kept, and nothing written.

Knows when; what is reported is the stage's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from magpie.executors.corpus import StreamedCorpus
from magpie.executors.inputs import Inputs
from magpie.executors.session import stage_folders
from magpie.executors.work import count_wanted
from magpie.plan.plan import Plan
from magpie.runs import RunFolder
from magpie.seams import CorpusStage


def rehearse(plan: Plan, folder: RunFolder, name: str) -> Mapping[str, Any]:
    """What the stage `name` reports; empty where no row reaches it."""
    entries = {entry["stage"]: entry for entry in folder.index()["stages"] if entry["stage"] != name}
    folders = stage_folders(plan, folder, entries)
    at = next(place for place, planned in enumerate(plan.stages) if planned.stage.name == name)
    stage = plan.stages[at].stage
    assert isinstance(stage, CorpusStage), f"{name} is over the whole run"
    inputs = Inputs(folders[at], tuple(folders[:at]), plan.recipe.size, plan.recipe.shard_rows)
    with TemporaryDirectory() as scratch:
        corpus = StreamedCorpus(inputs, count_wanted(inputs), Path(scratch))
        if corpus.count:
            for _ in stage.make(corpus):
                pass
        return corpus.reported
