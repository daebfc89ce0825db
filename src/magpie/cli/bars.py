"""Judgments as small bars, two tables side by side where the terminal has room.

A label may be anyone's text: it is shown on one line, cut, and never obeyed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from magpie.cli.text import print_sentence
from magpie.explore.judgments import QUANTILES, Judgment, Value
from magpie.safe.terminal import one_line

_SHOWN = 12
"""The most values of one judgment."""
_TITLE = 18
_LINE = 20
"""The width of a bar on a line of its own."""
_WIDEST = 39
"""Of one of two tables side by side, in 80 columns."""
_LABEL = 19
_GAP = "  "
_FULL, _LIGHT = ("█", "░"), ("#", ".")
"""What stands for rows that were kept and for rows that were not; in a terminal without such characters."""


def print_judgments(console: Console, found: Sequence[Judgment], *, kept: bool) -> None:
    """Print what was judged. kept: whether the kept share of every value is known, and shown."""
    marks = _LIGHT if console.options.ascii_only else _FULL
    tables = [_table(judgment, marks, kept) for judgment in found if judgment.kind == "label"]
    if kept and tables:
        console.print(Text(f"{marks[0]} kept  {marks[1]} not kept", style="dim"))
    side_by_side = console.width >= 2 * _WIDEST + len(_GAP)
    for line in _beside(tables) if side_by_side else (line for table in tables for line in table):
        console.print(line, no_wrap=True, overflow="crop")
    flags = [each for each in found if each.kind == "flag" or (each.kind == "kinds" and _counts(each, found))]
    if tables and flags:
        console.print()
    for judgment in flags:
        print_sentence(console, _flagged(judgment, marks))
    if numbers := [judgment for judgment in found if judgment.kind == "number"]:
        for line in _numbers(numbers, marks):
            console.print(line, no_wrap=True, overflow="crop")


def _counts(kinds: Judgment, found: Sequence[Judgment]) -> bool:
    """Whether kinds say more than that there are none: beside a flag of the same stage, that says so already."""
    return kinds.flagged > 0 or not any(each.kind == "flag" and each.stage == kinds.stage for each in found)


@dataclass(frozen=True, slots=True)
class _Row:
    label: str
    value: Value


def _table(judgment: Judgment, marks: tuple[str, str], kept: bool) -> list[Text]:
    """A heading and a bar for each value, each exactly `_WIDEST` wide."""
    rows = [_Row(one_line(value.value), value) for value in judgment.values[:_SHOWN]]
    shown = sum(row.value.rows for row in rows), sum(row.value.kept for row in rows)
    if shown[0] < judgment.rows:
        rows.append(_Row("(others)", Value("", judgment.rows - shown[0], judgment.kept - shown[1])))
    label = min(_LABEL, max(cell_len(row.label) for row in rows))
    numbers = [f"{row.value.rows:,}" for row in rows]
    digits = max(4, *map(len, numbers))
    room = _WIDEST - label - digits - 9
    most = max(row.value.rows for row in rows)
    heading = set_cell_size(f"{judgment.title}, {judgment.rows:,} rows", _WIDEST - digits - 7)
    lines = [Text(f"{heading}{'rows':>{digits}}  {'kept' if kept else 'share':>5}", style="bold")]
    for row, number in zip(rows, numbers, strict=True):
        share = _share(row.value.kept, row.value.rows) if kept else _share(row.value.rows, judgment.rows)
        bar = _bar(row.value, most, room, marks, kept)
        text = f"{_cut(row.label, label)} {bar} {number:>{digits}}  {share:>5}"
        lines.append(Text(text, style="yellow" if kept and not row.value.kept else ""))
    return lines


def _bar(value: Value, most: int, room: int, marks: tuple[str, str], kept: bool) -> str:
    """As long as the value has rows, and at least one mark; its kept part is full."""
    length = max(1, round(room * value.rows / most))
    full = round(length * value.kept / value.rows) if kept and value.rows else length
    if kept and 0 < value.kept < value.rows and length > 1:
        full = min(max(full, 1), length - 1)
    return (marks[0] * full + marks[1] * (length - full)).ljust(room)


def _share(part: int, whole: int) -> str:
    """A share in at most four characters: only 0 is shown as 0%, and only 1 as 100%."""
    if not whole:
        return ""
    percent = 100 * part / whole
    if part and percent < 1:
        return "<1%"
    return ">99%" if part < whole and percent > 99 else f"{percent:.0f}%"


def _cut(label: str, width: int) -> str:
    return set_cell_size(label, width) if cell_len(label) <= width else f"{set_cell_size(label, width - 1)}~"


def _beside(tables: Sequence[list[Text]]) -> Iterator[Text]:
    """Two tables in a row, the shorter filled up with blanks."""
    for left, right in zip(tables[::2], [*tables[1::2], []], strict=False):
        for number in range(max(len(left), len(right))):
            begin = left[number] if number < len(left) else Text(" " * _WIDEST)
            yield Text.assemble(begin, _GAP, right[number]) if number < len(right) else begin
        if left is not tables[::2][-1]:
            yield Text()


def _flagged(judgment: Judgment, marks: tuple[str, str]) -> Text:
    """Such as: PII, a bar, 12 of 300 rows, 4%: email 8, phone 4."""
    length = round(_LINE * judgment.flagged / judgment.rows)
    length = min(max(length, judgment.flagged > 0), _LINE - (judgment.flagged < judgment.rows))
    bar = marks[0] * length + marks[1] * (_LINE - length)
    kinds = ", ".join(f"{one_line(value.value)} {value.rows:,}" for value in judgment.values[:_SHOWN])
    named = f": {kinds}" if judgment.kind == "kinds" and kinds else ""
    share = f"{judgment.flagged:,} of {judgment.rows:,} rows, {_share(judgment.flagged, judgment.rows)}"
    return Text(f"{judgment.title:{_TITLE}}{bar}  {share}{named}", style="yellow" if judgment.flagged else "")


def _numbers(found: Sequence[Judgment], marks: tuple[str, str]) -> Iterator[Text]:
    """Each judgment's quantiles, and where they lie between the first and the last."""
    heads = "".join(f"{share:>8.0%}" for share in QUANTILES)
    yield Text(f"{'':{_TITLE + _LINE}}{heads}", style="bold")
    for judgment in found:
        figures = "".join(f"{value:>8.3g}" for value in judgment.quantiles)
        yield Text(f"{judgment.title:{_TITLE}}{_box(judgment.quantiles, marks)}{figures}")


def _box(quantiles: Sequence[float], marks: tuple[str, str]) -> str:
    """From the first quantile to the last, with the middle half full and the median marked."""
    low, lower, median, upper, high = quantiles
    if not high > low:
        return "|".center(_LINE)

    def place(value: float) -> int:
        return round((_LINE - 1) * (value - low) / (high - low))

    cells = [marks[0] if place(lower) <= cell <= place(upper) else marks[1] for cell in range(_LINE)]
    cells[place(median)] = "|"
    return "".join(cells)
