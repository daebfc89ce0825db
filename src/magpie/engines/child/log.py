"""What a child process writes to stdout and stderr: kept in a file of limited size, and searched for the line that
explains most.

Knows nothing of what runs in the child.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO

from magpie.safe.redaction import redact

MOST_BYTES = 4 << 20
"""A longer log is truncated to nothing: a library that warns at every step must not fill the disk. Bytes."""
TAIL_BYTES = 1 << 16
LINE_CHARACTERS = 300
"""The longest line that goes into a message, in characters."""

_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_PREFIX = re.compile(r"^(?:\(\w+ pid=\d+\) )?(?:(?:CRITICAL|ERROR|FATAL) [\d\-/: .,]+(?:\[[^\]]*\] )?)?")
_RAISED = re.compile(r"^(?:[\w.]*(?:Error|Exception|Exit|Interrupt)|what\(\))\s*: *\S|^\s+what\(\):")
_TELLING = re.compile(r"\b(?:error|fatal|assert\w*|abort\w*|out of memory|cannot|failed|failure|terminate)\b", re.I)


@dataclass(frozen=True, slots=True)
class ChildLog:
    """A file without a name. All writers append, so that it can be truncated at any time."""

    file: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    def __post_init__(self) -> None:
        fcntl.fcntl(self.file, fcntl.F_SETFL, fcntl.fcntl(self.file, fcntl.F_GETFL) | os.O_APPEND)

    def cut(self) -> None:
        """Truncate the log if it has become too long."""
        if os.fstat(self.file.fileno()).st_size > MOST_BYTES:
            os.ftruncate(self.file.fileno(), 0)

    def lines(self) -> list[str]:
        """The last lines, without colors and control characters, none of them empty."""
        size = os.fstat(self.file.fileno()).st_size
        tail = os.pread(self.file.fileno(), TAIL_BYTES, max(0, size - TAIL_BYTES)).decode(errors="replace")
        clean = [_HIDDEN.sub("", _STYLE.sub("", line)).rstrip() for line in re.split(r"[\r\n]+", tail)]
        return [line for line in clean if line.strip()]

    def close(self) -> None:
        self.file.close()


def telling(lines: Sequence[str]) -> str | None:
    """The line that says most of why a process ended: what was raised last, else what sounds like an error."""
    for looked_for in (_RAISED, _TELLING):
        for line in reversed(lines):
            if looked_for.search(bare := _PREFIX.sub("", line)):
                return redact(bare).strip()[:LINE_CHARACTERS]
    return redact(lines[-1]).strip()[:LINE_CHARACTERS] if lines else None
