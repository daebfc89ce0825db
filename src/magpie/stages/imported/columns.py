"""Columns that the stage `import` may write."""

from magpie.columns import Column

SOURCE_ID = Column("source_id", "string", "the row's own id in the file that it was imported from")

COLUMNS = (SOURCE_ID,)
