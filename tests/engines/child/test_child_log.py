"""The line of a log that tells most of why a process ended."""

from __future__ import annotations

import os

import pytest

from magpie.engines.child.log import ChildLog, telling

ENDS = {
    "a traceback": (
        'Traceback (most recent call last):\n  File "a.py"\nRuntimeError: no room\n',
        "RuntimeError: no room",
    ),
    "a library's own error class": ("torch.OutOfMemoryError: CUDA out of memory. Tried\n", None),
    "C++": (
        "terminate called after throwing an instance of 'std::runtime_error'\n  what():  bad file\n",
        "what():  bad file",
    ),
    "an assertion": ("loading\nggml.c:12: GGML_ASSERT(a == b) failed\nbye\n", "ggml.c:12: GGML_ASSERT(a == b) failed"),
    "colors and progress": ("\x1b[31mFatal error: x\x1b[0m\rdone", "Fatal error: x"),
    "nothing that sounds bad": ("one\ntwo\n\n", "two"),
    "a worker's prefix": (
        "(EngineCore pid=12) ERROR 11-24 08:31:29 [core.py:12] ValueError: too long",
        "ValueError: too long",
    ),
    "bytes": ("\udcff error\udcfe", "\ufffd error\ufffd"),
    "silence": ("", None),
}


@pytest.mark.parametrize("what", ENDS)
def test_the_telling_line_is_found(what: str) -> None:
    written, expected = ENDS[what]
    log = ChildLog()
    os.write(log.file.fileno(), written.encode(errors="surrogateescape"))
    found = telling(log.lines())
    assert found == (expected or written.strip() or None)
    log.close()


def test_only_the_end_of_a_long_log_is_read_and_a_long_line_is_cut() -> None:
    log = ChildLog()
    os.write(log.file.fileno(), b"old error\n" + b"x" * 100_000 + b"\n" + b"new error " + b"y" * 1000)
    found = telling(log.lines())
    assert found is not None
    assert found.startswith("new error")
    assert len(found) == 300
    log.close()


def test_a_log_that_is_cut_goes_on_at_its_beginning() -> None:
    log = ChildLog()
    os.write(log.file.fileno(), b"x" * (5 << 20))
    log.cut()
    os.write(log.file.fileno(), b"after\n")
    assert log.lines() == ["after"]
    log.close()
