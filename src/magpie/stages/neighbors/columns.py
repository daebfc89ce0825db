"""Columns that the stage `neighbors` may write."""

from magpie.columns import Column

MIN_NEIGHBOR_DISTANCE = Column(
    "min_neighbor_distance", "double", "to the nearest other instruction", "squared L2 distance of embeddings"
)
NEAREST_ROW = Column("nearest_row", "int64", "the row of the nearest other instruction")
REPEAT_COUNT = Column("repeat_count", "int32", "how many other instructions lie within the repeat distance")
IS_REPEAT = Column("is_repeat", "bool", "whether an earlier instruction lies within the repeat distance")

COLUMNS = (
    MIN_NEIGHBOR_DISTANCE,
    NEAREST_ROW,
    REPEAT_COUNT,
    IS_REPEAT,
)
