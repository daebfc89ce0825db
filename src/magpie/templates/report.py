"""Describes what was derived from a chat template in plain values, for `run.json` and `magpie template --json`.

It has the words for readers, and decides nothing that a model sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from magpie.errors import TemplateError
from magpie.modelfiles.model import ModelFiles
from magpie.seams import Message
from magpie.templates.chat import ChatTemplate
from magpie.templates.defaults import default_warning, kind_of_default
from magpie.templates.options import TEMPLATE_SYSTEM, Switch, TemplateOptions
from magpie.templates.sentinels import ASSISTANT, USER, shared_end, split
from magpie.templates.survey import ASK, Findings
from magpie.templates.thinking import Thinking, shows_thoughts


@dataclass(frozen=True)
class _Piece:
    """A part of a prompt that the template writes."""

    ids: tuple[int, ...]
    text: str

    def described(self) -> dict[str, Any]:
        return {"ids": list(self.ids), "text": self.text}


def _pre_query(chat: ChatTemplate) -> _Piece:
    if chat.by_hand is not None:
        return _Piece(chat.next_user([]).ids, chat.by_hand)
    before, ids = chat.before_user([])
    return _Piece(tuple(ids), _without_tail(chat, before, ids, [Message("user", USER[0])]))


def _without_tail(chat: ChatTemplate, before: str, ids: Sequence[int], messages: Sequence[Message]) -> str:
    """`before` without the white space that the model writes itself, because it merges with the first word."""
    rest = chat.tokenizer.encode(chat.script.bare_prompt(messages))[len(ids) :]
    tail = chat.tokenizer.decode(rest).partition(messages[-1].content)[0]
    return before[: len(before) - len(tail)] if tail and before.endswith(tail) else before


def _follow_up(chat: ChatTemplate) -> _Piece:
    """The text between an assistant's words and the next user's."""
    said = [[ASK, Message("assistant", words)] for words in ASSISTANT]
    rows = [chat.before_user(turns) for turns in said]
    before, ids = rows[0]
    count = shared_end([row[1] for row in rows])
    text = _without_tail(chat, before, ids, [*said[0], Message("user", USER[0])])
    return _Piece(tuple(ids[len(ids) - count :]), text.rpartition(ASSISTANT[0])[2])


def _pre_response(chat: ChatTemplate) -> _Piece:
    """The text between a user's words and the assistant's."""
    rows = [chat.prompt_ids([Message("user", words)]) for words in USER]
    count = shared_end([ids for _, ids in rows])
    text, ids = rows[0]
    written, whole = chat.tokenizer.decode(ids), chat.tokenizer.decode(chat.tokenizer.encode(text))
    tail = whole.removeprefix(written) if whole.startswith(written) else ""
    after = split(text, USER[0], "user")[1].removesuffix(tail)
    return _Piece(tuple(ids[len(ids) - count :]), after)


def report_of(
    chat: ChatTemplate,
    model: ModelFiles,
    options: TemplateOptions,
    found: Findings,
    thinking: Thinking,
    dates: tuple[str | None, bool],
    notes: list[str],
) -> dict[str, Any]:
    """All findings. `notes` are listed among the warnings, and are extended."""
    rendered = chat.script.prompt([ASK])
    bos_inside = bool(model.bos_token) and rendered.lstrip().startswith(model.bos_token or "")
    return {
        "model": model.name,
        "family": chat.family.name,
        "pre_query": _pre_query(chat).described(),
        "pre_response": _pre_response(chat).described(),
        "follow_up": _try_follow_up(chat, notes),
        "stop_token_ids": list(chat.stop_token_ids),
        "stop_strings": list(chat.stop),
        "response_stop_token_ids": list(chat.response_stop_token_ids),
        "response_stop_strings": list(chat.response_stop),
        "cut_from_instruction": chat.user_end.between,
        "cut_from_response": chat.assistant_end.between,
        "default_system": found.default_system,
        "default_system_kind": kind_of_default(found.default_system),
        "system_role": chat.script.manner.system,
        "thinking": {
            **thinking.described(),
            "asked": options.thinking,
            "unseen": thinking.thinks(options.thinking) and not shows_thoughts(chat.script, thinking),
        },
        "generation_prompt": found.generation_prompt,
        "content": "parts" if chat.script.manner.parts else "text",
        "bos": {"token": model.bos_token, "inside": bos_inside},
        "date": dates[0],
        "first_token_bans": list(chat.first_token_bans),
        "markers": list(chat.markers),
        "warnings": [
            *notes,
            *_warnings(chat, model, thinking, options.thinking, dates, bos_inside),
            *_of_default(options, found),
            *chat.family.remarks,
        ],
    }


def _of_default(options: TemplateOptions, found: Findings) -> list[str]:
    """What to know of the template's own text, where the options leave it there."""
    told = default_warning(found.default_system) if options.system == TEMPLATE_SYSTEM else None
    return [] if told is None else [told]


def _pre_response_is_shorter(chat: ChatTemplate) -> bool:
    text, ids = chat.prompt_ids([ASK])
    return chat.heals and chat.tokenizer.decode(ids) != chat.tokenizer.decode(chat.tokenizer.encode(text))


def _try_follow_up(chat: ChatTemplate, notes: list[str]) -> dict[str, Any] | None:
    try:
        return _follow_up(chat).described()
    except TemplateError as error:
        notes.append(f"no second turn: {error}")
        return None


def _warnings(
    chat: ChatTemplate,
    model: ModelFiles,
    thinking: Thinking,
    asked: Switch,
    dates: tuple[str | None, bool],
    bos_inside: bool,
) -> list[str]:
    found = []
    if dates[0] and not dates[1]:
        found.append("the chat template prints today's date: pin it with template.date to make a run reproducible")
    if model.adds_bos and model.bos_token and not bos_inside:
        found.append(f"the tokenizer adds {model.bos_token} by itself, the chat template does not: prompts have none")
    if _pre_response_is_shorter(chat):
        found.append("the generation prompt ends in text that merges with what follows: it is left to the model")
    if not chat.user_end.token_ids:
        found.append(f"no token ends a user's turn: instructions stop at the text {chat.user_end.texts[0]!r}")
    if chat.script.manner.system == "last user turn":
        found.append("the chat template tells the system prompt in the last user message")
    if thinking.thinks(asked):
        found.append("the model thinks before it answers: responses start with its reasoning")
        if not shows_thoughts(chat.script, thinking):
            found.append(
                "the chat template shows no reasoning, so it cannot be told from an answer: give respond.thought_tags"
            )
    return found
