"""The stage `neighbors`."""

from magpie.stages.neighbors.columns import COLUMNS
from magpie.stages.spec import StageSpec, always

SPEC = StageSpec(
    name="neighbors",
    about="Find each instruction's nearest neighbor, and repeats.",
    settings="magpie.stages.neighbors.settings:Neighbors",
    build="magpie.stages.neighbors.build:build_neighbors",
    columns=COLUMNS,
    needs=always("embedding"),
    needs_model=False,
    libraries=lambda _: {"faiss": "FAISS", "numpy": "NumPy"},
)
