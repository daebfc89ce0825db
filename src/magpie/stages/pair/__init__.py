"""The stage `pair`."""

from magpie.stages.pair.columns import COLUMNS
from magpie.stages.spec import StageSpec, always

SPEC = StageSpec(
    name="pair",
    about="Make preference pairs of several responses.",
    settings="magpie.stages.pair.settings:Pair",
    build="magpie.stages.pair.build:build_pair",
    columns=COLUMNS,
    version=2,
    needs=always("responses", "response_rewards"),
    needs_model=False,
)
