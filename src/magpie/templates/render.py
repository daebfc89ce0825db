"""Asks the worker process to render chat templates, and turns what goes wrong there into `TemplateError`.

One worker serves the whole process; it is started when first asked and again after a template has ended it.
Knows how to ask and how long to wait; knows nothing of what a template says.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final

from magpie.errors import TemplateError
from magpie.safe.environment import child_environment

_WORKER: Final = Path(__file__).with_name("worker.py")
_START_SECONDS: Final = 60.0
"""A worker that has not said a word by then never will: a busy machine takes a second or two."""
_ANSWER_SECONDS: Final = 3.0
"""Longer than the worker gives itself, so that this limit only meets a worker that cannot end itself."""
_BUDGET_SECONDS: Final = 2.0
"""Processor seconds that a template may use before it has given its prompts: with one last render, under 5 s."""


class _Gone(Exception):
    """The worker ended, or did not answer."""


class _Worker:
    """A child process and the lock that keeps one question in it at a time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.owner = 0
        self.buffer = b""
        """What came behind the last answer."""

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        with self.lock:
            process = self._running()
            try:
                return self._exchange(process, json.dumps(request).encode() + b"\n", _ANSWER_SECONDS)
            except (_Gone, OSError):
                self.stop()
                raise _Gone from None

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is None or self.owner != os.getpid() or self.process.poll() is not None:
            self.stop()
            command = [sys.executable, "-P", str(_WORKER)]
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=child_environment()
            )
            self.owner, self.buffer = os.getpid(), b""
            self._exchange(self.process, b'{"do": "inspect", "source": ""}\n', _START_SECONDS)
        return self.process

    def _exchange(self, process: subprocess.Popen[bytes], line: bytes, seconds: float) -> dict[str, Any]:
        stdin, stdout = _pipes(process)
        stdin.write(line)
        stdin.flush()
        pieces = [self.buffer]
        while b"\n" not in pieces[-1]:
            ready, _, _ = select.select([stdout], [], [], seconds)
            piece = os.read(stdout.fileno(), 1 << 20) if ready else b""
            if not piece:
                raise _Gone
            pieces.append(piece)
        reply, _, self.buffer = b"".join(pieces).partition(b"\n")
        found: dict[str, Any] = json.loads(reply)
        return found

    def stop(self) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        if self.owner == os.getpid():
            process.kill()
            process.wait()
        for pipe in _pipes(process):
            _close(pipe)


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:
        return  # the other end is gone, and what was still to be written with it


_worker = _Worker()
atexit.register(_worker.stop)


class Budget:
    """Processor seconds that a template may still use."""

    def __init__(self, seconds: float = _BUDGET_SECONDS) -> None:
        self.seconds = seconds
        self.left = seconds

    def spend(self, seconds: float) -> None:
        """Raises `TemplateError` when nothing is left."""
        self.left -= seconds
        if self.left < 0:
            raise TemplateError(
                f"the chat template is too slow: {self.seconds - self.left:.1f} s of rendering and not all prompts, "
                f"where {self.seconds:.0f} s are allowed; give template.chat_template a simpler file"
            )


@dataclass(frozen=True)
class Renderer:
    """One chat template, ready to render."""

    source: str
    variables: Mapping[str, Any]
    """What the template sees beside the messages: special tokens, switches."""
    date: str | None = None
    """The day that `strftime_now` says it is, as an ISO date; today where None."""
    unquoted: bool = False
    """Whether the source is a file that a recipe names, which may be any file: errors then quote nothing of it."""
    budget: Budget | None = None
    """What is left of the time to derive prompts in; None once they are derived."""

    def render(self, messages: Sequence[Mapping[str, Any]], prompt: bool, **more: Any) -> str:
        """The text of `messages`, with the generation prompt if asked. Raises `TemplateError`."""
        given = {"tools": None, "documents": None, **self.variables, **more}
        variables = {**given, "messages": list(messages), "add_generation_prompt": prompt}
        text: str = self._ask({"do": "render", "variables": variables, "date": self.date})
        return text

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """What can be read off the source without rendering: its variables, needles and options."""
        found: dict[str, Any] = self._ask({"do": "inspect"})
        return found

    def _ask(self, request: Mapping[str, Any]) -> Any:
        try:
            reply = _worker.ask({**request, "source": self.source})
        except _Gone:
            raise TemplateError(
                "the chat template did not finish: it ran out of time or memory and was stopped; "
                "expected a template that renders in well under a second: give template.chat_template another file"
            ) from None
        if self.budget is not None:
            self.budget.spend(reply["seconds"])
        if "ok" in reply:
            return reply["ok"]
        raise Refusal(reply["error"], self._told(reply["error"], reply["message"]))

    def _told(self, kind: str, message: str) -> str:
        """What an error may say: of a template that is not to be quoted, where the mistake is and of what kind. Its own
        refusals and the names of its variables are meant to be read."""
        if self.unquoted and " has no " in message:
            return "a value lacks an attribute or an element that is asked of it"
        if not self.unquoted or kind not in ("syntax", "failed", "unsafe"):
            return message
        if kind == "unsafe":
            return "an attribute or a call that the sandbox forbids"
        place = message.partition(":")[0]
        return f"{place} of the file that template.chat_template names" if kind == "syntax" else place


class Refusal(TemplateError):
    """The template raised an error: its own (`refused`), or a mistake in it."""

    def __init__(self, kind: str, message: str) -> None:
        texts = {
            "limit": "the chat template goes beyond what it may use",
            "unsafe": "the chat template reaches for what it may not touch",
            "syntax": "the chat template is not valid Jinja",
            "refused": "the chat template refuses this conversation",
            "failed": "the chat template failed",
        }
        hint = "; give it with template.kwargs" if message.endswith("is undefined") else ""
        super().__init__(f"{texts[kind]}: {message or 'it gave no reason'}{hint}")
        self.kind = kind
        self.message = message
