"""Which functions of the user's own may be called: those that the user has typed in this process, or named in Python.

A recipe or a run of a stranger's names no code that is run unasked: `check.checker: subprocess:getoutput` is a name
like any other.
"""

from __future__ import annotations

_allowed: set[str] = set()


def allow_code(name: str) -> None:
    """Take `module:function` as the user's own word."""
    _allowed.add(name)


def is_allowed_code(name: str) -> bool:
    """Whether the user has named this function here.

    >>> is_allowed_code("subprocess:getoutput")
    False
    """
    return name in _allowed
