"""Requests and completions as plain values: what a journal keeps, and what crosses to an engine in another process.

What stands at its default is left out. Knows no file, no process and no encoding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from hashlib import blake2b
from typing import Any, get_args

from magpie.seams import (
    Choice,
    Completion,
    FinishReason,
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
    }
    if said.wasted_tokens:
        plain["wasted_tokens"] = said.wasted_tokens
    if said.logprobs:
        plain["logprobs"] = [[tuple(one) for one in place] for place in said.logprobs]  # orjson takes no named tuples
    return plain


def read_completion(plain: Mapping[str, Any]) -> Completion:
    """The completion that `plain_completion` wrote, before or after JSON."""
    logprobs = tuple(tuple(Logprob(*one) for one in place) for place in plain.get("logprobs", ()))
    return Completion(**{**plain, "token_ids": tuple(plain["token_ids"]), "logprobs": logprobs})


def check_completion(plain: Any) -> None:
    """Raise `ValueError` unless `plain` is what `plain_completion` writes: a file may hold anything."""
    if not isinstance(plain, Mapping) or not _COMPLETION[0] <= plain.keys() <= _COMPLETION[1]:
        raise ValueError("not the keys of a completion")
    if not isinstance(plain["text"], str) or plain["finish_reason"] not in get_args(FinishReason):
        raise ValueError("a completion without its text, or that did not end")
    counts = [plain[name] for name in ("prompt_tokens", "completion_tokens", "wasted_tokens") if name in plain]
    if not isinstance(plain["token_ids"], list) or not all(map(_is_count, (*counts, *plain["token_ids"]))):
        raise ValueError("token ids or counts that are no whole numbers")
    places = plain.get("logprobs", [])
    if not isinstance(places, list) or not all(
        isinstance(place, list) and all(map(_is_logprob, place)) for place in places
    ):
        raise ValueError("log-probabilities of another shape")


_COMPLETION = (
    frozenset({"text", "token_ids", "finish_reason", "prompt_tokens", "completion_tokens"}),
    frozenset(field.name for field in fields(Completion)),
)
"""The keys of a completion: those that are always there, and all."""


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**31


def _is_logprob(value: Any) -> bool:
    match value:
        case [int(token_id), str(), int() | float() as logprob]:
            return type(token_id) is int and -1 <= token_id < 2**31 and type(logprob) is not bool
    return False


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


# -- journals of earlier magpies --------------------------------------------------------------------------------------


def recall(journaled: Mapping[tuple[int, str], Completion], n: int, request: Request) -> Completion | None:
    """What a journal holds of a row's n-th request, by its digest or by the one that earlier magpies wrote."""
    found = journaled.get((n, request.digest()))
    if found is None and any(len(digest) == _LEGACY_LENGTH for _, digest in journaled):
        found = journaled.get((n, legacy_digest(request)))
    return found


_LEGACY_LENGTH = 24


def legacy_digest(request: Request) -> str:
    """A request's digest as journals have it that were written before digests began with a 2: of the text by which
    Python showed the classes of that time. Nothing here may change, whatever becomes of the classes."""
    sampling = request.sampling
    shown = (
        f"({_legacy_prompt(request.prompt)}, SamplingParams(temperature={sampling.temperature!r}, "
        f"top_p={sampling.top_p!r}, max_tokens={sampling.max_tokens!r}, "
        f"stop_token_ids={sampling.stop_token_ids!r}, stop={sampling.stop!r}), {request.model!r}, {request.seed!r}, "
        f"{request.banned!r}, {_legacy_structure(request.structure)}, {request.logprobs!r})"
    )
    return blake2b(shown.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _legacy_prompt(prompt: Prompt) -> str:
    match prompt:
        case Tokens(ids):
            return f"Tokens(ids={ids!r})"
        case Text(text):
            return f"Text(text={text!r})"
        case Messages(messages):
            shown = [f"Message(role={message.role!r}, content={message.content!r})" for message in messages]
            return f"Messages(messages=({', '.join(shown)}{',' if len(shown) == 1 else ''}))"


def _legacy_structure(structure: Structure | None) -> str:
    match structure:
        case JsonSchema(schema):
            return f"JsonSchema(schema={schema!r})"
        case Choice(options):
            return f"Choice(options={options!r})"
    return "None"
