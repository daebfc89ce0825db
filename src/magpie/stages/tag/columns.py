"""Columns that the stage `tag` may write."""

from magpie.columns import Column

INPUT_QUALITY = Column("input_quality", "string", "how well the instruction is put: very poor to excellent")
QUALITY_EXPLANATION = Column("quality_explanation", "string", "why the judge says so")
DIFFICULTY = Column("difficulty", "string", "how hard the task is: very easy to very hard")
INTENT = Column("intent", "string", "what the user wants, in the judge's words")
KNOWLEDGE = Column("knowledge", "string", "what it takes to answer, in the judge's words")
TASK_CATEGORY = Column("task_category", "string", "the kind of task")
OTHER_TASK_CATEGORY = Column("other_task_category", "list<string>", "further kinds that fit")
TAG_RAW = Column("tag_raw", "list<string>", "the judge's replies that could not be read; null where all were")
QUALITY_SCORE = Column("quality_score", "double", "expected quality over the judge's probabilities", "1 to 5")
INPUT_QUALITY_PROBS = Column("input_quality_probs", "list<double>", "of each quality, very poor first")
DIFFICULTY_SCORE = Column("difficulty_score", "double", "expected difficulty over the judge's probabilities", "1 to 5")
DIFFICULTY_PROBS = Column("difficulty_probs", "list<double>", "of each difficulty, very easy first")
TASK_CATEGORY_PROBS = Column("task_category_probs", "list<double>", "of each category, in the order of the prompt")

COLUMNS = (
    INPUT_QUALITY,
    QUALITY_EXPLANATION,
    DIFFICULTY,
    INTENT,
    KNOWLEDGE,
    TASK_CATEGORY,
    OTHER_TASK_CATEGORY,
    TAG_RAW,
    QUALITY_SCORE,
    INPUT_QUALITY_PROBS,
    DIFFICULTY_SCORE,
    DIFFICULTY_PROBS,
    TASK_CATEGORY_PROBS,
)
