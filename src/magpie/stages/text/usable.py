"""Whether what a model wrote is of any use at all: the same for an instruction and a response. Knows no stage."""

from __future__ import annotations

from magpie.seams import BROKEN, Chat, Completion, SamplingParams


def why_drop(completion: Completion, text: str, chat: Chat, sampling: SamplingParams) -> str | None:
    """The first reason to drop `text`, which was taken from `completion`; None when there is none.

    `truncated`: it did not end within `max_tokens`. `context_full`: nor within the engine's context. `role_leak`: the
    model wrote a special token inside its turn, or the text of one. `broken_text`: bytes that are no character.
    `empty`: nothing.
    """
    if completion.finish_reason == "length":
        return "truncated" if completion.completion_tokens >= sampling.max_tokens else "context_full"
    if chat.leaks(completion.token_ids, text):
        return "role_leak"
    if BROKEN in text:
        return "broken_text"
    return None if text else "empty"
