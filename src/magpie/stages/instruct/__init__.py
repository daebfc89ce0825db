"""The stage `instruct`."""

from magpie.stages.instruct.columns import COLUMNS
from magpie.stages.spec import StageSpec, always

SPEC = StageSpec(
    name="instruct",
    about="Let the model write instructions, from what its chat template puts before a user message.",
    settings="magpie.stages.instruct.settings:Instruct",
    build="magpie.stages.instruct.build:build_instruct",
    columns=COLUMNS,
    needs=always(),
    by_default=True,
    command=False,
)
