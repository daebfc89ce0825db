"""What runs in the sandbox's process: it reads selections and runs them over rows. `process` starts it.

    python -m magpie.stages.select.child PARENT SLOT SLOT

PARENT is the process id of who started it; SLOT is an open file in which rows arrive, as an Arrow stream. Requests and
answers are lines of JSON on standard input and output; tables go out behind a line that says how many bytes they have.
Before it looks at anything it says what, in a line of its own: the parent then knows what took too long.

The process ends itself when its parent is gone, when it has taken more memory than it may, and when it has been idle
for a minute. It holds no secrets: `process` gives it an environment without any.
"""

from __future__ import annotations

import base64
import errno
import mmap
import os
import select
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from magpie.errors import RecipeError, UserError
from magpie.safe.descriptors import take_standard_descriptors
from magpie.stages.select.costs import costs
from magpie.stages.select.reading import read_selection
from magpie.stages.select.rows import Judged, check_selection
from magpie.stages.select.selection import Asked, Selection
from magpie.stages.select.shown import clipped

MEMORY = 3 << 30
"""The most bytes that it may take beyond what it has when it starts."""
ADDRESSES = MEMORY + (2 << 30)
"""The most address space beyond that, where the system can limit it: one huge allocation fails at once. DuckDB takes
half a gigabyte of it for nothing."""
MEMORY_EXIT = 86
"""Its exit code once it has taken too much memory."""
IDLE_SECONDS = 60.0
_WATCH_SECONDS = 0.2


class _Closed(Exception):
    """The parent wants no more."""


class _Pipe:
    """Lines of JSON from and to the parent."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes
        self._begun = bytearray()

    def receive(self, wait: float | None) -> dict[str, Any]:
        """The next request. Raises `_Closed` where none comes in `wait` seconds, and when the parent is gone."""
        while b"\n" not in self._begun:
            if not select.select([self._reads], [], [], wait)[0] or not (piece := os.read(self._reads, 1 << 20)):
                raise _Closed
            self._begun += piece
        line, _, self._begun = self._begun.partition(b"\n")
        return dict(orjson.loads(line))

    def send(self, message: Mapping[str, Any], data: bytes | pa.Buffer = b"") -> None:
        for piece in (orjson.dumps(message) + b"\n", data):
            left = memoryview(piece)
            while left:
                left = left[os.write(self._writes, left) :]


class _Worker:
    """Answers requests, one after another."""

    def __init__(self, pipe: _Pipe, slots: list[int]) -> None:
        self._pipe = pipe
        self._slots = slots
        self._maps: dict[int, mmap.mmap] = {}
        self._judged: Judged | None = None

    def serve(self) -> None:
        while True:
            message = self._pipe.receive(IDLE_SECONDS if self._judged is None else None)
            try:
                self._pipe.send({"ok": self._answer(message)})
            except (RecipeError, UserError) as error:
                kind = "recipe" if isinstance(error, RecipeError) else "user"
                self._pipe.send({"failed": kind, "message": _valid(str(error))})
            except (_Closed, BrokenPipeError):
                raise
            except Exception as error:
                if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
                    os._exit(MEMORY_EXIT)
                self._pipe.send({"failed": "bug", "message": _valid(f"{type(error).__name__}: {error}")})

    def _answer(self, message: Mapping[str, Any]) -> object:
        match message["do"]:
            case "read":
                return read_selection(Asked.from_plain(message["asked"]), message["labels"], self._report)
            case "check":
                schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(message["schema"])))
                check_selection(Selection.from_plain(message["selection"]), schema, self._report)
            case "open":
                spill = None if message["spill"] is None else Path(message["spill"])
                self._judged = Judged(Selection.from_plain(message["selection"]), spill, self._report)
            case "look":
                self._open.look(self._table(message))
            case "settle":
                self._open.settle(self._spread if message["spread"] else None)
            case "costs":
                return costs(self._open).plain()
            case "fates":
                for table in self._open.fell():
                    self._give({"data": "fates"}, table)
            case "close":
                self._open.connection.close()
                self._judged = None
            case "ping":
                pass
            case other:
                raise ValueError(f"no request is called {other!r}")
        return None

    @property
    def _open(self) -> Judged:
        assert self._judged is not None
        return self._judged

    def _report(self, what: str) -> None:
        self._pipe.send({"at": _valid(clipped(what))})

    def _spread(self, rows: pa.Table, wanted: int, of_each: bool) -> pa.Table:
        """What `rows.Spread` says: the parent has the vectors."""
        self._give({"data": "spread", "wanted": wanted, "of_each": of_each}, rows)
        return self._table(self._pipe.receive(None))

    def _give(self, message: Mapping[str, Any], table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        written = sink.getvalue()
        self._pipe.send({**message, "size": written.size}, written)

    def _table(self, message: Mapping[str, Any]) -> pa.Table:
        """The table in a slot. It is read where it lies: the parent leaves the slot alone until there is an answer."""
        slot, size = message["slot"], message["size"]
        if slot not in self._maps or len(self._maps[slot]) < size:
            self._maps.pop(slot, None)
            self._maps[slot] = mmap.mmap(self._slots[slot], 0, prot=mmap.PROT_READ)
        return pa.ipc.open_stream(pa.py_buffer(self._maps[slot]).slice(0, size)).read_all()


def _valid(text: str) -> str:
    return text.encode(errors="replace").decode()


def _limit_addresses() -> None:
    try:
        import resource

        most = _statm()[0] + ADDRESSES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        return  # no such limit here: the watch below is what is left


def _watch(parent: int) -> None:
    """End the process when its parent is gone, or when it has taken too much memory."""
    most = _memory() + MEMORY
    while os.getppid() == parent:
        if _memory() > most:
            os._exit(MEMORY_EXIT)
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


def _memory() -> int:
    """Bytes of its own that the process has now; where the system does not say, the most that it ever had."""
    try:
        _, resident, shared = _statm()
        return resident - shared
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak << 10


def _statm() -> tuple[int, int, int]:
    """Bytes of address space, of memory, and of memory that is shared. Raises `OSError` where Linux is not."""
    size, resident, shared, *_ = (int(pages) * mmap.PAGESIZE for pages in Path("/proc/self/statm").read_bytes().split())
    return size, resident, shared


def main() -> None:
    parent, *slots = map(int, sys.argv[1:])
    pipe = _Pipe(*take_standard_descriptors())
    _limit_addresses()
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    try:
        pipe.send({"ok": "ready"})
        _Worker(pipe, slots).serve()
    except (_Closed, BrokenPipeError):
        os._exit(0)


if __name__ == "__main__":
    main()
