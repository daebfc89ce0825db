"""The stage `reward`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from magpie.stages.reward.columns import COLUMNS
from magpie.stages.spec import StageSpec
from magpie.stages.text.conversations import of_several

if TYPE_CHECKING:
    from magpie.seams import Capability


def _needs(settings: Any, available: Collection[str]) -> Sequence[str]:
    """Several responses where they are all that there is, or the last turn's, else the one and the turns after it."""
    if settings.by == "agreement":
        return ("responses",)
    if "responses_prompt" in available or ("responses" in available and "response" not in available):
        own = of_several(available)
    else:
        own = ["response", *(["turns"] if "turns" in available else [])]
    based = "base_response" in available and "responses_prompt" not in available
    return ("instruction", *own, *(["base_response"] if based else []))


def _capabilities(settings: Any) -> frozenset[Capability]:
    from magpie.seams import Capability

    return frozenset({Capability.LOGPROBS}) if settings.by == "judge" else frozenset()


SPEC = StageSpec(
    name="reward",
    about="Score responses with a reward model or a judge.",
    settings="magpie.stages.reward.settings:Reward",
    build="magpie.stages.reward.build:build_reward",
    columns=COLUMNS,
    repeatable=True,
    needs=_needs,
    capabilities=_capabilities,
)
