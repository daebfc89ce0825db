"""The stage `select`."""

from magpie.stages.select.columns import COLUMNS
from magpie.stages.spec import StageSpec, always

SPEC = StageSpec(
    name="select",
    about="Choose the dataset from all rows that were made.",
    settings="magpie.stages.select.settings:Select",
    build="magpie.stages.select.build:build_select",
    columns=COLUMNS,
    needs=always(),
    command=False,
    needs_model=False,
)
