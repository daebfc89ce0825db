"""The stage `respond_against`."""

from collections.abc import Collection, Sequence
from typing import Any

from magpie.stages.respond_against.columns import COLUMNS
from magpie.stages.spec import StageSpec


def _needs(settings: Any, available: Collection[str]) -> Sequence[str]:  # noqa: ARG001
    return ("instruction", *(name for name in ("prior_turns",) if name in available))


SPEC = StageSpec(
    name="respond_against",
    about="Let another model answer the same instructions, to be compared with.",
    group="create",
    settings="magpie.stages.respond_against.settings:RespondAgainst",
    build="magpie.stages.respond_against.build:build_respond_against",
    columns=COLUMNS,
    needs=_needs,
)
