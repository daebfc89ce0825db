"""Columns that the stage `choose` may write."""

from magpie.columns import Column
from magpie.stages.respond.columns import REASONING, RESPONSE

RESPONSE_CHOICE = Column("response_choice", "int32", "the place in `responses` of the one that was chosen, from 0")

COLUMNS = (
    RESPONSE,
    REASONING,
    RESPONSE_CHOICE,
)
