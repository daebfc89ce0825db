"""Columns that the stage `instruct` may write."""

from magpie.columns import Column

INSTRUCTION = Column(
    "instruction",
    "string",
    "what the model wrote as the user, without outer white space and what the family's rules take off",
)
INSTRUCTION_RAW = Column("instruction_raw", "string", "the same as sampled; null where nothing was taken off")
SANITIZED_BY = Column(
    "sanitized_by", "string", "the rules that took something off the instruction; null where none did"
)
VARIANT = Column("variant", "string", "the variant of the mix that the instruction was sampled with")
SYSTEM = Column(
    "system", "string", "the system prompt that the instruction was sampled under; null where there is none"
)

COLUMNS = (
    INSTRUCTION,
    INSTRUCTION_RAW,
    SANITIZED_BY,
    VARIANT,
    SYSTEM,
)
