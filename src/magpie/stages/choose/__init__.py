"""The stage `choose`."""

from collections.abc import Collection, Sequence
from typing import Any

from magpie.stages.choose.columns import COLUMNS
from magpie.stages.spec import StageSpec


def _needs(settings: Any, available: Collection[str]) -> Sequence[str]:  # noqa: ARG001
    return ("responses", "response_rewards") if settings.by == "reward" else ("responses",)


SPEC = StageSpec(
    name="choose",
    about="Choose one of several responses.",
    group="choose",
    settings="magpie.stages.choose.settings:Choose",
    build="magpie.stages.choose.build:build_choose",
    columns=COLUMNS,
    needs_model=False,
    needs=_needs,
)
