"""An engine in a process of its own: its memory is really freed, and magpie survives a crash of native code.

Knows the seam and the messages; knows no engine. The process and its pipes belong to `handle`; what runs in the child
belongs to `process`. Messages are lines of JSON, nothing is pickled: each side reads what the other wrote as data.

The child is spawned, not forked: CUDA and threads do not survive a fork. It has a session of its own: the parent alone
handles Ctrl-C, and processes that the child started end with it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from magpie import errors
from magpie.engines.child.handle import Process
from magpie.engines.child.process import OPENERS, read_capabilities
from magpie.errors import ContextFull, EngineCrashed, EngineDied, MagpieError, ModelError, RequestFailed
from magpie.safe.redaction import redact
from magpie.seams import Capabilities, Completion, Request
from magpie.wire import plain_request, read_completion

PATIENCE = 300.0
"""Seconds without a sign of life, while there are requests, after which an engine counts as dead. A single step may
take minutes: at the first, some libraries compile."""

Answer = Completion | RequestFailed


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """An engine that a child process can open."""

    opener: str
    """One of `OPENERS`."""
    arguments: Mapping[str, Any]
    """What it is called with there: values that JSON can write."""
    name: str = "the engine"
    """What messages call the engine."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables to set in the child besides this process's own, of which it gets those that hold no secret."""
    downloads: bool = False
    """Whether it fetches the model from the Hub, and gets the Hub's token."""
    cores: tuple[int, ...] = ()
    """The processor's cores that it may run on; empty is all that this process may use."""


@contextmanager
def open_child(
    opener: str,
    arguments: Mapping[str, Any],
    *,
    name: str = "the engine",
    patience: float = PATIENCE,
    environment: Mapping[str, str] | None = None,
    downloads: bool = False,
) -> Iterator[ChildEngine]:
    """Start a process, open an engine in it, and yield its proxy; leaving the block ends the process.

    The arguments are those of `ChildSpec`. Raises what the opener raises of `MagpieError`; `ModelError` when it raises
    anything else, or the process ends.
    """
    with open_spec(ChildSpec(opener, arguments, name, environment or {}, downloads), patience) as engine:
        yield engine


@contextmanager
def open_spec(spec: ChildSpec, patience: float = PATIENCE) -> Iterator[ChildEngine]:
    """The same of a spec."""
    child = StartingChild(spec, patience)
    engine = None
    try:
        while engine is None:  # as long as it takes: large models load for many minutes
            engine = child.engine(60.0)
        yield engine
    finally:
        child.close(patient=engine is not None)


class StartingChild:
    """A process in which an engine is being opened. Many may start at once: nothing here waits but `engine`."""

    def __init__(self, spec: ChildSpec, patience: float = PATIENCE) -> None:
        if spec.opener not in OPENERS:
            raise ValueError(f"{spec.opener!r} is not among the engines that a child opens")
        self._patience = patience
        self._process = Process(spec.name, spec.environment, downloads=spec.downloads)
        self._process.send(
            {"open": spec.opener, "arguments": spec.arguments, "cores": list(spec.cores), **_this_process()}
        )

    def engine(self, wait: float) -> ChildEngine | None:
        """The engine, once it is open; None where it is not within `wait` seconds. Raises as `open_child` does."""
        for message in self._process.receive(wait):
            if "raised" in message:
                raise _raised(message)
            if "opened" in message:
                return ChildEngine(self._process, message, self._patience)
        if self._process.lost is not None:
            raise self._process.lost
        if self._process.ended():
            raise ModelError(f"{self._process.name} did not open: {self._process.last_words()}")
        return None

    def descriptors(self) -> tuple[int | None, int | None]:
        """As of `ChildEngine`."""
        return self._process.descriptors()

    def close(self, patient: bool) -> None:
        """End the process. patient: let it end by itself first."""
        self._process.close(patient)


def _this_process() -> dict[str, Any]:
    return {"parent": os.getpid(), "at_once": threading.current_thread() is threading.main_thread()}


def _raised(message: Mapping[str, Any]) -> MagpieError:
    kind = getattr(errors, str(message["raised"]), ModelError)
    known = isinstance(kind, type) and issubclass(kind, MagpieError) and kind is not errors.StageBug
    error: MagpieError = (kind if known else ModelError)(redact(str(message["message"])))
    return error


class ChildEngine:
    """Obeys `seams.Engine`; the engine itself is in a child process. Use it from one thread."""

    def __init__(self, process: Process, opened: Mapping[str, Any], patience: float) -> None:
        sizes = opened["opened"]
        self.window, self.context = int(sizes["window"]), int(sizes["context"])
        self.vocab_size, self.trained_context = int(sizes["vocab_size"]), int(sizes["trained_context"])
        self.capabilities: Capabilities = read_capabilities(opened)
        self.pid = int(opened["pid"])
        self._process, self._patience = process, patience
        self._live: set[int] = set()
        self._refused: list[tuple[int, Answer]] = []
        self._submitted: list[bytes] = []

    def submit(self, ticket: int, request: Request) -> None:
        """Goes to the child at the next poll, together with what else was submitted until then."""
        try:
            self._submitted.append(orjson.dumps([ticket, plain_request(request)]))
        except (TypeError, ValueError) as error:  # a number of more than 64 bits, half of a surrogate pair
            self._refused.append(
                (ticket, RequestFailed(f"the request cannot be told to {self._process.name}: {error}"))
            )
            return
        if not self._live:
            self._process.heard_at = time.monotonic()
        self._live.add(ticket)

    def poll(self, wait: float) -> Sequence[tuple[int, Answer]]:
        self._hand_over()
        done, self._refused = self._refused, []
        until = time.monotonic() + (0.0 if done else wait)
        while True:
            for message in self._process.receive(max(0.0, until - time.monotonic())):
                done += self._answers(message)
            if not done:
                self._watch()
            if done or time.monotonic() >= until:
                return done

    def cancel(self, tickets: Sequence[int]) -> None:
        self._hand_over()
        gone = self._live.intersection(tickets)
        self._refused = [(ticket, failed) for ticket, failed in self._refused if ticket not in set(tickets)]
        self._live -= gone
        if gone:
            self._process.send({"cancel": list(gone)})

    def descriptors(self) -> tuple[int | None, int | None]:
        """What to watch: a descriptor to read what the child says, and one to write to where requests wait for room in
        its pipe. None where there is nothing to watch."""
        return self._process.descriptors()

    def _hand_over(self) -> None:
        if self._submitted:
            self._process.write(b'{"submit":[' + b",".join(self._submitted) + b"]}\n")
            self._submitted.clear()
        self._process.flush()

    def _answers(self, message: Mapping[str, Any]) -> list[tuple[int, Answer]]:
        if "raised" in message:
            self._process.lost = EngineDied(str(_raised(message)))
        try:
            answers = [(ticket, _answer(plain)) for ticket, plain in message.get("answers", ()) if ticket in self._live]
        except (KeyError, TypeError, ValueError) as error:
            self._process.lost = EngineDied(f"{self._process.name} is gone: it wrote what is no answer ({error!r})")
            return []
        self._live.difference_update(ticket for ticket, _ in answers)
        return answers

    def _watch(self) -> None:
        """Raise when the child is gone, or has shown no sign of life for too long."""
        process = self._process
        silent = time.monotonic() - process.heard_at if self._live else 0.0
        if process.lost is None and process.ended():
            process.lost = EngineCrashed(f"{process.name} is gone: {process.last_words()}")
        elif process.lost is None and silent > self._patience:
            process.lost = EngineDied(f"{process.name} hangs: no sign of life for {self._patience:g} seconds")
            process.close(patient=False)
        if process.lost is not None:
            raise process.lost


def _answer(plain: Mapping[str, Any]) -> Answer:
    if "failed" not in plain:
        return read_completion(plain)
    return (ContextFull if plain.get("context_full") else RequestFailed)(redact(plain["failed"]))
