"""Columns that the stage `grade` may write."""

from magpie.columns import Column

JUDGE_GRADE = Column("judge_grade", "double", "the judge's grade of `response`, 1 to 10; null where it gave none")
GRADE_REPLIES = Column("grade_replies", "list<string>", "what the judge replied where that is no grade")

COLUMNS = (JUDGE_GRADE, GRADE_REPLIES)
