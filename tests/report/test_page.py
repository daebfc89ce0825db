"""The page as text: nothing in it is markup of others, nothing is loaded, and it stays small."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from magpie.cli import main
from magpie.report import make_report
from magpie.report.page import MOST_BYTES, page, pictures
from magpie.report.page.diff import marked
from magpie.report.page.words import duration, label, percent, short, shown
from magpie.runs import Run
from tests.report.made import Rows, curated, made_run

HOSTILE = (
    "<script>window.evil=1</script>",
    "<img src=http://evil.example/p.png onerror=window.evil=2>",
    "</style></svg><svg onload=alert(3)>",
    '"><iframe src=javascript:alert(4)>',
    "\u202etxet desrever\u202c",
    "a\x00b\x1b[31mc\x7f\u2028d",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; & \u05e9\u05dc\u05d5\u05dd",
    "=HYPERLINK(1)\n\tsecond line",
)


def hostile_run(folder: Path) -> Run:
    """A run with something hostile in every field that a model, a file or a stranger may fill."""
    count = 3 * len(HOSTILE)
    instruct = [
        {"instruction": f"{HOSTILE[row % len(HOSTILE)]} {row // 2}", "variant": HOSTILE[row % 4]}
        for row in range(count)
    ]
    screen = [
        {"language": HOSTILE[row % len(HOSTILE)], "drop_reason": HOSTILE[row % len(HOSTILE)] if row % 3 == 2 else None}
        for row in range(count)
    ]
    tag = [
        {"task_category": HOSTILE[row % len(HOSTILE)], "task_category__other": HOSTILE[row % 2],
         "input_quality": HOSTILE[0], "difficulty": HOSTILE[1]}
        for row in range(count)
    ]  # fmt: skip
    respond = [{"response": HOSTILE[-1 - row % len(HOSTILE)]} for row in range(count)]
    pair = [
        {"chosen": text, "rejected": text[::-1], "chosen_reward": 1.0, "rejected_reward": 0.0} for text in HOSTILE * 3
    ]
    safety = [
        {"safety": "unsafe" if row % 2 else HOSTILE[3], "safety_categories": [HOSTILE[0]]} for row in range(count)
    ]
    last = [{"error": HOSTILE[1] if row == 1 else None} for row in range(count)]
    stages: dict[str, Rows] = {
        "instruct": instruct,
        "screen": screen,
        "tag": tag,
        "respond": respond,
        "pair": pair,
        "safety": safety,
    }
    steps = [{"step": HOSTILE[0], "alone": 1, "in_turn": 1, "only": None}]
    reports = {"select": {"rows": count, "kept": 1, "steps": steps, "null": {HOSTILE[1]: 2}}}
    recipe = 'about: "<script>window.evil=5</script>"\n'
    return made_run(folder / HOSTILE[0].replace("/", "_"), {**stages, "select": last}, recipe=recipe, reports=reports)


class Tags(HTMLParser):
    """The elements of a page and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(text)
    return parser.found


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return curated(tmp_path_factory.mktemp("curated") / "air")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page(make_report(hostile_run(tmp_path_factory.mktemp("hostile"))))


def test_a_page_has_no_script_and_loads_nothing(hostile: str, run: Run) -> None:
    for text in (hostile, page(make_report(run))):
        found = tags(text)
        assert not {"script", "iframe", "img", "link", "object", "embed", "base", "form"} & {tag for tag, _ in found}
        assert not [name for _, attrs in found for name in attrs if name.startswith("on") or name in ("src", "style")]
        assert {attrs["href"][:1] for _, attrs in found if attrs.get("href")} == {"#"}  # type: ignore[index]
        assert "url(" not in text


def test_the_policy_lets_in_the_style_sheet_and_nothing_else(hostile: str) -> None:
    (policy,) = [attrs["content"] for tag, attrs in tags(hostile) if "http-equiv" in attrs]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/=]{44}'; base-uri 'none'; form-action 'none'", str(policy)
    )


def test_the_same_run_gives_the_same_bytes(run: Run) -> None:
    assert page(make_report(run)) == page(make_report(Run(run.path)))


def test_a_page_of_endless_texts_and_labels_stays_below_its_size(tmp_path: Path) -> None:
    rows = [{"instruction": "\U0001f600" * 3000 + str(row), "variant": f"{row}" * 4000} for row in range(60)]
    safety = [{"safety": "unsafe", "task_category": "\u4e00" * 9000} for _ in rows]
    numbers = make_report(made_run(tmp_path / ("n" * 200), {"instruct": rows, "safety": safety}))
    numbers["examples"] = {kind: rows * 30 for kind, rows in numbers["examples"].items() if kind != "nearest"}
    assert len(page(numbers).encode()) < MOST_BYTES


def test_what_cannot_be_seen_is_written_out() -> None:
    assert str(shown("a\u202eb<")) == 'a<span class="esc">\\u202e</span>b&lt;'
    assert str(shown("one\ntwo\t\x00")) == 'one\ntwo\t<span class="esc">\\x00</span>'
    assert str(label("one\ntwo")) == '<bdi>one<span class="esc">\\n</span>two</bdi>'
    assert "\\u200b" in shown("zero\u200bwidth")
    assert str(shown("\u05e9\u05dc \u3042\u3000\u0639")) == "\u05e9\u05dc \u3042\u3000\u0639"
    assert str(label("x" * 500)).startswith("<bdi>" + "x" * 120 + "<span")


def test_a_diff_marks_words_of_one_side_and_escapes_both() -> None:
    left, right = marked("two plus <b>", "two minus <b>")
    assert str(left) == "two <del>plus </del>&lt;b&gt;"
    assert str(right) == "two <ins>minus </ins>&lt;b&gt;"
    long = "word " * 5000
    assert str(marked(long, long)[0]) == long


def test_figures_are_short_and_say_no_more_than_they_know() -> None:
    assert [short(v) for v in (0, 7, 0.1234, 12.34, 1234.5, 12345, 4567890, 0.00012)] == [
        "0", "7", "0.12", "12.3", "1,234", "12.3k", "4.57M", "0.0001"
    ]  # fmt: skip
    assert [percent(v) for v in (0, 0.0004, 0.123, 0.9999, 1)] == ["0%", "<0.1%", "12.3%", ">99.9%", "100%"]
    assert [duration(v) for v in (0.42, 61, 7260, 270000)] == ["0.42 s", "1 min 1 s", "2 h 1 min", "3 d 3 h"]


def test_pictures_for_a_card_are_whole_files_that_hold_no_markup_of_others(tmp_path: Path, run: Run) -> None:
    found = pictures(make_report(run))
    assert {"categories.svg", "quality.svg", "instruction-length.svg", "response-length.svg"} == set(found)
    hostile = pictures(make_report(hostile_run(tmp_path)))
    for _, data in (*found.values(), *hostile.values()):
        names = {tag for tag, _ in tags(data.decode())}
        assert names <= {"svg", "style", "rect", "text", "line", "path"}
        assert b"<text" in data


# -- the command ------------------------------------------------------------------------------------------------------


def magpie(*words: object) -> int:
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    return int(left.value.code or 0)


def test_the_command_writes_a_page_and_prints_the_numbers(run: Run, tmp_path: Path, capsys: Any) -> None:
    to = tmp_path / "report.html"
    assert magpie("report", run.path, "--to", to, "--examples", 2) == 0
    assert "written to" in capsys.readouterr().out
    assert to.read_text().startswith("<!doctype html>")
    assert magpie("report", run.path, "--json", "--price-per-hour", 2) == 0
    assert '"none_kept"' in capsys.readouterr().out
    assert not (tmp_path / "air.html").exists()


def test_a_place_inside_a_run_or_a_folder_is_refused(run: Run, tmp_path: Path, capsys: Any) -> None:
    assert magpie("report", run.path, "--to", run.path / "report.html") == 2
    assert "lies inside the run" in capsys.readouterr().err
    assert magpie("report", run.path, "--to", tmp_path) == 2
    assert magpie("report", tmp_path / "nothing") == 2
    assert "there is nothing here" in capsys.readouterr().err
