"""Columns that the stage `respond` may write."""

from magpie.columns import Column
from magpie.stages.follow_up.columns import RESPONSES, TURNS, UNUSABLE
from magpie.stages.imported.columns import TURN_REASONING

RESPONSE = Column("response", "string", "what the model answered, without outer white space")
REASONING = Column("reasoning", "string", "the model's reasoning before its response; null where it has none")

COLUMNS = (
    RESPONSE,
    REASONING,
    RESPONSES,
    UNUSABLE,
)
REWRITES = (TURNS, TURN_REASONING)
"""Of an imported conversation, whose later turns are answered again."""
