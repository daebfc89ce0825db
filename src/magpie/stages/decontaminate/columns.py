"""Columns that the stage `decontaminate` may write."""

from magpie.columns import Column

CONTAMINATED_BY = Column("contaminated_by", "string", "the benchmark that the instruction overlaps with")
CONTAMINATED_SPAN = Column("contaminated_span", "string", "the words that they share")

COLUMNS = (
    CONTAMINATED_BY,
    CONTAMINATED_SPAN,
)
