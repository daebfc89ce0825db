"""Columns that the stage `respond_base` may write."""

from magpie.columns import Column

BASE_RESPONSE = Column("base_response", "string", "what an unaligned model answered to the same instruction")

COLUMNS = (BASE_RESPONSE,)
