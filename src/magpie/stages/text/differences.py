"""Compares two texts word by word, and of a long text only its start: what both have, and what only one has."""

from __future__ import annotations

from difflib import SequenceMatcher

Piece = tuple[str, bool]
"""A text, and whether the other side lacks it."""


def differences(one: str, other: str, most_words: int) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces, which are never empty.

    most_words: how many words of each text are compared: the time grows with their square, at worst with their cube.

    >>> differences("two plus two", "two plus three", 80)
    ([('two plus ', False), ('two', True)], [('two plus ', False), ('three', True)])
    """
    ones, rest = _words(one, most_words)
    others, other_rest = _words(other, most_words)
    left: list[Piece] = []
    right: list[Piece] = []
    for kind, a, b, c, d in SequenceMatcher(None, ones, others, autojunk=False).get_opcodes():
        left.append(("".join(ones[a:b]), kind != "equal"))
        right.append(("".join(others[c:d]), kind != "equal"))
    left.append((rest, False))
    right.append((other_rest, False))
    return [piece for piece in left if piece[0]], [piece for piece in right if piece[0]]


def _words(text: str, most: int) -> tuple[list[str], str]:
    """The first words, each with the white space after it, and the rest of the text."""
    words: list[str] = []
    begun = 0
    was_space = False
    for place, letter in enumerate(text):
        is_space = letter.isspace()
        if was_space and not is_space:
            words.append(text[begun:place])
            begun = place
            if len(words) == most:
                return words, text[begun:]
        was_space = is_space
    return [*words, text[begun:]], ""
