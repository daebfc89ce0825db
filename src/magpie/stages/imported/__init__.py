"""The stage `import`."""

from magpie.stages.imported.columns import COLUMNS
from magpie.stages.spec import StageSpec, always

SPEC = StageSpec(
    name="import",
    about="Rows that `magpie import` put into the run.",
    settings="magpie.stages.imported.settings:Source",
    build="magpie.stages.imported.build:build_import",
    columns=COLUMNS,
    needs=always(),
    key="source",
    command=False,
    needs_model=False,
)
