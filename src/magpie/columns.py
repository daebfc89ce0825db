"""Every column of a run, with its type, its unit and its meaning. A column has one maker in a run.

Knows no Arrow: types are named as Arrow and DuckDB name them, and `runs` turns them into fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal[
    "string", "int32", "int64", "double", "bool", "list<string>", "list<double>", "list<float>", "messages", "responses"
]
"""`messages`: a list of structs of `role` and `content`. `responses`: a list of structs of `response`, `reasoning`,
`model`, `finish_reason` and `tokens`."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it is called, what it holds, and what it means."""

    name: str
    type: Type
    meaning: str
    unit: str = ""


ROW = Column("row", "int64", "the row's number in the run; every file is sorted by it, and files join on it")

SOURCE_ID = Column("source_id", "string", "the row's own id in the file that it was imported from")

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

LANGUAGE = Column("language", "string", "the instruction's language, as ISO 639-1 has it; null where it cannot be told")
LANGUAGE_CONFIDENCE = Column("language_confidence", "double", "of the language, 0 to 1")
PII = Column("pii", "list<string>", "kinds of personal data that were found in the instruction; empty for none")
DUPLICATE_OF = Column("duplicate_of", "int64", "the earliest row that says the same, or nearly; null for a first one")
CONTAMINATED_BY = Column("contaminated_by", "string", "the benchmark that the instruction overlaps with")
CONTAMINATED_SPAN = Column("contaminated_span", "string", "the words that they share")
EMBEDDING = Column("embedding", "list<float>", "the instruction as a vector")
MIN_NEIGHBOR_DISTANCE = Column(
    "min_neighbor_distance", "double", "to the nearest other instruction", "squared L2 distance of embeddings"
)
NEAREST_ROW = Column("nearest_row", "int64", "the row of the nearest other instruction")
REPEAT_COUNT = Column("repeat_count", "int32", "how many other instructions lie within the repeat distance")
IS_REPEAT = Column("is_repeat", "bool", "whether an earlier instruction lies within the repeat distance")

INPUT_QUALITY = Column("input_quality", "string", "how well the instruction is put: very poor to excellent")
QUALITY_EXPLANATION = Column("quality_explanation", "string", "why the judge says so")
QUALITY_SCORE = Column("quality_score", "double", "expected quality over the judge's probabilities", "1 to 5")
INPUT_QUALITY_PROBS = Column("input_quality_probs", "list<double>", "of each quality, very poor first")
DIFFICULTY = Column("difficulty", "string", "how hard the task is: very easy to very hard")
INTENT = Column("intent", "string", "what the user wants, in the judge's words")
KNOWLEDGE = Column("knowledge", "string", "what it takes to answer, in the judge's words")
DIFFICULTY_SCORE = Column("difficulty_score", "double", "expected difficulty over the judge's probabilities", "1 to 5")
DIFFICULTY_PROBS = Column("difficulty_probs", "list<double>", "of each difficulty, very easy first")
TASK_CATEGORY = Column("task_category", "string", "the kind of task")
OTHER_TASK_CATEGORY = Column("other_task_category", "list<string>", "further kinds that fit")
TASK_CATEGORY_PROBS = Column("task_category_probs", "list<double>", "of each category, in the order of the prompt")
TAG_RAW = Column("tag_raw", "list<string>", "the judge's replies that could not be read; null where all were")

RESPONSE = Column("response", "string", "what the model answered, without outer white space")
REASONING = Column("reasoning", "string", "what the model thought before it answered; null where it did not")
RESPONSES = Column("responses", "responses", "several answers to the instruction, each with the model that gave it")
UNUSABLE = Column("unusable", "list<string>", "why further answers were left out of `responses`, a reason for each")
TURNS = Column("turns", "messages", "the turns after the first instruction and response")
ENDED_BY = Column("ended_by", "string", "why the conversation has no further turn")
BASE_RESPONSE = Column("base_response", "string", "what an unaligned model answered to the same instruction")
INSTRUCT_REWARD = Column(
    "instruct_reward", "double", "the reward of the conversation; of several responses, the highest"
)
BASE_REWARD = Column("base_reward", "double", "the reward of the unaligned model's response")
REWARD_DIFFERENCE = Column("reward_difference", "double", "the reward of the (first) response minus base_reward")
RESPONSE_REWARDS = Column("response_rewards", "list<double>", "the reward of each of `responses`, in their order")
SAFETY = Column("safety", "string", "safe or unsafe, as the guard says")
SAFETY_CATEGORIES = Column("safety_categories", "list<string>", "the kinds of harm that the guard names")
HARM_PROBABILITY = Column("harm_probability", "double", "the guard's probability that it is unsafe")
RESPONSE_CHOICE = Column("response_choice", "int32", "the place in `responses` of the one that was chosen, from 0")
CHOSEN = Column("chosen", "string", "the better response of a preference pair")
REJECTED = Column("rejected", "string", "the worse one")
CHOSEN_REWARD = Column("chosen_reward", "double", "the reward of the better one")
REJECTED_REWARD = Column("rejected_reward", "double", "the reward of the worse one")
CHOSEN_MODEL = Column("chosen_model", "string", "the model that gave the better one")
REJECTED_MODEL = Column("rejected_model", "string", "the model that gave the worse one")
SELECTION_RANK = Column("selection_rank", "int64", "the row's place in the selection's order, from 1")

DROP_REASON = Column("drop_reason", "string", "why the row goes no further; null for a row that does")
ERROR = Column("error", "string", "why the row could not be made; the next run tries it again; null when made")
PROMPT_TOKENS = Column("prompt_tokens", "int32", "of all the row's requests in this stage", "tokens")
COMPLETION_TOKENS = Column("completion_tokens", "int32", "sampled for the row in this stage", "tokens")
WASTED_TOKENS = Column("wasted_tokens", "int32", "sampled past a stop that the engine cannot stop at", "tokens")
INPUT_DIGEST = Column("input_digest", "int64", "of the columns that the stage read; the row is remade when it changes")

BOOKKEEPING = (DROP_REASON, ERROR, PROMPT_TOKENS, COMPLETION_TOKENS, WASTED_TOKENS, INPUT_DIGEST)
"""What every stage writes beside its own columns."""

COMPUTED = {
    "id": "run name and row number: what readers and exports show",
    "messages": "the conversation as role and content, further turns included; null until there is a response",
    "dropped_by": "the first stage that dropped the row",
}
"""What the reader adds to the columns on disk: name to meaning. Beside these it gives each stage's completion tokens
as `<stage>_tokens`, and of all stages' `drop_reason` and `error` the first."""

MAKERS: dict[str, tuple[Column, ...]] = {
    "import": (SOURCE_ID,),
    "instruct": (INSTRUCTION, INSTRUCTION_RAW, SANITIZED_BY),
    "screen": (LANGUAGE, LANGUAGE_CONFIDENCE, PII),
    "dedup": (DUPLICATE_OF,),
    "decontaminate": (CONTAMINATED_BY, CONTAMINATED_SPAN),
    "embed": (EMBEDDING,),
    "neighbors": (MIN_NEIGHBOR_DISTANCE, NEAREST_ROW, REPEAT_COUNT, IS_REPEAT),
    "tag": (
        INPUT_QUALITY, QUALITY_EXPLANATION, DIFFICULTY, INTENT, KNOWLEDGE, TASK_CATEGORY, OTHER_TASK_CATEGORY, TAG_RAW,
    ),
    "shortlist": (),
    "respond": (RESPONSE,),
    "screen_responses": (),
    "follow_up": (TURNS, ENDED_BY),
    "respond_base": (BASE_RESPONSE,),
    "reward": (INSTRUCT_REWARD,),
    "safety": (SAFETY, SAFETY_CATEGORIES, HARM_PROBABILITY),
    "choose": (RESPONSE, RESPONSE_CHOICE),
    "pair": (CHOSEN, REJECTED, CHOSEN_REWARD, REJECTED_REWARD, CHOSEN_MODEL, REJECTED_MODEL),
    "select": (SELECTION_RANK,),
}  # fmt: skip
"""Stage name to the columns that it writes."""

ASKED_FOR: dict[str, tuple[Column, ...]] = {
    "instruct": (VARIANT, SYSTEM),
    "tag": (QUALITY_SCORE, INPUT_QUALITY_PROBS, DIFFICULTY_SCORE, DIFFICULTY_PROBS, TASK_CATEGORY_PROBS),
    "respond": (REASONING, RESPONSES, UNUSABLE),
    "reward": (BASE_REWARD, REWARD_DIFFERENCE, RESPONSE_REWARDS),
    "choose": (REASONING,),
}
"""Stage name to further columns that it writes where its settings ask for what is in them."""

ALL: dict[str, Column] = {
    column.name: column for columns in (*MAKERS.values(), *ASKED_FOR.values()) for column in columns
}
"""Every column that a stage may write, by name."""
