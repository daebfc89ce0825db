"""The first stage: the model, given what stands before a user message, writes the user message itself.

Judges only what it can see in the completion. Knows nothing of what comes after.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from magpie.seams import BROKEN, Asking, Chat, Completion, Drop, Request, Row, SamplingParams
from magpie.stages.judge import why_drop

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
) -> Asking:
    """Sample one instruction (Magpie, section 2.1). Drops what is of no use, see `judge`.

    `banned`: ids that it may not begin with. No engine bans a token at one place only, so its first token is then a
    request of its own.
    """
    completion = yield from _sample(chat, sampling, banned)
    text, rule = clean(chat.user_text(completion.text))
    columns = {
        "instruction": text,
        "instruction_raw": completion.text if completion.text != text else None,
        "sanitized_by": rule,
    }
    reason = why_drop(completion, text, chat, sampling) or ("role_leak" if _has_bare_role(text) else None)
    return columns if reason is None else Drop(reason, columns)


def _has_bare_role(text: str) -> bool:
    """Whether the first or last line is nothing but a role's name. Inside a sentence such a name is welcome:
    instructions about assistants are wanted.
    """
    lines = text.splitlines()
    return len(lines) > 1 and any(_BARE_ROLE.fullmatch(line.strip()) for line in (lines[0], lines[-1]))


def _sample(chat: Chat, sampling: SamplingParams, banned: tuple[int, ...]) -> Generator[Request, Any, Completion]:
    opening = chat.next_user(())
    if not banned:
        completion: Completion = yield Request(opening, sampling)
        return completion
    first: Completion = yield Request(opening, replace(sampling, max_tokens=1), banned=banned)
    if first.finish_reason == "stop" or sampling.max_tokens == 1:
        return first
    rest: Completion = yield Request(opening + first, replace(sampling, max_tokens=sampling.max_tokens - 1))
    return _joined(first, rest, chat)


def _joined(first: Completion, rest: Completion, chat: Chat) -> Completion:
    """Two completions as one. A character that the cut between them broke is read from the ids together."""
    ids = first.token_ids + rest.token_ids
    text = chat.text(ids) if BROKEN in first.text else first.text + rest.text
    sampled = first.completion_tokens + rest.completion_tokens
    return replace(rest, text=text, token_ids=ids, completion_tokens=sampled)
