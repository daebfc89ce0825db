"""What `magpie --help` and its commands say fits 80 columns, is complete and light; the shell's completion works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from magpie.cli.app import app
from magpie.cli.groups import GROUPS

GROUP = typer.main.get_command(app)
COMMANDS = GROUP.commands  # type: ignore[attr-defined]
HEAVY = "pyarrow", "duckdb", "tokenizers", "xllamacpp", "jinja2", "aiohttp", "rich", "yaml"
"""What completion must not import: it runs at each press of a key."""


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as left:
        GROUP.main(list(words), prog_name="magpie")
    assert not left.value.code
    return capsys.readouterr().out


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_the_help_of_a_command_fits_eighty_columns_and_cuts_nothing_off(
    name: str, flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(capsys, *([name] if name else []), flag).splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert not any(line.endswith("...") for line in lines if "Usage" not in line)


def test_the_list_of_recipes_fits_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert [line for line in printed(capsys, "recipes").splitlines() if len(line) > 80] == []


def test_every_command_stands_in_a_group_with_a_whole_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    shown = printed(capsys, "--help")
    words = " ".join(shown.split())
    for name, command in COMMANDS.items():
        first = " ".join((command.help or "").partition("\n\n")[0].split())
        assert first.endswith(".")
        assert f" {name} {first}" in words
    places = [shown.index(f"\n{group}:") for group in GROUPS]
    assert places == sorted(places)


def test_every_option_has_a_description() -> None:
    for name, command in COMMANDS.items():
        assert [p.name for p in command.params if not getattr(p, "help", "")] == [], name


def test_the_options_of_a_stage_are_the_same_for_all_stages() -> None:
    options = {option for param in COMMANDS["tag"].params for option in param.opts}
    assert {"--dry-run", "--model", "--set", "--json"} <= options


def complete(words: str, cwd: Path) -> list[str]:
    """What bash would offer after these words."""
    parts = words.split(" ")
    environment = {
        **os.environ, "_MAGPIE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(parts) - 1),
    }  # fmt: skip
    code = f"import sys; sys.argv = ['magpie']; from magpie.cli import main\ntry:\n    main()\nfinally:\n" \
        f"    loaded = [m for m in {HEAVY} if m in sys.modules]\n    print(loaded, file=sys.stderr)"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=cwd, capture_output=True, text=True)
    assert done.stderr.strip() == "[]", done.stderr
    return done.stdout.split()


def test_completion_offers_commands_options_and_recipes_and_leaves_no_trace(tmp_path: Path) -> None:
    assert complete("magpie scr", tmp_path) == ["screen", "screen-responses"]
    assert {"--dry-run", "--retry-failed"} <= set(complete("magpie tag --", tmp_path))
    assert complete("magpie run --recipe pro-d", tmp_path) == ["pro-dpo"]
    assert list(tmp_path.iterdir()) == []


def test_the_completion_script_is_printed_for_a_shell(tmp_path: Path) -> None:
    environment = {**os.environ, "_MAGPIE_COMPLETE": "source_bash", "HOME": str(tmp_path)}
    code = "import sys; sys.argv = ['magpie']; from magpie.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert "complete -o default -F" in done.stdout
    assert list(tmp_path.iterdir()) == [], "it prints, and installs nothing"
