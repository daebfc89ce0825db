"""The first stage: given the template's text before a user message, the model writes the user message itself.

Judges only what the completion shows. Knows no later stage.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from magpie.errors import ContextFull, TemplateError
from magpie.seams import BROKEN, Asking, Chat, Completion, Drop, Request, Row, SamplingParams
from magpie.stages.instruct.mix import Mix, Start
from magpie.stages.text.usable import why_drop

Clean = Callable[[str], tuple[str, str | None]]
"""An instruction without what does not belong to it, and the name of the rule that took it off, or None."""

_BARE_ROLE = re.compile(r"(?:user|assistant|system|human|model)\s*:?", re.IGNORECASE)


def as_it_is(text: str) -> tuple[str, str | None]:
    """Cleans nothing."""
    return text, None


def instruct(
    row: Row,  # noqa: ARG001 (every stage takes one; this one makes it)
    chat: Chat,
    sampling: SamplingParams,
    banned: tuple[int, ...] = (),
    clean: Clean = as_it_is,
    start: Start | None = None,
    divisor: float = 1.0,
) -> Asking:
    """Sample one instruction (Magpie, section 2.1). Drops what is unusable, see `why_not_user`, and as
    `no_request` a text that is only an answer, or what an assistant says.

    `banned`: ids that it may not start with. `start`: the prompt to continue; by default the pre-query. `divisor`: what
    the first token's logits are divided by.
    """
    start = start or Start(chat.next_user(()))
    try:
        completion = yield from sample_user(chat, Request(start.prompt, sampling, banned=banned), divisor)
    except ContextFull:
        return Drop("context_full", {})
    whole = start.text + completion.text
    text, rule = clean(chat.user_text(whole))
    columns = {
        "instruction": text,
        "instruction_raw": whole if whole != text else None,
        "sanitized_by": rule,
    }
    reason = why_not_user(completion, text, chat, sampling)
    if reason == "empty" and rule is not None:
        reason = "no_request"
    return columns if reason is None else Drop(reason, columns)


def instruct_by_mix(row: Row, mix: Mix, clean: Clean = as_it_is) -> Asking:
    """The same, as the row's variant has it."""
    variant, system = mix[row["row"]]
    told = {"variant": variant.name, "system": system}
    try:
        start = variant.start(system)
    except TemplateError:
        return Drop("template_refused", told)
    outcome = yield from instruct(row, variant.chat, variant.sampling, variant.banned, clean, start, variant.divisor)
    if isinstance(outcome, Drop):
        return Drop(outcome.reason, {**outcome.columns, **told})
    return {**outcome, **told}


def why_not_user(completion: Completion, text: str, chat: Chat, sampling: SamplingParams) -> str | None:
    """The first reason not to accept `text` as a user message; None when there is none."""
    return why_drop(completion, text, chat, sampling) or ("role_leak" if _has_bare_role(text) else None)


def _has_bare_role(text: str) -> bool:
    """Whether the first or last line is nothing but a role's name. Inside a sentence such a name is welcome:
    instructions about assistants are wanted.
    """
    lines = text.splitlines()
    return len(lines) > 1 and any(_BARE_ROLE.fullmatch(line.strip()) for line in (lines[0], lines[-1]))


def sample_user(chat: Chat, request: Request, divisor: float = 1.0) -> Generator[Request, Any, Completion]:
    """Sample a user message. No engine can ban a token at one position only, or divide the logits of one position;
    where that is needed, the first token is a request of its own.

    Dividing logits by `divisor` and then by the temperature equals sampling at the temperature times the divisor: the
    same distribution, also under top_p, on any engine. At temperature 0 nothing changes.
    """
    sampling = request.sampling
    if not request.banned and (divisor == 1.0 or sampling.temperature == 0):
        completion: Completion = yield request
        return completion
    hotter = sampling.temperature * divisor
    first: Completion = yield replace(request, sampling=replace(sampling, max_tokens=1, temperature=hotter))
    if first.finish_reason == "stop" or sampling.max_tokens == 1:
        return first
    going_on = replace(sampling, max_tokens=sampling.max_tokens - 1)
    rest: Completion = yield replace(request, prompt=request.prompt + first, sampling=going_on, banned=())
    return _joined(first, rest, chat)


def _joined(first: Completion, rest: Completion, chat: Chat) -> Completion:
    """Two completions as one. A character that the cut between them broke is read from the ids together."""
    ids = first.token_ids + rest.token_ids
    text = chat.text(ids) if BROKEN in first.text else first.text + rest.text
    sampled = first.completion_tokens + rest.completion_tokens
    return replace(rest, text=text, token_ids=ids, completion_tokens=sampled)
