"""What `tag` can ask of an instruction: how it is asked, what a reply should be, and where it is kept.

Knows the package's prompts by name; knows no chat and no engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from magpie.stages.judging.labels import CATEGORIES, DIFFICULTIES, QUALITIES
from magpie.stages.judging.prompts import JudgePrompt, package_prompt
from magpie.stages.judging.replies import Form

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is asked of each instruction."""

    name: str
    prompt: JudgePrompt
    form: Form
    label: str
    """The column of the label."""
    probabilities: str
    """The column of every label's probability, where they are asked for."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """The column of each text beside the label."""
    more: str | None = None
    """The column of further labels."""
    score: str | None = None
    """The column of the expected place among labels that have an order, from 1."""

    @property
    def letters(self) -> str:
        """What stands for the labels where one letter is asked for."""
        return LETTERS[: len(self.form.labels.names)]

    def columns(self, fast: bool) -> tuple[str, ...]:
        """The columns that the answer to this question fills."""
        more = () if self.more is None else (self.more,)
        score = () if self.score is None else (self.score,)
        return (self.label, *score, self.probabilities) if fast else (self.label, *self.texts.values(), *more)


def question(name: str, fast: bool, prompt: JudgePrompt | None = None) -> Question:
    """One of `NAMES`, as full prompt or as one that asks for a letter; by a user's own prompt where there is one."""
    return _QUESTIONS[name](prompt or package_prompt(f"tag/{name}_fast" if fast else f"tag/{name}"))


def _quality(prompt: JudgePrompt) -> Question:
    form = Form("input_quality", QUALITIES, ("quality", "quality_rating", "rating"), ("explanation",))
    texts = {"explanation": "quality_explanation"}
    return Question("quality", prompt, form, "input_quality", "input_quality_probs", texts, score="quality_score")


def _difficulty(prompt: JudgePrompt) -> Question:
    form = Form("difficulty", DIFFICULTIES, ("difficulty_level", "difficulty_rating"), ("intent", "knowledge"))
    texts = {"intent": "intent", "knowledge": "knowledge"}
    return Question("difficulty", prompt, form, "difficulty", "difficulty_probs", texts, score="difficulty_score")


def _category(prompt: JudgePrompt) -> Question:
    form = Form("task_category", CATEGORIES, ("category", "primary_tag", "task"), more="other_tags")
    return Question("category", prompt, form, "task_category", "task_category_probs", more="other_task_category")


_QUESTIONS = {"quality": _quality, "difficulty": _difficulty, "category": _category}
NAMES = tuple(_QUESTIONS)


def schema(form: Form) -> str:
    """The JSON schema of a reply, its keys in the order in which the prompts have them: reasons before the label."""
    label = {"type": "string", "enum": list(form.labels.names)}
    properties = {**{name: {"type": "string"} for name in form.texts}, form.key: label}
    if form.more is not None:
        properties[form.more] = {"type": "array", "items": label, "maxItems": 3}
    required = list(properties)
    return json.dumps({"type": "object", "properties": properties, "required": required, "additionalProperties": False})
