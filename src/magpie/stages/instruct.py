"""The first stage: the model, given what stands before a user message, writes the user message itself.

Judges only what it can see in the completion. Knows nothing of what comes after.
"""

from __future__ import annotations

import re

from magpie.seams import Asking, Chat, Completion, Drop, Request, Row, SamplingParams

_BARE_ROLE = re.compile(r"(?:user|assistant|system|human|model)\s*:?", re.IGNORECASE)


def instruct(row: Row, chat: Chat, sampling: SamplingParams) -> Asking:  # noqa: ARG001
    """Sample one instruction (Magpie, section 2.1). Drops it when it is truncated, leaks a role, or is empty."""
    completion: Completion = yield Request(chat.next_user(()), sampling)
    text = chat.user_text(completion.text)
    raw = completion.text if completion.text != text else None
    columns = {"instruction": text, "instruction_raw": raw}
    reason = why_drop(completion, text, chat)
    return columns if reason is None else Drop(reason, columns)


def why_drop(completion: Completion, text: str, chat: Chat) -> str | None:
    """Why an instruction is of no use: `truncated`, `role_leak`, `empty`; None when it is.

    A leak is a special token that the model wrote inside its turn, such a token's text, or a first or last line that
    is nothing but a role's name. A role's name inside a sentence is not: instructions about assistants are wanted.
    """
    if completion.finish_reason == "length":
        return "truncated"
    if chat.leaks(completion.token_ids, text) or _has_bare_role(text):
        return "role_leak"
    return None if text else "empty"


def _has_bare_role(text: str) -> bool:
    lines = text.splitlines()
    return len(lines) > 1 and any(_BARE_ROLE.fullmatch(line.strip()) for line in (lines[0], lines[-1]))
