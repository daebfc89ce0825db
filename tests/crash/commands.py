"""A `magpie` command in a process of its own, which a test may stop at an instant, look at, and end in any way.

The process is forked from one that has imported magpie, so that the whole of its life is the command's work: a start
of Python takes longer than many a command. With `faults`, the process meets what a system may do to it.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait as wait_for
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.crash.imported", "tests.crash.commands"])
ORPHAN_SECONDS = 10.0
"""How long the children of a process that was killed may take to end."""
HUNG = 300.0
"""Seconds after which a command counts as hung."""


@dataclass(frozen=True)
class Faults:
    """What the process meets. Nothing, by default."""

    file_bytes: int | None = None
    """The largest file that it may write (RLIMIT_FSIZE)."""
    descriptors: int | None = None
    """How many files it may have open at once beside those that it starts with (RLIMIT_NOFILE)."""
    clock: int | None = None
    """A seed: its wall clock jumps by up to ten years, either way, each time that it is read."""
    line: int | None = None
    """The line, counted over `runs` and `executors`, at which it kills itself."""
    count_lines: bool = False
    """Whether it writes how many such lines it executed, as the last word on standard error."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    """Its exit code; of one that a signal ended, minus the signal's number."""
    errors: str
    """What it wrote on standard error."""
    orphans: tuple[int, ...] = ()
    """Processes that it had started and that outlived it."""


@dataclass
class Command:
    """A command that runs."""

    process: multiprocessing.process.BaseProcess
    errors: Path
    _children: set[int] = field(default_factory=set)

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def wait(self, seconds: float) -> bool:
        """Whether it has ended within so many seconds."""
        return bool(wait_for([self.process.sentinel], max(0.0, seconds)))

    def freeze(self) -> bool:
        """Stop it where it is, to be looked at; False where it has ended already."""
        if self.wait(0.0):
            return False
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGSTOP)
            while (state := _state(self.pid)) not in ("T", "t"):
                if state in (None, "Z", "X"):
                    return False
                time.sleep(0.0005)
            self._children = descendants(self.pid)
            return True
        return False

    def send(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        if not self.wait(0.0):
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def end(self) -> Ended:
        """Wait for its end, and for that of the processes that it had when it was frozen."""
        if not self.wait(HUNG):
            self.send(signal.SIGKILL)
            self.process.join()
            raise AssertionError(f"a command hung for {HUNG:g} seconds: {self.errors.read_text()[-2000:]}")
        self.process.join()
        assert self.process.exitcode is not None
        return Ended(self.process.exitcode, self.errors.read_text(errors="replace"), survivors(self._children))


@contextmanager
def started(
    arguments: Sequence[str],
    folder: Path,
    faults: Faults = Faults(),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Command]:
    """A command that runs in `folder`; killed at the end of the block, where it still runs.

    environment: variables beside those that this process had when it started its first command.
    """
    folder = folder.resolve()
    handle, errors = tempfile.mkstemp(".errors")
    os.close(handle)
    process = _CONTEXT.Process(
        target=_run, args=(list(arguments), str(folder), errors, faults, dict(environment or {}))
    )
    process.start()
    command = Command(process, Path(errors))
    try:
        yield command
    finally:
        if process.is_alive():
            process.kill()
        process.join()
        command.errors.unlink()


def run(arguments: Sequence[str], folder: Path, faults: Faults = Faults()) -> Ended:
    """A command, to its end."""
    with started(arguments, folder, faults) as command:
        return command.end()


def descendants(pid: int) -> set[int]:
    """The processes that this one has started, and those that they have."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _stat(int(entry.name))) is not None:
            children.setdefault(int(parent[1]), []).append(int(entry.name))
    found, pending = set[int](), [pid]
    while pending:
        below = children.get(pending.pop(), [])
        found.update(below)
        pending += below
    return found


def survivors(pids: set[int], seconds: float = ORPHAN_SECONDS) -> tuple[int, ...]:
    """Those of these processes that still run after so many seconds."""
    until = time.monotonic() + seconds
    while alive := tuple(sorted(pid for pid in pids if _state(pid) not in (None, "Z", "X"))):
        if time.monotonic() >= until:
            return alive
        time.sleep(0.02)
    return ()


def _state(pid: int) -> str | None:
    stat = _stat(pid)
    return None if stat is None else stat[0]


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on; the name before them may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


# -- in the process ----------------------------------------------------------------------------------------------------


def _run(arguments: list[str], folder: str, errors: str, faults: Faults, environment: dict[str, str]) -> None:
    """The command, as `python -m magpie` would run it. Exits; never returns."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: none outlives the server that forked it
    handle = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.dup2(handle, 2)
    os.close(handle)
    os.close(nothing)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 (descriptors)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["magpie", *arguments]
    _meet(faults)
    from magpie.cli import main

    lines = _trace(faults) if faults.line is not None or faults.count_lines else None
    try:
        main(arguments)
    finally:
        sys.settrace(None)
        if lines is not None:
            print("lines", lines[0], file=sys.stderr)


def _meet(faults: Faults) -> None:
    if faults.clock is not None:
        _jump(faults.clock)
    if faults.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (faults.file_bytes, faults.file_bytes))
    if faults.descriptors is not None:
        most = len(os.listdir("/proc/self/fd")) + faults.descriptors  # noqa: PTH208 (of /proc)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


_TEN_YEARS = 10 * 365 * 86400.0


def _jump(seed: int) -> None:
    """Let the wall clock jump: `time.time`, `time.time_ns`, and what `datetime` says is now."""
    import datetime

    dice, true_time = random.Random(seed), time.time

    def jumped() -> float:
        return max(0.0, true_time() + dice.uniform(-_TEN_YEARS, _TEN_YEARS))

    class Jumping(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Jumping:
            return cls.fromtimestamp(jumped(), tz)

    time.time, time.time_ns = jumped, lambda: int(jumped() * 1e9)
    for module in list(sys.modules.values()):
        if getattr(module, "datetime", None) is datetime.datetime:
            module.datetime = Jumping  # type: ignore[attr-defined]


def _trace(faults: Faults) -> list[int]:
    """Count lines of `runs` and `executors`, and end the process at the one that is named."""
    lines = [0]

    def trace(frame, event, argument):  # type: ignore[no-untyped-def]
        name = frame.f_code.co_filename
        if "/magpie/runs/" not in name and "/magpie/executors/" not in name:
            return None
        if event == "line":
            lines[0] += 1
            if lines[0] == faults.line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    return lines
