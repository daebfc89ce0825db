"""Columns that the stage `follow_up` may write."""

from magpie.columns import Column

TURNS = Column("turns", "messages", "the turns after the first instruction and response")
ENDED_BY = Column("ended_by", "string", "why the conversation has no further turn")

COLUMNS = (
    TURNS,
    ENDED_BY,
)
