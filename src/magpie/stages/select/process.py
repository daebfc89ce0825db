"""The sandbox's process, as its parent holds it: requests with a deadline, rows through shared memory, and its end.

A selection's SQL may be a stranger's. Everything in DuckDB that touches it happens in this process, so that it can be
ended when it takes too long or too much memory. One process serves one selection at a time; when it is done, it waits a
minute for the next, since a plan is soon followed by the work.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any

import orjson
import pyarrow as pa

from magpie.errors import RecipeError, UserError
from magpie.stages.select.child import MEMORY, MEMORY_EXIT

COMMAND = (sys.executable, "-P", "-m", "magpie.stages.select.child")
"""-P: the folder that magpie is started in may hold a `duckdb.py`."""
SECONDS = "MAGPIE_SELECT_SECONDS"
"""The environment variable that says how long a selection may take for a step."""
SLOTS = 2
"""Rows are written to one while the process looks at those in the other."""
_START_SECONDS = 60.0
_PING_SECONDS = 5.0


def patience(seconds: float) -> float:
    """How long to wait for a step: `MAGPIE_SELECT_SECONDS` where it is set, else `seconds`. Raises `UserError`."""
    given = os.environ.get(SECONDS)
    if given is None:
        return seconds
    try:
        found = float(given)
    except ValueError:
        found = 0.0
    if not found > 0:
        raise UserError(f"{SECONDS}={given}: expected a number of seconds, more than 0")
    return found


class SandboxProcess:
    """A child process that reads and runs selections, and nothing else."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.at = "the selection"
        """What it said last that it looks at."""
        self.waited_for = 0
        """Requests without an answer yet."""
        self._slots = [_shared_file() for _ in range(SLOTS)]
        self._begun = bytearray()
        self._child = subprocess.Popen(
            [*COMMAND, str(self.owner), *(str(slot.fileno()) for slot in self._slots)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            pass_fds=[slot.fileno() for slot in self._slots],
            start_new_session=True,  # Ctrl-C is for the parent, which ends it
            env=_environment(),
        )
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._in, self._out = self._child.stdin, self._child.stdout
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self.waited_for = 1
        try:
            self.answer(_START_SECONDS)
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def idle(self) -> bool:
        """Whether it can take another request."""
        return self.waited_for == 0 and self._child.poll() is None

    def ask(self, message: Mapping[str, Any], seconds: float) -> Any:
        """Send a request and wait for its answer. Raises what `answer` raises."""
        self.send(message)
        return self.answer(seconds)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a request."""
        self.waited_for += 1
        with suppress(BrokenPipeError):  # that it is gone is found with the answer, and why
            left = memoryview(orjson.dumps(message) + b"\n")
            while left:
                left = left[os.write(self._in.fileno(), left) :]

    def answer(self, seconds: float) -> Any:
        """The answer to the first request that has none. Raises `RecipeError` or `UserError` as the process did, and
        `UserError` when it says nothing for `seconds`, or ends."""
        message = self.next(seconds)
        assert "data" not in message
        return message["ok"]

    def next(self, seconds: float) -> dict[str, Any]:
        """The next message: an answer, or what announces a table. Raises what `answer` raises."""
        until = time.monotonic() + seconds
        while True:
            message = orjson.loads(self._line(until, seconds))
            if "at" in message:
                self.at, until = message["at"], time.monotonic() + seconds
                continue
            if "data" in message:
                return dict(message)
            self.waited_for -= 1
            if "failed" in message:
                raise self._failed(message["failed"], message["message"])
            return dict(message)

    def table(self, message: Mapping[str, Any], seconds: float) -> pa.Table:
        """The table that a message announced."""
        until = time.monotonic() + seconds
        data = memoryview(bytearray(message["size"]))
        have = min(len(self._begun), len(data))
        data[:have], self._begun = self._begun[:have], self._begun[have:]
        while have < len(data):
            self._wait(until, seconds)
            have += self._received(os.readv(self._out.fileno(), [data[have:]]))
        return pa.ipc.open_stream(pa.py_buffer(data)).read_all()

    def write(self, slot: int, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> dict[str, int]:
        """Put rows into a slot. Gives what a request says of it."""
        file = self._slots[slot]
        file.seek(0)
        with pa.ipc.new_stream(pa.PythonFile(file, "w"), schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        file.flush()
        return {"slot": slot, "size": file.tell()}

    def kill(self) -> None:
        """End the process at once, whatever it does. May be called again."""
        if self.owner == os.getpid():
            self._child.kill()
            self._child.wait()
        for file in (self._in, self._out, *self._slots):
            with suppress(OSError):
                file.close()

    def _line(self, until: float, seconds: float) -> bytes:
        while b"\n" not in self._begun:
            self._wait(until, seconds)
            piece = os.read(self._out.fileno(), 1 << 16)
            self._received(len(piece))
            self._begun += piece
        line, _, self._begun = self._begun.partition(b"\n")
        return bytes(line)

    def _wait(self, until: float, seconds: float) -> None:
        """Wait for something to read. Raises `UserError` where nothing comes until a time."""
        if not self._poll.poll(1000 * max(0.0, until - time.monotonic())):
            self.kill()
            raise UserError(
                f"{self.at}: no result after {seconds:.0f} s, and the selection was stopped; expected clauses that "
                f"look at a row in well under a millisecond: simplify it, or give it more time with {SECONDS}=600"
            )

    def _received(self, count: int) -> int:
        """How much was read. Raises `UserError` at the process's end."""
        if count == 0:
            code = self._child.wait()
            self.kill()
            raise self._failed("memory" if code == MEMORY_EXIT else "ended", _how(code))
        return count

    def _failed(self, kind: str, message: str) -> UserError:
        match kind:
            case "recipe":
                return RecipeError(message)
            case "user":
                return UserError(message)
            case "memory":
                return UserError(
                    f"{self.at}: it takes more than {MEMORY >> 30} GiB of memory, and the selection was stopped; "
                    "expected clauses that make no large texts or lists: simplify it"
                )
            case "ended":
                return UserError(
                    f"{self.at}: the process that looked at it {message}, as it does when memory runs out; simplify it"
                )
        return UserError(f"{self.at}: {message}: a mistake in magpie, not in the selection: please report it")


_spare: list[SandboxProcess] = []
_lock = threading.Lock()


@contextmanager
def sandbox_process() -> Iterator[SandboxProcess]:
    """A process to read or run one selection in, as long as the context lasts.

    Example: `with sandbox_process() as process: process.ask({"do": "ping"}, seconds=5)`.
    """
    process = _waiting() or SandboxProcess()
    try:
        yield process
    finally:
        if process.idle:
            process.at = "the selection"
            with _lock:
                _spare.append(process)
        else:
            process.kill()


def _waiting() -> SandboxProcess | None:
    """A process that is done with an earlier selection, if there is one that still answers."""
    while True:
        with _lock:
            process = _spare.pop() if _spare else None
        if process is None:
            return None
        if process.owner == os.getpid() and process.idle:
            with suppress(UserError):
                process.ask({"do": "ping"}, _PING_SECONDS)
                return process
        process.kill()


def _end_all() -> None:
    while _spare:
        _spare.pop().kill()


atexit.register(_end_all)


def _shared_file() -> IO[bytes]:
    """A file without a name: in memory where the system has that, else where it keeps temporary files."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("magpie-rows"), "w+b")
    return tempfile.TemporaryFile()


def _environment() -> dict[str, str]:
    """What Python and its libraries need to start, and none of the keys that a user's environment may hold."""
    kept = ("PATH", "HOME", "TMPDIR", "LANG", "VIRTUAL_ENV")
    begins = ("PYTHON", "LD_", "DYLD_", "LC_", "OMP_")
    found = {name: value for name, value in os.environ.items() if name in kept or name.startswith(begins)}
    return found | {"ARROW_DEFAULT_MEMORY_POOL": "system"}  # others reserve address space, of which it has little


def _how(code: int) -> str:
    if code < 0:
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
