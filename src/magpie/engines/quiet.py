"""What native code writes on the terminal, caught in a file. Knows file descriptors and nothing of who writes."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Heard:
    text: str = ""
    """What was written, once the block has ended."""


@contextmanager
def hear() -> Iterator[Heard]:
    """Catch everything that this process writes on descriptors 1 and 2 inside the block."""
    heard = Heard()
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            yield heard
        finally:
            for descriptor, old in zip((1, 2), saved, strict=True):
                os.dup2(old, descriptor)
                os.close(old)
            file.seek(0)
            heard.text = file.read().decode(errors="replace")
