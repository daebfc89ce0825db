"""The standard descriptors of a child process, kept for messages alone."""

from __future__ import annotations

import os


def take_standard_descriptors() -> tuple[int, int]:
    """Two new descriptors, of standard input and standard output: whatever a library prints from here on goes to
    standard error, and whatever it reads is empty."""
    reads, writes = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return reads, writes
