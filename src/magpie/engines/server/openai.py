"""The dialects of OpenAI's API: vLLM's `/v1/completions` of token ids, any `/v1/completions` of text, and
`/v1/chat/completions`.

Knows fields and their quirks (vLLM 0.32; OpenAI's reference); no connection.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from magpie.engines.json_grammar import UnknownSchema, json_grammar
from magpie.engines.seeds import seed31, seed63
from magpie.engines.server.quirks import MOST_STOPS, Quirk
from magpie.engines.server.wire import (
    Asked,
    cut,
    events,
    finish,
    from_ids,
    likeliest,
    refuse_errors,
)
from magpie.errors import RequestFailed
from magpie.http.answers import Garbled, count_of, decode_json, logprob_of, text_of
from magpie.modelfiles.tokenizer import Vocabulary
from magpie.seams import (
    Capabilities,
    Capability,
    Choice,
    Completion,
    JsonSchema,
    Logprob,
    Messages,
    Request,
    Text,
    Tokens,
)

STREAM_ABOVE = 128
"""Longer answers than this are streamed: a server that has fallen silent then differs from a busy one. Tokens."""
STREAM_INTERVAL = 32
"""Tokens in a piece, where the server can be asked: a piece for each token costs vLLM's front end and this side."""
_ID = "token_id:"


@dataclass(frozen=True)
class Vllm:
    """vLLM: token ids there and back."""

    model: str
    context: int
    vocabulary: Vocabulary | None
    capabilities = Capabilities(("tokens",), frozenset(Capability))

    def ask(self, request: Request) -> Asked:
        assert isinstance(request.prompt, Tokens)
        sampling, ids = request.sampling, request.prompt.ids
        most = min(sampling.max_tokens, self.context - len(ids))
        streamed = most > STREAM_ABOVE
        body = {
            **_neutral(self.model, request, most),
            **_PENALTIES,
            "prompt": ids,
            "top_k": 0,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "seed": seed63(request.seed),
            "stop": sampling.stop,
            "stop_token_ids": _known(sampling.stop_token_ids, self.vocabulary),
            "return_token_ids": True,
            "skip_special_tokens": False,
            "spaces_between_special_tokens": False,
            **({"stream": True, "stream_interval": STREAM_INTERVAL} if streamed else {}),
            **({"logit_bias": {str(one): -100 for one in request.banned}} if request.banned else {}),
            **({"logprobs": request.logprobs, "return_tokens_as_token_ids": True} if request.logprobs else {}),
            **_structured_outputs(request),
        }
        return Asked("/v1/completions", orjson.dumps(body), streamed)

    def read(self, request: Request, body: bytes) -> Completion:
        said = _whole(events(body))
        if "token_ids" not in said:
            raise RequestFailed("the server tells no token ids (return_token_ids): vLLM does from 0.10.2 on")
        ids, reason = said["token_ids"], said["finish_reason"]
        by_token = reason == "stop" and not isinstance(said.get("stop_reason"), str)
        places = _by_id(said["logprobs"], request.logprobs, self.vocabulary) if request.logprobs else ()
        return from_ids(request, ids, finish(reason), by_token, said["text"], self.vocabulary, places)


def _structured_outputs(request: Request) -> dict[str, Any]:
    match request.structure:
        case Choice(options):
            return {"structured_outputs": {"choice": options}}
        case JsonSchema(schema):
            return {"structured_outputs": _schema(schema)}
        case None:
            return {}


def _schema(text: str) -> dict[str, Any]:
    """As a grammar of our own where there is one: for a schema vLLM allows white space without end between tokens, and
    a small model fills `max_tokens` with it."""
    try:
        return {"grammar": json_grammar(orjson.loads(text))}
    except UnknownSchema:
        return {"json": text}


def _known(ids: Sequence[int], vocabulary: Vocabulary | None) -> list[int]:
    """vLLM refuses a request for a stop id outside its vocabulary, which could never come."""
    return [one for one in ids if vocabulary is None or one < vocabulary.vocab_size]


def _by_id(told: Mapping[str, Any], most: int, vocabulary: Vocabulary | None) -> list[tuple[Logprob, ...]]:
    """`token_id:43` to log-probability, for each position."""

    def named(name: str, logprob: Any) -> Logprob:
        token_id = int(name.removeprefix(_ID))
        return Logprob(token_id, vocabulary.decode([token_id]) if vocabulary else "", logprob_of(logprob))

    return [likeliest((named(*one) for one in place.items()), most) for place in told["top_logprobs"]]


@dataclass(frozen=True)
class Completions:
    """Any other `/v1/completions`: text there and back, and of each parameter only what OpenAI documents."""

    model: str
    refused: frozenset[Quirk] = frozenset()
    stream_above: int = STREAM_ABOVE
    capabilities = Capabilities(("text",), frozenset({Capability.LOGPROBS}))

    def ask(self, request: Request) -> Asked:
        assert isinstance(request.prompt, Text)
        optional = _optional(request, self.refused, self.stream_above)
        body = {
            **_neutral(self.model, request, request.sampling.max_tokens),
            "prompt": request.prompt.text,
            **optional,
            **({"logprobs": request.logprobs} if request.logprobs else {}),
        }
        return Asked("/v1/completions", orjson.dumps(body), "stream" in optional)

    def optional(self, request: Request) -> tuple[Quirk, ...]:
        return _dispensable(request, self.refused, self.stream_above)

    def without(self, quirks: Collection[Quirk]) -> Completions:
        return replace(self, refused=self.refused | frozenset(quirks))

    def streaming(self) -> Completions:
        return replace(self, stream_above=0)

    def read(self, request: Request, body: bytes) -> Completion:
        said = _whole(events(body))
        return _from_text(request, said["text"], said["finish_reason"], said)


@dataclass(frozen=True)
class Chat:
    """`/v1/chat/completions`: conversations, which the server writes out and ends itself."""

    model: str
    refused: frozenset[Quirk] = frozenset()
    stream_above: int = STREAM_ABOVE
    capabilities = Capabilities(("messages",), frozenset({Capability.LOGPROBS, Capability.STRUCTURE}))

    def ask(self, request: Request) -> Asked:
        assert isinstance(request.prompt, Messages)
        optional = _optional(request, self.refused, self.stream_above)
        body = {
            **_neutral(self.model, request, request.sampling.max_tokens),
            "messages": [{"role": one.role, "content": one.content} for one in request.prompt.messages],
            **optional,
            **({"logprobs": True, "top_logprobs": request.logprobs} if request.logprobs else {}),
            **_response_format(request),
        }
        if Quirk.NEW_MAX_TOKENS in self.refused:
            body["max_completion_tokens"] = body.pop("max_tokens")
        return Asked("/v1/chat/completions", orjson.dumps(body), "stream" in optional)

    def optional(self, request: Request) -> tuple[Quirk, ...]:
        found = _dispensable(request, self.refused, self.stream_above)
        return found if Quirk.NEW_MAX_TOKENS in self.refused else (*found, Quirk.NEW_MAX_TOKENS)

    def without(self, quirks: Collection[Quirk]) -> Chat:
        return replace(self, refused=self.refused | frozenset(quirks))

    def streaming(self) -> Chat:
        return replace(self, stream_above=0)

    def read(self, request: Request, body: bytes) -> Completion:
        said = _whole(events(body))
        reason, text = said["finish_reason"], said["text"]
        if isinstance(request.structure, Choice) and finish(reason) == "stop":
            text = chosen(text, request.structure)
        return _from_text(request, text, reason, said)


def _response_format(request: Request) -> dict[str, Any]:
    match request.structure:
        case Choice(options):
            schema: Any = {
                "type": "object",
                "properties": {"choice": {"type": "string", "enum": options}},
                "required": ["choice"],
                "additionalProperties": False,
            }
        case JsonSchema(text):
            schema = orjson.loads(text)
        case None:
            return {}
    named = {"name": "answer", "strict": True, "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


def chosen(text: str, choice: Choice) -> str:
    """The option inside the JSON that a server without choices was asked for."""
    said = decode_json(text.encode())
    picked = said.get("choice") if isinstance(said, dict) else said
    if picked not in choice.options:
        raise Garbled("the answer is none of the choices")
    return str(picked)


def _neutral(model: str, request: Request, most: int) -> dict[str, Any]:
    """The fields that every server takes. All are given explicitly, because servers have defaults of their own."""
    sampling = request.sampling
    return {
        "model": model,
        "max_tokens": most,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
    }


_PENALTIES = {"presence_penalty": 0.0, "frequency_penalty": 0.0}


def _optional(request: Request, refused: Collection[Quirk], stream_above: int) -> dict[str, Any]:
    """What a request can do without, as far as the server does not refuse it."""
    stops = request.sampling.stop
    kept = () if Quirk.NO_STOPS in refused else stops[:MOST_STOPS] if Quirk.FEW_STOPS in refused else stops
    body: dict[str, Any] = {} if Quirk.NO_PENALTIES in refused else dict(_PENALTIES)
    body |= {} if Quirk.NO_SEED in refused else {"seed": seed31(request.seed)}
    body |= {"stop": kept} if kept else {}
    if request.sampling.max_tokens > stream_above and Quirk.NO_STREAM not in refused:
        body["stream"] = True
        body |= {} if Quirk.NO_STREAM_OPTIONS in refused else {"stream_options": {"include_usage": True}}
    return body


def _dispensable(request: Request, refused: Collection[Quirk], stream_above: int) -> tuple[Quirk, ...]:
    """The quirks that would change what `_optional` says."""
    body = _optional(request, refused, stream_above)
    return tuple(
        quirk
        for quirk in Quirk
        if quirk is not Quirk.NEW_MAX_TOKENS and _optional(request, {*refused, quirk}, stream_above) != body
    )


def _whole(said: Any) -> dict[str, Any]:
    """The one choice, put together from its pieces: text, ids and log-probabilities joined, `usage` beside them."""
    whole: dict[str, Any] = {"finish_reason": None}
    texts: list[str] = []
    for piece in said:
        refuse_errors(piece)
        whole["usage"] = piece.get("usage") or whole.get("usage")
        for choice in piece.get("choices") or ():
            texts.append(_text_of(choice))
            _join(whole, choice)
    if not whole["finish_reason"]:
        raise Garbled("the answer broke off: it tells no finish_reason")
    return whole | {"text": "".join(texts)}


def _text_of(choice: Mapping[str, Any]) -> str:
    """Nothing where a chat answers with nothing, as one that only thinks or calls a tool does."""
    inside = choice.get("message") or choice.get("delta")
    return text_of(inside.get("content") if inside is not None else choice.get("text"), "the text")


def _join(whole: dict[str, Any], choice: Mapping[str, Any]) -> None:
    whole["finish_reason"] = choice.get("finish_reason") or whole["finish_reason"]
    whole["stop_reason"] = choice.get("stop_reason")
    if choice.get("token_ids") is not None:
        whole.setdefault("token_ids", []).extend(choice["token_ids"])
    for name, values in (choice.get("logprobs") or {}).items():
        if isinstance(values, list):
            whole.setdefault("logprobs", {}).setdefault(name, []).extend(values)


def _from_text(request: Request, text: str, reason: Any, said: Mapping[str, Any]) -> Completion:
    """A completion of which only the text is known; its tokens are counted by the server, or not at all."""
    text, was_cut = cut(text, request.sampling.stop)
    usage = said.get("usage") or {}
    return Completion(
        text=text,
        token_ids=(),
        finish_reason="stop" if was_cut else finish(reason),
        prompt_tokens=count_of(usage.get("prompt_tokens"), "usage.prompt_tokens"),
        completion_tokens=count_of(usage.get("completion_tokens"), "usage.completion_tokens"),
        logprobs=_by_text(said.get("logprobs") or {}, request.logprobs) if request.logprobs else (),
    )


def _by_text(told: Mapping[str, Any], most: int) -> tuple[tuple[Logprob, ...], ...]:
    """The likeliest tokens of each position, from either of OpenAI's two forms: completions have `top_logprobs`, chats
    `content`."""
    if "content" in told:
        places = [[(one["token"], one["logprob"]) for one in place["top_logprobs"]] for place in told["content"]]
    elif "top_logprobs" in told:
        places = [list((place or {}).items()) for place in told["top_logprobs"]]
    else:
        raise RequestFailed("the server tells no log-probabilities, which were asked for")
    return tuple(
        likeliest((Logprob(-1, text_of(text, "a token"), logprob_of(value)) for text, value in place), most)
        for place in places
    )
