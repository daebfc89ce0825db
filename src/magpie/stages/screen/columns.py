"""Columns that the stage `screen` may write."""

from magpie.columns import Column

LANGUAGE = Column("language", "string", "the instruction's language, as ISO 639-1 has it; null where it cannot be told")
LANGUAGE_CONFIDENCE = Column("language_confidence", "double", "of the language, 0 to 1")
PII = Column("pii", "list<string>", "kinds of personal data that were found in the instruction; empty for none")

COLUMNS = (
    LANGUAGE,
    LANGUAGE_CONFIDENCE,
    PII,
)
