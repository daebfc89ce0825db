"""Charts as SVG, drawn by classes of the style sheet: no color, font or script of their own.

Texts in them are numbers and words of magpie's own; what others wrote stands in HTML beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import ceil, floor, log2, log10
from typing import Any

from markupsafe import Markup, escape

from magpie.report.page.words import percent, short

WIDTH, HEIGHT = 400, 180
SMALL = 300, 140
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 22, 26


def bar(parts: Sequence[tuple[str, float]], top: float) -> Markup:
    """A bar for a cell of a table: parts side by side, each a class and a length, of `top` in all."""
    drawn, at = [], 0.0
    for style, length in parts:
        if length > 0 and top > 0:
            width = max(100 * length / top - (0.5 if at else 0), 0.5)
            drawn.append(f'<rect class="c-{style}" x="{_n(at + (0.5 if at else 0))}" width="{_n(width)}" height="12"/>')
            at += 100 * length / top
    return _svg("bar", "0 0 100 12", "".join(drawn), stretch=True)


def layered(parts: Sequence[tuple[str, float]], top: float) -> Markup:
    """The same, but all parts start at the left; the first is drawn at the back."""
    drawn = [
        f'<rect class="c-{style}" width="{_n(max(100 * length / top, 0.4))}" height="12"/>'
        for style, length in parts
        if length > 0 and top > 0
    ]
    return _svg("bar", "0 0 100 12", "".join(drawn), stretch=True)


def dots(values: Sequence[tuple[str, float]], top: float) -> Markup:
    """Two shares on one line: a dot for each, and what lies between them."""
    places = [(style, 4 + 192 * value / top if top else 4.0) for style, value in values]
    line = '<line class="l-rule thin" x1="4" x2="196" y1="8" y2="8"/>'
    if len(places) == 2:
        line += f'<line class="l-dim thin" x1="{_n(places[0][1])}" x2="{_n(places[1][1])}" y1="8" y2="8"/>'
    drawn = "".join(f'<circle class="c-{style}" cx="{_n(at)}" cy="8" r="4.5"/>' for style, at in places)
    return _svg("dots", "0 0 200 16", line + drawn, stretch=False)


def interval(figure: Mapping[str, float] | None, low: float, high: float) -> Markup:
    """A value and its interval on a scale from `low` to `high`."""
    if figure is None or figure.get("value") is None:
        return Markup("")
    spread = (high - low) or 1.0

    def at(value: float) -> str:
        return _n(5 + 150 * (value - low) / spread)

    drawn = '<line class="l-rule thin" x1="5" x2="155" y1="8" y2="8"/>'
    if figure.get("low") is not None and figure.get("high") is not None:
        drawn += f'<line class="l-all mid" x1="{at(figure["low"])}" x2="{at(figure["high"])}" y1="8" y2="8"/>'
    drawn += f'<circle class="c-kept" cx="{at(figure["value"])}" cy="8" r="4"/>'
    return _svg("dots", "0 0 160 16", drawn, stretch=False, right=True)


def swatch(style: str) -> Markup:
    """A square of a color, for a key."""
    return _svg("", "0 0 11 11", f'<rect class="c-{style}" width="11" height="11" rx="2"/>', stretch=True)


# -- histograms -------------------------------------------------------------------------------------------------------


def histogram(
    back: Sequence[float],
    front: Sequence[float],
    ticks: Sequence[tuple[float, str]],
    about: str,
    marks: Sequence[tuple[float, str, str]] = (),
    line: Sequence[float] = (),
    *,
    small: bool = False,
) -> Markup:
    """Bars of equal width, those of `front` before those of `back`; `line`: another distribution as steps.

    ticks, marks: places from 0 to the number of bars, each with what is written there; a mark is a dashed line, and has
    a class. about: what a screen reader says.
    """
    count = max(1, len(back))
    top = max([*back, *front, *line, 1e-12])
    scale = _nice(top)
    width, height = SMALL if small else (WIDTH, HEIGHT)
    wide, high = width - LEFT - RIGHT, height - TOP - BOTTOM

    def x(place: float) -> float:
        return LEFT + wide * place / count

    def y(value: float) -> float:
        return TOP + high * (1 - value / scale[-1])

    is_share = scale[-1] <= 1.0 and bool(line)
    parts = []
    for value in scale:
        told = percent(value) if is_share else short(value)
        parts.append(
            f'<line class="l-rule thin" x1="{LEFT}" x2="{width - RIGHT}" y1="{_n(y(value))}" y2="{_n(y(value))}"/>'
        )
        parts.append(f'<text class="t end" x="{LEFT - 6}" y="{_n(y(value) + 4)}">{told}</text>')
    gap = min(1.5, wide / count * 0.12)
    for style, values in (("all", back), ("kept", front)):
        for place, value in enumerate(values):
            if value > 0:
                tall = max(y(0) - y(value), 0.8)
                parts.append(
                    f'<rect class="c-{style}" x="{_n(x(place) + gap / 2)}" y="{_n(y(0) - tall)}" '
                    f'width="{_n(wide / count - gap)}" height="{_n(tall)}"/>'
                )
    if any(line):
        steps = "".join(f"V{_n(y(value))}H{_n(x(place + 1))}" for place, value in enumerate(line))
        parts.append(f'<path class="line l-other" d="M{_n(x(0))} {_n(y(0))}{steps}V{_n(y(0))}"/>')
    parts.append(f'<line class="l-dim thin" x1="{LEFT}" x2="{width - RIGHT}" y1="{_n(y(0))}" y2="{_n(y(0))}"/>')
    for at, told in ticks:
        parts.append(f'<text class="t middle" x="{_n(x(at))}" y="{height - 8}">{escape(told)}</text>')
    parts += _marks(marks, x, count, width, height)
    return _svg("chart", f"0 0 {width} {height}", "".join(parts), about=about)


def _marks(marks: Sequence[tuple[float, str, str]], x: Any, count: int, width: int, height: int) -> list[str]:
    """Lines from top to bottom, each with its words above, one row of words for each where they are close."""
    parts, last, row = [], -1e9, 0
    for place, told, style in sorted(marks):
        at = x(min(max(place, 0), count))
        row = (row + 1) % 2 if at - last < 90 else 0
        last = at
        anchor = " end" if at > width - 110 else ""
        shift = -4 if anchor else 4
        name = {"alarm": "t-alarm", "kept": "t-kept", "other": "t-other"}.get(style, "t")
        parts.append(
            f'<line class="l-{style} thin" x1="{_n(at)}" x2="{_n(at)}" y1="{4 + 11 * row}" y2="{height - BOTTOM}"/>'
        )
        parts.append(f'<text class="{name}{anchor}" x="{_n(at + shift)}" y="{12 + 11 * row}">{escape(told)}</text>')
    return parts


def _nice(top: float) -> list[float]:
    """Round values from 0 to at least `top`, three or four of them."""
    power = 10.0 ** floor(log10(top / 2)) if top > 0 else 1.0
    step = next(size * power for size in (1, 2, 2.5, 5, 10) if size * power * 3 >= top)
    return [step * n for n in range(ceil(top / step - 1e-9) + 1)]


# -- grids and curves -------------------------------------------------------------------------------------------------


def heat(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Mapping[tuple[int, int], tuple[int, int]],
    about: str,
    *,
    counts_only: bool = False,
) -> Markup:
    """Cells with a count and, smaller, how many of it were kept; the more, the darker. rows: from the top."""
    left, top, cell, high = 78, 6, 74, 44
    most = max([count for count, _ in values.values()] or [1])
    parts = []
    for row, name in enumerate(rows):
        y = top + row * high
        parts.append(f'<text class="t end" x="{left - 8}" y="{y + high / 2 + 4}">{escape(name)}</text>')
        for column in range(len(columns)):
            count, kept = values.get((row, column), (0, 0))
            x = left + column * cell
            step = 0 if not count else 1 + min(4, floor(5 * (count / most) ** 0.5 - 1e-9))
            parts.append(f'<rect class="h{step}" x="{x}" y="{y}" width="{cell - 2}" height="{high - 2}"/>')
            ink = "n-high" if step > 3 else "n-low"
            if count:
                middle, down = x + cell / 2 - 1, 26 if counts_only else 19
                parts.append(f'<text class="n {ink} middle" x="{middle}" y="{y + down}">{short(count)}</text>')
                if not counts_only:
                    parts.append(
                        f'<text class="n-small {ink} middle" x="{middle}" y="{y + 33}">{short(kept)} kept</text>'
                    )
            else:
                parts.append(f'<text class="n-none middle" x="{x + cell / 2 - 1}" y="{y + 26}">0</text>')
    for column, name in enumerate(columns):
        center = left + column * cell + cell / 2 - 1
        parts.append(f'<text class="t middle" x="{center}" y="{top + len(rows) * high + 14}">{escape(name)}</text>')
    return _svg("chart", f"0 0 {left + cell * len(columns)} {top + high * len(rows) + 20}", "".join(parts), about=about)


def curve(points: Sequence[Mapping[str, Any]], about: str) -> Markup:
    """Tokens per second over the seconds of work: completion tokens as an area, where stages change a line."""
    wide, high, left, top, bottom = 940, 210, 50, 20, 44
    end = max(point["to"] for point in points)
    most = _nice(max(point["completion_tokens_per_second"] for point in points) or 1.0)

    def x(seconds: float) -> float:
        return left + (wide - left - 8) * seconds / (end or 1)

    def y(value: float) -> float:
        return top + (high - top - bottom) * (1 - value / most[-1])

    parts = []
    for value in most:
        parts.append(f'<line class="l-rule thin" x1="{left}" x2="{wide - 8}" y1="{_n(y(value))}" y2="{_n(y(value))}"/>')
        parts.append(f'<text class="t end" x="{left - 6}" y="{_n(y(value) + 4)}">{short(value)}</text>')
    steps = "".join(
        f"M{_n(x(p['from']))} {_n(y(0))}V{_n(y(p['completion_tokens_per_second']))}H{_n(x(p['to']))}V{_n(y(0))}Z"
        for p in points
    )
    parts.append(f'<path class="c-kept" d="{steps}"/>')
    spans: list[tuple[str, float, float]] = []
    for point in points:
        if spans and spans[-1][0] == point["stage"]:
            spans[-1] = (spans[-1][0], spans[-1][1], point["to"])
        else:
            spans.append((point["stage"], point["from"], point["to"]))
    written = -1e9
    for stage, first, last in spans:
        parts.append(
            f'<line class="l-dim thin" x1="{_n(x(first))}" x2="{_n(x(first))}" y1="{_n(y(0))}" y2="{_n(y(0) + 5)}"/>'
        )
        if x(last) - x(first) > 6 * len(stage) and x(first) > written:
            parts.append(f'<text class="t" x="{_n(x(first) + 3)}" y="{_n(y(0) + 14)}">{escape(stage)}</text>')
            written = x(first) + 6 * len(stage)
    for value, told in time_ticks(end):
        parts.append(f'<text class="t middle" x="{_n(x(value))}" y="{high - 6}">{told}</text>')
    return _svg("chart wide", f"0 0 {wide} {high}", "".join(parts), about=about)


def time_ticks(end: float) -> list[tuple[float, str]]:
    """Round times from 0 to `end` seconds."""
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if end >= 2 * unit or unit == 1:
            scale = [value for value in _nice(max(end / unit, 1e-9)) if value * unit <= end * 1.001]
            return [(value * unit, f"{value:g} {name}") for value in scale]
    return []


# -- help -------------------------------------------------------------------------------------------------------------


def log_ticks(bins: Sequence[int], per_octave: int) -> list[tuple[float, str]]:
    """The positions of round lengths on an axis whose bin b starts at 2^(b / per_octave); bins: the first and the
    last."""
    first, last = bins[0], bins[-1] + 1
    found = []
    for exponent in range(7):
        for step in (1, 3) if last - first < 5 * 3 * per_octave else (1,):
            value = step * 10**exponent
            place = place_of(value, per_octave) - first
            if 0 <= place <= last - first:
                found.append((place, short(value) if value < 10_000 else f"{value // 1000}k"))
    return [one for one, after in pairwise([*found, (1e9, "")]) if after[0] - one[0] > 0.4]


def place_of(length: float, per_octave: int) -> float:
    """The position of a length, in bins from 1 on."""
    return log2(max(length, 1)) * per_octave


def even_ticks(first: float, width: float, count: int) -> list[tuple[float, str]]:
    """The positions of about five round values on an axis whose bin b starts at first + b * width."""
    step = next(size for size in (1, 2, 5, 10, 20, 50, 100) if count / size <= 6)
    start = ceil(round(first / width, 6) / step) * step - round(first / width)
    return [(place, f"{round(first + place * width, 10):g}") for place in range(int(start), count + 1, step)]


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"


def _svg(
    style: str, box: str, inside: str, *, about: str | None = None, stretch: bool = False, right: bool = False
) -> Markup:
    names = f' class="{style}"' if style else ""
    ratio = ' preserveAspectRatio="none"' if stretch else ' preserveAspectRatio="xMaxYMid"' if right else ""
    said = ' aria-hidden="true"' if about is None else f' role="img" aria-label="{escape(about)}"'
    return Markup(f'<svg{names} viewBox="{box}"{ratio}{said}>{inside}</svg>')
