"""Talks to llama.cpp's server: submits requests, polls answers, cancels. It knows the server's words and its quirks.

It knows nothing of how the model was loaded, of chat templates or of rows.

A request's text depends on its prompt, sampling and seed and, in the last bits of the arithmetic, on how many others
are in the batch: llama.cpp multiplies one row or two with other kernels than three and more. Measured (`bench/same.py`)
on 300 requests to fledgling: 99.7% of sampled texts and all greedy ones were the same in another order or with 8 slots
for 32; 96.3% of sampled ones when asked one at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from magpie.engines.checks import refusal, room, token_ids
from magpie.engines.json_grammar import UnknownSchema
from magpie.engines.llamacpp.loopback import Answered, ConnectionLost, Loopback, Unanswered
from magpie.engines.llamacpp.protocol import grammar, likeliest
from magpie.engines.seeds import llamacpp_seed
from magpie.errors import ContextFull, EngineDied, RequestFailed
from magpie.http.answers import READING_ERRORS, Garbled, decode_json, error_message, json_or_none, names_the_length
from magpie.seams import Capabilities, Capability, Completion, Request

CAPABILITIES = Capabilities(("tokens",), frozenset(Capability))

FIELDS = ("content", "tokens", "stop_type", "stopping_word", "tokens_predicted", "tokens_evaluated")
"""What is asked of an answer: without this list it repeats the prompt and every setting."""
_ASK = 0
"""The ticket of a question on the side: there is never more than one."""
_PULSE = -1
"""The ticket of the question whether the engine still works. The runner's tickets are not negative."""
_UNREADABLE = (Garbled, *READING_ERRORS)
_Read = TypeVar("_Read")


class LlamaCpp:
    """A loaded model, used through its server's socket. Use it from one thread; `open_llamacpp` makes it and closes
    it."""

    def __init__(self, address: str, slots: int, context: int, patience: float) -> None:
        self.window, self.context = slots, context
        self.vocab_size = self.trained_context = 0
        self.capabilities = CAPABILITIES
        self._wire, self._side, self._patience = Loopback(address), Loopback(address), patience
        self._live: dict[int, Request] = {}
        self._refused: list[tuple[int, Completion | RequestFailed]] = []
        self._lost: ConnectionLost | None = None
        self._heard = time.monotonic()
        self._pulse_sent = False
        self._pieces: dict[int, _Piece] = {}

    def start(self) -> None:
        """Learn the model's sizes, and wait for its loop: a server closed before its loop runs never ends."""
        with _told():
            self.vocab_size, self.trained_context, context = self._ask("/v1/models", _sizes)
            self._ask("/completion", _anything, {"prompt": [0], "n_predict": 1})
        self.context = min(self.context, context)  # the server goes no further than the trained context

    def close(self) -> None:
        self._wire.close()
        self._side.close()

    def submit(self, ticket: int, request: Request) -> None:
        if failed := refusal(request, self.context, self.vocab_size, self.capabilities):
            self._refused.append((ticket, failed))
            return
        try:
            self._wire.post(ticket, "/completion", self._body(request))
        except UnknownSchema as error:
            self._refused.append((ticket, RequestFailed(f"the JSON schema cannot be asked of llama.cpp: {error}")))
            return
        except orjson.JSONEncodeError as error:  # such as half of a surrogate pair in a stop
            self._refused.append((ticket, RequestFailed(f"the request cannot be sent to llama.cpp: {error}")))
            return
        except ConnectionLost as error:
            self._lost = error
        if not self._live:
            self._heard = time.monotonic()
        self._live[ticket] = request

    def poll(self, wait: float) -> Sequence[tuple[int, Completion | RequestFailed]]:
        done, self._refused = self._refused, []
        try:
            answers = [] if self._lost else self._wire.ready(0.0 if done else wait)
            done += self._answers(answers)
            if self._lost is None:
                self._watch(bool(answers))
        except ConnectionLost as error:
            self._lost = error
        if self._lost is not None and not done:
            raise EngineDied(f"llama.cpp is gone: {self._lost}") from self._lost
        return done

    def _answers(self, answers: Sequence[Answered | Unanswered]) -> list[tuple[int, Completion | RequestFailed]]:
        """What was answered before the server was lost counts."""
        done: list[tuple[int, Completion | RequestFailed]] = []
        for answer in answers:
            if answer.ticket == _PULSE:
                continue
            try:
                done.append((answer.ticket, self._answer(answer)))
            except ConnectionLost as error:  # while the server was asked something on the side
                self._lost = self._lost or error
        return done

    def cancel(self, tickets: Sequence[int]) -> None:
        """Their slots are free within a second, when the server next looks whether anyone still listens."""
        self._wire.drop(tickets)
        for ticket in tickets:
            self._live.pop(ticket, None)
        self._refused = [(ticket, failed) for ticket, failed in self._refused if ticket not in set(tickets)]

    def tokenize(self, text: str) -> list[int]:
        """llama.cpp's own tokenizer: special tokens written out become their ids, nothing is added."""
        with _told():
            return self._tokenize(text, special=True)

    def detokenize(self, ids: Sequence[int]) -> str:
        """The text of `ids`, special tokens written out."""
        with _told():
            return self._detokenize(ids)

    def _body(self, request: Request) -> bytes:
        sampling = request.sampling
        pieces = [self._piece(i) for i in sampling.stop_token_ids if 0 <= i < self.vocab_size]
        return orjson.dumps(
            {
                **grammar(request),
                **({"n_probs": request.logprobs} if request.logprobs else {}),
                "prompt": token_ids(request),
                "n_predict": room(request, self.context),
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "samplers": ["temperature", "top_p"] if sampling.top_p < 1.0 else ["temperature"],
                "seed": llamacpp_seed(request.seed),
                "stop": [*sampling.stop, *(piece.text for piece in pieces if piece.special)],
                "logit_bias": [[token_id, False] for token_id in request.banned],
                "cache_prompt": False,
                "return_tokens": True,
                "response_fields": (*FIELDS, "completion_probabilities") if request.logprobs else FIELDS,
            }
        )

    def _answer(self, answered: Answered | Unanswered) -> Completion | RequestFailed:
        request = self._live.pop(answered.ticket)
        if isinstance(answered, Unanswered):
            return RequestFailed(f"llama.cpp gave no whole answer: {answered.reason}")
        if answered.status != 200:
            kind = ContextFull if names_the_length(json_or_none(answered.body)) else RequestFailed
            return kind(f"llama.cpp refused the request: {error_message(answered.body)}")
        try:
            return self._completion(request, decode_json(answered.body))
        except Garbled as error:
            return RequestFailed(f"llama.cpp: {error}")
        except READING_ERRORS as error:
            return RequestFailed(f"llama.cpp gave an answer in no known form ({type(error).__name__})")

    def _completion(self, request: Request, said: Any) -> Completion:
        """Raises `Garbled` or one of `READING_ERRORS` for an answer in another form, `ConnectionLost`."""
        asked = request.logprobs
        ids, ended = [_checked_id(one, self.vocab_size) for one in said["tokens"]], said["stop_type"] in ("eos", "word")
        end = _stop_place(ids, request.sampling.stop_token_ids, said["stop_type"] == "eos")
        if end is None:
            counted = len(ids)
            text, finish = str(said["content"]), "stop" if ended else "length"
        else:
            counted = end + 1
            text, finish = self._text_before(end, ids, str(said["content"])), "stop"
        return Completion(
            text=text,
            token_ids=tuple(ids[:end]),
            finish_reason="stop" if finish == "stop" else "length",
            prompt_tokens=len(token_ids(request)),
            completion_tokens=counted,
            wasted_tokens=len(ids) - counted,
            logprobs=tuple(map(likeliest, said["completion_probabilities"][: len(ids[:end])])) if asked else (),
        )

    def _text_before(self, end: int, ids: list[int], content: str) -> str:
        """The text of `ids[:end]`: nearly always all of it but the stop token's own piece."""
        if end == len(ids) - 1 and (piece := self._piece(ids[end])).special:
            return content.removesuffix(piece.text)
        return self._detokenize(ids[:end])

    def _detokenize(self, ids: Sequence[int]) -> str:
        """Decoded after an anchor, because some vocabularies drop the leading space of a text."""
        anchor = self._tokenize("a", special=False)
        return self._text([*anchor, *ids]).removeprefix(self._text(anchor))

    def _piece(self, token_id: int) -> _Piece:
        """A token's text, requested once: that takes a fraction of a millisecond, and the model keeps working."""
        if token_id not in self._pieces:
            text = self._text([token_id])
            special = self._tokenize(text, special=True) == [token_id] != self._tokenize(text, special=False)
            self._pieces[token_id] = _Piece(text, special)
        return self._pieces[token_id]

    def _tokenize(self, text: str, special: bool) -> list[int]:
        asked = {"content": text, "add_special": False, "parse_special": special}
        return self._ask("/tokenize", lambda said: [int(one) for one in said["tokens"]], asked)

    def _text(self, ids: Sequence[int]) -> str:
        return self._ask("/detokenize", lambda said: str(said["content"]), {"tokens": list(ids)})

    def _ask(self, route: str, read: Callable[[Any], _Read], body: dict[str, Any] | None = None) -> _Read:
        """Send a query to the server and wait for the answer, beside the requests in flight. Raises `ConnectionLost`,
        also for an answer that `read` cannot read: then it is not the server that was started."""
        if body is None:
            self._side.get(_ASK, route)
        else:
            self._side.post(_ASK, route, orjson.dumps(body))
        answers = self._side.ready(self._patience)
        if not answers:
            self._side.drop([_ASK])
            raise ConnectionLost(f"no answer to {route} for {self._patience:g} seconds")
        if isinstance(answers[0], Unanswered):
            raise ConnectionLost(f"no whole answer to {route}: {answers[0].reason}")
        try:
            return read(decode_json(answers[0].body))
        except _UNREADABLE as error:
            reason = f"an answer to {route} in no known form (status {answers[0].status}, {type(error).__name__})"
        raise ConnectionLost(reason)

    def _watch(self, heard: bool) -> None:
        """Raise when the engine answers nothing, not even how it is, for twice its patience."""
        now = time.monotonic()
        if heard or not self._live:
            self._heard, self._pulse_sent = now, False
        elif now - self._heard > self._patience and not self._pulse_sent:
            self._wire.get(_PULSE, "/slots")  # answered between two steps of the batch
            self._pulse_sent = True
        elif now - self._heard > 2 * self._patience:
            raise ConnectionLost(f"no answer for {2 * self._patience:g} seconds")


def _sizes(said: Any) -> tuple[int, int, int]:
    """Of the model: its vocabulary, its trained context and a slot's context, in tokens."""
    meta = said["data"][0]["meta"]
    return int(meta["n_vocab"]), int(meta["n_ctx_train"]), int(meta["n_ctx"])


def _anything(said: Any) -> Any:
    return said


def _checked_id(token_id: Any, vocab_size: int) -> int:
    if type(token_id) is not int or not 0 <= token_id < vocab_size:
        raise ValueError("no token id")
    return token_id


@contextmanager
def _told() -> Iterator[None]:
    """A lost connection, as the error that the seam defines."""
    try:
        yield
    except ConnectionLost as error:
        raise EngineDied(f"llama.cpp is gone: {error}") from error


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    special: bool
    """Only the template can write it: its text, tokenized with special tokens off, is other tokens."""


def _stop_place(ids: Sequence[int], stop_ids: Sequence[int], ends_at_last: bool) -> int | None:
    """The index of the first stop token in the sampled ids."""
    place = next((i for i, token_id in enumerate(ids) if token_id in stop_ids), None)
    return len(ids) - 1 if place is None and ends_at_last else place
