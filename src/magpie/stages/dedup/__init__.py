"""The stage `dedup`."""

from magpie.stages.dedup.columns import COLUMNS
from magpie.stages.spec import StageSpec

SPEC = StageSpec(
    name="dedup",
    about="Drop instructions that are there already, exactly or nearly.",
    settings="magpie.stages.dedup.settings:Dedup",
    build="magpie.stages.dedup.build:build_dedup",
    columns=COLUMNS,
    needs_model=False,
    libraries=lambda asked: {"numpy": "NumPy"} | ({"rensa": "rensa"} if asked.near else {}),
)
