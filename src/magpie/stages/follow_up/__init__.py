"""The stage `follow_up`."""

from collections.abc import Collection, Sequence
from typing import Any

from magpie.stages.follow_up.columns import COLUMNS
from magpie.stages.spec import StageSpec


def _needs(settings: Any, available: Collection[str]) -> Sequence[str]:
    of_row = settings.system is None and settings.system_for != "neither" and "system" in available
    return ("instruction", "response", "system") if of_row else ("instruction", "response")


SPEC = StageSpec(
    name="follow_up",
    about="Add turns to conversations.",
    group="create",
    settings="magpie.stages.follow_up.settings:FollowUp",
    build="magpie.stages.follow_up.build:build_follow_up",
    columns=COLUMNS,
    needs=_needs,
)
