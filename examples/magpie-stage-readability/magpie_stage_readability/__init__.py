"""What magpie sees first of the two stages: names, columns, and where the rest is. Imports nothing heavy."""

from magpie.columns import Column
from magpie.stages.spec import StageSpec

EASE = Column(
    "reading_ease", "double", "how easy the instruction is to read: Flesch reading ease, for English; higher is easier"
)
NAMED = Column("title", "string", "a line that names what the instruction is about, as a model wrote it")

READABILITY = StageSpec(
    name="readability",
    about="Judge how easy an instruction is to read.",
    settings="magpie_stage_readability.settings:Readability",
    build="magpie_stage_readability.build:build_readability",
    columns=(EASE,),
    after="screen",
    needs_model=False,
)
TITLE = StageSpec(
    name="title",
    about="Let a model give each instruction a title.",
    settings="magpie_stage_readability.settings:Title",
    build="magpie_stage_readability.build:build_title",
    columns=(NAMED,),
    after="tag",
)
