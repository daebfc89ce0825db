"""The engine over servers: requests in, answers out, and in between a thread that keeps every server busy.

Knows when to try again, when to give a request up, and when all is lost; knows no API (a `Dialect` does), no template
and no row.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from magpie.engines.balance import Balance, Load
from magpie.engines.checks import refusal
from magpie.engines.server.native import SCHEMA_ERRORS
from magpie.engines.server.patience import Patience, most_bytes
from magpie.engines.server.quirks import REFUSALS, Adapting, negotiation
from magpie.engines.server.wire import Asked, Dialect, refused
from magpie.errors import EngineDied, RequestFailed
from magpie.http.answers import READING_ERRORS, Garbled, error_message, json_or_none, names_the_length
from magpie.http.client import Client
from magpie.http.endpoints import Endpoint
from magpie.http.exchange import Broken, Response, TooSlow, Unreachable
from magpie.http.retries import GONE, backoff, may_pass, retry_after
from magpie.log import logger
from magpie.safe.redaction import one_line, redact
from magpie.seams import Completion, Request

Answer = Completion | RequestFailed
_log = logger(__name__)

OVERLOADED = frozenset({429, 503, 529})
"""Statuses that say "too many": the server gets fewer at once."""
SPARE, FULL = 2, 16
"""Requests that wait here, for so many that a server may hold."""
CLOSE_SECONDS = 10.0
TICK = 0.25
"""Seconds between two checks of which servers are back and whether the time limit has passed."""


class Site:
    """One server: its address, its connections, and what it holds."""

    def __init__(self, endpoint: Endpoint, most: int) -> None:
        """most: requests that it may hold at once."""
        self.endpoint, self.load = endpoint, Load(most)
        self.name = endpoint.address.told
        self.client: Client
        """Made inside of the loop."""
        self._logged = self.load.limit.room

    def log_window(self) -> None:
        """Log how many requests the server may hold at once, where that has changed."""
        if (room := self.load.limit.room) != self._logged:
            _log.debug("%s: window %d, was %d", self.name, room, self._logged)
            self._logged = room


@dataclass(slots=True, eq=False)
class _Job:
    ticket: int
    request: Request
    asked: Asked | None = None
    tries: int = 0
    """That failed, and count."""
    last: Site | None = None
    task: asyncio.Task[Callable[[], None]] | None = None
    is_gone: bool = False
    """Cancelled while it waited."""


class Server:
    """Servers of one model. Use it from one thread; `open_server` makes it and closes it."""

    def __init__(
        self,
        dialect: Dialect,
        sites: Sequence[Site],
        waits: Patience,
        *,
        context: int,
        vocab_size: int,
        retries: int,
        patience: float,
        warnings: Sequence[str] = (),
    ) -> None:
        self.capabilities, self.context, self.vocab_size = dialect.capabilities, context, vocab_size
        self.warnings = tuple(warnings)
        """What is not exact about these servers, for a reader."""
        self._dialect, self._sites, self._waits = dialect, Balance(sites), waits
        self._retries, self._patience = retries, patience
        self._live: set[int] = set()
        """Tickets that may still be polled; only the caller's thread touches it."""
        self._inbox: deque[_Job] = deque()
        self._answers: SimpleQueue[tuple[int, Answer] | None] = SimpleQueue()
        """None wakes a poll up, to see that all is lost."""
        self._dead: str | None = None
        # What follows is touched only inside the loop's thread.
        self._waiting: deque[_Job] = deque()
        self._jobs: dict[int, _Job] = {}
        self._negotiating = asyncio.Lock()
        """Held while it is found out what a server refuses, so that this is done once and not by each request."""
        self._contact = time.monotonic()
        """When a server last answered as one does, or there was nothing to ask of any."""
        self._reason = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="magpie-server", daemon=True)

    # -- the caller's thread ------------------------------------------------------------------------------------------

    @property
    def window(self) -> int:
        """The sum of what the servers may hold at present, and a few that wait here, so that a server that answers does
        not wait for the caller's thread to send the next."""
        rooms = [site.load.limit.room for site in self._sites.all]
        return sum(room + SPARE * (room // FULL) for room in rooms)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Closes every connection, which is how the servers learn that nobody listens any more."""
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(CLOSE_SECONDS)

    def submit(self, ticket: int, request: Request) -> None:
        self._live.add(ticket)
        if failed := refusal(request, self.context, self.vocab_size, self.capabilities):
            self._answers.put((ticket, failed))
            return
        self._inbox.append(_Job(ticket, request))
        if len(self._inbox) == 1:  # else the loop has been woken already
            self._loop.call_soon_threadsafe(self._take_in)

    def poll(self, wait: float) -> Sequence[tuple[int, Answer]]:
        done = [one for one in self._collect(wait) if one[0] in self._live]
        self._live.difference_update(ticket for ticket, _ in done)
        if self._dead and not done:
            raise EngineDied(self._dead)
        return done

    def cancel(self, tickets: Sequence[int]) -> None:
        self._live.difference_update(tickets)
        self._loop.call_soon_threadsafe(self._drop, list(tickets))

    def _collect(self, wait: float) -> list[tuple[int, Answer]]:
        """All that has been answered; after waiting for the first."""
        found: list[tuple[int, Answer]] = []
        try:
            first = self._answers.get(timeout=0.0 if self._dead else wait)
            while True:
                found += [] if first is None else [first]
                first = self._answers.get_nowait()
        except Empty:
            return found

    # -- the loop's thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(self._heard)
        self._loop.run_until_complete(self._connect())
        self._loop.call_later(TICK, self._tick)
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._hang_up())
            self._loop.close()

    def _heard(self, _: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        """An error that nothing awaits. That of a connection is reported elsewhere; any other would lose a request."""
        error = context.get("exception")
        if error is not None and not {"transport", "protocol"} & set(context):
            self._die(f"engine server: {type(error).__name__} where none was expected")

    def _die(self, told: str) -> None:
        self._dead = self._dead or told
        _log.error("%s", told)
        self._answers.put(None)

    def _stop(self) -> None:
        self._loop.stop()

    async def _connect(self) -> None:
        for site in self._sites.all:
            site.client = Client(site.endpoint, self._waits.connect)

    async def _exchange(self, site: Site, asked: Asked, max_tokens: int) -> Response:
        return await site.client.exchange(
            "POST",
            site.endpoint.address.path(asked.route),
            asked.body,
            deadline=self._waits.deadline(asked.streamed, max_tokens),
            most=most_bytes(max_tokens),
        )

    async def _hang_up(self) -> None:
        tasks = [job.task for job in self._jobs.values() if job.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for site in self._sites.all:
            await site.client.close()
        await self._loop.shutdown_asyncgens()

    def _take_in(self) -> None:
        if not self._jobs:
            self._contact = time.monotonic()
        while self._inbox:
            job = self._inbox.popleft()
            self._jobs[job.ticket] = job
            try:
                job.asked = self._dialect.ask(job.request)
            except SCHEMA_ERRORS as error:
                self._answer(job, RequestFailed(f"the JSON schema cannot be asked of the server: {error}"))
            except (TypeError, ValueError) as error:  # such as half of a surrogate pair in a prompt
                self._answer(job, RequestFailed(f"the request cannot be sent to the server: {error}"))
            else:
                self._waiting.append(job)
        self._dispatch()

    def _drop(self, tickets: Sequence[int]) -> None:
        for ticket in tickets:
            if (job := self._jobs.pop(ticket, None)) is None:
                continue
            job.is_gone = True
            if job.task is not None:
                job.task.cancel()

    def _dispatch(self) -> None:
        """Hand what waits to servers with room."""
        while self._waiting:
            if self._waiting[0].is_gone:
                self._waiting.popleft()
                continue
            site = self._sites.pick(time.monotonic(), avoid=self._waiting[0].last)
            if site is None:
                return
            job, now = self._waiting.popleft(), time.monotonic()
            site.load.sent(now)
            job.task = self._loop.create_task(self._try(job, site, now))
            job.task.add_done_callback(partial(self._ended, job, site))

    def _tick(self) -> None:
        """Look who is back, and whether any server was there for as long as patience goes."""
        self._loop.call_later(TICK, self._tick)
        if not self._jobs:
            self._contact = time.monotonic()
        elif time.monotonic() - self._contact > self._patience and not self._dead:
            names = ", ".join(site.name for site in self._sites.all)
            told = f"nothing from {names} for {self._patience:g} seconds: {self._reason}"
            self._die(told)
        self._dispatch()

    def _ended(self, job: _Job, site: Site, task: asyncio.Task[Callable[[], None]]) -> None:
        """After one try. A callback, because a task that is canceled before it began runs nothing of its own."""
        site.load.ended()
        site.log_window()
        job.task = None
        if not task.cancelled():
            if (bug := task.exception()) is None:
                task.result()()
            else:
                self._answer(job, RequestFailed(f"{site.name}: {type(bug).__name__} where none was expected"))
        self._dispatch()

    async def _try(self, job: _Job, site: Site, sent_at: float) -> Callable[[], None]:
        """One try, and what to do after it: answer, or try again."""
        assert job.asked is not None
        most = job.request.sampling.max_tokens
        _log.debug("%s: request %d, try %d, max_tokens %d", site.name, job.ticket, job.tries + 1, most)
        try:
            answered = await self._exchange(site, job.asked, most)
            if _may_be_learned_from(answered) and isinstance(self._dialect, Adapting):
                answered = await self._negotiate(job, site, answered)
        except Unreachable as error:
            return self._unreachable(job, site, str(error))
        except Garbled as error:  # a server is there, whatever it says
            self._contact = time.monotonic()
            site.load.failed(time.monotonic(), at_once=False)
            return self._again(job, site, f"{site.name}: {error}")
        except Broken as error:
            self._reason = str(error)
            site.load.failed(time.monotonic(), at_once=False)
            return self._again(job, site, f"{site.name}: {error}")
        except TooSlow as error:
            self._contact = time.monotonic()
            site.load.limit.complained(sent_at, time.monotonic())
            site.load.failed(time.monotonic(), at_once=False)
            return self._again(job, site, f"{site.name}: {self._waits.explain(error)}")
        took = time.monotonic() - sent_at
        _log.debug("%s: request %d: status %d after %.3f s", site.name, job.ticket, answered.status, took)
        if answered.status not in GONE:
            self._contact = time.monotonic()
        if answered.status == 200:
            return self._whole(job, site, answered, sent_at)
        return self._refused(job, site, answered, sent_at)

    def _unreachable(self, job: _Job, site: Site, told: str) -> Callable[[], None]:
        """No fault of the request: it waits for a server, and `patience` ends that."""
        site.load.failed(time.monotonic(), at_once=True)
        _log.debug("%s: request %d waits: no connection (%s)", site.name, job.ticket, told)
        self._reason, job.last = f"no connection ({told})", site
        return lambda: self._waiting.appendleft(job)

    def _whole(self, job: _Job, site: Site, answered: Response, sent_at: float) -> Callable[[], None]:
        try:
            completion = self._dialect.read(job.request, answered.body)
        except RequestFailed as error:
            failed = type(error)(redact(f"{site.name}: {error}"))
            return lambda: self._answer(job, failed)
        except Garbled as error:
            site.load.failed(time.monotonic(), at_once=False)
            return self._again(job, site, f"{site.name}: {error}")
        except READING_ERRORS as error:
            site.load.failed(time.monotonic(), at_once=False)
            return self._again(job, site, f"{site.name}: an answer in no known form ({type(error).__name__})")
        if job.asked and job.asked.streamed and site.load.limit.is_queueing(answered.waited, answered.took):
            site.load.limit.complained(sent_at, time.monotonic())
        site.load.succeeded(sent_at, time.monotonic())
        return lambda: self._answer(job, completion)

    def _refused(self, job: _Job, site: Site, answered: Response, sent_at: float) -> Callable[[], None]:
        told = f"{site.name} answers {answered.status}: {_told(answered)}"
        if not may_pass(answered.status):
            site.load.refused(sent_at)
            failed = refused(answered.status, json_or_none(answered.body), redact(told))
            return lambda: self._answer(job, failed)
        self._reason = f"answers {answered.status}"
        seconds = retry_after(answered.headers.get("retry-after"))
        site.load.failed(time.monotonic(), at_once=answered.status in OVERLOADED)
        if answered.status in OVERLOADED:
            site.load.limit.complained(sent_at, time.monotonic())
        if seconds is not None:
            site.load.rest(time.monotonic(), seconds)
        return self._again(job, site, told, seconds)

    async def _negotiate(self, job: _Job, site: Site, refusal: Response) -> Response:
        """The answer to a refused request without what the server does not take; the refusal where that is not it."""
        async with self._negotiating:
            dialect, most = self._dialect, job.request.sampling.max_tokens
            assert isinstance(dialect, Adapting)
            asked = dialect.ask(job.request)
            if asked != job.asked:  # another request has found something out meanwhile
                job.asked = asked
                refusal = await self._exchange(site, asked, most)
                if refusal.status not in REFUSALS:
                    return refusal
            steps = negotiation(dialect, job.request, refusal.body, thorough=False)
            try:
                asked = next(steps)
                while True:
                    asked = steps.send(await self._exchange(site, asked, most))
            except StopIteration as end:
                agreed = end.value
            if agreed is None:
                return refusal
            self._dialect, job.asked = dialect.without(agreed.refused), agreed.asked
            answered: Response = agreed.reply
            return answered

    def _again(self, job: _Job, site: Site, told: str, at_least: float | None = None) -> Callable[[], None]:
        """Another try later, or the end of it."""
        job.tries += 1
        job.last = site
        if job.tries > self._retries:
            _log.info("request %d failed: %s (after %d tries)", job.ticket, told, job.tries)
            failed = RequestFailed(redact(f"{told} (after {job.tries} tries)"))
            return lambda: self._answer(job, failed)
        seconds = max(backoff(job.tries), 0.0 if at_least is None else at_least)
        _log.debug("request %d: retry %d in %.2f s: %s", job.ticket, job.tries, seconds, told)
        return lambda: self._later(job, seconds)

    def _later(self, job: _Job, seconds: float) -> None:
        self._loop.call_later(seconds, self._back, job)

    def _back(self, job: _Job) -> None:
        self._waiting.append(job)
        self._dispatch()

    def _answer(self, job: _Job, answer: Answer) -> None:
        if self._jobs.pop(job.ticket, None) is not None:
            self._answers.put((job.ticket, answer))


def _may_be_learned_from(answered: Response) -> bool:
    """Whether a refusal may be about a field of the request, and not about the length of its prompt."""
    return answered.status in REFUSALS and not names_the_length(json_or_none(answered.body))


def _told(answered: Response) -> str:
    """An unsuccessful status as a phrase for a message."""
    if 300 <= answered.status < 400:
        location = one_line(answered.headers.get("location", ""))
        return f"it sends requests elsewhere, to {location!r}, which are not followed"
    return error_message(answered.body) or "nothing else"
