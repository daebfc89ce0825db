"""How large a regular expression is once its repetitions are written out.

DuckDB matches with RE2, which takes time linear in the text, times the size of the pattern: `(a{1000}){10}` is a
pattern of 10,000 characters.
"""

from __future__ import annotations

import re

MOST = 4000
"""The largest pattern that a selection may match with."""

_REPEATED = re.compile(r"\{(\d{1,9})(?:,(\d{0,9}))?\}")
_CLASS_NAME = re.compile(r"\\[pP](?:\{\^?\w{0,40}\}|\w)")
_CHARACTER = re.compile(r"\\x\{[0-9A-Fa-f]{0,8}\}|\\.", re.DOTALL)
_UNICODE_CLASS = 100
"""Characters that a Unicode class such as `\\pL` counts as: RE2 writes out its ranges."""
_SET = 4


def size(pattern: str) -> int:
    """The characters of a pattern whose repetitions are written out: at least as many as RE2 has states to keep.

    Example: `size("(ab{2,3}){10}")` is 40.
    """
    totals = [0]
    last = at = 0
    while at < len(pattern):
        character = pattern[at]
        if repeated := _REPEATED.match(pattern, at):
            most = max(int(repeated[1]), int(repeated[2] or 0), 1)
            totals[-1] += last * (most - 1)
            last *= most
            at = repeated.end()
            continue
        if character == "(":
            totals.append(0)
            last, at = 0, at + 1
            continue
        if character == ")" and len(totals) > 1:
            last, at = totals.pop(), at + 1
        elif character == "[":
            last, at = _SET, _end_of_set(pattern, at)
        elif named := _CLASS_NAME.match(pattern, at):
            last, at = _UNICODE_CLASS, named.end()
        elif escaped := _CHARACTER.match(pattern, at):
            last, at = 1, escaped.end()
        else:
            last, at = 1, at + 1
        totals[-1] += last
    return sum(totals)


def _end_of_set(pattern: str, at: int) -> int:
    """The place behind a set such as `[^]a-z]` that begins at `at`."""
    at += 2 if pattern[at + 1 : at + 2] == "^" else 1
    at += pattern[at : at + 1] == "]"
    while at < len(pattern) and pattern[at] != "]":
        named = _CLASS_NAME.match(pattern, at) or _CHARACTER.match(pattern, at)
        at = named.end() if named else at + 1
    return at + 1
