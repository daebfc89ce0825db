"""Columns that the stage `pair` may write."""

from magpie.columns import Column
from magpie.stages.imported.columns import PAIR_PROMPT

CHOSEN = Column("chosen", "string", "the better response of a preference pair")
REJECTED = Column("rejected", "string", "the worse one")
CHOSEN_REWARD = Column("chosen_reward", "double", "the reward of the better one")
REJECTED_REWARD = Column("rejected_reward", "double", "the reward of the worse one")
CHOSEN_MODEL = Column("chosen_model", "string", "the model that gave the better one")
REJECTED_MODEL = Column("rejected_model", "string", "the model that gave the worse one")

COLUMNS = (
    CHOSEN,
    REJECTED,
    CHOSEN_REWARD,
    REJECTED_REWARD,
    CHOSEN_MODEL,
    REJECTED_MODEL,
    PAIR_PROMPT,
)
