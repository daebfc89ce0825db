"""The stage `screen_responses`."""

from collections.abc import Collection, Sequence
from typing import Any

from magpie.stages.spec import StageSpec


def _needs(settings: Any, available: Collection[str]) -> Sequence[str]:  # noqa: ARG001
    return ("response",) if "response" in available or "responses" not in available else ("responses",)


SPEC = StageSpec(
    name="screen_responses",
    about="Drop rows whose response breaks a rule.",
    settings="magpie.stages.screen_responses.settings:ScreenResponses",
    build="magpie.stages.screen_responses.build:build_screen_responses",
    needs_model=False,
    needs=_needs,
)
