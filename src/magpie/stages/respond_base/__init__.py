"""The stage `respond_base`."""

from magpie.stages.respond_base.columns import COLUMNS
from magpie.stages.spec import StageSpec

SPEC = StageSpec(
    name="respond_base",
    about="Let an unaligned model answer too, for the reward difference.",
    group="create",
    settings="magpie.stages.respond_base.settings:RespondBase",
    build="magpie.stages.respond_base.build:build_respond_base",
    columns=COLUMNS,
)
