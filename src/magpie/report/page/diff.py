"""Marks the words that only one of two texts has, as HTML. Only the start of a long text is compared."""

from __future__ import annotations

from markupsafe import Markup

from magpie.report.page.words import shown
from magpie.stages.text.differences import Piece, differences

MOST_WORDS = 80
"""How many words of each text are compared."""
_ONLY_FIRST, _ONLY_SECOND = Markup("<del>{}</del>"), Markup("<ins>{}</ins>")


def marked(one: str, other: str) -> tuple[Markup, Markup]:
    """Both as HTML: what only the first has in `del`, what only the second has in `ins`.

    marked("two plus two", "two plus three")[1]  # 'two plus <ins>three</ins>'
    """
    left, right = differences(one, other, MOST_WORDS)
    return _marked(left, _ONLY_FIRST), _marked(right, _ONLY_SECOND)


def _marked(pieces: list[Piece], mark: Markup) -> Markup:
    return Markup("").join(mark.format(shown(text)) if is_own else shown(text) for text, is_own in pieces)
