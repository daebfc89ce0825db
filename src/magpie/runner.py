"""Keeps rows talking to engines: thousands of conversations at once, no engine ever waiting for the slowest row.

Knows no stage, no file and no model. Rows come in as `Talk`s, what happened goes out as events, in the order in
which it happened; who writes them down is the caller's business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from magpie.errors import EngineDied, RequestFailed, StageBug
from magpie.seams import Asking, Completion, Engine, Outcome, Request
from magpie.wire import recall

ALONE_WAIT = 0.5
"""Seconds to wait in `poll` when one engine is busy: the longest that a flush, a redraw or a stop is late."""
SHARED_WAIT = 0.002
"""The same when several engines are busy, so that none of them waits for another."""

Answer = Completion | RequestFailed
Remembered = Mapping[tuple[int, str], Completion]
"""What a journal holds of a row: (n, request digest) to completion."""


@dataclass(slots=True)
class Usage:
    """What a row's requests took, in tokens; replayed completions count, since they were paid for."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    wasted_tokens: int = 0


@dataclass(slots=True)
class Said:
    """A completion, before the row's generator has seen it."""

    row: int
    n: int
    request: Request
    completion: Completion


@dataclass(slots=True)
class Done:
    """A row that ended, with what its stage returned."""

    row: int
    outcome: Outcome
    usage: Usage


@dataclass(slots=True)
class Failed:
    """A row with a request that no engine could serve."""

    row: int
    error: str
    usage: Usage


Event = Said | Done | Failed


@dataclass(slots=True, eq=False)
class Talk:
    """One row's conversation: its generator, and what a journal remembers of an earlier try."""

    row: int
    asking: Asking
    remembered: Remembered = field(default_factory=dict)
    asked: int = 0
    alone: bool = True
    answers: list[Answer | None] = field(default_factory=list)
    unanswered: int = 0
    """One for each of the requests that were yielded together."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    wasted_tokens: int = 0

    def heard(self, slot: int, answer: Answer) -> None:
        self.answers[slot] = answer
        self.unanswered -= 1
        if isinstance(answer, Completion):
            self.prompt_tokens += answer.prompt_tokens
            self.completion_tokens += answer.completion_tokens
            self.wasted_tokens += answer.wasted_tokens

    def result(self) -> Answer | list[Completion]:
        """What the generator is sent, once every answer is there. Of several requests asked together, one that failed
        fails them all: the row is tried again, and what the others were answered is remembered then."""
        if self.alone and self.answers[0] is not None:
            return self.answers[0]
        failed = next((answer for answer in self.answers if isinstance(answer, RequestFailed)), None)
        if failed is not None:
            return failed
        return [answer for answer in self.answers if isinstance(answer, Completion)]

    def usage(self) -> Usage:
        return Usage(self.prompt_tokens, self.completion_tokens, self.wasted_tokens)


@dataclass(slots=True)
class _Ask:
    """One request of one talk: the n-th of its row, and its index among those yielded together."""

    talk: Talk
    slot: int
    n: int
    request: Request


class _Desk:
    """What waits for each engine and what each engine holds."""

    def __init__(self, engines: Mapping[str, Engine], seed: Callable[[int, int], int]) -> None:
        self.engines = engines
        self.seed = seed
        self.waiting: dict[str, deque[_Ask]] = {name: deque() for name in engines}
        self.flying: dict[str, dict[int, _Ask]] = {name: {} for name in engines}
        self.tickets = count()
        self.bug: StageBug | None = None

    def has_room(self) -> bool:
        for name, engine in self.engines.items():  # asked before every talk: a generator would take longer than this
            if len(self.waiting[name]) + len(self.flying[name]) < engine.window:
                return True
        return False

    def busy(self) -> list[str]:
        """The engines to poll: those that hold requests; all of them where no window has room, so that one may grow."""
        held = [name for name, asks in self.flying.items() if asks]
        return held or ([] if self.has_room() else list(self.engines))

    def advance(self, talk: Talk, answer: Any) -> Event | None:
        """Hand `answer` to the row's generator until it needs an engine; the event when the row ends."""
        try:
            while True:
                asked = talk.asking.throw(answer) if isinstance(answer, RequestFailed) else talk.asking.send(answer)
                self._ask(talk, asked)
                if talk.unanswered:
                    return None
                answer = talk.result()
        except StopIteration as stop:
            return Done(talk.row, stop.value, talk.usage())
        except RequestFailed as error:
            return Failed(talk.row, str(error), talk.usage())
        except Exception as error:
            self.bug = self.bug or StageBug(talk.row, error)
            self.bug.__cause__ = self.bug.__cause__ or error
            return None

    def _ask(self, talk: Talk, asked: Request | Sequence[Request]) -> None:
        talk.alone = isinstance(asked, Request)
        batch = [asked] if isinstance(asked, Request) else asked
        first, talk.asked = talk.asked, talk.asked + len(batch)
        talk.answers = [None] * len(batch)
        talk.unanswered = len(batch)
        for slot, unseeded in enumerate(batch):
            n = first + slot
            request = unseeded.with_seed(self.seed(talk.row, n))
            known = recall(talk.remembered, n, request) if talk.remembered else None
            if known is None:
                self.waiting[request.model].append(_Ask(talk, slot, n, request))
            else:
                talk.heard(slot, known)

    def submit(self) -> None:
        for name, engine in self.engines.items():
            waiting, flying = self.waiting[name], self.flying[name]
            while waiting and len(flying) < engine.window:
                ticket = next(self.tickets)
                ask = flying[ticket] = waiting.popleft()
                engine.submit(ticket, ask.request)

    def poll(self, name: str, wait: float) -> list[_Ask]:
        """One poll of one engine: what it answered, noted with the rows and not yet handed to their generators."""
        flying, answered = self.flying[name], []
        for ticket, answer in self.engines[name].poll(wait):
            ask = flying.pop(ticket)
            ask.talk.heard(ask.slot, answer)
            answered.append(ask)
        return answered

    def go_on(self, answered: Sequence[_Ask]) -> list[Event]:
        """Hand each row whose requests are all answered to its generator; the rows that end so. A stage's bug is kept
        aside until every row has had its turn."""
        ended = []
        for talk in dict.fromkeys(ask.talk for ask in answered):  # one poll may answer several requests of a row
            if not talk.unanswered:
                event = self.advance(talk, talk.result())
                if event is not None:
                    ended.append(event)
        return ended

    def rows_at(self, name: str) -> tuple[int, ...]:
        """The rows that an engine holds requests of."""
        return tuple(sorted({ask.talk.row for ask in self.flying[name].values()}))

    def raise_bug(self) -> None:
        if self.bug is not None:
            raise self.bug

    def cancel(self) -> None:
        for name, engine in self.engines.items():
            engine.cancel(list(self.flying[name]))


def converse(
    talks: Iterator[Talk | None], engines: Mapping[str, Engine], seed: Callable[[int, int], int]
) -> Generator[list[Event], None, None]:
    """Run every talk to its end, keeping each engine's window full.

    `talks` is pulled only when an engine has room, so at most twice the windows' sum of rows are open; windows are read
    again each time, since they may grow and shrink. A `None` in `talks` means "none just now, ask again when something
    has ended". `seed` gives the seed of a row's n-th request.

    Yields the events of each poll, often an empty list: the caller's moment to write, draw or stop (by closing the
    generator). A completion's event comes *before* stage code sees the completion, together with the rows that ended
    since the poll before: written down in one go, no answer is lost to a stall, a kill or a bug in a stage.
    Raises `EngineDied` as the engine does, and `StageBug` after every event. Whatever ends it, requests still held by
    an engine are cancelled.
    """
    desk = _Desk(engines, seed)
    live, more = 0, True
    ended: list[Event] = []
    try:
        while more or live:
            limit = 2 * sum(engine.window for engine in engines.values())
            while more and len(ended) < limit > live and desk.has_room():
                talk = next(talks, _END)
                if talk is None or isinstance(talk, _End):
                    more = talk is None
                    break
                event = desk.advance(talk, None)
                if event is None:
                    live += 1
                else:
                    ended.append(event)
            if desk.bug is not None:
                break
            desk.submit()
            busy = desk.busy()
            if not busy:
                yield ended
                ended = []
            for name in busy:
                try:
                    answered = desk.poll(name, ALONE_WAIT if len(busy) == 1 else SHARED_WAIT)
                except EngineDied as death:
                    death.rows = desk.rows_at(name)
                    yield ended  # rows that had ended before are not lost with it
                    raise
                said: list[Event] = [
                    Said(ask.talk.row, ask.n, ask.request, answer)
                    for ask in answered
                    if isinstance(answer := ask.talk.answers[ask.slot], Completion)
                ]
                yield [*ended, *said]
                ended = desk.go_on(answered)
                live -= len(ended)
                if desk.bug is not None:
                    break
            if desk.bug is not None:
                break
        yield ended
        desk.raise_bug()
    finally:
        desk.cancel()


class _End:
    """Marks the end of the talks."""


_END = _End()
