"""Derives from a model's own chat template all that magpie needs to prompt it: the `Chat`, and a report.

Order matters: first how the template wants to be spoken to, then what it does by itself, then the prompts, as ids.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from magpie.errors import TemplateError
from magpie.seams import Message, Tokenizer
from magpie.templates import thinking as thoughts
from magpie.templates.chat import ChatTemplate
from magpie.templates.ends import assistant_end, plain_header, texts_of, user_end
from magpie.templates.families import Family, family_of
from magpie.templates.model import ModelFiles
from magpie.templates.options import TEMPLATE_SYSTEM, TemplateOptions
from magpie.templates.render import Budget, Renderer
from magpie.templates.script import Script
from magpie.templates.sentinels import ASSISTANT, USER, shared_end, shared_start, split
from magpie.templates.survey import ASK, REPLY, Findings, examine, learn, missing_header

_OTHER_DAYS: Final = ("2001-02-03", "2019-11-28")


def derive(model: ModelFiles, options: TemplateOptions = TemplateOptions()) -> ChatTemplate:  # noqa: B008 (frozen)
    """The `Chat` of `model`. Raises `TemplateError` where its template cannot be prompted this way, and says why."""
    source = options.chat_template if options.chat_template is not None else model.template(options.name)
    variables = {**model.special, **_pinned(options), **options.kwargs}
    renderer = Renderer(source, variables, options.date or date.today().isoformat(), Budget())
    script, thinking, notes = _settle(Script(renderer), model, options)
    found = examine(script, model.bos_token or "")
    script = _with_system(script, options, found, notes)
    chat = _chat(script, model, options, family_of(source, model.tokenizer.added))
    _check(chat, notes)
    report = _report(chat, model, found, thinking, _dates(renderer, script, options), notes)
    return replace(chat, script=replace(chat.script, renderer=replace(renderer, budget=None)), report=report)


def _pinned(options: TemplateOptions) -> dict[str, str]:
    """The day under the name by which Llama's templates take it; only when pinned, for they have a day of their own."""
    if options.date is None:
        return {}
    try:
        return {"date_string": date.fromisoformat(options.date).strftime("%d %b %Y")}
    except ValueError:
        raise TemplateError(f"template.date is {options.date!r}; expected a day such as 2026-01-31") from None


def _settle(script: Script, model: ModelFiles, options: TemplateOptions) -> tuple[Script, thoughts.Thinking, list[str]]:
    """The script in the manner that the template wants, with thinking as the user wants it."""
    script = learn(script, model.bos_token or "")
    thinking = thoughts.find_thinking(script)
    script, notes = thoughts.apply(script, thinking, options.thinking)
    script = script.adopting(glue=missing_header(script) if _ignores_prompt(script) else "")
    script = script.adopting(excess=_excess(script))
    return script.adopting(lead=_lead(script)), thinking, notes


def _ignores_prompt(script: Script) -> bool:
    return script.bare_prompt([ASK]) == script.conversation([ASK])


def _excess(script: Script) -> str:
    """What the generation prompt has at its end beyond what stands before an assistant's words, if white space."""
    prompt, whole = script.bare_prompt([ASK]), script.conversation([ASK, REPLY])
    shared = shared_start([prompt, whole.rpartition(REPLY.content)[0]])
    return prompt[shared:] if prompt[shared:].isspace() else ""


def _lead(script: Script) -> str:
    """White space between the prompt and the assistant's words, as a whole conversation has it."""
    prompt, whole = script.prompt([ASK]), script.conversation([ASK, REPLY])
    between = whole[len(prompt) :].partition(REPLY.content)[0] if whole.startswith(prompt) else ""
    return between if between.isspace() else ""


def _with_system(script: Script, options: TemplateOptions, found: Findings, notes: list[str]) -> Script:
    """The script with the user's decision on the system prompt, as far as the template lets it be made."""
    role = script.manner.system
    if isinstance(options.system, str) and role in ("refused", "ignored"):
        notes.append(
            f"the system role is {role} by the chat template: magpie puts the text before the first user message"
        )
    if options.system is not None or found.default_system is None:
        return replace(script, system=TEMPLATE_SYSTEM if options.system is None else options.system)
    if found.removes_default:
        return replace(script, system="")
    notes.append("system: none was asked for, but the chat template adds a system text that cannot be taken away")
    return script


def _chat(script: Script, model: ModelFiles, options: TemplateOptions, family: Family) -> ChatTemplate:
    added = {t: a.id for t, a in model.tokenizer.added.items() if not re.search(r"think|reason", t, re.IGNORECASE)}
    ends = user_end(script, added), assistant_end(script, added, model.eog_ids)
    if not ends[0].token_ids and not ends[0].texts:
        _, after = split(script.prompt([ASK]), ASK.content, "user")
        raise TemplateError(
            "the chat template puts nothing between a user's words and the assistant's: there is no telling where an "
            f"instruction ends; expected a token or a text there. After the user's words it rendered: {after!r}"
        )
    return ChatTemplate(
        script=script,
        tokenizer=model.tokenizer,
        added=added,
        user_end=ends[0],
        assistant_end=ends[1],
        markers=_markers(script, added),
        family=family,
        heals=_heals(script, model.tokenizer),
        by_hand=options.pre_query,
    )


def _markers(script: Script, added: Mapping[str, int]) -> tuple[str, ...]:
    found = texts_of(script, added)
    header = plain_header(script)
    plain = () if any(token in header for token in found) or len(header) < 4 or header.isalnum() else (header,)
    return (*found, *plain)


def _heals(script: Script, tokenizer: Tokenizer) -> bool:
    prompt = script.prompt([ASK])
    ids = tokenizer.encode(prompt)
    rows = [tokenizer.encode(prompt + script.manner.lead + words) for words in ASSISTANT]
    return shared_start([ids, *rows]) < len(ids)


def _dates(renderer: Renderer, script: Script, options: TemplateOptions) -> tuple[str | None, bool]:
    """The day in the prompts, or None where the template prints none; and whether the user pinned it."""
    if "strftime_now" not in renderer.facts["variables"]:
        return None, False
    texts = {replace(script, renderer=replace(renderer, date=day)).prompt([ASK]) for day in _OTHER_DAYS}
    return (renderer.date, options.date is not None) if len(texts) > 1 else (None, False)


def _check(chat: ChatTemplate, notes: list[str]) -> None:
    """The promise of this package on one conversation: each prompt is where the whole conversation goes on."""
    turns = [ASK, REPLY, Message("user", USER[4]), Message("assistant", ASSISTANT[4])]
    opened = chat.next_user([]).ids
    if not opened:
        notes.append("nothing stands before the first user message: expected a special token or a header there")
    for count in (2, 4):
        whole = chat.tokenizer.encode(chat.script.conversation(turns[:count]))
        before = chat.next_user(turns[: count - 2]).ids
        if chat.by_hand is None and tuple(whole[: len(before)]) != before:
            notes.append("a user's turn is rendered otherwise once it is answered: prompts follow the unanswered form")
            return


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
    """What stands between an assistant's words and the next user's."""
    said = [[ASK, Message("assistant", words)] for words in ASSISTANT]
    rows = [chat.before_user(turns) for turns in said]
    before, ids = rows[0]
    count = shared_end([row[1] for row in rows])
    text = _without_tail(chat, before, ids, [*said[0], Message("user", USER[0])])
    return _Piece(tuple(ids[len(ids) - count :]), text.rpartition(ASSISTANT[0])[2])


def _pre_response(chat: ChatTemplate) -> _Piece:
    """What stands between a user's words and the assistant's."""
    rows = [chat.prompt_ids([Message("user", words)]) for words in USER]
    count = shared_end([ids for _, ids in rows])
    text, ids = rows[0]
    tail = chat.tokenizer.decode(chat.tokenizer.encode(text)[len(ids) :])
    after = split(text, USER[0], "user")[1].removesuffix(tail)
    return _Piece(tuple(ids[len(ids) - count :]), after)


def _report(
    chat: ChatTemplate,
    model: ModelFiles,
    found: Findings,
    thinking: thoughts.Thinking,
    dates: tuple[str | None, bool],
    notes: list[str],
) -> dict[str, Any]:
    rendered = chat.script.prompt([ASK])
    bos_inside = bool(model.bos_token) and rendered.startswith(model.bos_token or "")
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
        "system_role": chat.script.manner.system,
        "thinking": thinking.described(),
        "generation_prompt": found.generation_prompt,
        "content": "parts" if chat.script.manner.parts else "text",
        "bos": {"token": model.bos_token, "inside": bos_inside},
        "date": dates[0],
        "first_token_bans": list(chat.first_token_bans),
        "markers": list(chat.markers),
        "warnings": [*notes, *_warnings(chat, model, thinking, dates, bos_inside), *chat.family.remarks],
    }


def _try_follow_up(chat: ChatTemplate, notes: list[str]) -> dict[str, Any] | None:
    try:
        return _follow_up(chat).described()
    except TemplateError as error:
        notes.append(f"no second turn: {error}")
        return None


def _warnings(
    chat: ChatTemplate, model: ModelFiles, thinking: thoughts.Thinking, dates: tuple[str | None, bool], bos_inside: bool
) -> list[str]:
    found = []
    if dates[0] and not dates[1]:
        found.append("the chat template prints today's date: pin it with template.date to make a run reproducible")
    if model.adds_bos and model.bos_token and not bos_inside:
        found.append(f"the tokenizer adds {model.bos_token} by itself, the chat template does not: prompts have none")
    if chat.heals:
        found.append("the generation prompt ends in text that merges with what follows: it is left to the model")
    if not chat.user_end.token_ids:
        found.append(f"no token ends a user's turn: instructions stop at the text {chat.user_end.texts[0]!r}")
    if chat.script.manner.system == "last user turn":
        found.append("the chat template tells the system prompt in the last user message")
    if thinking.state in ("always", "on"):
        found.append("the model thinks before it answers: responses begin with a thought")
    return found
