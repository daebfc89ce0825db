"""Ctrl-C and SIGTERM as a question, asked between two polls, rather than an explosion anywhere.

Knows nothing of what is being stopped.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from magpie.safe.interrupts import interrupt


class Stopped(KeyboardInterrupt):
    """The user asked to stop, with Ctrl-C or SIGTERM; everything made is in the run."""


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Yield a function that says whether a stop was asked for. A second Ctrl-C is as abrupt as Python makes it.

    A signal that is ignored, as under `nohup` and in a shell's background jobs, stays ignored. Outside the main thread
    signals are not ours, and the function says False.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return

    def ask(number: int, _: FrameType | None) -> None:
        if asked.is_set() and number == signal.SIGINT:
            interrupt()
        asked.set()

    ours = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
    old = {number: signal.signal(number, ask) for number in ours}
    try:
        yield asked.is_set
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
