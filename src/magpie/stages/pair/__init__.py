"""The stage `pair`."""

from collections.abc import Collection, Sequence
from typing import Any

from magpie.stages.pair.columns import COLUMNS
from magpie.stages.spec import StageSpec


def _needs(settings: Any, available: Collection[str]) -> Sequence[str]:  # noqa: ARG001
    longer = ("responses_prompt",) if "responses_prompt" in available else ()
    return ("responses", "response_rewards", *longer)


SPEC = StageSpec(
    name="pair",
    about="Make preference pairs of several responses.",
    group="choose",
    settings="magpie.stages.pair.settings:Pair",
    build="magpie.stages.pair.build:build_pair",
    columns=COLUMNS,
    version=2,
    needs=_needs,
    needs_model=False,
)
