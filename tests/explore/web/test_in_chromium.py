"""The explorer as a browser has it: what a click opens, what a filter counts, what the map shows, what is never run.

Skipped where there is no Chromium; `scripts/test.sh` installs Debian's where it may.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("uvicorn")

from bench.chromium import Chromium, find_chromium, open_chromium
from magpie.explore.web.explorer import Explorer
from magpie.explore.web.index import open_index
from magpie.report.page.words import written_out
from tests.explore.web.served import explorer_of, judged_run, places, served
from tests.hostile_texts import SHAPES
from tests.report.made import made_run
from tests.report.test_in_chromium import CONTRAST
from tests.report.test_page import HOSTILE, hostile_run

PROGRAM = find_chromium()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed (apt-get install chromium)")

BOX = "(r => [r.left, r.top, r.width, r.height])(document.querySelector('{}').getBoundingClientRect())"
READY = "document.body.classList.contains('ready') && !document.body.classList.contains('busy')"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    assert PROGRAM is not None
    with open_chromium(PROGRAM) as opened:
        yield opened


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    return explorer_of([judged_run(tmp_path_factory.mktemp("judged") / "air")])


@pytest.fixture(scope="module")
def address(explorer: Explorer, chromium: Chromium) -> Iterator[str]:
    """Of the page, once the browser has its cookie."""
    with served(explorer) as found:
        chromium.open(found)
        yield found.partition("?")[0]


def wait(chromium: Chromium, condition: str) -> Any:
    """What a condition in the page comes to, once it holds."""
    end = time.monotonic() + 30
    while not (found := chromium.evaluate(condition)):
        assert time.monotonic() < end, f"{condition}: {chromium.evaluate('document.body.innerText')[:600]}"
        time.sleep(0.03)
    return found


def go(chromium: Chromium, address: str, **options: Any) -> Any:
    page = chromium.open(address, **options)
    wait(chromium, READY)
    return page


def filtered(address: str, filters: str) -> str:
    return f"{address}#filters={quote(filters)}"


def drawn(chromium: Chromium) -> int:
    """Pixels of the map that something is drawn on."""
    wait(chromium, "Number(document.getElementById('canvas').dataset.drawn) > 0")
    script = """(() => { const c = document.getElementById('canvas');
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i]) n++; return n; })()"""
    return int(chromium.evaluate(script))


def place_of(explorer: Explorer, chromium: Chromium, at: int) -> tuple[float, float]:
    """Where a row lies on the screen while the whole map is shown."""
    assert explorer.topics is not None
    x0, y0, x1, y1 = explorer.topics.box
    left, top, wide, high = chromium.evaluate(BOX.format("#canvas"))
    scale = min(wide / (x1 - x0), high / (y1 - y0))
    x, y = (float(value) for value in explorer.topics.xy[at])
    return left + wide / 2 + (x - (x0 + x1) / 2) * scale, top + high / 2 + (y - (y0 + y1) / 2) * scale


def mouse(chromium: Chromium, kind: str, x: float, y: float) -> None:
    down = kind != "mouseMoved"
    given = {"type": kind, "x": x, "y": y, "button": "left" if down else "none", "clickCount": 1 if down else 0}
    chromium.command("Input.dispatchMouseEvent", given)


def click(chromium: Chromium, x: float, y: float) -> None:
    mouse(chromium, "mousePressed", x, y)
    mouse(chromium, "mouseReleased", x, y)


def press(chromium: Chromium, key: str) -> None:
    chromium.command("Input.dispatchKeyEvent", {"type": "keyDown", "key": key, "text": key if len(key) == 1 else ""})
    chromium.command("Input.dispatchKeyEvent", {"type": "keyUp", "key": key})


SHOWN_ROW = "document.querySelector('#row h2')?.textContent"
TURNS = "[...document.querySelectorAll('#row .turn > .body')].map(e => e.textContent)"


def test_the_page_asks_its_own_server_alone_and_its_address_has_no_token(
    explorer: Explorer, chromium: Chromium
) -> None:
    with served(explorer) as address:
        page = go(chromium, address, width=1440)
        own = address.partition("?")[0]
        assert chromium.evaluate("location.href").startswith(own)
        assert "token" not in chromium.evaluate("location.href + document.cookie + document.referrer")
        assert all(request.startswith(own) for request in page.requests)
        assert (page.console, page.dialogs) == ([], [])


def test_the_map_is_drawn_without_a_gpu(address: str, chromium: Chromium) -> None:
    go(chromium, address, width=1440)
    every = drawn(chromium)
    assert every > 2000
    assert chromium.evaluate("navigator.gpu?.requestAdapter().then(found => found === null) ?? true")
    for dark in (False, True):
        go(chromium, f"{address}#color=task_category", width=1440, dark=dark)
        assert drawn(chromium) > 2000


def test_a_click_on_a_row_shows_its_conversation(explorer: Explorer, address: str, chromium: Chromium) -> None:
    go(chromium, address, width=1440)
    chromium.evaluate("document.querySelectorAll('#table tbody tr')[8].click()")
    wait(chromium, f"{SHOWN_ROW} === 'air-00000008'")
    row = explorer.runs[0].sql("SELECT instruction, response FROM rows WHERE row = 8").to_pylist()[0]
    assert chromium.evaluate(TURNS) == [row["instruction"], row["response"]]
    assert chromium.evaluate("document.querySelector('#row details.reasoning').open") is False
    assert chromium.evaluate("[...document.querySelectorAll('#row ins, #row del')].map(e => e.textContent)") == [
        "four, ",
        "five, ",
    ]
    chromium.evaluate("document.querySelector('#row .neighbors button').click()")
    wait(chromium, f"{SHOWN_ROW} === 'air-00000009'")
    chromium.evaluate("history.back()")
    wait(chromium, f"{SHOWN_ROW} === 'air-00000008'")


def test_a_click_on_the_map_shows_the_row_that_lies_there(explorer: Explorer, address: str, chromium: Chromium) -> None:
    for at in (33, 250):
        go(chromium, address, width=1440)
        drawn(chromium)
        click(chromium, *place_of(explorer, chromium, at))
        wait(chromium, f"{SHOWN_ROW} === 'air-{at:08d}'")
        instruction = explorer.runs[0].sql(f"SELECT instruction AS i FROM rows WHERE row = {at}").to_pylist()[0]["i"]
        assert chromium.evaluate(TURNS)[0] == instruction


COUNT = "document.querySelector('#count strong').textContent.replace(',', '')"
BARS = """Object.fromEntries([...document.querySelectorAll('#facets [data-field={}] .label')].map(e =>
    [e.querySelector('.label-name').textContent,
     Number(e.querySelector('.label-count').textContent.replace(',', ''))]))"""


def test_a_filter_changes_counts_as_the_run_says(explorer: Explorer, address: str, chromium: Chromium) -> None:
    run = explorer.runs[0]
    go(chromium, address, width=1440)
    chromium.evaluate(
        "[...document.querySelectorAll('[data-field=difficulty] .label')]"
        ".find(e => e.textContent.startsWith('hard')).click()"
    )
    hard = run.sql("SELECT count(*) AS n FROM rows WHERE difficulty = 'hard'").to_pylist()[0]["n"]
    wait(chromium, f"{COUNT} === '{hard}'")
    query = "SELECT coalesce(variant, 'not given') AS v, count(*) AS n FROM rows WHERE difficulty = 'hard' GROUP BY 1"
    assert chromium.evaluate(BARS.format("variant")) == {row["v"]: row["n"] for row in run.sql(query).to_pylist()}
    query = "SELECT difficulty AS v, count(*) AS n FROM rows GROUP BY 1"
    assert chromium.evaluate(BARS.format("difficulty")) == {row["v"]: row["n"] for row in run.sql(query).to_pylist()}
    # Dragging over a histogram: a range whose bounds are edges of bars.
    chromium.evaluate("document.querySelector('[data-field=instruct_reward]').scrollIntoView()")
    left, top, wide, high = chromium.evaluate(BOX.format("[data-field=instruct_reward] .histogram"))
    for kind, share in (("mousePressed", 0.3), ("mouseMoved", 0.5), ("mouseReleased", 0.6)):
        mouse(chromium, kind, left + share * wide, top + high / 2)
    wait(chromium, "decodeURIComponent(location.hash).includes('range')")
    low, high = chromium.evaluate(
        "(f => [f.low, f.high])(JSON.parse(new URLSearchParams(location.hash.slice(1)).get('filters'))"
        ".find(f => f.kind === 'range'))"
    )
    where = f"difficulty = 'hard' AND instruct_reward >= {low} AND instruct_reward < {high}"
    both = run.sql(f"SELECT count(*) AS n FROM rows WHERE {where}")
    wait(chromium, f"{COUNT} === '{both.to_pylist()[0]['n']}'")
    # And a text beside it.
    chromium.evaluate(
        "(e => { e.value = 'INTEGRAL'; e.dispatchEvent(new Event('input')); })(document.getElementById('text'))"
    )
    every = run.sql(
        f"SELECT count(*) AS n FROM rows WHERE {where} "
        "AND (instruction ILIKE '%integral%' OR response ILIKE '%integral%')"
    ).to_pylist()[0]["n"]
    assert 0 < every < both.to_pylist()[0]["n"]
    wait(chromium, f"{COUNT} === '{every}'")
    assert chromium.evaluate("document.querySelectorAll('#chips .chip').length") == 3


def test_each_view_has_an_address(address: str, chromium: Chromium) -> None:
    view = (
        filtered(address, '[{"kind":"labels","field":"difficulty","labels":["easy"]}]')
        + "&sort=-instruct_reward&page=2&row=0.12&color=variant"
    )
    go(chromium, view, width=1440)
    wait(chromium, f"{SHOWN_ROW} === 'air-00000012'")
    assert chromium.evaluate("document.getElementById('page').textContent") == "51–100 of 200"
    assert chromium.evaluate("document.getElementById('color').value") == "variant"
    assert chromium.evaluate("document.querySelector('th[aria-sort]').textContent") == "Reward↓"
    assert chromium.evaluate("document.querySelector('#chips').textContent").startswith("Difficulty easy")


def test_keys_open_rows_turn_pages_and_close(address: str, chromium: Chromium) -> None:
    go(chromium, address, width=1440)
    press(chromium, "j")
    wait(chromium, f"{SHOWN_ROW} === 'air-00000000'")
    press(chromium, "j")
    wait(chromium, f"{SHOWN_ROW} === 'air-00000001'")
    press(chromium, "k")
    wait(chromium, f"{SHOWN_ROW} === 'air-00000000'")
    press(chromium, "Escape")
    wait(chromium, "!document.body.classList.contains('has-row')")
    press(chromium, "n")
    wait(chromium, "document.getElementById('page').textContent.startsWith('51')")
    press(chromium, "s")
    wait(chromium, "document.getElementById('dialog').open")
    assert "magpie show" in chromium.evaluate("document.getElementById('dialog').textContent")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    """A run whose name, labels, texts and topics are hostile, with texts of every shape behind them."""
    folder = tmp_path_factory.mktemp("hostile")
    run = hostile_run(folder)
    shapes = [{"instruction": shape(3000)} for shape in SHAPES.values()]
    other = made_run(
        folder / "shapes", {"instruct": shapes, "respond": [{"response": row["instruction"]} for row in shapes]}
    )
    runs = [run, other]
    indexes = [open_index(each) for each in runs]
    return Explorer(runs, indexes, places(runs, [len(index.rows) for index in indexes], HOSTILE))


def written(text: str) -> str:
    hidden = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return "".join(
        written_out(c) if unicodedata.category(c) in hidden and c not in "\n\t\u200c\u200d\ufe0f" else c for c in text
    )


@pytest.fixture(scope="module")
def hostile_address(hostile: Explorer, chromium: Chromium) -> Iterator[str]:
    with served(hostile) as found:
        chromium.open(found)
        yield found.partition("?")[0]


def test_hostile_texts_are_shown_and_not_run(hostile: Explorer, hostile_address: str, chromium: Chromium) -> None:
    page = go(chromium, hostile_address, width=1440)
    shown = chromium.evaluate("document.body.textContent")
    for text in HOSTILE[:4]:
        assert text in shown
    for row in range(len(HOSTILE)):
        chromium.evaluate(f"location.hash = 'row=0.{row}'")
        wait(chromium, f"{SHOWN_ROW}?.endsWith('{row:08d}')")
        query = f"SELECT instruction AS i, response AS r FROM rows WHERE row = {row}"
        instruction, response = hostile.runs[0].sql(query).to_pylist()[0].values()
        assert chromium.evaluate(TURNS) == [written(instruction), written(response)]
        chromium.evaluate("document.getElementById('use').click()")
        wait(chromium, "document.getElementById('dialog').open")
        chromium.evaluate("document.getElementById('dialog').close()")
    made = "iframe, img, object, embed, base, main script, dialog script"
    assert chromium.evaluate(f"document.querySelectorAll('{made}').length") == 0
    assert all(request.startswith(hostile_address) for request in page.requests)
    assert (page.console, page.dialogs) == ([], [])
    assert chromium.evaluate("window.evil === undefined")


def test_texts_of_any_shape_stay_in_their_place(hostile_address: str, chromium: Chromium) -> None:
    go(chromium, hostile_address, width=400)
    for shape in ("right to left", "control characters", "combining marks", "one word", "tags", "line separators"):
        row = list(SHAPES).index(shape)
        chromium.evaluate(f"location.hash = 'row=1.{row}&tab=row'")
        wait(chromium, f"{SHOWN_ROW} === 'shapes-{row:08d}'")
        assert chromium.evaluate(TURNS)[0] == written(SHAPES[shape](3000)), shape
        assert chromium.evaluate("document.documentElement.scrollWidth") <= 400, shape


@pytest.mark.parametrize("tab", ["map", "facets", "table", "row"])
def test_nothing_overflows_at_400_pixels(tab: str, address: str, chromium: Chromium) -> None:
    go(chromium, f"{address}#tab={tab}&row=0.8", width=400)
    assert chromium.evaluate("document.documentElement.scrollWidth") <= 400
    visible = "[...document.querySelectorAll('body *')].filter(e => e.getClientRects().length)"
    wide = f"{visible}.filter(e => !e.closest('#chips, svg, td') && e.getBoundingClientRect().right > 401)"
    assert chromium.evaluate(f"{wide}.map(e => e.tagName + '.' + e.className)") == []
    seen = {"map": "#canvas", "facets": ".facet", "table": "#table tbody tr", "row": "#row .turn"}[tab]
    assert chromium.evaluate(f"document.querySelector({seen!r}).getClientRects().length") == 1


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_texts_and_shapes_stand_out(dark: bool, address: str, chromium: Chromium) -> None:
    """4.5 to 1 for texts and 3 to 1 for shapes, as WCAG 2 has it (AA)."""
    go(chromium, f"{address}#row=0.8&color=difficulty", width=1440, dark=dark)
    wait(chromium, SHOWN_ROW)
    assert chromium.evaluate(CONTRAST) == []


def test_a_run_without_embeddings_has_everything_but_the_map(tmp_path: Path, chromium: Chromium) -> None:
    explorer = explorer_of([judged_run(tmp_path / "plain", 30)], with_map=False)
    with served(explorer) as address:
        page = go(chromium, address, width=1440)
        assert chromium.evaluate("document.getElementById('nomap').textContent") == "magpie embed makes embeddings"
        assert chromium.evaluate("document.getElementById('canvas').getClientRects().length") == 0
        chromium.evaluate("document.querySelectorAll('#table tbody tr')[2].click()")
        wait(chromium, f"{SHOWN_ROW} === 'plain-00000002'")
        assert page.console == []
