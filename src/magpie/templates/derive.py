"""Derives from a model's own chat template all that magpie needs to prompt it: the `Chat`.

Order matters: first the form of messages that the template takes, then its defaults, then the prompts, as ids. `report`
describes the findings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from magpie.errors import TemplateError
from magpie.modelfiles.model import ModelFiles
from magpie.seams import Message, Tokenizer
from magpie.templates import thinking as thoughts
from magpie.templates.chat import ChatTemplate
from magpie.templates.ends import assistant_end, plain_headers, sample_texts, texts_of, user_end
from magpie.templates.families import Family, family_of
from magpie.templates.marks import written_by
from magpie.templates.openings import Surroundings, surroundings
from magpie.templates.options import OMIT_SYSTEM, TEMPLATE_SYSTEM, TemplateOptions
from magpie.templates.render import Budget, Renderer
from magpie.templates.report import report_of
from magpie.templates.script import Script
from magpie.templates.sentinels import ASSISTANT, USER, shared_start
from magpie.templates.survey import (
    ASK,
    REPLY,
    Findings,
    examine,
    learn,
    missing_header,
    own_system_turn,
    with_thought,
)

_OTHER_DAYS: Final = ("2001-02-03", "2019-11-28")


def derive(model: ModelFiles, options: TemplateOptions = TemplateOptions()) -> ChatTemplate:  # noqa: B008 (frozen)
    """The `Chat` of `model`. Raises `TemplateError` where its template cannot be prompted this way, and says why."""
    given = options.chat_template is not None
    source = options.chat_template if options.chat_template is not None else model.template(options.name)
    more = {"additional_special_tokens": list(model.more_special)} if model.more_special else {}
    variables = {**model.special, **more, **_pinned(options), **options.kwargs}
    renderer = Renderer(source, variables, options.date or date.today().isoformat(), given, Budget())
    script, thinking, notes = _settle(Script(renderer), model, options)
    added = _written(script, model)
    found = examine(script, model.bos_token or "", added)
    script = _with_system(script, options, found, model.bos_token or "", notes)
    around = surroundings(script, thinking.tags[1] if thinking.tags else None)
    chat = _chat(script, model, options, added, around, family_of(source, model.tokenizer.added, model.name))
    _check(chat, notes)
    report = report_of(chat, model, options, found, thinking, _dates(renderer, script, options), notes)
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
    script = script.adopting(glue=missing_header(script, model.tokenizer.added))
    script = script.adopting(excess=script.manner.excess or _excess(script))
    between = _between(script)
    kind = "lead" if between.isspace() else "first_words"
    return script.adopting(**{kind: between}), thinking, notes


def _excess(script: Script) -> str:
    """The white space at the end of the generation prompt that is not there before an answer in a conversation.

    A prompt that opens reasoning is continued by an answer with reasoning, not by a plain one.
    """
    prompt, whole = script.bare_prompt([ASK]), script.conversation([ASK, REPLY])
    shared = shared_start([prompt, whole.rpartition(REPLY.content)[0]])
    left = prompt[shared:]
    return left if left.isspace() and not with_thought(script).startswith(prompt) else ""


def _between(script: Script) -> str:
    """What a whole conversation has between the prompt and the assistant's words."""
    prompt, whole = script.prompt([ASK]), script.conversation([ASK, REPLY])
    return whole[len(prompt) :].partition(REPLY.content)[0] if whole.startswith(prompt) else ""


def _omitting_system(script: Script, bos: str, notes: list[str]) -> Script:
    """The script without any system turn: as the template writes it for an empty message, else cut out of its text."""
    script = replace(script, system=TEMPLATE_SYSTEM)
    if not own_system_turn(script, bos).strip():
        return script
    if script.manner.system not in ("refused", "ignored") and not own_system_turn(_empty(script), bos).strip():
        return _empty(script)
    if script.manner.system != "own turn":
        raise TemplateError(
            "template.system: omit was asked for, but the chat template writes its own system text inside a user's "
            "turn; expected a turn that can be cut: give template.system a text, or template.chat_template a file"
        )
    notes.append("system: omit cuts the system turn that the chat template writes: no rendering of the template is so")
    return script.adopting(omitted=own_system_turn(script, bos))


def _empty(script: Script) -> Script:
    return replace(script, system="")


def _with_system(script: Script, options: TemplateOptions, found: Findings, bos: str, notes: list[str]) -> Script:
    """The script with the user's decision on the system prompt, as far as the template lets it be made."""
    role = script.manner.system
    if isinstance(options.system, str) and role in ("refused", "ignored"):
        notes.append(
            f"the system role is {role} by the chat template: magpie puts the text before the first user message"
        )
    if options.system is OMIT_SYSTEM:
        return _omitting_system(script, bos, notes)
    if options.system is not None or found.default_system is None:
        return replace(script, system=TEMPLATE_SYSTEM if options.system is None else options.system)
    if found.removes_default:
        without = _empty(script)
        if own_system_turn(without, bos).strip():
            notes.append(
                "system: none was asked for, and the chat template leaves an empty system turn, which the model may "
                "not know: template.system: omit takes the turn away too"
            )
        return without
    notes.append("system: none was asked for, but the chat template adds a system text that cannot be taken away")
    return script


def _written(script: Script, model: ModelFiles) -> dict[str, int]:
    """The special tokens that the template writes; the model itself may write a tag that opens or closes reasoning."""
    ids = {text: token.id for text, token in model.tokenizer.added.items()}
    found = written_by(sample_texts(script), ids)
    return {text: n for text, n in found.items() if not re.search(r"think|reason", text, re.IGNORECASE)}


def _chat(
    script: Script,
    model: ModelFiles,
    options: TemplateOptions,
    added: Mapping[str, int],
    around: Surroundings,
    family: Family,
) -> ChatTemplate:
    ends = user_end(script, added), assistant_end(script, added, model.eog_ids)
    if not ends[0].token_ids and not ends[0].texts:
        raise TemplateError(
            "the chat template puts nothing between a user's words and the assistant's: there is no telling where an "
            "instruction ends; expected a token or a text there"
        )
    return ChatTemplate(
        script=script,
        tokenizer=model.tokenizer,
        added=added,
        user_end=ends[0],
        assistant_end=ends[1],
        markers=_markers(script, added),
        family=family,
        around=around,
        heals=_heals(script, model.tokenizer),
        by_hand=options.pre_query,
    )


def _markers(script: Script, added: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*texts_of(script, added), *plain_headers(script, added)]))


def _heals(script: Script, tokenizer: Tokenizer) -> bool:
    prompt = script.prompt([ASK])
    rows = [tokenizer.encode(prompt + script.manner.lead + words) for words in ASSISTANT]
    alone = tokenizer.encode(prompt)
    return rows[0][: min(shared_start(rows), len(alone))] != alone


def _dates(renderer: Renderer, script: Script, options: TemplateOptions) -> tuple[str | None, bool]:
    """The day in the prompts, or None where the template prints none; and whether the user pinned it."""
    if {"strftime_now", "date_string"}.isdisjoint(renderer.facts["variables"]):
        return None, False
    texts = {replace(script, renderer=_on(day, renderer, options)).prompt([ASK]) for day in _OTHER_DAYS}
    return (renderer.date, options.date is not None) if len(texts) > 1 else (None, False)


def _on(day: str, renderer: Renderer, options: TemplateOptions) -> Renderer:
    pinned = _pinned(replace(options, date=day)) if options.date else {}
    return replace(renderer, date=day, variables={**renderer.variables, **pinned, **options.kwargs})


def _check(chat: ChatTemplate, notes: list[str]) -> None:
    """Check on one conversation what this package guarantees: each prompt is a prefix of the whole conversation."""
    turns = [ASK, REPLY, Message("user", USER[4]), Message("assistant", ASSISTANT[4])]
    opened = chat.next_user([]).ids
    if not opened:
        notes.append("nothing stands before the first user message: expected a special token or a header there")
    said = chat.script.conversation([*turns, ASK])
    notes += [
        f"the stop text {text!r} is not in a whole conversation: turns may go on without end"
        for text in [*chat.user_end.texts, *chat.assistant_end.texts]
        if text not in said
    ]
    if chat.by_hand is None and not (_goes_on(chat, turns, 2) and _goes_on(chat, turns, 4)):
        notes.append("a user's turn is rendered otherwise once it is answered: prompts follow the unanswered form")


def _goes_on(chat: ChatTemplate, turns: Sequence[Message], count: int) -> bool:
    """Whether the text before a user's words is the same in the answered conversation, if that can be rendered."""
    try:
        before = chat.next_user(turns[: count - 2]).ids
        whole = chat.tokenizer.encode(chat.script.conversation(turns[:count]))
    except TemplateError:
        return count > 2
    return tuple(whole[: len(before)]) == before
