"""What runs in the child: opens one engine and serves it over pipes, in lines of JSON. Started by `child`, as a script.

It knows no engine but by the names in `OPENERS`, and obeys nothing but requests and cancellations. Whatever libraries
write on the terminal goes to descriptor 2, which the parent keeps as a log; the pipes are out of their reach.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import orjson

from magpie.errors import ContextFull, EngineDied, MagpieError, ModelError, RequestFailed
from magpie.safe.descriptors import take_standard_descriptors
from magpie.safe.redaction import one_line
from magpie.seams import Capabilities, Capability, Completion, Engine
from magpie.wire import plain_completion, read_request

OPENERS = frozenset(
    f"magpie.engines.{name}:open_in_process"
    for name in ("scripted", "llamacpp.engine", "vllm.engine", "transformers.engine", "openvino.engine")
)
"""What may be opened: functions of JSON arguments that give a context manager of an engine."""
HEARTBEAT = 1.0
"""Seconds between two signs of life, while there is nothing else to say."""
STEP_WAIT = 0.02
"""Seconds that an engine may wait in `poll`: the longest that a new request is late, where an engine waits at all."""
PARENT_CHECK = 1.0
"""Seconds between two looks whether the parent is still there."""

Opener = Callable[..., AbstractContextManager[Engine]]


class Closed(Exception):
    """The parent wants no more."""


class Lines:
    """Lines out of what arrives in pieces."""

    def __init__(self) -> None:
        self._begun = bytearray()

    def take(self, piece: bytes) -> list[bytes]:
        """The lines that `piece` completes. Only `piece` is searched: a line may be many megabytes long."""
        if b"\n" not in piece:
            self._begun += piece
            return []
        first, *others, rest = piece.split(b"\n")
        whole = [bytes(self._begun + first), *others]
        self._begun = bytearray(rest)
        return whole


class Pipe:
    """Lines of JSON to and from the parent."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes
        self._lines = Lines()
        self.sent_at = 0.0

    def receive(self, wait: float) -> list[dict[str, Any]]:
        """The messages that are there, after waiting up to `wait` seconds for one. Raises `Closed`."""
        if not select.select([self._reads], [], [], wait)[0]:
            return []
        data = os.read(self._reads, 1 << 20)
        if not data:
            raise Closed
        return [orjson.loads(line) for line in self._lines.take(data)]

    def first(self) -> dict[str, Any]:
        while not (messages := self.receive(PARENT_CHECK)):
            continue
        return messages[0]

    def send(self, line: bytes) -> None:
        """Waits while the pipe is full. Raises `Closed` when the parent is gone."""
        left = memoryview(line + b"\n")
        try:
            while left:
                left = left[os.write(self._writes, left) :]
        except BrokenPipeError as error:
            raise Closed from error
        self.sent_at = time.monotonic()


def serve(engine: Engine, pipe: Pipe) -> None:
    """Hand the parent's requests to the engine and its answers to the parent until the parent closes the pipe."""
    live: set[int] = set()
    while True:
        for message in pipe.receive(0.0 if live else HEARTBEAT):
            _obey(message, engine, live)
        if not live:
            continue
        answers = engine.poll(STEP_WAIT)
        live.difference_update(ticket for ticket, _ in answers)
        if answers:
            pipe.send(b'{"answers":[' + b",".join(_answer_line(*answer) for answer in answers) + b"]}")
        elif time.monotonic() - pipe.sent_at > HEARTBEAT:
            pipe.send(b"{}")


def _obey(message: Mapping[str, Any], engine: Engine, live: set[int]) -> None:
    for ticket, plain in message.get("submit", ()):
        engine.submit(ticket, read_request(plain))
        live.add(ticket)
    if gone := [ticket for ticket in message.get("cancel", ()) if ticket in live]:
        engine.cancel(gone)
        live.difference_update(gone)


def _answer_line(ticket: int, answer: Completion | RequestFailed) -> bytes:
    if isinstance(answer, RequestFailed):
        kind = {"context_full": True} if isinstance(answer, ContextFull) else {}
        return orjson.dumps([ticket, {"failed": _valid(str(answer)), **kind}])
    try:
        return orjson.dumps([ticket, plain_completion(answer)])
    except TypeError as error:  # such as half of a surrogate pair in a text
        return orjson.dumps([ticket, {"failed": f"the engine's answer cannot be told: {_valid(str(error))}"}])


def _valid(text: str) -> str:
    return text.encode(errors="replace").decode()


def described(engine: Engine) -> bytes:
    """What the parent shows of the engine without asking."""
    sizes = {name: getattr(engine, name, 0) for name in ("window", "context", "vocab_size", "trained_context")}
    capabilities = engine.capabilities
    can = sorted(capability.value for capability in capabilities.can)
    return orjson.dumps({"opened": sizes, "prompts": capabilities.prompts, "can": can, "pid": os.getpid()})


def read_capabilities(opened: Mapping[str, Any]) -> Capabilities:
    """What `described` wrote."""
    return Capabilities(tuple(opened["prompts"]), frozenset(map(Capability, opened["can"])))


def told(error: BaseException, arguments: Mapping[str, Any]) -> bytes:
    """An error, for the parent to raise: of the same class where magpie knows it."""
    if not isinstance(error, MagpieError):
        model = next((str(arguments[name]) for name in ("model", "path") if name in arguments), "the model")
        error = ModelError(_explained(error, model))
    return orjson.dumps({"raised": type(error).__name__, "message": _valid(str(error))})


def _explained(error: BaseException, model: str) -> str:
    """One line for whatever a library raised while it opened a model."""
    said = one_line(next((line for line in str(error).splitlines() if line.strip()), "it gives no reason"))
    if isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__ or "out of memory" in str(error).lower():
        return (
            f"{model} does not fit into memory ({said}): "
            "give the engine fewer slots or a smaller context, or use a smaller model or dtype"
        )
    return f"{model} cannot be run: {type(error).__name__}: {said}"


def find_opener(name: str) -> Opener:
    if name not in OPENERS:
        raise ModelError(f"{name!r} opens no engine; expected one of {', '.join(sorted(OPENERS))}")
    module, _, function = name.partition(":")
    found: Opener = getattr(importlib.import_module(module), function)
    return found


def follow_parent(parent: int, at_once: bool) -> None:
    """End this process when its parent ends, however that ends.

    at_once: have the system do it too, even inside native code that never returns. Only for a parent's main thread:
    the system means the thread that started this process, which may end before its process does.
    """
    if at_once and sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK)
    os._exit(1)


def private_pipe() -> Pipe:
    """The standard descriptors, taken for messages: what libraries print goes to the log instead."""
    return Pipe(*take_standard_descriptors())


def main() -> None:
    """Open what the first message names, and serve it."""
    pipe = private_pipe()
    try:
        asked = pipe.first()
        follow_parent(asked["parent"], asked["at_once"])
        if asked.get("cores"):
            os.sched_setaffinity(0, asked["cores"])
        _open_and_serve(pipe, asked)
    except Closed:
        pass
    except BaseException:
        traceback.print_exc()
        _leave(1)
    _leave(0)


def _open_and_serve(pipe: Pipe, asked: Mapping[str, Any]) -> None:
    opened = False
    try:
        with find_opener(asked["open"])(**asked["arguments"]) as engine:
            pipe.send(described(engine))
            opened = True
            serve(engine, pipe)
    except Closed:
        raise
    except Exception as error:
        if opened and not isinstance(error, EngineDied):
            raise
        traceback.print_exc()
        pipe.send(told(error, asked["arguments"]))


def _leave(code: int) -> None:
    """Without Python's own end, in which native libraries are known to hang and to crash."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
