"""Commands that magpie prints: as the user calls it, one line each, and every one of them works when it is run."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from magpie.cli import commands, main
from magpie.cli.app import app
from magpie.cli.commands import command, program

SCRIPTED = ("--set", "engine=scripted")
HARD = "fir'st $HOME\n\x1b[31m run"
"""A folder that a terminal and a shell would both take for something else."""


def script_in(folder: Path) -> Path:
    """A script of this installation, as pip writes it, that prints a command in place of doing something."""
    folder.mkdir(parents=True)
    path = folder / "magpie"
    path.write_text(f"#!{sys.executable}\nfrom magpie.cli.commands import command\nprint(command('doctor'))\n")
    path.chmod(0o755)
    return path


def call(*words: object, cwd: Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, on a terminal that is too narrow for it."""
    environment = {**os.environ, "PATH": os.environ["PATH"] if path is None else path, "COLUMNS": "40"}
    environment.pop("UV_RUN_RECURSION_DEPTH", None)
    return subprocess.run(
        [str(word) for word in words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def printed(text: str) -> list[str]:
    """Every command in an output: a line of its own, or what ends a sentence."""
    begin = re.escape(shlex.join(program()))
    return re.findall(rf"^(?:  |.*: )({begin} .*)$", text, re.MULTILINE)


@pytest.fixture
def magpie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command in this process and in `tmp_path`; gives all that it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "40")

    def call(*words: object, code: int = 0) -> str:
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        assert int(left.value.code or 0) == code, captured.err
        return captured.out + captured.err

    return call


def run_all(lines: list[str], magpie: Callable[..., str]) -> None:
    """Every line, taken apart by a shell; in this process, since starting one takes most of the time."""
    assert lines
    for line in lines:
        told = subprocess.run(["bash", "-c", rf"printf '%s\0' {line}"], capture_output=True, text=True, check=True)
        words = told.stdout.split("\0")[:-1]
        assert words[: len(program())] == program()
        magpie(*words[len(program()) :])


# -- the program's name -----------------------------------------------------------------------------------------------


def test_a_program_on_the_path_is_named_alone_and_any_other_by_the_path_that_was_typed(tmp_path: Path) -> None:
    script = script_in(tmp_path / "my env" / "bin")
    (tmp_path / "elsewhere").mkdir()
    named = call("magpie", cwd=tmp_path, path=f"{script.parent}:{os.environ['PATH']}")
    assert named.stdout == "magpie doctor\n"
    for typed, folder, expected in (
        ("my env/bin/magpie", tmp_path, "'my env/bin/magpie' doctor\n"),
        ("./magpie", script.parent, "./magpie doctor\n"),
        (script, tmp_path, "'my env/bin/magpie' doctor\n"),
        (script, tmp_path / "elsewhere", f"'{script}' doctor\n"),
    ):
        assert call("bash", "-c", shlex.quote(str(typed)), cwd=folder, path="/usr/bin:/bin").stdout == expected


def test_another_magpie_on_the_path_is_not_taken_for_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script, other = script_in(tmp_path / "env" / "bin"), script_in(tmp_path / "other")
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)
    monkeypatch.setattr(sys, "argv", [str(script)])
    monkeypatch.setenv("PATH", f"{other.parent}:{script.parent}")
    assert program() == [str(script)]
    monkeypatch.setenv("PATH", f"{script.parent}:{other.parent}")
    assert program() == ["magpie"]
    monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    assert program() == [str(script)]


def test_a_link_to_the_program_on_the_path_is_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = script_in(tmp_path / "tools" / "magpie" / "bin")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "magpie").symlink_to(script)
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "bin" / "magpie")])
    assert program() == ["magpie"]


def test_without_a_script_the_running_python_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["-c"])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "env" / "bin" / "python"))
    monkeypatch.chdir(tmp_path)
    assert program() == ["env/bin/python", "-m", "magpie"]


def test_a_path_that_looks_like_an_option_is_none() -> None:
    assert shlex.split(command("show", Path("-n"), "-n", 5))[-4:] == ["show", "./-n", "-n", "5"]


def test_every_command_that_the_source_prints_is_written_by_one_function() -> None:
    source = Path(commands.__file__).parents[1]
    wrong = re.compile(r"`magpie [a-z-]+ [^`\n]*\{")
    assert not [str(path) for path in source.rglob("*.py") if wrong.search(path.read_text(encoding="utf-8"))]


def test_every_command_that_a_message_names_is_there() -> None:
    source = Path(commands.__file__).parents[1]
    texts = [
        path.read_text(encoding="utf-8") for path in source.rglob("*.*") if path.suffix in (".py", ".yaml", ".jinja")
    ]
    named = {name for text in texts for name in re.findall(r"`magpie ([a-z]+[a-z-]*)", text)}
    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert named <= known
    assert {"run", "doctor", "recipes", "import"} <= named


# -- every printed command works --------------------------------------------------------------------------------------


def test_after_a_run_each_in_a_process_of_its_own(tmp_path: Path, magpie: Callable[..., str]) -> None:
    lines = printed(magpie("run", "--size", 20, "--out", HARD, *SCRIPTED))
    assert len(lines) == 3
    for line in lines:
        done = call("bash", "-c", line, cwd=tmp_path)
        assert done.returncode == 0, (line, done.stdout, done.stderr)
    (file,) = tmp_path.glob("*.jsonl")
    assert json.loads(file.read_text().splitlines()[0])["messages"]


@pytest.mark.parametrize("recipe", ["air-dpo", "pro-dpo"])
def test_after_a_run_with_pairs(recipe: str, tmp_path: Path, magpie: Callable[..., str]) -> None:
    model = "model=fledgling", "engine=scripted", "reward={by: agreement}", "dedup=null", "screen=null"
    judged = "tag=null", "shortlist=null"
    settings = [word for setting in (*model, *judged) for word in ("--set", setting)]
    show, export, _ = printed(magpie("run", "--recipe", recipe, "--size", 20, "--out", recipe, *settings))
    assert "--format dpo" in export
    run_all([show, export], magpie)
    assert json.loads((tmp_path / f"{recipe}.jsonl").read_text().splitlines()[0])["rejected"]


@pytest.mark.parametrize("setting", ["respond=null", "respond={n: 2}"])
def test_after_a_run_without_one_response_to_each_instruction(
    setting: str, tmp_path: Path, magpie: Callable[..., str]
) -> None:
    told = magpie("run", "--size", 5, "--out", "first", *SCRIPTED, "--set", setting)
    run_all(printed(told)[:2], magpie)
    assert (tmp_path / "first.parquet").read_bytes()[:4] == b"PAR1"


def test_rows_that_words_do_not_suffice_for_are_not_offered(tmp_path: Path, magpie: Callable[..., str]) -> None:
    (tmp_path / "names.txt").write_text("".join(f"name {n}\n" for n in range(30)))
    mix = "instruct.mix=[{name: a, weight: 1, system: 'You are {who}.', fill: [{name: who, file: names.txt}]}]"
    lines = printed(magpie("run", "--size", 5, "--out", "first", *SCRIPTED, "--set", mix))
    assert not [line for line in lines if "--size" in line]
    run_all(lines, magpie)


def test_an_export_that_is_there_and_a_run_are_not_written_over(tmp_path: Path, magpie: Callable[..., str]) -> None:
    (tmp_path / "first.jsonl").write_text("precious")
    run_all(printed(magpie("run", "--size", 5, "--out", "first", *SCRIPTED))[:2], magpie)
    assert (tmp_path / "first.jsonl").read_text() == "precious"
    assert (tmp_path / "first-2.jsonl").is_file()
    os.chdir(tmp_path / "first")
    run_all(printed(magpie("run", "--size", 5, "--out", "."))[:2], magpie)
    assert (tmp_path / "first-3.jsonl").is_file()


def test_after_an_import_and_after_a_selection_from_it(tmp_path: Path, magpie: Callable[..., str]) -> None:
    rows = [{"instruction": f"What is {n} plus one?", "response": f"It is {n + 1}."} for n in range(5)]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    run_all(printed(magpie("import", "rows.json", "--to", HARD)), magpie)
    run_all(printed(magpie("select", HARD, "--with", "instruction != 'What is 3 plus one?'")), magpie)
    (file,) = tmp_path.glob("*.jsonl")
    assert len(file.read_text().splitlines()) == 4
    again = printed(magpie("run", "--out", HARD))
    assert not [line for line in again if "--size" in line]
    run_all(again, magpie)


def test_after_a_run_that_was_stopped_and_after_its_status(tmp_path: Path, magpie: Callable[..., str]) -> None:
    slow = ("--set", "engine.window=2", "--set", "engine.seconds=0.05")
    words = [*program(), "run", "--size", "60", "--out", HARD, *SCRIPTED, *slow]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        while process.poll() is None and not list(tmp_path.glob("*/*-*/*.part")):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    (stopped,) = printed(errors)
    assert printed(magpie("status", HARD)) == [stopped]
    (recipe,) = tmp_path.glob("*/recipe.yaml")
    recipe.write_text(recipe.read_text().replace("seconds: 0.05", "seconds: 0.0"))
    run_all([stopped], magpie)
    assert printed(magpie("status", HARD)) == []


def test_rows_that_failed_name_the_command_that_tries_them_again(tmp_path: Path, magpie: Callable[..., str]) -> None:
    told = magpie("run", "--size", 5, "--out", HARD, *SCRIPTED, "--set", "engine.fail_rate=0.5")
    assert "to try them again" in told
    (recipe,) = tmp_path.glob("*/recipe.yaml")
    recipe.write_text(recipe.read_text().replace("fail_rate: 0.5", "fail_rate: 0.0"))  # else they fail again
    run_all(printed(told), magpie)


def test_a_selection_that_no_row_reaches_names_the_command_that_makes_rows(
    tmp_path: Path, magpie: Callable[..., str]
) -> None:
    (tmp_path / "run").mkdir()
    settings = (*SCRIPTED, "--set", "screen={min_chars: 100000}", "--set", "select={}")
    magpie("run", "--size", 5, "--out", HARD, *settings)
    told = magpie("select", HARD, "--explain", code=2)
    run_all(printed(told), magpie)


def test_a_stale_selection_and_folders_without_use_name_commands_that_mend_that(
    tmp_path: Path, magpie: Callable[..., str]
) -> None:
    rows = [{"instruction": text, "response": "Magpie."} for text in ("Name a bird.", "Name these birds:")]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    magpie("import", "rows.json", "--to", HARD)
    magpie("select", HARD, "--with", "length(response) > 2")
    magpie("screen", HARD)
    run_all(printed(magpie("status", HARD)), magpie)
    magpie("screen", HARD, "--set", "screen.min_chars=1")
    run_all(printed(magpie("prune", HARD)), magpie)
    assert printed(magpie("prune", HARD)) == []
