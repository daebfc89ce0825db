"""Keeps vLLM's engine stepping: requests in, completions out. Knows its words and its quirks.

Knows nothing of how the model was opened, of chat templates or of rows. It runs in the process that holds the model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from magpie.engines.checks import refusal, room, token_ids
from magpie.engines.seeds import seed63
from magpie.errors import EngineCrashed, RequestFailed
from magpie.safe import redaction
from magpie.seams import Capabilities, Choice, Completion, JsonSchema, Logprob, Request, Structure

CAPABILITIES = Capabilities()
"""Prompts of token ids, and everything else that there is."""
MOST_BANNED = 1024
"""vLLM keeps a table of this many biased tokens for each request (v1/worker/gpu/sample/logit_bias.py), and ends the
whole engine when a request has more."""
LEAST_LOGPROB = -9999.0
"""Replaces minus infinity, which JSON cannot write; vLLM's server uses the same number."""


class Vllm:
    """A loaded model, in this process. Use it from one thread; `vllm.open_in_process` makes it and closes it."""

    def __init__(self, engine: Any, trained_context: int) -> None:
        config = engine.vllm_config
        self.context, self.trained_context = int(config.model_config.max_model_len), trained_context
        self.vocab_size = int(config.model_config.get_vocab_size())
        slots = int(config.scheduler_config.max_num_seqs)
        self.window = slots + max(1, slots // 4)  # some wait, so that no slot does
        self.capabilities = CAPABILITIES
        self._engine = engine
        self._reader = Reader(engine.get_tokenizer())
        self._live: dict[int, Request] = {}
        self._refused: list[tuple[int, Completion | RequestFailed]] = []

    def submit(self, ticket: int, request: Request) -> None:
        failed = refusal(request, self.context, self.vocab_size, self.capabilities) or _too_many(request)
        if failed is None:
            failed = self._add(ticket, request)
        if failed is None:
            self._live[ticket] = request
        else:
            self._refused.append((ticket, failed))

    def poll(self, wait: float) -> Sequence[tuple[int, Completion | RequestFailed]]:  # noqa: ARG002  it never waits
        """Run one step of the whole batch."""
        done, self._refused = self._refused, []
        if not self._live:
            return done
        try:
            outputs = self._engine.step()
        except Exception as error:
            raise EngineCrashed(
                f"vLLM broke off in the middle of a step: {type(error).__name__}: {one_line(error)}"
            ) from error
        return done + [(int(one.request_id), self._answer(one)) for one in outputs if one.finished]

    def cancel(self, tickets: Sequence[int]) -> None:
        gone = [ticket for ticket in tickets if self._live.pop(ticket, None)]
        if gone:
            self._engine.abort_request([str(ticket) for ticket in gone])
        self._refused = [(ticket, failed) for ticket, failed in self._refused if ticket not in set(tickets)]

    def _add(self, ticket: int, request: Request) -> RequestFailed | None:
        from vllm.inputs import tokens_input

        name = str(ticket)
        try:
            self._engine.add_request(name, tokens_input(list(token_ids(request))), self._params(request))
        except Exception as error:  # its own errors are no ValueErrors, and grammars raise what they like
            with suppress(Exception):
                self._engine.abort_request([name])
            return RequestFailed(f"vLLM refused the request: {one_line(error)}")
        return None

    def _params(self, request: Request) -> Any:
        """vLLM's sampling parameters: nothing but the request's own sampling."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        sampling = request.sampling
        return SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=0,
            min_p=0.0,
            seed=seed63(request.seed),
            max_tokens=room(request, self.context),
            stop=list(sampling.stop),
            stop_token_ids=[i for i in sampling.stop_token_ids if 0 <= i < self.vocab_size],
            logit_bias={i: -math.inf for i in request.banned if 0 <= i < self.vocab_size} or None,
            structured_outputs=_structured(request.structure),
            logprobs=request.logprobs or None,
            detokenize=bool(sampling.stop),  # else the text is decoded once, when it is whole
            skip_special_tokens=False,
            spaces_between_special_tokens=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
            skip_clone=True,
        )

    def _answer(self, output: Any) -> Completion | RequestFailed:
        request, said = self._live.pop(int(output.request_id)), output.outputs[0]
        if said.finish_reason not in ("stop", "length"):
            return RequestFailed(_ended(said.finish_reason, request))
        ids, by_text = tuple(said.token_ids), isinstance(said.stop_reason, str)
        kept = ids[:-1] if said.finish_reason == "stop" and not by_text else ids
        return Completion(
            text=said.text if by_text else self._reader.text(kept),
            token_ids=kept,
            finish_reason=said.finish_reason,
            prompt_tokens=len(token_ids(request)),
            completion_tokens=len(ids),
            logprobs=self._likeliest(said.logprobs, request.logprobs)[: len(kept)],
        )

    def _likeliest(self, places: Any, most: int) -> tuple[tuple[Logprob, ...], ...]:
        """vLLM adds what was sampled to the likeliest tokens: one more than were asked for, first of all."""
        return tuple(tuple(self._ranked(place)[:most]) for place in places or ())

    def _ranked(self, place: Any) -> list[Logprob]:
        told = [(max(one.logprob, LEAST_LOGPROB), token_id) for token_id, one in place.items()]
        ranked = sorted(told, key=lambda one: (-one[0], one[1]))
        return [Logprob(token_id, self._reader.piece(token_id), logprob) for logprob, token_id in ranked]


class Reader:
    """Token ids as text, special tokens written out. vLLM's own text drops the bytes of a character cut off at its end,
    and decoding at every step takes 1 to 4% of its time here."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        tokenizer.clean_up_tokenization_spaces = False  # it would take spaces from before punctuation
        self._anchor = [int(i) for i in tokenizer.encode("a", add_special_tokens=False)]
        self._lead = self._decode(self._anchor)
        self._pieces: dict[int, str] = {}

    def text(self, ids: Sequence[int]) -> str:
        """Decoded after an anchor, because some vocabularies drop the leading space of a text."""
        return self._decode([*self._anchor, *ids]).removeprefix(self._lead)

    def piece(self, token_id: int) -> str:
        """One token's text."""
        if token_id not in self._pieces:
            self._pieces[token_id] = self.text((token_id,))
        return self._pieces[token_id]

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=False))


def one_line(error: BaseException) -> str:
    """The first line that an exception says, or its name."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return redaction.one_line(lines[0]) if lines else type(error).__name__


def _too_many(request: Request) -> RequestFailed | None:
    if len(request.banned) <= MOST_BANNED:
        return None
    return RequestFailed(f"{len(request.banned)} tokens are banned, and vLLM takes at most {MOST_BANNED} a request")


def _ended(reason: str, request: Request) -> str:
    why = ": nothing that fits its structure was left to sample" if request.structure else ""
    return f"vLLM ended the request with {reason!r}{why}"


def _structured(structure: Structure | None) -> Any:
    from vllm.sampling_params import StructuredOutputsParams

    match structure:
        case None:
            return None
        case JsonSchema(schema):
            return StructuredOutputsParams(json=schema)
        case Choice(options):
            return StructuredOutputsParams(choice=list(options))
