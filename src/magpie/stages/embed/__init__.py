"""The stage `embed`."""

from magpie.stages.embed.columns import COLUMNS
from magpie.stages.spec import StageSpec

SPEC = StageSpec(
    name="embed",
    about="Turn instructions into vectors.",
    settings="magpie.stages.embed.settings:Embed",
    build="magpie.stages.embed.build:build_embed",
    columns=COLUMNS,
    needs_model=False,
)
