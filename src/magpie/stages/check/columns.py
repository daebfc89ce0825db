"""Columns that the stage `check` may write."""

from magpie.columns import Column

ANSWER_CORRECT = Column("answer_correct", "bool", "whether `response` is right; null where the truth is not known")
AGAINST_CORRECT = Column("against_correct", "bool", "whether `against_response` is right; null where that is not known")

COLUMNS = (ANSWER_CORRECT, AGAINST_CORRECT)
