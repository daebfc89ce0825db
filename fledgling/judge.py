"""What the pipeline asks of a judge, with the true reply: quality, difficulty, category, safety, the better.

The prompts are the ones that magpie ships; what they judge is drawn from the corpus, so that every label is known.
Knows no tokenizer and no model.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from fledgling import judged
from fledgling.conversation import Conversation, Turn
from fledgling.corpus import ask
from fledgling.family import Family, Slots
from fledgling.imperfect import QUALITIES

STAGES = Path(__file__).parents[1] / "src/magpie/stages"

CATEGORIES = (
    "Information seeking", "Reasoning", "Planning", "Editing", "Coding & Debugging", "Math", "Role playing",
    "Data analysis", "Creative writing", "Advice seeking", "Brainstorming", "Others",
)  # fmt: skip
DIFFICULTIES = ("very easy", "easy", "medium", "hard", "very hard")
LETTERS = "ABCDEFGHIJKL"

# what a family's knowledge says -> a category that also fits
ALSO = (
    (re.compile(r"adding|subtract|multipl|division|percent|counting|numbers|averages", re.IGNORECASE), "Math"),
    (re.compile(r"python|\bsql\b|\bcode\b", re.IGNORECASE), "Coding & Debugging"),
    (re.compile(r"imagination|rhyme|lively", re.IGNORECASE), "Creative writing"),
)

BALANCED = 0.5  # share of conversations whose label is drawn first, so that rare labels are learned

WEIGHTS = {"judge_response": 3.0, "compare": 3.0}  # the hardest to learn; every other prompt has weight 1
LETTER_WEIGHT = 8  # how often a reply of one letter counts, times the weight of its prompt

Judged = tuple[Mapping[str, str | None], str]  # the prompt's variables, the true reply


def judge_conversation(rng: Random) -> Conversation:
    """One prompt of the pipeline and its true reply. The prompt is given, so it is not learned."""
    name = rng.choices(list(MAKERS), [WEIGHTS.get(name, 1.0) for name in MAKERS])[0]
    values, reply = MAKERS[name](rng)
    weight = int(LETTER_WEIGHT * WEIGHTS.get(name, 1.0)) if len(reply) == 1 else 1
    return Conversation(None, (Turn(render(name, values), reply, learned=False, weight=weight),), "judge")


@cache
def environment() -> SandboxedEnvironment:
    return SandboxedEnvironment(autoescape=False, undefined=StrictUndefined, trim_blocks=True)


@cache
def prompt_files() -> dict[str, Path]:
    """Name to file of the prompts in the stages' folders."""
    return {path.stem: path for path in STAGES.glob("*/prompts/*.jinja")}


@cache
def template(name: str) -> Any:
    return environment().from_string(prompt_files()[name].read_text(encoding="utf-8"))


def render(name: str, values: Mapping[str, str | None]) -> str:
    return str(template(name).render(values))


def as_json(**fields: str | list[str]) -> str:
    return json.dumps(fields, ensure_ascii=False)


# -- one instruction ---------------------------------------------------------------------------------------------------


def draw_instruction(rng: Random, families: Sequence[Family] = judged.ASKED) -> tuple[str, Family, Slots]:
    family = rng.choice(families)
    turn, slots = ask(family, rng)
    return turn.prompt, family, slots


def draw_of_category(rng: Random) -> tuple[str, Family]:
    category = rng.choice(CATEGORIES)
    prompt, family, _ = draw_instruction(rng, [family for family in judged.ASKED if family.category == category])
    return prompt, family


def category(rng: Random) -> Judged:
    prompt, family = draw_of_category(rng)
    return {"instruction": prompt}, as_json(task_category=family.category, other_tags=other_tags(family))


def category_fast(rng: Random) -> Judged:
    prompt, family = draw_of_category(rng)
    return {"instruction": prompt}, LETTERS[CATEGORIES.index(family.category)]


def other_tags(family: Family) -> list[str]:
    fitting = [tag for pattern, tag in ALSO if pattern.search(family.knowledge)]
    return [tag for tag in fitting if tag != family.category]


def draw_of_difficulty(rng: Random) -> tuple[str, Family, str]:
    """Half of the time the label is drawn first; a label that no family has is given up after some trials."""
    label = rng.choice(DIFFICULTIES) if rng.random() < BALANCED else None
    described = [family for family in judged.ASKED if family.intent and family.knowledge]
    prompt, family, slots = draw_instruction(rng, described)
    for _ in range(40):
        if label is None or family.difficulty(slots) == label:
            break
        prompt, family, slots = draw_instruction(rng, described)
    return prompt, family, family.difficulty(slots)


def difficulty(rng: Random) -> Judged:
    prompt, family, label = draw_of_difficulty(rng)
    reply = as_json(intent=family.intent, knowledge=family.knowledge, difficulty=label)
    return {"instruction": prompt}, reply


def difficulty_fast(rng: Random) -> Judged:
    prompt, _, label = draw_of_difficulty(rng)
    return {"instruction": prompt}, LETTERS[DIFFICULTIES.index(label)]


def quality(rng: Random) -> Judged:
    prompt, label, why = judged.draw_quality(rng)
    return {"instruction": prompt}, as_json(explanation=why, input_quality=label)


def quality_fast(rng: Random) -> Judged:
    prompt, label, _ = judged.draw_quality(rng)
    return {"instruction": prompt}, LETTERS[QUALITIES.index(label)]


def safety(rng: Random) -> Judged:
    prompt, response, letter = judged.draw_safety(rng)
    return {"instruction": prompt, "response": response}, letter


# -- responses ---------------------------------------------------------------------------------------------------------

# score -> what makes a response of that score; 5 is the reply as it is
DAMAGES = {
    1: judged.other_response, 2: judged.wrong_response, 3: judged.cut_response, 4: judged.padded_response,
}  # fmt: skip
SCORES = {1: 3, 2: 6, 3: 3, 4: 3, 5: 6}  # how often each is drawn: what matters most is wrong against right


def draw_score(rng: Random, among: tuple[int, ...] = (1, 2, 3, 4, 5)) -> int:
    return rng.choices(among, [SCORES[score] for score in among])[0]


def draw_answered(rng: Random) -> tuple[Family, Slots, Turn]:
    family = rng.choice(judged.ASKED)
    turn, slots = ask(family, rng)
    return family, slots, turn


def draw_damaged(score: int, rng: Random) -> tuple[Turn, str]:
    """A right answer, and the same damaged; draws again where an answer cannot be damaged that way."""
    while True:
        family, slots, turn = draw_answered(rng)
        damaged = DAMAGES[score](family, slots, turn.reply, rng)
        if damaged is not None:
            return turn, damaged


def judge_response(rng: Random) -> Judged:
    score = draw_score(rng)
    if score == 5:
        turn = draw_answered(rng)[2]
        return {"instruction": turn.prompt, "response": turn.reply}, "5"
    turn, damaged = draw_damaged(score, rng)
    return {"instruction": turn.prompt, "response": damaged}, str(score)


def compare(rng: Random) -> Judged:
    turn, damaged = draw_damaged(draw_score(rng, (1, 2, 3, 4)), rng)
    better = rng.choice("AB")
    first, second = (turn.reply, damaged) if better == "A" else (damaged, turn.reply)
    return {"instruction": turn.prompt, "response_a": first, "response_b": second}, better


MAKERS: Mapping[str, Callable[[Random], Judged]] = {
    "category": category,
    "category_fast": category_fast,
    "difficulty": difficulty,
    "difficulty_fast": difficulty_fast,
    "quality": quality,
    "quality_fast": quality_fast,
    "safety": safety,
    "judge_response": judge_response,
    "compare": compare,
}
