"""An engine in a process of its own: its memory really returns, and when native code ends it, magpie goes on.

Knows pipes, processes and the seam; knows no engine. What runs in the child is `child_process`'s. Messages are lines of
JSON, nothing is pickled: each side reads what the other wrote as data.

Started anew, not forked: CUDA and threads do not survive a fork. In a session of its own: Ctrl-C is the parent's to
answer, and whatever the child started goes with it.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import orjson

from magpie import errors
from magpie.engines.child_log import ChildLog, telling
from magpie.engines.child_process import OPENERS, Lines, read_capabilities
from magpie.errors import EngineCrashed, EngineDied, MagpieError, ModelError, RequestFailed
from magpie.seams import Capabilities, Completion, Request
from magpie.wire import plain_request, read_completion

COMMAND = (sys.executable, "-u", "-P", "-m", "magpie.engines.child_process")
"""-P: the folder that magpie is started in may hold a `torch.py`."""
CLOSE_SECONDS = 10.0
"""How long a child that is asked to end may take."""
TERMINATE_SECONDS = 3.0
"""How long it may take when it is told to."""
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
) -> Iterator[ChildEngine]:
    """Start a process, open an engine in it, and yield what stands for it here; leaving the block ends the process.

    opener: one of `OPENERS`, which is called there with `arguments`, values that JSON can write.
    name: what messages call the engine. environment: variables to set in the child besides this process's own.

    Raises what the opener raises of `MagpieError`; `ModelError` when it raises anything else, or the process ends.
    """
    if opener not in OPENERS:
        raise ValueError(f"{opener!r} is not among the engines that a child opens")
    process, opened = _Process(name, environment or {}), None
    try:
        process.send({"open": opener, "arguments": arguments, **_this_process()})
        opened = _opened(process)
        yield ChildEngine(process, opened, patience)
    finally:
        process.close(patient=opened is not None)


def _this_process() -> dict[str, Any]:
    return {"parent": os.getpid(), "at_once": threading.current_thread() is threading.main_thread()}


def _opened(process: _Process) -> Mapping[str, Any]:
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
    error: MagpieError = (kind if known else ModelError)(str(message["message"]))
    return error


class ChildEngine:
    """Obeys `seams.Engine`; the engine itself is in a child process. Use it from one thread."""

    def __init__(self, process: _Process, opened: Mapping[str, Any], patience: float) -> None:
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
            self._process.lost = _raised(message)
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
            process.lost = EngineCrashed(f"{process.name} is gone: {process.last_words()}{_KEPT}")
        elif process.lost is None and silent > self._patience:
            process.lost = EngineDied(f"{process.name} hangs: no sign of life for {self._patience:g} seconds{_KEPT}")
            process.close(patient=False)
        if process.lost is not None:
            raise process.lost


def _answer(plain: Mapping[str, Any]) -> Answer:
    return RequestFailed(plain["failed"]) if "failed" in plain else read_completion(plain)


_KEPT = "; the rows so far are kept, run again to go on"


class _Process:
    """The child and its pipes. Nothing here ever waits for the child to read."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self.lost: MagpieError | None = None
        """Why there is no engine any more."""
        self.heard_at = time.monotonic()
        """When anything was last read from it, be it half a message."""
        self._log = ChildLog()
        self._child = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log.file,
            bufsize=0,
            start_new_session=True,
            env={"OMP_WAIT_POLICY": "passive", **os.environ, **environment},
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._in, self._out = self._child.stdin.fileno(), self._child.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._out, selectors.EVENT_READ)
        self._lines = Lines()
        self._unsent = bytearray()
        self._eof = self._closed = self._waits_for_room = False

    def send(self, message: Mapping[str, Any]) -> None:
        self.write(orjson.dumps(message) + b"\n")

    def write(self, line: bytes) -> None:
        """Send it, and keep what the pipe has no room for."""
        self._unsent += line
        self.flush()

    def flush(self) -> None:
        if self._closed or not self._unsent:
            return
        try:
            while self._unsent:
                del self._unsent[: os.write(self._in, self._unsent)]
        except BlockingIOError:
            self._await_room(True)
        except BrokenPipeError:
            self._unsent.clear()
        if not self._unsent:
            self._await_room(False)

    def _await_room(self, wanted: bool) -> None:
        if wanted and not self._waits_for_room:
            self._selector.register(self._in, selectors.EVENT_WRITE)
        elif self._waits_for_room and not wanted:
            self._selector.unregister(self._in)
        self._waits_for_room = wanted

    def receive(self, wait: float) -> list[dict[str, Any]]:
        """The messages that came, after waiting up to `wait` seconds for the first."""
        if self._eof or self._closed:
            return []
        until = time.monotonic() + wait
        while True:
            left = until - time.monotonic()
            ready = {key.fd for key, _ in self._selector.select(max(0.0, min(left, 1.0)))}
            self.flush()
            if self._out in ready:
                return self._read()
            if left <= 0 or self.ended():
                return []

    def _read(self) -> list[dict[str, Any]]:
        data = os.read(self._out, 1 << 20)
        self._eof, self.heard_at = not data, time.monotonic()
        self._log.cut()
        return [self._parsed(line) for line in self._lines.take(data)]

    def _parsed(self, line: bytes) -> dict[str, Any]:
        with suppress(ValueError):
            if isinstance(message := orjson.loads(line), dict):
                return message
        self.lost = EngineDied(f"{self.name} is gone: it wrote {line[:60]!r}, which is no message{_KEPT}")
        return {}

    def ended(self) -> bool:
        """Whether the process is gone, and what it wrote is read. Its own children may hold the pipe open."""
        if self._eof and not self._closed:
            self._ends_within(TERMINATE_SECONDS)
        if self._eof or self._closed:
            return True
        return self._child.poll() is not None and not self._selector.select(0.0)

    def last_words(self) -> str:
        """How it ended, and the line of its log that says most."""
        said = telling(self._log.lines())
        return how_it_ended(self._child.poll()) + (f": {said}" if said else "")

    def close(self, patient: bool = True) -> None:
        """Ask, wait, terminate, kill; and whatever the child has started goes too."""
        if self._closed:
            return
        self._closed, self.lost = True, self.lost or EngineDied(f"{self.name} is closed")
        self._selector.close()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        self._end(CLOSE_SECONDS if patient else 0.0)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._log.close()

    def _end(self, seconds: float) -> None:
        if self._ends_within(seconds):
            return
        self._child.terminate()
        if not self._ends_within(TERMINATE_SECONDS):
            self._child.kill()
            self._child.wait()

    def _ends_within(self, seconds: float) -> bool:
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds)
        return self._child.returncode is not None


def how_it_ended(code: int | None) -> str:
    """A process's exit code in words."""
    if code is None:
        return "its process closed its pipe"
    if code == -signal.SIGKILL:
        return "its process was killed (SIGKILL), as a system does when memory runs out"
    if code < 0:
        with suppress(ValueError):
            return f"its process was ended by {signal.Signals(-code).name}"
    return f"its process ended with exit code {code}"
