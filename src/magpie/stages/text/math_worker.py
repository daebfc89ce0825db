"""Groups mathematical answers that are equal, with math-verify: a script that runs in a process of its own.

A model's `9^{9^{9^9}}` keeps SymPy busy for hours inside one call, which no signal handler of Python interrupts: the
process is ended by the system when a request has taken its processor time, and the parent starts another. Reads one
JSON request a line, answers with one JSON line. Answers are read as LaTeX alone: math-verify's other reader evaluates
Python.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from functools import lru_cache
from typing import Any

from math_verify import LatexExtractionConfig, parse, verify

MEMORY = 2 << 30
"""The most address space that this process may have, in bytes, where the system can limit it."""
_READ_AS = [LatexExtractionConfig(boxed_match_priority=0)]


@lru_cache(maxsize=4096)
def parsed(answer: str) -> list[Any]:
    """The expression, as a list of one; empty for what is none."""
    found = parse(f"\\boxed{{{answer}}}", _READ_AS, fallback_mode="no_fallback", parsing_timeout=None)
    return list(found)


def equal(one: str, other: str) -> bool:
    """In either order: math-verify takes `x = 5` for `5` in one of them only."""
    first, second = parsed(one), parsed(other)
    if not first or not second:
        return False
    return bool(verify(first, second, timeout_seconds=None) or verify(second, first, timeout_seconds=None))


def grouped(answers: list[str]) -> list[int | None]:
    """For each answer, the place of the first one that it equals: its own, where none does. None for no mathematics."""
    found: list[int | None] = []
    for place, answer in enumerate(answers):
        firsts = (first for first in range(place) if found[first] == first)
        own = place if parsed(answer) else None
        found.append(next((first for first in firsts if equal(answers[first], answer)), own))
    return found


def limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        return  # no such limit here: the time limit is what is left


def main() -> None:
    limit_memory()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asked
    logging.disable(logging.CRITICAL)
    replies = os.dup(1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)  # what a library prints is no answer
    os.dup2(nothing, 2)
    grouped(["\\frac12", "x + 1", "1, 2", "(3, 4)"])  # SymPy loads half of itself at the first comparison
    for line in sys.stdin.buffer:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, request["seconds"])  # its default action ends the process, also inside C
        groups = grouped(request["answers"])
        signal.setitimer(signal.ITIMER_PROF, 0)
        os.write(replies, json.dumps({"groups": groups}).encode() + b"\n")


if __name__ == "__main__":
    main()
