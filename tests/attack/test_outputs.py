"""Thousands of hostile outputs of models go through every stage that asks a model and out of every exit.

Nothing crashes, no row is lost sight of, no control character reaches the terminal and no text becomes HTML, and what
an export holds is what the run holds.
"""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from magpie import open_run
from magpie.cli.app import main
from magpie.engines.scripted import open_scripted
from magpie.executors.local import execute_plan
from magpie.models.engines import ModelUse
from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.runs import RunFolder
from magpie.seams import Engine, Request
from tests.attack.hostile import MARK, Hostile

ROWS = 250
LONGEST = 8000
"""Tokens of an instruction or a response."""
RECIPE = f"""
name: hostile
about: "{MARK} \\e[31m ``` {{{{ 7*7 }}}}"
size: {ROWS}
seed: 3
engine: scripted
instruct: {{sampling: {{max_tokens: {LONGEST}}}}}
screen: {{min_chars: 1, max_chars: null, role_leak: false, refusal: false, non_text: false, ends_in_colon: false,
  unfinished: false, max_repeated: null, max_compression: null}}
dedup: {{}}
embed: {{embedder: hashing}}
neighbors: {{}}
tag: {{structure: "off", again: 1}}
respond: {{n: 3, sampling: {{max_tokens: {LONGEST}}}}}
screen_responses: {{min_chars: 1, role_leak: false, refusal: false, ends_in_colon: false, unfinished: false,
  max_repeated: null, max_compression: null}}
respond_base: {{engine: scripted, sampling: {{max_tokens: 500}}}}
reward: {{by: judge}}
safety: {{}}
choose: {{by: first}}
follow_up: {{turns: 2}}
pair: {{}}
select: {{order: "length(response)", limit: 200}}
"""


VERDICTS = (
    "Rating: [[{n}]]", "{n}", "safe", "unsafe\nS1", '{{"input_quality": "good", "explanation": "x"}}',
    '{{"difficulty": "hard", "intent": "x", "knowledge": "y"}}', '{{"primary_tag": "Math", "other_tags": []}}',
)  # fmt: skip


@contextmanager
def hostile_engine(_: ModelUse) -> Iterator[Engine]:
    """Says what follows from a request's prompt and seed: hostile texts, and among them what a judge may say."""

    def says(request: Request) -> str:
        dice = Random(f"{request.seed} {request.digest()}")
        verdict = dice.choice(VERDICTS).format(n=dice.randint(1, 5))
        judges = request.sampling.max_tokens < LONGEST
        return verdict if judges and dice.random() < 0.5 else Hostile(dice.random()).text()

    with open_scripted(script=says, context=1 << 16) as engine:
        yield engine


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attack") / "run"
    plan = make_plan(parse(RECIPE, "hostile"))
    execute_plan(plan, RunFolder(folder), opener=hostile_engine)
    return folder


def magpie(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a command prints. It ends well, and nothing that it prints moves a cursor or colors a line."""
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    assert end.value.code in (0, None), err
    for printed in (out, err):
        assert {letter for letter in printed if is_control(letter)} <= {"\n"}
    return out


def is_control(letter: str) -> bool:
    """Whether a terminal may act on it: C0, C1, and what turns the direction of a line. The joiner of emoji is none."""
    return letter != "\u200d" and unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def test_every_row_is_accounted_for(run: Path) -> None:
    opened = open_run(run)
    left = ROWS
    for stage in opened.counts():
        assert (stage.made, stage.failed) == (left, 0), stage
        left -= sum(stage.dropped.values())
        if stage.stage == "choose":
            assert left > ROWS / 4, "too few rows come as far as conversations"
    assert len(list(opened.rows())) <= left


def test_the_terminal_gets_no_control_characters(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    magpie(capsys, "status", run)
    magpie(capsys, "verify", run)
    for options in (["--all"], ["--dropped"], ["--where", "pii IS NOT NULL"], ["--sort", "length(instruction) DESC"]):
        magpie(capsys, "show", run, "-n", 60, *options)
    for line in magpie(capsys, "show", run, "-n", 300, "--all", "--json").splitlines():
        json.loads(line)
    json.loads(magpie(capsys, "status", run, "--json"))


class Tags(HTMLParser):
    """The tags of a page, and what a browser would load or run for it."""

    def __init__(self) -> None:
        super().__init__()
        self.names: Counter[str] = Counter()
        self.dangers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names[tag] += 1
        self.dangers += [f"{tag} {name}={value}" for name, value in attrs if is_danger(name, value or "")]


def is_danger(name: str, value: str) -> bool:
    elsewhere = name in ("href", "src", "action") and not value.startswith("#")
    return name.startswith("on") or elsewhere or ("javascript:" in value.casefold() and name != "title")


def test_the_report_shows_texts_and_runs_none(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "report.html"
    magpie(capsys, "report", run, "--against", run, "--to", page, "--examples", 40)
    html = page.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(html)
    assert MARK not in html
    assert "hostile" in html
    assert not {"script", "img", "iframe", "object", "embed", "form", "b"} & set(tags.names)
    assert tags.dangers == []
    assert not {"\x1b", "\x00"} & set(html)


FORMATS = ("messages", "sharegpt", "alpaca", "sft", "dpo", "rm", "kto")


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_holds_the_texts_of_the_run(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    file = tmp_path / "out.jsonl"
    magpie(capsys, "export", run, "--to", file, "--format", format)
    lines = [json.loads(line) for line in file.read_bytes().split(b"\n") if line]
    kept = list(open_run(run).rows())
    assert kept
    exported = set(texts(lines))
    assert {row["instruction"] for row in kept[:50]} <= exported


def texts(value: Any) -> Iterator[str]:
    """Every text in a value of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts(part)


def test_the_card_stays_a_card(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "dataset"
    magpie(capsys, "export", run, "--to", folder)
    card = (folder / "README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(card.split("---\n")[1])
    assert head.get("license") != "evil"
    outside = re.sub(r"^(`{3,})[^\n]*\n.*?^\1$", "", card, flags=re.MULTILINE | re.DOTALL)
    assert MARK not in outside
    assert "\x1b" not in card
    for picture in folder.rglob("*.svg"):
        assert MARK not in picture.read_text(encoding="utf-8")


def test_an_export_is_read_back_as_it_was(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, again = tmp_path / "out.jsonl", tmp_path / "again"
    magpie(capsys, "export", run, "--to", file, "--format", "messages")
    magpie(capsys, "import", file, "--to", again)
    kept = {row["instruction"] for row in open_run(run).rows()}
    read = {row["instruction"] for row in open_run(again).rows()}
    assert {text for text in kept if text.strip()} == read


def test_an_export_to_a_terminal_is_shown(run: Path) -> None:
    master, slave = pty.openpty()
    export = [sys.executable, "-m", "magpie", "export", str(run), "--to", "-", "--format", "messages"]
    with subprocess.Popen(export, stdout=slave, stderr=subprocess.DEVNULL) as child:
        os.close(slave)
        printed = b""
        with suppress(OSError):  # the other end is closed
            while chunk := os.read(master, 1 << 16):
                printed += chunk
    os.close(master)
    assert child.returncode == 0
    lines = printed.decode().split("\r\n")
    assert {letter for line in lines for letter in line if is_control(letter)} == set()
    assert [json.loads(line)["messages"][0]["content"] for line in lines if line] == [
        row["instruction"] for row in open_run(run).rows()
    ]
