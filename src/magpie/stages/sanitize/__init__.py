"""The stage `sanitize`."""

from magpie.stages.sanitize.columns import COLUMNS
from magpie.stages.spec import StageSpec

SPEC = StageSpec(
    name="sanitize",
    about="Let a judge say which part of an instruction is the user's, and cut off the rest.",
    settings="magpie.stages.sanitize.settings:Sanitize",
    build="magpie.stages.sanitize.build:build_sanitize",
    columns=COLUMNS,
)
