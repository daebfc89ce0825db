"""An engine in a process of its own: its memory really returns, and when native code ends it, magpie goes on.

Knows the seam and the messages; knows no engine. The process and its pipes are `handle`'s, what runs in the child
is `process`'s. Messages are lines of JSON, nothing is pickled: each side reads what the other wrote as data.

Started anew, not forked: CUDA and threads do not survive a fork. In a session of its own: Ctrl-C is the parent's to
answer, and whatever the child started goes with it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
    """Start a process, open an engine in it, and yield what stands for it here; leaving the block ends the process.

    opener: one of `OPENERS`, which is called there with `arguments`, values that JSON can write.
    name: what messages call the engine. environment: variables to set in the child besides this process's own, of which
    it gets those that hold no secret. downloads: whether it fetches the model from the Hub, and gets the Hub's token.

    Raises what the opener raises of `MagpieError`; `ModelError` when it raises anything else, or the process ends.
    """
    if opener not in OPENERS:
        raise ValueError(f"{opener!r} is not among the engines that a child opens")
    process, opened = Process(name, environment or {}, downloads=downloads), None
    try:
        process.send({"open": opener, "arguments": arguments, **_this_process()})
        opened = _opened(process)
        yield ChildEngine(process, opened, patience)
    finally:
        process.close(patient=opened is not None)


def _this_process() -> dict[str, Any]:
    return {"parent": os.getpid(), "at_once": threading.current_thread() is threading.main_thread()}


def _opened(process: Process) -> Mapping[str, Any]:
    """Wait until the engine is open: as long as it takes, since large models load for many minutes."""
    while True:
        for message in process.receive(60.0):
            if "raised" in message:
                raise _raised(message)
            if "opened" in message:
                return message
        if process.lost is not None:
            raise process.lost
        if process.ended():
            raise ModelError(f"{process.name} did not open: {process.last_words()}")


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
