"""The dialects of servers that say more in an API of their own: llama.cpp's `/completion`, SGLang's `/generate`,
Ollama's `/api/generate`.

Knows fields and their quirks (llama.cpp 2026-10; SGLang's and Ollama's references of 2026-08); no connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from magpie.engines.json_grammar import UnknownSchema
from magpie.engines.llamacpp import protocol as llamacpp
from magpie.engines.seeds import llamacpp_seed, seed31
from magpie.engines.server.openai import STREAM_ABOVE, chosen
from magpie.engines.server.wire import (
    Asked,
    cut,
    finish,
    from_ids,
    json_lines,
    likeliest,
    refuse_errors,
)
from magpie.errors import RequestFailed
from magpie.http.answers import Garbled, count_of, decode_json, id_of, logprob_of, shown, text_of
from magpie.modelfiles.tokenizer import Vocabulary
from magpie.seams import (
    Capabilities,
    Capability,
    Choice,
    Completion,
    FinishReason,
    JsonSchema,
    Logprob,
    Request,
    Text,
    Tokens,
)

_REGEX = re.compile(r"[\\.^$*+?()\[\]{}|]")
_ESCAPED = r"\\\g<0>"
_FIELDS = ("content", "tokens", "stop_type", "completion_probabilities")
"""Without this list llama.cpp repeats the prompt and every setting."""


@dataclass(frozen=True)
class LlamaCpp:
    """llama-server. It has no stop ids: special ones are asked for as texts, the others are cut here, at a waste.

    Its answers come whole: in a stream it keeps back the ids of characters in pieces, closes the connection after each
    answer, and gives a third of the tokens per second with a small model.
    """

    model: str
    context: int
    vocabulary: Vocabulary | None
    capabilities = Capabilities(("tokens",), frozenset(Capability))

    def ask(self, request: Request) -> Asked:
        assert isinstance(request.prompt, Tokens)
        sampling, ids = request.sampling, request.prompt.ids
        body = {
            "model": self.model,
            "prompt": ids,
            "n_predict": min(sampling.max_tokens, self.context - len(ids)),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "samplers": ["temperature", "top_p"] if sampling.top_p < 1.0 else ["temperature"],
            "seed": llamacpp_seed(request.seed),
            "stop": [*sampling.stop, *self._special(sampling.stop_token_ids)],
            "logit_bias": [[token_id, False] for token_id in request.banned],
            "cache_prompt": False,
            "return_tokens": True,
            "response_fields": _FIELDS if request.logprobs else _FIELDS[:-1],
            **({"n_probs": request.logprobs} if request.logprobs else {}),
            **llamacpp.grammar(request),
        }
        return Asked("/completion", orjson.dumps(body), streamed=False)

    def read(self, request: Request, body: bytes) -> Completion:
        said = decode_json(body)
        refuse_errors(said)
        kind, ids = said["stop_type"], said["tokens"]
        if kind not in ("eos", "word", "limit"):
            raise Garbled(f"the answer ended with stop_type {shown(kind)!r}: expected eos, word or limit")
        ended: FinishReason = "length" if kind == "limit" else "stop"
        places = [llamacpp.likeliest(one) for one in said["completion_probabilities"]] if request.logprobs else []
        return from_ids(request, ids, ended, kind == "eos", said["content"], self.vocabulary, places)

    def _special(self, ids: Sequence[int]) -> list[str]:
        """The texts of special tokens, which nothing else writes; a server started with `--special` stops there."""
        if self.vocabulary is None:
            return []
        special = {token.id: text for text, token in self.vocabulary.added.items() if token.special}
        return [special[token_id] for token_id in ids if token_id in special]


@dataclass(frozen=True)
class Sglang:
    """SGLang's own API, because its OpenAI API returns no token ids. Answers are not streamed: each chunk of its
    streams repeats the whole text."""

    context: int
    vocabulary: Vocabulary | None
    capabilities = Capabilities(("tokens",), frozenset(Capability))

    def ask(self, request: Request) -> Asked:
        assert isinstance(request.prompt, Tokens)
        sampling, ids = request.sampling, request.prompt.ids
        parameters = {
            "max_new_tokens": min(sampling.max_tokens, self.context - len(ids)),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": -1,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "sampling_seed": seed31(request.seed),
            "stop": sampling.stop,
            "stop_token_ids": sampling.stop_token_ids,
            "skip_special_tokens": False,
            "spaces_between_special_tokens": False,
            **({"logit_bias": {str(one): -1e9 for one in request.banned}} if request.banned else {}),
            **_constraint(request),
        }
        body: dict[str, Any] = {"input_ids": ids, "sampling_params": parameters}
        if request.logprobs:
            body |= {
                "return_logprob": True,
                "logprob_start_len": -1,
                "top_logprobs_num": request.logprobs,
                "return_text_in_logprobs": True,
            }
        return Asked("/generate", orjson.dumps(body), streamed=False)

    def read(self, request: Request, body: bytes) -> Completion:
        said = decode_json(body)
        refuse_errors(said)
        reason = said["meta_info"]["finish_reason"] or {}
        kind, matched = reason.get("type"), reason.get("matched")
        if kind == "abort":
            raise Garbled(f"the server broke off: {shown(reason.get('message'), 300)}")
        ids, by_token = list(said["output_ids"]), type(matched) is int
        if by_token and (not ids or ids[-1] != matched):
            ids.append(matched)
        told = said["meta_info"].get("output_top_logprobs") if request.logprobs else None
        places = [tuple(_sglang_logprob(*one) for one in place if one[0] is not None) for place in told or ()]
        return from_ids(request, ids, finish(kind), by_token, said["text"], self.vocabulary, places)


def _sglang_logprob(value: Any, token_id: Any, text: Any) -> Logprob:
    """Of a token that can come. One that cannot has minus infinity, which SGLang writes as null."""
    return Logprob(id_of(token_id), text_of(text, "a token"), logprob_of(value))


def _constraint(request: Request) -> dict[str, Any]:
    match request.structure:
        case Choice(options):
            return {"regex": f"({'|'.join(_REGEX.sub(_ESCAPED, one) for one in options)})"}
        case JsonSchema(schema):
            return {"json_schema": schema}
        case None:
            return {}


@dataclass(frozen=True)
class Ollama:
    """Ollama, raw: the prompt as it is, but for a beginning-of-sequence token that its tokenizer adds."""

    model: str
    context: int
    capabilities = Capabilities(("text",), frozenset({Capability.STRUCTURE, Capability.LOGPROBS}))

    def ask(self, request: Request) -> Asked:
        assert isinstance(request.prompt, Text)
        sampling = request.sampling
        streamed = sampling.max_tokens > STREAM_ABOVE
        options = {
            "num_ctx": self.context,
            "num_predict": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": 0,
            "min_p": 0.0,
            "typical_p": 1.0,
            "repeat_penalty": 1.0,
            "presence_penalty": 0.0,
            "frequency_penalty": 0.0,
            "seed": seed31(request.seed),
            "stop": sampling.stop,
        }
        body = {
            "model": self.model,
            "prompt": request.prompt.text,
            "raw": True,
            "stream": streamed,
            "truncate": False,
            "shift": False,
            "options": options,
            **({"logprobs": True, "top_logprobs": request.logprobs} if request.logprobs else {}),
            **_format(request),
        }
        return Asked("/api/generate", orjson.dumps(body), streamed)

    def read(self, request: Request, body: bytes) -> Completion:
        pieces = json_lines(body)
        for piece in pieces:
            refuse_errors(piece)
        if not pieces or not pieces[-1].get("done"):
            raise Garbled("the answer broke off: it tells no end")
        last, reason = pieces[-1], finish(pieces[-1].get("done_reason"))
        said = "".join(text_of(piece.get("response"), "the text") for piece in pieces)
        text, was_cut = cut(said, request.sampling.stop)
        if isinstance(request.structure, Choice) and reason == "stop":
            text = chosen(text, request.structure)
        return Completion(
            text=text,
            token_ids=(),
            finish_reason="stop" if was_cut else reason,
            prompt_tokens=count_of(last.get("prompt_eval_count"), "prompt_eval_count"),
            completion_tokens=count_of(last.get("eval_count"), "eval_count"),
            logprobs=_ollama_places(pieces, request.logprobs) if request.logprobs else (),
        )


def _format(request: Request) -> dict[str, Any]:
    match request.structure:
        case Choice(options):
            return {"format": {"type": "string", "enum": options}}
        case JsonSchema(schema):
            return {"format": orjson.loads(schema)}
        case None:
            return {}


def _ollama_places(pieces: Sequence[Mapping[str, Any]], most: int) -> tuple[tuple[Logprob, ...], ...]:
    places = [place for piece in pieces for place in piece.get("logprobs") or ()]
    if not places and any(piece.get("response") for piece in pieces):
        raise RequestFailed("the server tells no log-probabilities: Ollama does from 0.12.11 on")
    told = [place["top_logprobs"] for place in places]
    return tuple(
        likeliest((Logprob(-1, text_of(one["token"], "a token"), logprob_of(one["logprob"])) for one in place), most)
        for place in told
    )


SCHEMA_ERRORS = (UnknownSchema, orjson.JSONDecodeError)
"""What `ask` raises for a JSON schema that is none, or that has no translation."""
