"""From settings to stages: a file for each, and their order. The one place that knows which stages there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from magpie.pipeline.building.built import Built, Context
from magpie.pipeline.building.choose import build_choose
from magpie.pipeline.building.decontaminate import build_decontaminate
from magpie.pipeline.building.dedup import build_dedup
from magpie.pipeline.building.embed import build_embed
from magpie.pipeline.building.follow_up import build_follow_up
from magpie.pipeline.building.instruct import build_instruct
from magpie.pipeline.building.models import Models
from magpie.pipeline.building.neighbors import build_neighbors
from magpie.pipeline.building.pair import build_pair
from magpie.pipeline.building.respond import build_respond
from magpie.pipeline.building.respond_base import build_respond_base
from magpie.pipeline.building.reward import build_reward
from magpie.pipeline.building.safety import build_safety
from magpie.pipeline.building.screen import build_screen, build_screen_responses
from magpie.pipeline.building.select import build_select
from magpie.pipeline.building.shortlist import build_shortlist
from magpie.pipeline.building.source import build_import
from magpie.pipeline.building.tag import build_tag

__all__ = ["BUILDERS", "SETTINGS", "Built", "Context", "Models"]

BUILDERS: dict[str, Callable[[Any, Context], Built]] = {
    "import": build_import,
    "instruct": build_instruct,
    "screen": build_screen,
    "dedup": build_dedup,
    "decontaminate": build_decontaminate,
    "embed": build_embed,
    "neighbors": build_neighbors,
    "tag": build_tag,
    "shortlist": build_shortlist,
    "respond": build_respond,
    "screen_responses": build_screen_responses,
    "follow_up": build_follow_up,
    "respond_base": build_respond_base,
    "reward": build_reward,
    "safety": build_safety,
    "choose": build_choose,
    "pair": build_pair,
    "select": build_select,
}
"""Stage name to what builds it from its settings, in the order of work: what can be judged from an instruction alone is
judged before its response is paid for."""

SETTINGS = {"import": "source"}
"""Stage name to the name of its settings in a recipe, where it is another."""
