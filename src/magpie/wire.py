"""Requests and completions as plain values: what a journal keeps, and what crosses to an engine in another process.

What stands at its default is left out. Knows no file, no process and no encoding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from magpie.seams import (
    Choice,
    Completion,
    JsonSchema,
    Logprob,
    Message,
    Messages,
    Prompt,
    Request,
    SamplingParams,
    Structure,
    Text,
    Tokens,
)


def plain_completion(said: Completion) -> dict[str, Any]:
    """Plain values that JSON can write."""
    plain: dict[str, Any] = {
        "text": said.text,
        "token_ids": said.token_ids,
        "finish_reason": said.finish_reason,
        "prompt_tokens": said.prompt_tokens,
        "completion_tokens": said.completion_tokens,
        "wasted_tokens": said.wasted_tokens,
    }
    if said.logprobs:
        plain["logprobs"] = [[tuple(one) for one in place] for place in said.logprobs]  # orjson takes no named tuples
    return plain


def read_completion(plain: Mapping[str, Any]) -> Completion:
    """The completion that `plain_completion` wrote, before or after JSON."""
    logprobs = tuple(tuple(Logprob(*one) for one in place) for place in plain.get("logprobs", ()))
    return Completion(**{**plain, "token_ids": tuple(plain["token_ids"]), "logprobs": logprobs})


def plain_request(request: Request) -> dict[str, Any]:
    """Plain values that JSON can write."""
    sampling = request.sampling
    plain: dict[str, Any] = {
        **_plain_prompt(request.prompt),
        "sampling": [
            sampling.temperature,
            sampling.top_p,
            sampling.max_tokens,
            sampling.stop_token_ids,
            sampling.stop,
        ],
        "model": request.model,
        "seed": request.seed,
    }
    if request.banned:
        plain["banned"] = request.banned
    if request.structure is not None:
        plain["structure"] = _plain_structure(request.structure)
    if request.logprobs:
        plain["logprobs"] = request.logprobs
    return plain


def read_request(plain: Mapping[str, Any]) -> Request:
    """The request that `plain_request` wrote, before or after JSON."""
    temperature, top_p, max_tokens, stop_token_ids, stop = plain["sampling"]
    return Request(
        prompt=_read_prompt(plain),
        sampling=SamplingParams(temperature, top_p, max_tokens, tuple(stop_token_ids), tuple(stop)),
        model=plain["model"],
        seed=plain["seed"],
        banned=tuple(plain.get("banned", ())),
        structure=_read_structure(plain.get("structure")),
        logprobs=plain.get("logprobs", 0),
    )


def _plain_prompt(prompt: Prompt) -> dict[str, Any]:
    match prompt:
        case Tokens(ids):
            return {"tokens": ids}
        case Text(text):
            return {"text": text}
        case Messages(messages):
            return {"messages": [list(message) for message in messages]}


def _read_prompt(plain: Mapping[str, Any]) -> Prompt:
    if "tokens" in plain:
        return Tokens(tuple(plain["tokens"]))
    if "text" in plain:
        return Text(plain["text"])
    return Messages(tuple(Message(*one) for one in plain["messages"]))


def _plain_structure(structure: Structure) -> dict[str, Any]:
    match structure:
        case JsonSchema(schema):
            return {"schema": schema}
        case Choice(options):
            return {"choice": options}


def _read_structure(plain: Mapping[str, Any] | None) -> Structure | None:
    if plain is None:
        return None
    return Choice(tuple(plain["choice"])) if "choice" in plain else JsonSchema(plain["schema"])
