"""Every stage, in the order of work: what can be judged from an instruction alone is judged before its response is paid
for. A new stage is a folder of `magpie.stages` and a line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from magpie.columns import Column
from magpie.stages.choose import SPEC as CHOOSE
from magpie.stages.decontaminate import SPEC as DECONTAMINATE
from magpie.stages.dedup import SPEC as DEDUP
from magpie.stages.embed import SPEC as EMBED
from magpie.stages.follow_up import SPEC as FOLLOW_UP
from magpie.stages.imported import SPEC as IMPORT
from magpie.stages.instruct import SPEC as INSTRUCT
from magpie.stages.neighbors import SPEC as NEIGHBORS
from magpie.stages.pair import SPEC as PAIR
from magpie.stages.respond import SPEC as RESPOND
from magpie.stages.respond_base import SPEC as RESPOND_BASE
from magpie.stages.reward import SPEC as REWARD
from magpie.stages.safety import SPEC as SAFETY
from magpie.stages.screen import SPEC as SCREEN
from magpie.stages.screen_responses import SPEC as SCREEN_RESPONSES
from magpie.stages.select import SPEC as SELECT
from magpie.stages.shortlist import SPEC as SHORTLIST
from magpie.stages.spec import ColumnMap, StageSpec
from magpie.stages.tag import SPEC as TAG

STAGES: tuple[StageSpec, ...] = (
    IMPORT,
    INSTRUCT,
    SCREEN,
    DEDUP,
    DECONTAMINATE,
    EMBED,
    NEIGHBORS,
    TAG,
    SHORTLIST,
    RESPOND,
    SCREEN_RESPONSES,
    FOLLOW_UP,
    RESPOND_BASE,
    REWARD,
    SAFETY,
    CHOOSE,
    PAIR,
    SELECT,
)


@cache
def stages() -> Mapping[str, StageSpec]:
    """Name to specification, in the registry's order.

    stages()["tag"].about
    """
    return {spec.name: spec for spec in STAGES}


@cache
def recipe_keys() -> Mapping[str, StageSpec]:
    """The keys of a recipe that hold a stage's settings, in the registry's order."""
    return {spec.recipe_key: spec for spec in STAGES}


@cache
def column_map() -> ColumnMap:
    """Every column that a stage may write, and which stages may write it."""
    columns: dict[str, Column] = {}
    makers: dict[str, tuple[str, ...]] = {}
    for spec in STAGES:
        for column in spec.columns:
            columns.setdefault(column.name, column)
            makers[column.name] = (*makers.get(column.name, ()), spec.name)
    return ColumnMap(columns, makers, tuple(spec.name for spec in STAGES))
