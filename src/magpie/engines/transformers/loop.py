"""A model of transformers, run a token at a time: requests join the batch and leave it while others continue.

Runs in the child. Knows requests, and which of them are in which slot; the slots themselves belong to `torch_slots`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from magpie.engines.checks import refusal, room, token_ids
from magpie.engines.guidance import Guide, Guides
from magpie.engines.stops import StopStrings
from magpie.engines.transformers.capabilities import CAPABILITIES
from magpie.engines.transformers.cohorts import Cohort
from magpie.engines.transformers.load import Loaded, load
from magpie.engines.transformers.sampling import Dice, Sampled, sample
from magpie.engines.transformers.slots import PREFILL_TOKENS, Slots
from magpie.errors import EngineDied, MissingExtra, RequestFailed
from magpie.seams import Completion, Logprob, Request
from magpie.settings.engines import Transformers as TransformersSettings

SHARE = 8
"""New requests wait until this part of the slots is free, so that each pass over the weights reads several prompts."""
LONGEST_WAIT = 4
"""Steps after which they wait no longer."""

Answer = Completion | RequestFailed


@contextmanager
def open_loop(model: str, files: Path, revision: str | None, settings: TransformersSettings) -> Iterator[Loop]:
    """Load the model. Raises whatever the library raises."""
    yield Loop(load(model, files, revision, settings))


@dataclass(slots=True, eq=False)
class _Text:
    """A request and what is written of its answer."""

    ticket: int
    request: Request
    prompt: tuple[int, ...]
    most: int
    ends: frozenset[int]
    stops: StopStrings
    dice: Dice
    guide: Guide | None
    ids: list[int] = field(default_factory=list)
    logprobs: list[list[tuple[int, float]]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Batch:
    slots: Slots | Cohort
    seats: list[_Text | None] = field(default_factory=list)
    """Who sits in which slot."""

    def live(self) -> list[int]:
        return [slot for slot, text in enumerate(self.seats) if text is not None]


class Loop:
    """A loaded model. Use it from one thread."""

    def __init__(self, loaded: Loaded) -> None:
        self.window, self.context = loaded.slots + max(1, loaded.slots // 4), loaded.context
        self.vocab_size, self.trained_context = loaded.vocab_size, loaded.files.context or 0
        self.capabilities = CAPABILITIES
        self._loaded, self._most = loaded, loaded.slots
        self._decode = loaded.files.tokenizer.decode
        self._waiting: deque[_Text] = deque()
        self._waited = 0
        self._refused: list[tuple[int, Answer]] = []
        self._batches = [_Batch(Slots(loaded.forward))] if loaded.plain else []
        self._guides: Guides | None = None

    def submit(self, ticket: int, request: Request) -> None:
        failed = refusal(request, self.context, self.vocab_size, self.capabilities)
        if failed is None and len(set(request.banned)) >= self.vocab_size:
            failed = RequestFailed("every token is banned: nothing can be sampled")
        if failed is None:
            try:
                self._waiting.append(self._text(ticket, request))
            except (RequestFailed, MissingExtra) as error:
                failed = RequestFailed(str(error))
        if failed is not None:
            self._refused.append((ticket, failed))

    def _text(self, ticket: int, request: Request) -> _Text:
        guide = None if request.structure is None else self._guided().guide(request.structure)
        return _Text(
            ticket,
            request,
            token_ids(request),
            room(request, self.context),
            self._loaded.ends.union(request.sampling.stop_token_ids),
            StopStrings(request.sampling.stop, self._decode),
            Dice(request, None if guide is None else guide.allowed),
            guide,
        )

    def _guided(self) -> Guides:
        if self._guides is None:
            inner = getattr(self._loaded.files.tokenizer, "inner", None)
            if inner is None or not self._loaded.ends:
                raise RequestFailed(
                    "structure needs a tokenizer.json and a token that ends a text; the model lacks one"
                )
            self._guides = Guides(inner.to_str(), self.vocab_size, sorted(self._loaded.ends))
        return self._guides

    def poll(self, wait: float) -> Sequence[tuple[int, Answer]]:  # noqa: ARG002  (a step is never waited for)
        done, self._refused = self._refused, []
        try:
            with torch.inference_mode():
                done += self._admit()
                for batch in self._batches:
                    if batch.live():
                        done += self._step(batch)
        except torch.OutOfMemoryError as error:
            told = str(error).partition("\n")[0]
            raise EngineDied(
                f"transformers ran out of memory ({told}): give it fewer slots or a smaller context"
            ) from error
        if not self._loaded.plain:
            self._batches = [batch for batch in self._batches if batch.live()]
        return done

    def cancel(self, tickets: Sequence[int]) -> None:
        gone = set(tickets)
        self._refused = [(ticket, failed) for ticket, failed in self._refused if ticket not in gone]
        self._waiting = deque(text for text in self._waiting if text.ticket not in gone)
        for batch in self._batches:
            self._leave(batch, [slot for slot in batch.live() if self._seated(batch, slot).ticket in gone])

    def _admit(self) -> list[tuple[int, Answer]]:
        """Let requests that wait into free slots, when enough are free or they have waited long enough."""
        live = sum(len(batch.live()) for batch in self._batches)
        ready = min(self._most - live, len(self._waiting))
        self._waited += 1
        if not ready or (live and ready * SHARE < self._most and self._waited < LONGEST_WAIT):
            return []
        self._waited = 0
        texts = [self._waiting.popleft() for _ in range(ready)]
        return [answer for group in self._groups(texts) for answer in self._begin(group)]

    def _groups(self, texts: list[_Text]) -> Iterator[list[_Text]]:
        """Texts to be read together: of nearly one length, or where a cohort asks for it of one."""
        texts.sort(key=lambda text: len(text.prompt))
        group: list[_Text] = []
        different: set[tuple[int, ...]] = set()
        for text in texts:
            full = len(different | {text.prompt}) * len(text.prompt) > PREFILL_TOKENS
            if group and (full or (not self._loaded.plain and len(text.prompt) != len(group[0].prompt))):
                yield group
                group, different = [], set()
            group.append(text)
            different.add(text.prompt)
        yield group

    def _begin(self, texts: list[_Text]) -> list[tuple[int, Answer]]:
        if not self._loaded.plain:
            self._batches.append(_Batch(Cohort(self._loaded.forward)))
        batch = self._batches[-1]
        slots, logits = batch.slots.admit([text.prompt for text in texts])
        batch.seats += [None] * (len(batch.slots.lengths) - len(batch.seats))
        for slot, text in zip(slots, texts, strict=True):
            batch.seats[slot] = text
        return self._write(batch, slots, logits)

    def _step(self, batch: _Batch) -> list[tuple[int, Answer]]:
        if (kept := None if self._waiting and self._loaded.plain else batch.slots.shrink()) is not None:
            batch.seats = [batch.seats[slot] for slot in kept]
        live = batch.live()
        logits = batch.slots.step([text.ids[-1] if text is not None else 0 for text in batch.seats])
        return self._write(batch, live, logits if len(live) == len(batch.seats) else logits[live])

    def _write(self, batch: _Batch, slots: Sequence[int], logits: Any) -> list[tuple[int, Answer]]:
        """One token for each of these slots; the answers of those that end with it."""
        texts = [self._seated(batch, slot) for slot in slots]
        sampled = sample(logits, [text.dice for text in texts])
        answers = [(text.ticket, self._take(text, n, sampled)) for n, text in enumerate(texts)]
        self._leave(batch, [slot for slot, (_, answer) in zip(slots, answers, strict=True) if answer is not None])
        return [(ticket, answer) for ticket, answer in answers if answer is not None]

    def _take(self, text: _Text, n: int, sampled: Sampled) -> Answer | None:
        token = sampled.ids[n]
        if token in text.ends:
            return self._completion(text, self._decode(text.ids), "stop", 1)
        text.ids.append(token)
        text.logprobs.append(sampled.likeliest[n])
        if (cut := text.stops.cut(text.ids)) is not None:
            return self._completion(text, cut, "stop")
        if text.guide is not None and text.guide.take(token):
            return self._completion(text, self._decode(text.ids), "stop")
        return self._completion(text, self._decode(text.ids), "length") if len(text.ids) >= text.most else None

    def _completion(self, text: _Text, written: str, finish: str, ends: int = 0) -> Completion:
        return Completion(
            text=written,
            token_ids=tuple(text.ids),
            finish_reason="stop" if finish == "stop" else "length",
            prompt_tokens=len(text.prompt),
            completion_tokens=len(text.ids) + ends,
            logprobs=tuple(map(self._named, text.logprobs)) if text.request.logprobs else (),
        )

    def _named(self, likeliest: list[tuple[int, float]]) -> tuple[Logprob, ...]:
        return tuple(Logprob(token, self._decode([token]), logprob) for token, logprob in likeliest)

    def _seated(self, batch: _Batch, slot: int) -> _Text:
        text = batch.seats[slot]
        assert text is not None, "a free slot was taken for a seat"
        return text

    def _leave(self, batch: _Batch, slots: list[int]) -> None:
        batch.slots.leave(slots)
        for slot in slots:
            batch.seats[slot] = None
