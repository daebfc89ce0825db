"""The stage `shortlist`."""

from magpie.stages.spec import StageSpec

SPEC = StageSpec(
    name="shortlist",
    about="Choose, from instructions alone, which rows are worth a response.",
    settings="magpie.stages.shortlist.settings:Shortlist",
    build="magpie.stages.shortlist.build:build_shortlist",
    command=False,
    needs_model=False,
)
