"""Columns that the stage `respond` may write."""

from magpie.columns import Column
from magpie.stages.follow_up.columns import TURNS
from magpie.stages.imported.columns import TURN_REASONING

RESPONSE = Column("response", "string", "what the model answered, without outer white space")
REASONING = Column("reasoning", "string", "what the model thought before it answered; null where it did not")
RESPONSES = Column("responses", "responses", "several answers to the instruction, each with the model that gave it")
UNUSABLE = Column(
    "unusable",
    "list<string>",
    "why further answers were left out of `responses`, a reason for each; why the one that was kept is of no use",
)

COLUMNS = (
    RESPONSE,
    REASONING,
    RESPONSES,
    UNUSABLE,
)
REWRITES = (TURNS, TURN_REASONING)
"""Of an imported conversation, whose later turns are answered again."""
