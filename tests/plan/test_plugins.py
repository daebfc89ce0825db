"""A package of its own adds stages: recipes, commands, selections, exports and reports take them as magpie's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import magpie

EXAMPLE = Path(__file__).parents[2] / "examples" / "magpie-stage-readability"
NAME = "magpie_stage_readability"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with the example as an installer leaves it: the package, and its entry points beside it."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    folder = tmp_path / "site"
    shutil.copytree(EXAMPLE / NAME, folder / NAME)
    offer(folder, project["name"], project["entry-points"])
    return folder


def offer(folder: Path, name: str, groups: Mapping[str, Mapping[str, str]]) -> None:
    about = folder / f"{name.replace('-', '_')}-0.1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    lines = []
    for group, entries in groups.items():
        lines += [f"[{group}]\n", *(f"{entry} = {place}\n" for entry, place in entries.items())]
    (about / "entry_points.txt").write_text("".join(lines))


def run_magpie(site: Path, *arguments: object, code: int = 0) -> str:
    source = Path(magpie.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(source), str(site)])}
    command = [sys.executable, "-m", "magpie", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_the_example_goes_through_everything(site: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("{name: mine, size: 8, readability: {min_ease: 0}, title: {sampling: {max_tokens: 12}}}\n")
    run_magpie(site, "run", "--recipe", recipe, "--out", run)
    stages = [stage["stage"] for stage in told(site, run)]
    assert stages == ["instruct", "readability", "title", "respond"]

    shown = [json.loads(line) for line in run_magpie(site, "show", run, "-n", 8, "--all", "--json").splitlines()]
    assert all(isinstance(row["reading_ease"], float) for row in shown)
    assert any(row["title"] for row in shown)

    versions = json.loads((run / "run.json").read_text())["versions"]
    assert versions["magpie-stage-readability"] == "0.1.0"

    before = told(site, run)
    run_magpie(site, "run", "--out", run)
    assert told(site, run) == before, "a resume makes nothing anew"
    run_magpie(site, "run", "--out", run, "--set", "title.sampling.max_tokens=6")
    assert [a == b for a, b in zip(before, told(site, run), strict=True)] == [True, True, False, True]

    run_magpie(site, "select", run, "--where", "reading_ease > -1000", "--limit", 3)
    run_magpie(site, "export", run, "--to", tmp_path / "dataset")
    assert "reading_ease" in (tmp_path / "dataset" / "README.md").read_text()
    run_magpie(site, "report", run, "--to", tmp_path / "report.html")
    assert "readability" in (tmp_path / "report.html").read_text()


def told(site: Path, run: Path) -> list[dict[str, Any]]:
    status = json.loads(run_magpie(site, "status", run, "--json"))
    return [{"stage": stage["stage"], "tokens": stage["completion_tokens"]} for stage in status["stages"]]


def test_a_stage_of_another_package_is_a_command(site: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run_magpie(site, "run", "--size", 4, "--out", run)
    run_magpie(site, "readability", run)
    assert "readability" in [stage["stage"] for stage in told(site, run)]


def test_help_imports_no_plugin(site: Path) -> None:
    for file in ("__init__.py", "others.py"):
        (site / NAME / file).write_text("raise SystemExit('imported')")
    assert "readability" in run_magpie(site, "--help")
    run_magpie(site, "recipes")


@pytest.mark.parametrize(
    ("content", "told_of"),
    [
        ("raise OSError('no\\nway')", "broken-stage 0.1.0 cannot be loaded (OSError: no\\nway)"),
        ("SPEC = 1", "does not fit in: its entry point is int; expected a magpie.stages.spec.StageSpec"),
        ("", "cannot be loaded (AttributeError"),
        (
            "from magpie.stages.spec import StageSpec\nSPEC = StageSpec('other', 'a', 'a:b', 'a:b')",
            "it calls itself 'other'",
        ),
        (
            "from magpie.stages.spec import StageSpec\nSPEC = StageSpec('broken', 'a', 'a:b', 'a:b', after='no')",
            "after='no' names no stage",
        ),
        (
            "from magpie.columns import Column\nfrom magpie.stages.spec import StageSpec\n"
            "SPEC = StageSpec('broken', 'a', 'a:b', 'a:b', (Column('response', 'string', 'x'),))",
            "its column response is there already",
        ),
    ],
)
def test_a_broken_plugin_is_one_line(tmp_path: Path, content: str, told_of: str) -> None:
    site = tmp_path / "site"
    offer(site, "broken-stage", {"magpie.stages": {"broken": "broken_stage:SPEC"}})
    (site / "broken_stage.py").write_text(content)
    said = run_magpie(site, "run", "--set", "broken={}", "--out", tmp_path / "run", code=2)
    assert told_of in said
    assert said.count("\n") == 1
    run_magpie(site, "recipes")


def test_a_plugin_takes_no_name_of_magpies_own(tmp_path: Path) -> None:
    site = tmp_path / "site"
    entries = {"tag": "greedy:SPEC", "status": "greedy:SPEC", "../x": "greedy:SPEC"}
    offer(site, "greedy", {"magpie.stages": entries, "magpie.export_formats": {"messages": "greedy:SPEC"}})
    (site / "greedy.py").write_text("raise SystemExit('imported')")
    assert "greedy" not in run_magpie(site, "--help")
    run_magpie(site, "tag", tmp_path, code=2)


def test_a_package_adds_an_embedder_a_scorer_and_a_format(site: Path, tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    run = tmp_path / "run"
    reward = "reward={by: package, use: brevity, kwargs: {words: 50}}"
    words = ("--set", "embed.embedder=letters", "--set", reward)
    run_magpie(site, "run", "--size", 6, "--out", run, "--set", "engine=scripted", *words)
    rows = [json.loads(line) for line in run_magpie(site, "show", run, "-n", 6, "--all", "--json").splitlines()]
    assert all(row["instruct_reward"] == 1.0 - len(row["response"].split()) / 50 for row in rows if row["response"])
    assert [stage["stage"] for stage in told(site, run)] == ["instruct", "embed", "respond", "reward"]

    index = json.loads((run / "run.json").read_text())
    (embed,) = [stage for stage in index["stages"] if stage["stage"] == "embed"]
    assert embed["identity"] == {"package": "letters", "version": 1, "kwargs": {}}
    before = [stage["folder"] for stage in index["stages"]]
    run_magpie(site, "run", "--out", run)
    again = [stage["folder"] for stage in json.loads((run / "run.json").read_text())["stages"]]
    assert again == before, "a resume creates nothing again"

    run_magpie(site, "export", run, "--format", "question-answer", "--to", tmp_path / "rows.jsonl")
    first = json.loads((tmp_path / "rows.jsonl").read_text().splitlines()[0])
    assert set(first) == {"id", "question", "answer"}
    run_magpie(site, "export", run, "--format", "question-answer", "--to", tmp_path / "folder")
    assert "question and answer" in (tmp_path / "folder" / "README.md").read_text()
    said = run_magpie(site, "export", run, "--format", "question-answer", "--check", "fledgling", code=2)
    assert "a format of another package" in said


@pytest.mark.parametrize(
    ("content", "told_of"),
    [
        ("raise OSError('no\\nway')", "broken 0.1.0 offers in magpie.embedders cannot be loaded (OSError: no\\nway)"),
        ("VALUE = 1", "is int; expected a magpie.extensions.Extension"),
    ],
)
def test_a_broken_extension_is_one_line(tmp_path: Path, content: str, told_of: str) -> None:
    pytest.importorskip("numpy")
    site = tmp_path / "site"
    offer(site, "broken", {"magpie.embedders": {"mine": "broken:VALUE"}})
    (site / "broken.py").write_text(content)
    words = ("--set", "engine=scripted", "--set", "embed.embedder=mine")
    said = run_magpie(site, "run", "--size", 2, "--out", tmp_path / "run", *words, code=2)
    assert told_of in said
    assert said.count("\n") == 1


def test_an_extension_that_no_package_offers_is_one_line(tmp_path: Path) -> None:
    words = ("--set", "engine=scripted", "--set", "reward={by: package, use: mine}")
    said = run_magpie(tmp_path, "run", "--size", 2, "--out", tmp_path / "run", *words, code=2)
    assert "'mine': no installed package offers this in magpie.scorers; offered: none" in said
