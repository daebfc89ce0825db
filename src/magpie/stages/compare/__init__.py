"""The stage `compare`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from magpie.stages.compare.columns import COLUMNS
from magpie.stages.spec import StageSpec

if TYPE_CHECKING:
    from magpie.seams import Capability

BESIDE = ("system", "prior_turns", "known_answer")
"""What a judge is shown beside the instruction and the answers, where it came with the rows."""


def _needs(settings: Any, available: Collection[str]) -> Sequence[str]:  # noqa: ARG001
    return ("instruction", "response", "against_response")


def _capabilities(settings: Any) -> frozenset[Capability]:
    from magpie.seams import Capability

    return frozenset({Capability.LOGPROBS}) if settings.by == "logprobs" else frozenset()


SPEC = StageSpec(
    name="compare",
    about="Let a judge compare two answers to each instruction, in both orders.",
    settings="magpie.stages.compare.settings:Compare",
    build="magpie.stages.compare.build:build_compare",
    columns=COLUMNS,
    repeatable=True,
    needs=_needs,
    capabilities=_capabilities,
)
