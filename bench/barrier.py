"""What it costs when turns wait for one another: conversations of three further turns, some of which answer slowly.

    python -m bench.barrier [--rows 128] [--turns 3] [--window 32] [--slow 32] [--steps 20]

A slow request takes `steps` steps of the engine, any other one. Either all requests of one row in `slow` are slow, or
one request in `slow`, of whatever row. Counted in steps, so the figures are the same on every machine:

- a greedy schedule, worked out: at each moment free places go to the earliest rows that have something to ask;
- magpie's runner with the stage `follow_up` over the scripted engine;
- a loop over the same engine that asks all rows for a turn and waits for the last before it asks for the next;
- the same loop by batches of `window` rows, the way of pipelines that hand a batch from step to step.
"""

from __future__ import annotations

import argparse
import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count

from magpie.engines.scripted import Scripted, open_scripted
from magpie.runner import Answer, Done, Talk, converse
from magpie.seams import Asking, Message, Request, SamplingParams, Tokens
from magpie.settings.engines import Scripted as ScriptedSettings
from magpie.stages.follow_up.work import Asker, Rules, follow_up
from magpie.stages.respond.work import Responder

SAMPLING = SamplingParams(max_tokens=64)


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be said: `rows` conversations that go on for `turns` further turns of two requests each."""

    rows: int
    turns: int
    window: int
    slow: int
    steps: int
    wanders: bool
    """Whether slowness is a request's, and not a row's."""

    @property
    def requests(self) -> int:
        """For each row."""
        return 2 * self.turns

    def steps_of(self, row: int, n: int) -> int:
        """Steps of the engine that a row's n-th request takes."""
        place = 11 * n + row if self.wanders else row
        return self.steps if place % self.slow == 0 else 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--window", type=int, default=32)
    parser.add_argument("--slow", type=int, default=32, help="one row in so many is slow")
    parser.add_argument("--steps", type=int, default=20, help="steps that each request of a slow row takes")
    options = parser.parse_args()
    ways: dict[str, Callable[[Work], int]] = {
        "greedy, in row order": greedy,
        "magpie": magpie,
        "a barrier at each turn": partial(barrier, batch=options.rows),
        "the same, by batches": partial(barrier, batch=options.window),
    }
    print(f"{'steps':26}{'slow rows':>12}{'':>9}{'slow requests':>16}")
    works = [Work(**vars(options), wanders=wanders) for wanders in (False, True)]
    ideal = [greedy(work) for work in works]
    for name, way in ways.items():
        steps = [way(work) for work in works]
        told = "".join(f"{one:13,}{one / best:8.2f}x" for one, best in zip(steps, ideal, strict=True))
        print(f"{name:26}{told}")


# -- the ways ---------------------------------------------------------------------------------------------------------


def magpie(work: Work) -> int:
    """Steps that the runner takes."""
    with open_scripted(settings(work), lambda request: f"{len(request.prompt.ids)}.") as scripted:  # type: ignore[union-attr]
        engine = Counting(scripted)
        talks = (Talk(row, asking(row, work)) for row in range(work.rows))
        seeds = seeds_of(work)
        done = 0
        for events in converse(talks, {"model": engine}, lambda row, n: seeds[work.steps_of(row, n)]):
            done += sum(isinstance(event, Done) for event in events)
    assert done == work.rows
    return engine.steps


def barrier(work: Work, batch: int) -> int:
    """Steps of a loop that waits for every row of a batch at each request."""
    seeds = seeds_of(work)
    with open_scripted(settings(work), lambda _: "Yes.") as scripted:
        engine = Counting(scripted)
        for first in range(0, work.rows, batch):
            for n in range(work.requests):
                rows = range(first, min(first + batch, work.rows))
                at_once(engine, [Request(Tokens((1,)), SAMPLING, seed=seeds[work.steps_of(row, n)]) for row in rows])
    return engine.steps


def at_once(engine: Counting, requests: Sequence[Request]) -> None:
    """All of these, and back when the last has its answer."""
    waiting, flying = deque(enumerate(requests)), 0
    while waiting or flying:
        while waiting and flying < engine.window:
            engine.submit(*waiting.popleft())
            flying += 1
        flying -= len(engine.poll(0.0))


def greedy(work: Work) -> int:
    """Steps of a schedule that knows nothing of what is to come and leaves no place free."""
    ready, asked, now = list(range(work.rows)), [0] * work.rows, 0
    busy: list[tuple[int, int]] = []
    while ready or busy:
        while ready and len(busy) < work.window:
            row = heapq.heappop(ready)
            heapq.heappush(busy, (now + work.steps_of(row, asked[row]), row))
        now = busy[0][0]
        while busy and busy[0][0] == now:
            _, row = heapq.heappop(busy)
            asked[row] += 1
            if asked[row] < work.requests:
                heapq.heappush(ready, row)
    return now


# -- what they share --------------------------------------------------------------------------------------------------


def settings(work: Work) -> ScriptedSettings:
    return ScriptedSettings(window=work.window, steps=work.steps - 1)


def seeds_of(work: Work) -> dict[int, int]:
    """A seed by which the scripted engine takes one step, and one by which it takes as many as a slow row's."""
    return {steps: next(seed for seed in count(1) if _steps(seed, work) == steps) for steps in {1, work.steps}}


def _steps(seed: int, work: Work) -> int:
    """The polls that a request of this seed takes."""
    with open_scripted(settings(work), lambda _: "Yes.") as engine:
        engine.submit(0, Request(Tokens((1,)), SAMPLING, seed=seed))
        return next(polls for polls in count(1) if engine.poll(0.0))


def asking(row: int, work: Work) -> Asking:
    columns = {"row": row, "instruction": f"Question {row}", "response": "An answer."}
    rules = Rules(lambda _: work.turns + 1, end_at_farewell=False)
    return follow_up(columns, Asker(PlainChat(), SAMPLING), Responder(PlainChat(), SAMPLING), rules)


class Counting:
    """The engine, with the polls that were made while it held something."""

    def __init__(self, engine: Scripted) -> None:
        self.engine = engine
        self.window, self.context, self.capabilities = engine.window, engine.context, engine.capabilities
        self.steps = 0

    def submit(self, ticket: int, request: Request) -> None:
        self.engine.submit(ticket, request)

    def poll(self, wait: float) -> Sequence[tuple[int, Answer]]:
        self.steps += 1
        return self.engine.poll(wait)

    def cancel(self, tickets: Sequence[int]) -> None:
        self.engine.cancel(tickets)


class PlainChat:
    """A chat whose prompts are a token for each message."""

    def leaks(self, token_ids: Sequence[int], text: str) -> bool:  # noqa: ARG002
        return False

    def user_text(self, sampled: str) -> str:
        return sampled

    def assistant_text(self, sampled: str) -> str:
        return sampled

    def text(self, token_ids: Sequence[int]) -> str:
        return str(token_ids)

    def next_user(self, messages: Sequence[Message]) -> Tokens:
        return Tokens((1,) * (len(messages) + 1))

    def next_assistant(self, messages: Sequence[Message]) -> Tokens:
        return Tokens((1,) * (len(messages) + 1))


if __name__ == "__main__":
    main()
