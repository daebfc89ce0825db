"""The stage `safety`."""

from collections.abc import Collection, Sequence
from typing import Any

from magpie.stages.safety.columns import COLUMNS
from magpie.stages.spec import StageSpec


def _needs(settings: Any, available: Collection[str]) -> Sequence[str]:
    further = ("response", "responses", "responses_prompt", "turns") if settings.of == "conversation" else ()
    return ("instruction", *(name for name in further if name in available))


SPEC = StageSpec(
    name="safety",
    about="Let a guard model judge what is safe.",
    settings="magpie.stages.safety.settings:Safety",
    build="magpie.stages.safety.build:build_safety",
    columns=COLUMNS,
    repeatable=True,
    needs=_needs,
)
