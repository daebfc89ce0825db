"""Columns that the stage `sanitize` may write."""

from magpie.columns import Column
from magpie.stages.instruct.columns import INSTRUCTION

SANITIZE_VERDICT = Column(
    "sanitize_verdict", "string", "what the judge found: whole, cut or no_request; null where that could not be read"
)
SANITIZE_RAW = Column("sanitize_raw", "list<string>", "the judge's replies that could not be read; null where one was")

COLUMNS = (INSTRUCTION, SANITIZE_VERDICT, SANITIZE_RAW)
