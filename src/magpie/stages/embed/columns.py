"""Columns that the stage `embed` may write."""

from magpie.columns import Column

EMBEDDING = Column("embedding", "list<float>", "the instruction as a vector")

COLUMNS = (EMBEDDING,)
