"""OpenVINO's continuous batching, a step at a poll. Runs in the child; the only file that uses the library.

It knows the library's words and its quirks, and nothing of settings, templates or rows.

Its own stop strings are not used: it tokenizes each of them and looks for tokens. Its own JSON schemas are not used
either: one that it cannot read breaks every step that follows, and white space without end is within them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import openvino
import openvino_genai as genai

from magpie.engines.checks import refusal, room, token_ids
from magpie.engines.json_grammar import UnknownSchema, structure_grammar
from magpie.engines.openvino.plan import CAPABILITIES, Plan
from magpie.engines.seeds import seed32
from magpie.engines.stops import StopStrings
from magpie.errors import RequestFailed
from magpie.safe.redaction import one_line
from magpie.seams import Completion, Request

BATCH_TOKENS = 8192
"""The most tokens in one step. Measured with 256 prompts of 340 tokens on 2 cores: 512 take 13.9 s, 2,048 6.2 s, 8,192
2.2 s."""
AHEAD = 4
"""One request for so many slots waits for a slot to come free, so that none is empty while an answer is read."""

Answer = Completion | RequestFailed


@contextmanager
def open_pipeline(plan: Plan) -> Iterator[OpenVino]:
    """Load the model. Raises whatever the library raises."""
    scheduler = genai.SchedulerConfig()
    if plan.blocks is None:
        scheduler.cache_size = plan.cache_gb
    else:
        scheduler.num_kv_blocks = plan.blocks
    scheduler.max_num_seqs = plan.slots
    scheduler.max_num_batched_tokens = max(BATCH_TOKENS, plan.slots)
    scheduler.enable_prefix_caching = True  # the same texts, and 0.4 s for 2.3 s where prompts begin alike
    pipeline = genai.ContinuousBatchingPipeline(str(plan.path), scheduler, plan.device, dict(plan.properties), {})
    engine = OpenVino(pipeline, plan)
    try:
        yield engine
    finally:
        engine.close()


@dataclass(slots=True, eq=False)
class _Held:
    request: Request
    handle: Any
    stops: StopStrings | None
    """None where the request has no stop strings: its tokens are then read once, at its end."""
    ids: list[int] = field(default_factory=list)
    ended: bool = False
    """Whether its last token is one that ends a text."""
    alone: bool = False
    """Whether nothing else was in flight since it was begun."""


class OpenVino:
    """A loaded model. Use it from one thread."""

    def __init__(self, pipeline: Any, plan: Plan) -> None:
        self.window, self.context = plan.slots + plan.slots // AHEAD, plan.context
        self.vocab_size, self.trained_context = plan.files.tokenizer.vocab_size, plan.files.context or 0
        self.capabilities = CAPABILITIES
        self._pipeline, self._decode = pipeline, plan.files.tokenizer.decode
        self._ends = frozenset(plan.files.eog_ids)
        self._live: dict[int, _Held] = {}
        self._refused: list[tuple[int, Answer]] = []
        self._put_off: deque[tuple[int, Request]] = deque()
        self._begun = count()

    def close(self) -> None:
        self.cancel(list(self._live))
        if self._pipeline.has_non_finished_requests():
            self._pipeline.step()  # which lets go of what was cancelled
        self._pipeline = None

    def submit(self, ticket: int, request: Request) -> None:
        failed = refusal(request, self.context, self.vocab_size, self.capabilities)
        try:
            if failed is None:
                self._live[ticket] = self._begin(request)
                return
        except UnknownSchema as error:
            failed = RequestFailed(f"the JSON schema cannot be followed: {error}")
        except (RuntimeError, ValueError, TypeError) as error:
            failed = RequestFailed(f"OpenVINO refused the request: {one_line(str(error).strip().splitlines()[-1])}")
        self._refused.append((ticket, failed))

    def _begin(self, request: Request) -> _Held:
        prompt = openvino.Tensor(np.array([token_ids(request)], dtype=np.int64))
        handle = self._pipeline.add_request(next(self._begun), prompt, self._config(request))
        stops = request.sampling.stop
        if len(self._live) == 1:
            next(iter(self._live.values())).alone = False
        return _Held(request, handle, StopStrings(stops, self._decode) if stops else None, alone=not self._live)

    def _config(self, request: Request) -> Any:
        sampling, config = request.sampling, genai.GenerationConfig()
        config.apply_chat_template = False
        config.max_new_tokens = room(request, self.context)
        config.stop_token_ids = set(self._stop_ids(request))
        config.do_sample = sampling.temperature > 0
        if config.do_sample:
            config.temperature, config.top_p = sampling.temperature, sampling.top_p
            config.rng_seed = seed32(request.seed)
        if request.structure is not None:
            config.structured_output_config = genai.StructuredOutputConfig(grammar=structure_grammar(request.structure))
        return config

    def _stop_ids(self, request: Request) -> frozenset[int]:
        return self._ends | {i for i in request.sampling.stop_token_ids if 0 <= i < self.vocab_size}

    def poll(self, wait: float) -> Sequence[tuple[int, Answer]]:  # noqa: ARG002  (a step is never waited for)
        done, self._refused = self._refused, []
        if self._live:
            self._pipeline.step()
            done += self._answers()
        self._begin_again(2 * len(done) if self._live else 1)
        return done

    def _answers(self) -> list[tuple[int, Answer]]:
        done: list[tuple[int, Answer]] = []
        gone: list[int] = []
        for ticket, held in self._live.items():
            status = held.handle.get_status()
            running = status == genai.GenerationStatus.RUNNING
            if status == genai.GenerationStatus.IGNORED:
                gone.append(ticket)
            elif not (running and held.stops is None) and (answer := self._looked_at(held, running)) is not None:
                done.append((ticket, answer))
        for ticket, _ in done:
            del self._live[ticket]
        return done + [(ticket, failed) for ticket in gone if (failed := self._without_room(ticket)) is not None]

    def _without_room(self, ticket: int) -> RequestFailed | None:
        """When memory is short the library gives up requests that would fit later: they are begun again."""
        held = self._live.pop(ticket)
        if held.alone:
            return RequestFailed("OpenVINO has no room for the request: give the engine a larger cache_gb")
        self._put_off.append((ticket, held.request))
        return None

    def _begin_again(self, most: int) -> None:
        """One alone, then two for each that ends."""
        while self._put_off and most > 0:
            ticket, request = self._put_off.popleft()
            self._live[ticket] = self._begin(request)
            most -= 1

    def _looked_at(self, held: _Held, running: bool) -> Answer | None:
        """The request's answer, if it has ended; one with stop strings is checked after every step."""
        self._read(held)
        if held.stops is not None and held.ids and not held.ended:
            text = held.stops.cut(held.ids)
            if text is not None:
                held.handle.cancel()
                return self._completion(held, text, len(held.ids), "stop")
        if running:
            return None
        kept = held.ids[:-1] if held.ended else held.ids
        return self._completion(held, self._decode(kept), len(held.ids), "stop" if held.ended else "length")

    def _read(self, held: _Held) -> None:
        while held.handle.can_read():
            for output in held.handle.read().values():
                held.ids += output.generated_ids
        held.ended = bool(held.ids) and held.ids[-1] in self._stop_ids(held.request)

    def _completion(self, held: _Held, text: str, counted: int, finish: str) -> Completion:
        return Completion(
            text=text,
            token_ids=tuple(held.ids[:-1] if held.ended else held.ids),
            finish_reason="stop" if finish == "stop" else "length",
            prompt_tokens=len(token_ids(held.request)),
            completion_tokens=counted,
        )

    def cancel(self, tickets: Sequence[int]) -> None:
        for ticket in tickets:
            if held := self._live.pop(ticket, None):
                held.handle.cancel()
        gone = set(tickets)
        self._refused = [(ticket, failed) for ticket, failed in self._refused if ticket not in gone]
        self._put_off = deque((ticket, request) for ticket, request in self._put_off if ticket not in gone)
