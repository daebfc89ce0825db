"""Columns that the stage `follow_up` may write, and those that it shares with `respond`."""

from magpie.columns import Column

TURNS = Column("turns", "messages", "the turns after the first instruction and response")
ENDED_BY = Column("ended_by", "string", "why the conversation has no more turns")
RESPONSES = Column(
    "responses", "responses", "several answers to the user's last message, each with the model that gave it"
)
UNUSABLE = Column(
    "unusable",
    "list<string>",
    "why further answers were left out of `responses`, a reason for each; why the one that was kept is of no use",
)
RESPONSES_PROMPT = Column(
    "responses_prompt", "messages", "the conversation that `responses` answer, where it is longer than the instruction"
)

COLUMNS = (
    TURNS,
    ENDED_BY,
    RESPONSES,
    UNUSABLE,
    RESPONSES_PROMPT,
)
