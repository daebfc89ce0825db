"""Words for a shell: a command that magpie prints can be copied whole, whatever is in a file's name."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable

_NAMED = {ord("\\"): "\\\\", ord("'"): "\\'", ord("\n"): "\\n", ord("\t"): "\\t", ord("\r"): "\\r"}


def quoted(word: str) -> str:
    """The word as sh takes it; one with control or formatting characters as `$'...'`, as bash, zsh and ksh take it.

    >>> quoted("runs/first"), quoted("my runs/first"), quoted("two\\nlines")
    ('runs/first', "'my runs/first'", "$'two\\\\nlines'")
    """
    if word.isprintable():
        return shlex.quote(word)
    return f"$'{''.join(map(_escaped, word))}'"


def command_line(words: Iterable[str]) -> str:
    """One line of text that a shell takes apart into these words.

    >>> command_line(["ls", "a b"])
    "ls 'a b'"
    """
    return " ".join(map(quoted, words))


def _escaped(character: str) -> str:
    """In `$'...'`: as it is where that can be seen, else its bytes in octal. A file's name may have bytes that are no
    UTF-8: they are what `os.fsencode` makes of it."""
    if ord(character) in _NAMED:
        return _NAMED[ord(character)]
    if character.isprintable():
        return character
    return "".join(f"\\{byte:03o}" for byte in os.fsencode(character))
