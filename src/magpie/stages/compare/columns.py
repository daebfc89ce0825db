"""Columns that the stage `compare` may write."""

from magpie.columns import Column

JUDGE_PREFERENCE = Column(
    "judge_preference",
    "double",
    "how far the judge prefers `response` to `against_response`, 0 to 1, the mean of both orders; null where it gave "
    "no verdict in one of them",
)
JUDGE_PREFERENCE_FIRST = Column(
    "judge_preference_first", "double", "the same, where the judge saw `response` as the first"
)
JUDGE_PREFERENCE_SECOND = Column(
    "judge_preference_second", "double", "the same, where the judge saw `response` as the second"
)
JUDGE_MASS = Column(
    "judge_mass", "double", "the probability that the judge gave to the two labels, the mean of both orders"
)
JUDGE_REPLIES = Column("judge_replies", "list<string>", "what the judge replied where that is no verdict")

COLUMNS = (JUDGE_PREFERENCE, JUDGE_PREFERENCE_FIRST, JUDGE_PREFERENCE_SECOND, JUDGE_MASS, JUDGE_REPLIES)
