"""Numbers and texts as the page shows them: short figures, and what others wrote with nothing hidden in it.

Whatever a model, a file or a stranger wrote is text here and never markup: it is escaped, and control characters, bidi
marks and other invisible ones are written out, so that what is read is what is there.
"""

from __future__ import annotations

from math import isfinite
from unicodedata import category

from markupsafe import Markup, escape

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_SHOWN = frozenset("\u200c\u200d\ufe0f")
"""Joiners: words of some scripts and many emoji are spelled with them."""
LABEL = 120
"""Characters of a name or a label that are shown."""


def shown(text: object, most: int | None = None) -> Markup:
    r"""A text of several lines as HTML: escaped, hidden characters written out and marked, line ends and tabs kept.

    shown("a\u202eb<i>")  # 'a<span class="esc">\\u202e</span>b&lt;i&gt;'
    """
    return _written(text, most, "\n\t")


def label(text: object, most: int = LABEL) -> Markup:
    """A text of one line as HTML, in an element of its own direction; line ends and tabs are written out too."""
    return Markup("<bdi>{}</bdi>").format(_written(text, most, ""))


def _written(text: object, most: int | None, kept: str) -> Markup:
    whole = str(text)
    part = whole if most is None else whole[:most]
    end = Markup('<span class="dim">\u2026</span>') if len(part) < len(whole) else Markup("")
    if part.isprintable():
        return escape(part) + end
    pieces: list[Markup] = []
    begun = 0
    for place, letter in enumerate(part):
        if letter in kept or letter in _SHOWN or category(letter) not in _HIDDEN:
            continue
        pieces += [escape(part[begun:place]), Markup('<span class="esc">{}</span>').format(written_out(letter))]
        begun = place + 1
    return Markup("").join([*pieces, escape(part[begun:])]) + end


def written_out(letter: str) -> str:
    """A character by its number, as Python would write it: `\\u202e`."""
    return letter.encode("unicode_escape", "backslashreplace").decode("ascii")


def one_line(text: object) -> str:
    """A text for the title: hidden characters, line ends and tabs written out, without markup."""
    return "".join(written_out(c) if category(c) in _HIDDEN and c not in _SHOWN else c for c in str(text)[:LABEL])


# -- numbers ----------------------------------------------------------------------------------------------------------


def whole(value: float | None) -> str:
    """A count: 12,345."""
    return "" if value is None else f"{value:,.0f}"


def short(value: float | None) -> str:
    """A figure in at most four digits: 1.23, 45.6, 789, 12.3k, 4.57M; nothing for what is no number."""
    if value is None or not isfinite(value):
        return ""
    size = abs(value)
    if value == int(value) and size < 1e4:
        return f"{value:,.0f}"
    for unit, name in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= unit:
            return f"{value / (1e3 if name == 'k' else unit):.3g}{name}"
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 0.0001:
        digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 4
        return f"{value:.{digits}f}"
    return f"{value:.1e}"


def percent(value: float | None) -> str:
    """A share: 0%, <0.1%, 3.4%, 56%."""
    if value is None:
        return ""
    if 0 < value < 0.001:
        return "<0.1%"
    if 0.999 < value < 1:
        return ">99.9%"
    return f"{100 * value:.0f}%" if value in (0, 1) else f"{100 * value:.1f}%"


def duration(seconds: float | None) -> str:
    """Seconds as people say them: 0.42 s, 12 s, 3 min 20 s, 5 h 12 min, 3 d 4 h."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.2g} s" if seconds else "0 s"
    rounded = round(seconds)
    if rounded < 60:
        return f"{rounded} s"
    if rounded < 3600:
        return f"{rounded // 60} min {rounded % 60} s"
    if rounded < 48 * 3600:
        return f"{rounded // 3600} h {rounded % 3600 // 60} min"
    return f"{rounded // 86400} d {rounded % 86400 // 3600} h"
