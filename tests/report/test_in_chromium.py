"""The page as a browser has it: one request, no error, nothing runs, nothing overflows, every text can be read.

Skipped where there is no Chromium; `scripts/test.sh` installs Debian's where it may.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.chromium import Chromium, file_url, find_chromium, open_chromium
from magpie.report import make_report
from magpie.report.page import page, pictures
from magpie.report.page.words import written_out
from magpie.runs import Run, open_run
from tests.report.made import curated, imported, made_run
from tests.report.test_page import HOSTILE, hostile_run
from tests.runs.kept import kept_run

PROGRAM = find_chromium()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed (apt-get install chromium)")

LONG = "Donaudampfschifffahrtsgesellschaftskapitaen" * 8


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    assert PROGRAM is not None
    with open_chromium(PROGRAM) as opened:
        yield opened


def unfinished(folder: Path) -> Run:
    rows = [{"instruction": f"Task {row}: {LONG}", "language": LONG} for row in range(30)]
    return made_run(folder / LONG[:90], {"instruct": rows, "screen": rows[:12], "respond": []}, size=50)


def variants(folder: Path) -> Run:
    """With intervals, two judges, a pair of sets: the widest tables that there are."""
    rows = [{"instruction": f"Task {n}.", "variant": f"temperature-1.{n % 5}-and-a-name"} for n in range(60)]
    tags = [
        {"difficulty": ("easy", "hard")[n % 2], "difficulty__other": ("easy", "medium")[n % 2],
         "input_quality": "good", "task_category": "Math", "instruct_reward": n / 7}
        for n in range(60)
    ]  # fmt: skip
    return made_run(folder / "variants", {"instruct": rows, "tag": tags})


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file for each kind of run."""
    folder = tmp_path_factory.mktemp("pages")
    ours = curated(folder / "air")
    numbers = {
        "finished": make_report(ours, [imported(folder / "a", [{"instruction": "Hello?", "task_category": "Math"}])]),
        "hostile": make_report(hostile_run(folder)),
        "unfinished": make_report(unfinished(folder)),
        "untagged": make_report(imported(folder / "b", [{"instruction": f"What is {n}?"} for n in range(4)])),
        "empty": make_report(made_run(folder / "empty", {"instruct": []}, size=3)),
        "written": make_report(open_run(kept_run("killed", folder))),
        "variants": make_report(variants(folder)),
    }
    found = {}
    for name, told in numbers.items():
        found[name] = folder / f"{name}.html"
        found[name].write_text(page(told), encoding="utf-8")
    return found


KINDS = ("finished", "hostile", "unfinished", "untagged", "empty", "written", "variants")


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_asks_for_itself_alone_and_runs_nothing(kind: str, pages: dict[str, Path], chromium: Chromium) -> None:
    opened = chromium.open(file_url(pages[kind]))
    assert opened.requests == [file_url(pages[kind])]
    assert (opened.console, opened.dialogs) == ([], [])
    assert chromium.evaluate("window.evil === undefined && document.scripts.length === 0")
    assert chromium.evaluate("document.querySelectorAll('h1, .tiles dd').length") >= 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [400, 1120])
def test_nothing_overflows(kind: str, width: int, pages: dict[str, Path], chromium: Chromium) -> None:
    chromium.open(file_url(pages[kind]), width=width)
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("kind", ["finished", "variants", "unfinished"])
def test_nothing_overflows_on_a4(kind: str, pages: dict[str, Path], chromium: Chromium) -> None:
    """Between the margins A4 is 182 mm wide: 688 pixels. What may scroll on a screen has to fit here."""
    chromium.open(file_url(pages[kind]), width=688, printed=True)
    wide = "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > 689)"
    assert chromium.evaluate(f"{wide}.map(e => e.tagName + ' ' + e.textContent.slice(0, 60))") == []


def test_what_is_shown_is_what_was_written_with_hidden_characters_in_words(
    pages: dict[str, Path], chromium: Chromium
) -> None:
    chromium.open(file_url(pages["hostile"]))
    text = " ".join(chromium.evaluate("document.body.textContent").split())
    for hostile in HOSTILE:
        shown = "".join(written_out(c) if unicodedata.category(c) in ("Cc", "Cf", "Zl") else c for c in hostile)
        assert " ".join(shown.split()) in text, hostile
    assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl")]


def test_a_label_of_another_direction_keeps_its_order(pages: dict[str, Path], chromium: Chromium) -> None:
    """A bidi mark in a label turned the figures beside it."""
    chromium.open(file_url(pages["hostile"]))
    labels = chromium.evaluate("[...document.querySelectorAll('td.label')].map(e => e.innerText)")
    assert "\\u202etxet desrever\\u202c" in labels


FIGURES = """Object.fromEntries([...document.querySelectorAll('#kinds figure')].map(f => [
    f.querySelector('figcaption').innerText,
    [...f.querySelectorAll('tbody tr')].map(r => [...r.cells].map(c => c.innerText.trim()))]))"""


def test_figures_are_those_of_the_run(pages: dict[str, Path], chromium: Chromium) -> None:
    run = open_run(pages["finished"].parent / "air")
    chromium.open(file_url(pages["finished"]))
    shown = {row[0]: (int(row[2]), int(row[3])) for row in chromium.evaluate(FIGURES)["Category"]}
    query = "SELECT task_category AS a, count(*) FILTER (drop_reason IS NULL) AS b, count(*) AS c FROM rows GROUP BY 1"
    assert shown == {row["a"]: (row["b"], row["c"]) for row in run.sql(query).to_pylist()}
    assert chromium.evaluate("document.querySelector('.tiles dd').innerText").split()[0] == str(run.kept())


CONTRAST = """(() => {
    const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const rgb = s => { const m = s.match(/[\\d.]+/g).map(Number);
        return {c: m.slice(0, 3), a: m.length > 3 ? m[3] : 1}; };
    const light = c => 0.2126 * channel(c[0]) + 0.7152 * channel(c[1]) + 0.0722 * channel(c[2]);
    const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
        return (x + 0.05) / (y + 0.05); };
    const behind = e => { for (; e; e = e.parentElement) { const b = rgb(getComputedStyle(e).backgroundColor);
        if (b.a === 1) return b.c; } return [255, 255, 255]; };
    const under = t => { const r = t.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2;
        const cells = [...t.ownerSVGElement.querySelectorAll('rect')].filter(c => { const b = c.getBoundingClientRect();
            return b.x <= x && x <= b.right && b.y <= y && y <= b.bottom; });
        return cells.length ? rgb(getComputedStyle(cells[cells.length - 1]).fill).c : behind(t); };
    const low = [];
    for (const e of document.querySelectorAll('body *')) {
        const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
        if (!own || !e.getClientRects().length) continue;
        const svg = e.ownerSVGElement, s = getComputedStyle(e);
        const found = ratio(rgb(svg ? s.fill : s.color).c, svg ? under(e) : behind(e));
        if (found < 4.5) low.push(found.toFixed(2) + ' ' + e.tagName + '.' + (e.getAttribute('class') || '') + ' ' +
            e.textContent.slice(0, 30));
    }
    for (const e of document.querySelectorAll('rect.c-kept, rect.c-all, circle, path.line')) {
        const s = getComputedStyle(e), found = ratio(rgb(s.fill === 'none' ? s.stroke : s.fill).c, behind(e));
        if (found < 3) low.push(found.toFixed(2) + ' shape ' + e.getAttribute('class'));
    }
    return [...new Set(low)];
})()"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_texts_and_shapes_stand_out(dark: bool, pages: dict[str, Path], chromium: Chromium) -> None:
    """4.5 to 1 for texts and 3 to 1 for shapes, as WCAG 2 has it (AA)."""
    for kind in ("finished", "variants", "unfinished"):
        chromium.open(file_url(pages[kind]), dark=dark)
        assert chromium.evaluate(CONTRAST) == [], kind


def test_a_page_prints_on_few_sheets(pages: dict[str, Path], chromium: Chromium) -> None:
    """Sections may break: those that must not left half a sheet empty each."""
    chromium.open(file_url(pages["finished"]))
    pdf = chromium.pdf()
    high = chromium.evaluate("document.documentElement.scrollHeight")
    assert 1 < len(re.findall(rb"/Type\s*/Page\b", pdf)) <= high / 500
    assert b"595" in pdf  # points, the width of A4


def test_a_picture_for_a_card_opens_by_itself(tmp_path: Path, chromium: Chromium) -> None:
    for name, (_, data) in pictures(make_report(hostile_run(tmp_path))).items():
        (tmp_path / name).write_bytes(data)
        opened = chromium.open(file_url(tmp_path / name))
        assert (len(opened.requests), opened.console, opened.dialogs) == (1, [], []), name
        assert chromium.evaluate("document.documentElement.tagName") == "svg"


def test_unsafe_rows_are_folded(pages: dict[str, Path], chromium: Chromium) -> None:
    chromium.open(file_url(pages["hostile"]))
    found: Any = chromium.evaluate("[...document.querySelectorAll('details')].map(d => d.open)")
    assert found == [False]
