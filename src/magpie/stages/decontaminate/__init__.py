"""The stage `decontaminate`."""

from magpie.stages.decontaminate.columns import COLUMNS
from magpie.stages.spec import StageSpec

SPEC = StageSpec(
    name="decontaminate",
    about="Drop instructions that overlap with benchmarks.",
    settings="magpie.stages.decontaminate.settings:Decontaminate",
    build="magpie.stages.decontaminate.build:build_decontaminate",
    columns=COLUMNS,
    needs_model=False,
    libraries=lambda _: {"numpy": "NumPy"},
)
