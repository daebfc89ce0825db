"""The pictures of the report and the explorer in README and docs: a run of `pro-mini` beside an imported set, as
Chromium shows it.

    python -m bench.pictures [--run FOLDER] [--size 1000] [--to docs/pictures]

Makes the run, unless FOLDER holds one. The set beside it is what fledgling was trained to write: conversations drawn
from its grammar, imported as anybody's file would be. Needs `chromium`, and `pdftoppm` (poppler-utils) for the printed
page.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bench.chromium import Chromium, file_url, find_chromium, open_chromium

if TYPE_CHECKING:
    from magpie.runs import Run

ROWS = 1000
"""Conversations in the set beside it."""
SEED = 20_260_101


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--explorer", action="store_true", help="make only the pictures of the explorer")
    parser.add_argument("--to", type=Path, default=Path("docs/pictures"))
    options = parser.parse_args()
    program = find_chromium()
    if program is None:
        raise SystemExit("no Chromium is installed: apt-get install chromium")
    if not options.explorer and shutil.which("pdftoppm") is None:
        raise SystemExit("pdftoppm is not installed: apt-get install poppler-utils")
    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
        report = folder / "report.html"
        runs = runs_of(options.run or folder / "pro-mini", options.size, folder)
        with open_chromium(program) as chromium:
            if not options.explorer:
                write_report(runs, report)
                screens(chromium, report, options.to)
                (folder / "report.pdf").write_bytes(printed(chromium, report))
                sheets(chromium, folder / "report.pdf", options.to)
            explorer_screens(chromium, runs, folder, options.to)
    for path in sorted(options.to.glob("*-*.webp")):
        print(f"{path.stat().st_size:>10,}  {path}")


def runs_of(run: Path, size: int, folder: Path) -> list[Run]:
    """The run and the set beside it."""
    from magpie import open_run
    from magpie import run as make_run
    from magpie.report import open_other

    made = open_run(run) if run.exists() else make_run("pro-mini", size=size, out=run)
    return [made, open_other(grammar(folder / "grammar.jsonl"), made)]


def write_report(runs: list[Run], to: Path) -> None:
    from magpie.modelfiles.locate import find_model
    from magpie.modelfiles.model import open_model
    from magpie.report import Asked, make_report
    from magpie.report.page import page

    asked = Asked(tokenizer=("fledgling", open_model(find_model("fledgling")).tokenizer))
    to.write_text(page(make_report(runs[0], runs[1:], asked)), encoding="utf-8")


LANGUAGES = {"English": "en", "German": "de", "French": "fr", "Spanish": "es", "Italian": "it", "Russian": "ru"}


def grammar(path: Path) -> Path:
    """Conversations drawn from the grammar of fledgling's corpus, as a file of messages with their true categories."""
    from fledgling.corpus import chat
    from fledgling.families import BY_NAME

    rng = random.Random(SEED)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(ROWS):
            turns = chat(rng).turns
            said = [message for turn in turns for message in (("user", turn.prompt), ("assistant", turn.reply))]
            family = BY_NAME.get(turns[0].family or "")
            document = {
                "messages": [{"role": role, "content": text} for role, text in said],
                "task_category": None if family is None else family.category,
                "language": None if family is None else LANGUAGES.get(family.language),
            }
            file.write(json.dumps(document, ensure_ascii=False) + "\n")
    return path


def screens(chromium: Chromium, report: Path, to: Path) -> None:
    for name, dark in (("light", False), ("dark", True)):
        chromium.open(file_url(report), dark=dark)
        (to / f"report-{name}.webp").write_bytes(chromium.picture(height=1250))
    for anchor in ("kinds", "variety", "against"):
        chromium.open(file_url(report))
        (to / f"report-{anchor}.webp").write_bytes(chromium.picture(of=f"#{anchor}", height=1250))


def printed(chromium: Chromium, report: Path) -> bytes:
    chromium.open(file_url(report))
    return chromium.pdf()


def sheets(chromium: Chromium, pdf: Path, to: Path) -> None:
    """The first printed sheets, side by side."""
    subprocess.run(["pdftoppm", "-r", "70", "-l", "4", "-png", str(pdf), str(pdf.with_suffix(""))], check=True)
    pages = sorted(pdf.parent.glob("report-*.png"))
    shown = "".join(f'<img src="{file_url(path)}">' for path in pages)
    style = "body{margin:0;padding:16px;background:#8b9196;display:flex;gap:16px;flex-wrap:wrap}img{width:540px}"
    sheet = pdf.with_name("sheets.html")
    sheet.write_text(f"<!doctype html><style>{style}</style>{shown}", encoding="utf-8")
    chromium.open(file_url(sheet), width=1128)
    (to / "report-printed.webp").write_bytes(chromium.picture())


# -- the explorer -----------------------------------------------------------------------------------------------------

HARD = (
    '[{"kind":"labels","field":"difficulty","labels":["medium","hard"]},{"kind":"text","text":"how","within":"both"}]'
)
NARROW = ("", "tab=facets", "tab=table", "row=0.5&tab=row")


def explorer_screens(chromium: Chromium, runs: list[Run], folder: Path, to: Path) -> None:
    with explored(runs[:1]) as address:
        chromium.open(address)
        own = address.partition("?")[0]
        (to / "explore-light.webp").write_bytes(explorer_picture(chromium, own))
        view = f"{own}#filters={quote(HARD)}&color=difficulty&sort=-instruct_reward&row=0.{first_kept(runs[0])}"
        (to / "explore-dark.webp").write_bytes(explorer_picture(chromium, view, dark=True))
        parts = []
        for number, part in enumerate(NARROW):
            parts.append(folder / f"narrow-{number}.png")
            shown = f"{own}#{part}"
            parts[-1].write_bytes(explorer_picture(chromium, shown, width=400, height=760, form="png"))
    shown = "".join(f'<img src="{file_url(path)}">' for path in parts)
    style = "body{margin:0;padding:14px;background:#8b9196;display:flex;gap:14px}img{width:400px}"
    (folder / "narrow.html").write_text(f"<!doctype html><style>{style}</style>{shown}", encoding="utf-8")
    chromium.open(file_url(folder / "narrow.html"), width=1670)
    (to / "explore-narrow.webp").write_bytes(chromium.picture(height=788))
    with explored(runs) as address:
        chromium.open(address)
        (to / "explore-against.webp").write_bytes(explorer_picture(chromium, address.partition("?")[0]))


def first_kept(run: Run) -> int:
    """The row with the highest reward among those that the filters of the picture let through."""
    where = "difficulty IN ('medium', 'hard') AND (instruction ILIKE '%how%' OR response ILIKE '%how%')"
    order = "instruct_reward DESC" if "instruct_reward" in run.schema.names else "row"
    return int(run.sql(f"SELECT row FROM rows WHERE {where} ORDER BY {order} LIMIT 1").column("row")[0].as_py())


def explorer_picture(
    chromium: Chromium, address: str, *, dark: bool = False, width: int = 1440, height: int = 900, form: str = "webp"
) -> bytes:
    chromium.open(address, width=width, height=height, dark=dark)
    ready = "document.body.classList.contains('ready') && !document.body.classList.contains('busy')"
    drawn = "Number(document.getElementById('canvas').dataset.drawn) > 0 || !document.querySelector('#map').offsetWidth"
    end = time.monotonic() + 60
    while not chromium.evaluate(f"{ready} && ({drawn})"):
        if time.monotonic() > end:
            raise SystemExit("the explorer was not drawn")
        time.sleep(0.05)
    if "row=" in address:
        while not chromium.evaluate("document.querySelector('#row h2') !== null") and time.monotonic() < end:
            time.sleep(0.05)
    time.sleep(0.5)  # what follows the first picture: a row that the map moves to
    return chromium.picture(height=height, form=form)


@contextmanager
def explored(runs: list[Run]) -> Iterator[str]:
    """The explorer of runs on a port of this machine."""
    from magpie.explore.web.explorer import Explorer
    from magpie.explore.web.index import open_index
    from magpie.explore.web.serving import listen, serve
    from magpie.layout import layout_of

    explorer = Explorer(runs, [open_index(run) for run in runs], layout_of(runs))
    addresses: Queue[str] = Queue()
    servers: list[Any] = []
    given = (explorer, listen(0), lambda *words: " ".join(map(str, words)), addresses.put, servers.append)
    thread = Thread(target=serve, args=given, daemon=True)
    thread.start()
    yield addresses.get(timeout=60)
    servers[0].should_exit = True
    thread.join(10)


if __name__ == "__main__":
    main()
