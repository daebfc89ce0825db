"""Answers an instruction: the whole conversation so far goes in, what the assistant writes comes out."""

from __future__ import annotations

from magpie.seams import Asking, Chat, Completion, Drop, Message, Request, Row, SamplingParams


def respond(row: Row, chat: Chat, sampling: SamplingParams) -> Asking:
    """Sample one response (Magpie, section 2.1). Drops the row when the response is truncated, leaks or is empty."""
    messages = (Message("user", row["instruction"]),)
    completion: Completion = yield Request(chat.next_assistant(messages), sampling)
    columns = {"response": chat.assistant_text(completion.text)}
    reason = why_drop(completion, columns["response"], chat)
    return columns if reason is None else Drop(reason, columns)


def why_drop(completion: Completion, text: str, chat: Chat) -> str | None:
    """Why a response is of no use: `truncated`, `role_leak`, `empty`; None when it is."""
    if completion.finish_reason == "length":
        return "truncated"
    if chat.leaks(completion.token_ids, text):
        return "role_leak"
    return None if text else "empty"
