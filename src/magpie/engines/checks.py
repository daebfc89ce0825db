"""What every engine refuses before native code sees it. Knows token ids and lengths, not how a model is run."""

from __future__ import annotations

import orjson

from magpie.errors import ContextFull, RequestFailed
from magpie.seams import Capabilities, Capability, Choice, JsonSchema, Request, Tokens


def refusal(request: Request, context: int, vocab_size: int, capabilities: Capabilities) -> RequestFailed | None:
    """Why this request cannot be served by a model of this context and vocabulary (both in tokens), or None."""
    if told := _wrong(request, capabilities):
        return RequestFailed(told)
    if not isinstance(request.prompt, Tokens):
        return None
    if told := _wrong_ids(request.prompt.ids, vocab_size):
        return RequestFailed(told)
    return context_full(len(request.prompt.ids), context)


def context_full(prompt_tokens: int, context: int) -> ContextFull | None:
    """Why a prompt of so many tokens cannot be continued within the context; None where it can."""
    if prompt_tokens < context:
        return None
    return ContextFull(
        f"the prompt has {prompt_tokens} tokens and the context {context}: no room is left to continue it; "
        "give the engine a larger context, or a shorter prompt"
    )


def _wrong(request: Request, capabilities: Capabilities) -> str | None:
    if (kind := type(request.prompt).__name__.lower()) not in capabilities.prompts:
        return f"the prompt is {kind} and the engine takes {' or '.join(capabilities.prompts)}"
    if lacking := lacks(request, capabilities):
        return f"the request needs {lacking}, which the engine does not offer"
    if isinstance(request.structure, Choice) and not all(request.structure.options or ("",)):
        return "the choice is empty: expected at least one option, and no empty one"
    if isinstance(request.structure, JsonSchema) and (told := _no_schema(request.structure.schema)):
        return told
    if request.sampling.max_tokens < 1:
        return f"max_tokens is {request.sampling.max_tokens}: expected at least 1"
    return None


def _no_schema(schema: str) -> str | None:
    try:
        found = orjson.loads(schema)
    except orjson.JSONDecodeError as error:
        return f"the JSON schema is no JSON: {error}"
    return None if isinstance(found, dict) else f"the JSON schema is {schema[:60]!r}: expected an object of keywords"


def lacks(request: Request, capabilities: Capabilities) -> Capability | None:
    """What the request needs and these capabilities do not have."""
    if not request.banned and request.structure is None and request.logprobs <= 0:
        return None
    needed = {
        Capability.LOGIT_BIAS: bool(request.banned),
        Capability.STRUCTURE: request.structure is not None,
        Capability.LOGPROBS: request.logprobs > 0,
    }
    return next((one for one, is_needed in needed.items() if is_needed and one not in capabilities.can), None)


def _wrong_ids(ids: tuple[int, ...], vocab_size: int) -> str | None:
    if not ids:
        return "the prompt is empty: expected at least one token"
    if min(ids) < 0 or max(ids) >= vocab_size:
        bad = next(i for i in ids if not 0 <= i < vocab_size)
        return (
            f"the prompt holds token id {bad}, and the model's vocabulary has ids 0 to {vocab_size - 1}: "
            "the tokenizer is not this model's"
        )
    return None


def token_ids(request: Request) -> tuple[int, ...]:
    """The prompt's ids, of a request that `refusal` let pass for an engine that takes nothing else."""
    assert isinstance(request.prompt, Tokens), "an engine of token ids was handed something else"
    return request.prompt.ids


def room(request: Request, context: int) -> int:
    """`max_tokens`, lowered to what the context has left after the prompt. In tokens."""
    return min(request.sampling.max_tokens, context - len(token_ids(request)))
