"""Columns that the stage `dedup` may write."""

from magpie.columns import Column

DUPLICATE_OF = Column("duplicate_of", "int64", "the earliest row that says the same, or nearly; null for a first one")

COLUMNS = (DUPLICATE_OF,)
