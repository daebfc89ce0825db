"""A child process and its pipes, as the parent holds them: lines of JSON, a log, and how it ended. Knows no engine."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import orjson

from magpie.engines.child.log import ChildLog, telling
from magpie.engines.child.process import Lines
from magpie.errors import EngineDied
from magpie.safe.environment import child_environment
from magpie.safe.redaction import one_line

COMMAND = (sys.executable, "-u", "-P", "-m", "magpie.engines.child.process")
"""-P: the folder that magpie is started in may hold a `torch.py`."""
CLOSE_SECONDS = 10.0
"""How long a child that is asked to end may take."""
TERMINATE_SECONDS = 3.0
"""How long the child may take to end after it was asked to. Seconds."""


class Process:
    """The child and its pipes. Nothing here ever waits for the child to read."""

    def __init__(self, name: str, environment: Mapping[str, str], *, downloads: bool = False) -> None:
        self.name = name
        self.lost: EngineDied | None = None
        """Why there is no engine any more."""
        self.heard_at = time.monotonic()
        """When anything was last read from it, even half a message."""
        self._log = ChildLog()
        self._child = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log.file,
            bufsize=0,
            start_new_session=True,
            env={"OMP_WAIT_POLICY": "passive", **child_environment(downloads=downloads), **environment},
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
        self.lost = EngineDied(f"{self.name} is gone: it wrote {_shown(line)}, which is no message")
        return {}

    def descriptors(self) -> tuple[int | None, int | None]:
        """To read from, while there may be something; to write to, while something waits for room."""
        if self._closed:
            return None, None
        return None if self._eof else self._out, self._in if self._waits_for_room else None

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


def _shown(line: bytes) -> str:
    return repr(one_line(line.decode(errors="replace"), 60))


def how_it_ended(code: int | None) -> str:
    """A process's exit code as a phrase for a message."""
    if code is None:
        return "its process closed its pipe"
    if code == -signal.SIGKILL:
        return "its process was killed (SIGKILL), as a system does when memory runs out"
    if code < 0:
        with suppress(ValueError):
            return f"its process was ended by {signal.Signals(-code).name}"
    return f"its process ended with exit code {code}"
