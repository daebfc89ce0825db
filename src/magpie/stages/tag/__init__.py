"""The stage `tag`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magpie.stages.spec import StageSpec
from magpie.stages.tag.columns import COLUMNS

if TYPE_CHECKING:
    from magpie.seams import Capability


def _capabilities(settings: Any) -> frozenset[Capability]:
    """Of one token the probabilities; of a whole reply the form, where every reply is held to it."""
    from magpie.seams import Capability

    if settings.fast:
        return frozenset({Capability.LOGPROBS})
    return frozenset({Capability.STRUCTURE}) if settings.structure == "on" else frozenset()


SPEC = StageSpec(
    name="tag",
    about="Let a model judge quality, difficulty and category.",
    settings="magpie.stages.tag.settings:Tag",
    build="magpie.stages.tag.build:build_tag",
    columns=COLUMNS,
    repeatable=True,
    capabilities=_capabilities,
)
