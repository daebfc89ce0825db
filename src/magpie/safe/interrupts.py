"""Whether the user has interrupted this process, for errors that only follow from it.

Native code turns a `KeyboardInterrupt` into an error of its own: pydantic says that it cannot serialize. Such an error
is no bug, and an interrupt is answered as one. Knows no command.
"""

from __future__ import annotations

import signal
import threading
from typing import NoReturn

_interrupted = threading.Event()


def interrupt(*_: object) -> NoReturn:
    """What a signal's handler raises for Ctrl-C, noted."""
    _interrupted.set()
    raise KeyboardInterrupt


def note_interrupts() -> None:
    """Note Ctrl-C where Python itself answers it; elsewhere, as in a thread or where it is ignored, nothing changes."""
    own = threading.current_thread() is threading.main_thread()
    if own and signal.getsignal(signal.SIGINT) in (signal.default_int_handler, interrupt):
        _interrupted.clear()
        signal.signal(signal.SIGINT, interrupt)


def was_interrupted() -> bool:
    """Whether an interrupt was raised since `note_interrupts`."""
    return _interrupted.is_set()
