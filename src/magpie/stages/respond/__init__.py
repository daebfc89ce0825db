"""The stage `respond`."""

from collections.abc import Collection, Sequence
from typing import Any

from magpie.stages.respond.columns import COLUMNS, REWRITES
from magpie.stages.spec import StageSpec


def _needs(settings: Any, available: Collection[str]) -> Sequence[str]:  # noqa: ARG001
    system = ("system",) if settings.under_system else ()
    return ("instruction", *system, *(("response",) if settings.with_original else ()))


SPEC = StageSpec(
    name="respond",
    about="Answer instructions, and imported conversations again, turn by turn.",
    group="create",
    settings="magpie.stages.respond.settings:Respond",
    build="magpie.stages.respond.build:build_respond",
    columns=COLUMNS,
    rewrites=REWRITES,
    by_default=True,
    needs=_needs,
)
