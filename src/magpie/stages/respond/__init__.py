"""The stage `respond`."""

from collections.abc import Collection, Sequence
from typing import Any

from magpie.stages.respond.columns import COLUMNS
from magpie.stages.spec import StageSpec


def _needs(settings: Any, available: Collection[str]) -> Sequence[str]:  # noqa: ARG001
    return ("instruction", "system") if settings.under_system else ("instruction",)


SPEC = StageSpec(
    name="respond",
    about="Answer instructions that have no answer yet.",
    settings="magpie.stages.respond.settings:Respond",
    build="magpie.stages.respond.build:build_respond",
    columns=COLUMNS,
    by_default=True,
    needs=_needs,
)
