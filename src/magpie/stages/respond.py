"""Answers an instruction: the whole conversation so far goes in, what the assistant writes comes out."""

from __future__ import annotations

from magpie.errors import TemplateError
from magpie.seams import Asking, Chat, Completion, Drop, Message, Request, Row, SamplingParams
from magpie.stages.judge import why_drop


def respond(row: Row, chat: Chat, sampling: SamplingParams) -> Asking:
    """Sample one response (Magpie, section 2.1). Drops what is of no use, see `judge`, and
    an instruction that the chat template refuses: some read control words in what a user says."""
    try:
        prompt = chat.next_assistant((Message("user", row["instruction"]),))
    except TemplateError:
        return Drop("template_refused", {})
    completion: Completion = yield Request(prompt, sampling)
    columns = {"response": chat.assistant_text(completion.text)}
    reason = why_drop(completion, columns["response"], chat, sampling)
    return columns if reason is None else Drop(reason, columns)
