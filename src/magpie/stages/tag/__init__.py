"""The stage `tag`."""

from typing import Any

from magpie.seams import Capability
from magpie.stages.spec import StageSpec
from magpie.stages.tag.columns import COLUMNS


def _capabilities(settings: Any) -> frozenset[Capability]:
    """Of one token the probabilities; of a whole reply the form, where every reply is held to it."""
    if settings.fast:
        return frozenset({Capability.LOGPROBS})
    return frozenset({Capability.STRUCTURE}) if settings.structure == "on" else frozenset()


SPEC = StageSpec(
    name="tag",
    about="Let a model judge quality, difficulty and category.",
    settings="magpie.stages.tag.settings:Tag",
    build="magpie.stages.tag.build:build_tag",
    columns=COLUMNS,
    capabilities=_capabilities,
)
