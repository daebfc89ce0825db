"""A child process that answers one line of JSON with one line of JSON: for what may hang, or take all memory.

The script that it runs limits itself, and ends when it may go no further; it is started again at the next question. It
gets no keys. Knows nothing of what is asked.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from magpie.safe.environment import child_environment

START_SECONDS = 60.0
"""A worker that has not said a word by then never will: a busy machine takes a second or two."""


class WorkerGone(Exception):
    """The worker ended, or did not answer in time."""


class Worker:
    """A child process and the lock that keeps one question in it at a time.

    script: a Python file that reads requests from standard input and writes answers to standard output. hello: a first
    request that it answers at once. seconds: how long an answer is waited for.

        worker = Worker(Path("worker.py"), {"do": "ping"}, seconds=3.0)
        worker.ask({"do": "render"})  # raises WorkerGone
    """

    def __init__(self, script: Path, hello: Mapping[str, Any], seconds: float) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.owner = 0
        self.buffer = b""
        """What came behind the last answer."""
        self._script = script
        self._hello = hello
        self._seconds = seconds

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request. Raises `WorkerGone`; the next request then meets a new process."""
        with self.lock:
            try:
                process = self._running()
                return self._exchange(process, request, self._seconds)
            except (WorkerGone, OSError):
                self.stop()
                raise WorkerGone from None
            except BaseException:  # an answer that nobody has waited for must not answer the next request
                self.stop()
                raise

    def stop(self) -> None:
        """End the process. May be called again."""
        process, self.process = self.process, None
        if process is None:
            return
        if self.owner == os.getpid():
            process.kill()
            process.wait()
        for pipe in _pipes(process):
            _close(pipe)

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is None or self.owner != os.getpid() or self.process.poll() is not None:
            self.stop()
            command = [sys.executable, "-P", str(self._script)]
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=child_environment()
            )
            self.owner, self.buffer = os.getpid(), b""
            self._exchange(self.process, self._hello, START_SECONDS)
        return self.process

    def _exchange(self, process: subprocess.Popen[bytes], request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        stdin, stdout = _pipes(process)
        stdin.write(json.dumps(request).encode() + b"\n")
        stdin.flush()
        answered = select.poll()  # select() takes no descriptor beyond 1,023
        answered.register(stdout, select.POLLIN)
        pieces = [self.buffer]
        while b"\n" not in pieces[-1]:
            piece = os.read(stdout.fileno(), 1 << 20) if answered.poll(1000 * seconds) else b""
            if not piece:
                raise WorkerGone
            pieces.append(piece)
        reply, _, self.buffer = b"".join(pieces).partition(b"\n")
        found: dict[str, Any] = json.loads(reply)
        return found


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:
        return  # the other end is gone, and what was still to be written with it
