"""Answers an instruction: the whole conversation so far goes in, what the assistant writes comes out."""

from __future__ import annotations

from magpie.seams import Asking, Chat, Completion, Drop, Message, Request, Row, SamplingParams
from magpie.stages.judge import why_drop


def respond(row: Row, chat: Chat, sampling: SamplingParams) -> Asking:
    """Sample one response (Magpie, section 2.1). Drops what is of no use, see `judge`."""
    messages = (Message("user", row["instruction"]),)
    completion: Completion = yield Request(chat.next_assistant(messages), sampling)
    columns = {"response": chat.assistant_text(completion.text)}
    reason = why_drop(completion, columns["response"], chat)
    return columns if reason is None else Drop(reason, columns)
