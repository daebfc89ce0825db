"""Columns that the stage `select` may write."""

from magpie.columns import Column

SELECTION_RANK = Column("selection_rank", "int64", "the row's place in the selection's order, from 1")

COLUMNS = (SELECTION_RANK,)
