"""What every engine refuses before native code sees it. Knows token ids and lengths, not how a model is run."""

from __future__ import annotations

from magpie.errors import RequestFailed
from magpie.seams import Request


def refusal(request: Request, context: int, vocab_size: int) -> RequestFailed | None:
    """Why this request cannot be served by a model of this context and vocabulary (both in tokens), or None."""
    ids = request.prompt.ids
    if not ids:
        return RequestFailed("the prompt is empty: expected at least one token")
    if len(ids) >= context:
        return RequestFailed(
            f"the prompt has {len(ids)} tokens and the context {context}: no room is left to continue it; "
            "give the engine a larger context, or a shorter prompt"
        )
    if min(ids) < 0 or max(ids) >= vocab_size:
        bad = next(i for i in ids if not 0 <= i < vocab_size)
        return RequestFailed(
            f"the prompt holds token id {bad}, and the model's vocabulary has ids 0 to {vocab_size - 1}: "
            "the tokenizer is not this model's"
        )
    if request.sampling.max_tokens < 1:
        return RequestFailed(f"max_tokens is {request.sampling.max_tokens}: expected at least 1")
    return None


def room(request: Request, context: int) -> int:
    """`max_tokens`, lowered to what the context has left after the prompt. In tokens."""
    return min(request.sampling.max_tokens, context - len(request.prompt.ids))
