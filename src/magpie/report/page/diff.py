"""Marks the words that only one of two texts has. Only the start of a long text is compared."""

from __future__ import annotations

from difflib import SequenceMatcher

from markupsafe import Markup

from magpie.report.page.words import shown

MOST_WORDS = 80
"""How many words of each text are compared: the time grows with their square, at worst with their cube."""


def marked(one: str, other: str) -> tuple[Markup, Markup]:
    """Both as HTML: what only the first has in `del`, what only the second has in `ins`.

    marked("two plus two", "two plus three")[1]  # 'two plus <ins>three</ins>'
    """
    ones, rest = _pieces(one)
    others, other_rest = _pieces(other)
    left, right = Markup(""), Markup("")
    for kind, a, b, c, d in SequenceMatcher(None, ones, others, autojunk=False).get_opcodes():
        before, after = "".join(ones[a:b]), "".join(others[c:d])
        if kind == "equal":
            left += shown(before)
            right += shown(after)
            continue
        left += Markup("<del>{}</del>").format(shown(before)) if before else Markup("")
        right += Markup("<ins>{}</ins>").format(shown(after)) if after else Markup("")
    return left + shown(rest), right + shown(other_rest)


def _pieces(text: str) -> tuple[list[str], str]:
    """The first words, each with the white space after it, and the rest of the text."""
    pieces: list[str] = []
    begun = 0
    was_space = False
    for place, letter in enumerate(text):
        is_space = letter.isspace()
        if was_space and not is_space:
            pieces.append(text[begun:place])
            begun = place
            if len(pieces) == MOST_WORDS:
                return pieces, text[begun:]
        was_space = is_space
    return [*pieces, text[begun:]], ""
