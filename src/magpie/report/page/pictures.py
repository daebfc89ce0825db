"""Charts as files of their own, for the card of a dataset: SVG with its style inside, light and dark.

What others wrote stands in them as text: escaped, with hidden characters written out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from markupsafe import Markup, escape

from magpie.report.page import views
from magpie.report.page.words import one_line, percent, whole

_LABEL = 34
"""Characters of a label in a picture."""


def pictures(numbers: Mapping[str, Any]) -> dict[str, tuple[str, bytes]]:
    """File names to what each shows, in words, and the file; what the numbers lack is left out.

    pictures(make_report(open_run("runs/air")))["categories.svg"]
    """
    found: dict[str, tuple[str, Markup]] = {}
    labels = numbers.get("labels", {})
    for field, name in (("task_category", "categories"), ("language", "languages")):
        if field in labels:
            told = f"Kept rows by {'category' if name == 'categories' else 'language'}"
            found[f"{name}.svg"] = (told, kept_bars(labels[field]["values"], told))
    if "grid" in numbers:
        found["quality.svg"] = ("Rows by quality and difficulty", views.quality_grid(numbers["grid"]))
    for name in numbers.get("lengths", {}).get("texts", {}):
        told = f"Length of the {name} in characters, all rows and kept ones"
        found[f"{name}-length.svg"] = (told, views.length_chart(numbers["lengths"]["texts"], name))
    return {name: (told, standalone(drawn, told)) for name, (told, drawn) in found.items()}


def kept_bars(values: Sequence[Mapping[str, Any]], about: str) -> Markup:
    """A line for each label with kept rows: its name, a bar, rows and share."""
    rows = [value for value in values if value["kept"] and value["label"] is not None]
    total = sum(value["kept"] for value in values) or 1
    most = max((value["kept"] for value in rows), default=1)
    parts = []
    for place, value in enumerate(rows):
        y = 8 + 22 * place
        name = one_line(value["label"])
        shown = name if len(name) <= _LABEL else f"{name[: _LABEL - 1]}\u2026"
        parts.append(f'<text class="t-label end" x="196" y="{y + 11}">{escape(shown)}</text>')
        parts.append(f'<rect class="c-kept" x="206" y="{y}" width="{180 * value["kept"] / most:.1f}" height="14"/>')
        told = f"{whole(value['kept'])}, {percent(value['kept'] / total)}"
        parts.append(f'<text class="t" x="{212 + 180 * value["kept"] / most:.1f}" y="{y + 11}">{told}</text>')
    box = f"0 0 480 {16 + 22 * max(1, len(rows))}"
    return Markup(f'<svg class="chart" viewBox="{box}" role="img" aria-label="{escape(about)}">{"".join(parts)}</svg>')


def standalone(drawn: Markup, title: str) -> bytes:
    """A chart of the page as a file: with its name above it, on paper of its own."""
    _, _, wide, high = drawn.split('viewBox="', 1)[1].split('"', 1)[0].split()
    width, height = float(wide) + 32, float(high) + 56
    inside = drawn[drawn.index(">") + 1 : drawn.rindex("</svg>")]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{1.5 * width:g}" '
        f'height="{1.5 * height:g}" role="img" aria-label="{escape(title)}"><style>{_style()}</style>'
        f'<rect class="c-paper" width="{width:g}" height="{height:g}"/>'
        f'<text class="t-ink" x="16" y="24">{escape(title)}</text>'
        f'<svg x="16" y="38" width="{wide}" height="{high}" overflow="visible">{inside}</svg></svg>\n'
    ).encode("utf-8", "backslashreplace")


@cache
def _style() -> str:
    """The colors of the page's style sheet, and its rules for what is drawn."""
    sheet = (files("magpie") / "report" / "page" / "style.css").read_text(encoding="utf-8")
    colors = sheet[: sheet.index("* { box-sizing")]
    drawn = sheet[sheet.index(".c-kept {") : sheet.index(".scroll {")]
    fonts = 'text { font-family: system-ui, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif; }'
    return f"{colors}{fonts}{drawn}.t-label {{ font-size: 12px; fill: var(--ink); }}"
