"""Columns that the stage `import` may write, beside those of the stages whose columns a dataset has."""

from magpie.columns import Column

SOURCE_ID = Column("source_id", "string", "the row's own id in the file that it was imported from")
SOURCE = Column("source", "string", "the input that the row was imported from, where there were several")
TURN_REASONING = Column(
    "turn_reasoning", "list<string>", "the assistant's reasoning before each message of `turns`; null for the user's"
)
PAIR_PROMPT = Column(
    "pair_prompt",
    "messages",
    "the conversation that `chosen` and `rejected` answer, where it is longer than the instruction",
)
PRIOR_TURNS = Column("prior_turns", "messages", "what was said before the instruction, as role and content")
KNOWN_ANSWER = Column("known_answer", "string", "the right answer, where it is known")
META = Column("meta", "struct{}", "what the file has beside the columns of a run: each key is a field")

COLUMNS = (SOURCE_ID, SOURCE, TURN_REASONING, PAIR_PROMPT, PRIOR_TURNS, KNOWN_ANSWER, META)
