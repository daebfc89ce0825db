"""The stage `grade`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from magpie.stages.grade.columns import COLUMNS
from magpie.stages.spec import StageSpec

if TYPE_CHECKING:
    from magpie.seams import Capability


def _needs(settings: Any, available: Collection[str]) -> Sequence[str]:  # noqa: ARG001
    return ("instruction", "response")


def _capabilities(settings: Any) -> frozenset[Capability]:
    from magpie.seams import Capability

    return frozenset({Capability.LOGPROBS}) if settings.by == "logprobs" else frozenset()


SPEC = StageSpec(
    name="grade",
    about="Let a judge grade each answer from 1 to 10.",
    settings="magpie.stages.grade.settings:Grade",
    build="magpie.stages.grade.build:build_grade",
    columns=COLUMNS,
    repeatable=True,
    needs=_needs,
    capabilities=_capabilities,
)
