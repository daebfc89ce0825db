"""Columns that the stage `safety` may write."""

from magpie.columns import Column

SAFETY = Column("safety", "string", "safe or unsafe, as the guard says")
SAFETY_CATEGORIES = Column("safety_categories", "list<string>", "the kinds of harm that the guard names")
HARM_PROBABILITY = Column("harm_probability", "double", "the guard's probability that it is unsafe")

COLUMNS = (
    SAFETY,
    SAFETY_CATEGORIES,
    HARM_PROBABILITY,
)
