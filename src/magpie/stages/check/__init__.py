"""The stage `check`."""

from collections.abc import Collection, Sequence
from typing import Any

from magpie.stages.check.columns import COLUMNS
from magpie.stages.spec import StageSpec


def _needs(settings: Any, available: Collection[str]) -> Sequence[str]:
    known = ("known_answer",) if settings.by != "checker" else ()
    return ("instruction", "response", *known, *(("against_response",) if "against_response" in available else ()))


SPEC = StageSpec(
    name="check",
    about="Hold answers against the truth: a known answer, exactly or as mathematics, or a checker of your own.",
    settings="magpie.stages.check.settings:Check",
    build="magpie.stages.check.build:build_check",
    columns=COLUMNS,
    needs=_needs,
    needs_model=False,
)
