"""Columns that the stage `respond_against` may write."""

from magpie.columns import Column

AGAINST_RESPONSE = Column(
    "against_response", "string", "what the model to be compared with answered; empty for nothing"
)
AGAINST_UNUSABLE = Column("against_unusable", "list<string>", "why that answer is of no use; null where it is")

COLUMNS = (AGAINST_RESPONSE, AGAINST_UNUSABLE)
