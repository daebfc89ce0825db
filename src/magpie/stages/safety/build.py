"""Builds `safety`: a guard judges instructions and responses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from magpie.errors import RecipeError
from magpie.models.chats import ChatModel
from magpie.models.sampling import frozen_sampling, written_by
from magpie.seams import Capability, Message, SamplingParams, Stage
from magpie.settings.base import frozen
from magpie.stages.judging.judges import check_letters, prompt_room
from magpie.stages.judging.letters import JUDGE, MOST_LOGPROBS
from magpie.stages.judging.prompts import JudgePrompt, package_prompt, read_prompt
from magpie.stages.safety import SPEC
from magpie.stages.safety.columns import COLUMNS
from magpie.stages.safety.settings import Safety
from magpie.stages.safety.styles import STYLES, Style, read_letter
from magpie.stages.safety.work import Guard, safety
from magpie.stages.spec import BoundStage, Context
from magpie.templates import MessagesChat

_LETTER_LINE = re.compile(r"^([A-Z])\. (.+)$", re.MULTILINE)
_CODE_LINE = re.compile(r"^([SO]\d+): (.+?)\.?$", re.MULTILINE)
_GUIDELINE = re.compile(r"[\"\u201c](?:No )?(.+?)[\"\u201d]")
_LONGEST_GUIDELINE = 2000
"""Characters of a guideline that are looked at for the name of the harm: ShieldGemma's have three hundred."""
_TELLING = {
    "llama_guard": re.compile(r"UNSAFE CONTENT CATEGORIES|llama-?guard", re.IGNORECASE),
    "granite_guardian": re.compile(r"guardian_config|granite-?guardian", re.IGNORECASE),
    "shield_gemma": re.compile(r"\bguideline\b|shield-?gemma", re.IGNORECASE),
    "wildguard": re.compile(r"Harmful request|wildguard", re.IGNORECASE),
}
"""What tells a guard, in its chat template or in its name."""


def build_safety(asked: Safety, context: Context) -> BoundStage:
    """Raises `RecipeError` for a prompt that does not render, or that lists no letters."""
    model = context.models.answering(asked, "safety")
    style = _style(model) if asked.style == "auto" else asked.style
    if asked.prompt is not None and style != "prompt":
        raise RecipeError(f"safety.prompt: a guard of the style {style} asks by its own chat template; leave it out")
    guard = _asked_by_prompt(asked, model) if style == "prompt" else _guard(asked, model, style)
    reads = _reads(asked, context)
    ask = partial(safety, guard=guard, drop=asked.drop)
    stage = Stage("safety", reads, COLUMNS, ask, (JUDGE,))
    settings = _settings(asked, style, guard, model)
    # warnings about a guard's template concern the turns of a chat, which a guard does not have
    warnings = tuple(model.chat.describe().get("warnings", ())) if style == "prompt" else ()
    return BoundStage(stage, settings, {JUDGE: model.use}, model.use.identity, warnings)


def _style(model: ChatModel) -> str:
    for style, telling in _TELLING.items():
        if telling.search(Path(model.use.name).name) or (model.source and telling.search(model.source)):
            return style
    return "prompt"


def _reads(asked: Safety, context: Context) -> tuple[str, ...]:
    return tuple(SPEC.needs(asked, context.available))


def _asked_by_prompt(asked: Safety, model: ChatModel) -> Guard:
    takes = ("instruction", "response")
    prompt = package_prompt("safety/safety") if asked.prompt is None else read_prompt(Path(asked.prompt), takes)
    letters = _letters(prompt)
    if logprobs := _logprobs(model):
        check_letters(model, prompt.render({"instruction": "Why?", "response": None}), tuple(letters), "safety")
    sampling = _sampling(model, 1 if logprobs else 8)
    room = prompt_room(model, sampling.max_tokens)
    names = asked.categories
    return Guard(model.chat, read_letter(letters), sampling, prompt, names, asked.threshold, logprobs, room)


def _letters(prompt: JudgePrompt) -> dict[str, str]:
    """What each letter stands for, as the prompt itself says it."""
    letters = dict(_LETTER_LINE.findall(prompt.render({"instruction": "Why?", "response": None})))
    if next(iter(letters.values()), "").strip().lower() != "safe":
        raise RecipeError(
            f'the prompt {prompt.name} lists no letters: expected lines such as "A. safe" and then "B. violence", of '
            "which the first is safe"
        )
    return letters


def _guard(asked: Safety, model: ChatModel, name: str) -> Guard:
    style: Style = STYLES[name]
    sampling = _sampling(model, style.max_tokens)
    names = {**asked.categories, **_called(_names(model, name), asked.categories)}
    room = prompt_room(model, style.max_tokens)
    return Guard(model.chat, style.read, sampling, None, names, asked.threshold, _logprobs(model), room)


def _called(own: Mapping[str, str], asked: Mapping[str, str]) -> dict[str, str]:
    """What each code is called: as the recipe has it by the code or by the guard's own name, else that name."""
    return {code: asked.get(code) or asked.get(name, name) for code, name in own.items()}


def _names(model: ChatModel, style: str) -> dict[str, str]:
    """What a guard's codes stand for: its own chat template lists them. "" is of a guard that judges one kind alone."""
    if style == "llama_guard":
        return dict(_CODE_LINE.findall(_shown(model)))
    kwargs = model.template.kwargs
    if style == "granite_guardian":
        config = kwargs.get("guardian_config", {})
        return {"": str(config.get("risk_name") or config.get("criteria_id") or "harm")}
    if style == "shield_gemma" and (harm := _guideline(str(kwargs.get("guideline", "")))):
        return {"": harm}
    return {}


def _guideline(text: str) -> str | None:
    """The harm that a guideline names: what stands in quotation marks, as "No Dangerous Content"."""
    match = _GUIDELINE.search(text[:_LONGEST_GUIDELINE])
    return None if match is None else match[1].lower()


def _shown(model: ChatModel) -> str:
    """The guard's prompt as its template writes it; empty behind a server that does."""
    chat = model.exact
    if chat is None or isinstance(model.chat, MessagesChat):
        return ""
    return chat.script.prompt((Message("user", "Why?"),))


def _logprobs(model: ChatModel) -> int:
    """Asked for where the engine tells them; without them there is a verdict, and no probability."""
    return MOST_LOGPROBS if Capability.LOGPROBS in model.use.capabilities.can else 0


def _sampling(model: ChatModel, max_tokens: int) -> SamplingParams:
    ids, texts = model.chat.response_stop_token_ids, model.chat.response_stop
    return SamplingParams(temperature=0.0, max_tokens=max_tokens, stop_token_ids=ids, stop=texts)


def _settings(asked: Safety, style: str, guard: Guard, model: ChatModel) -> dict[str, Any]:
    prompt = None if guard.prompt is None else guard.prompt.digest
    told = frozen(asked, only={"of", "threshold", "drop"})
    names = dict(guard.names or {})
    return {
        **told, "style": style, "prompt": prompt, "categories": names, "sampling": frozen_sampling(guard.sampling),
        **written_by(model),
    }  # fmt: skip
