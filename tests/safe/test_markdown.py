"""What others wrote stays text: in Markdown, on a terminal, and in a command that a reader may copy."""

from __future__ import annotations

import subprocess
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from magpie.cli.progress import watching
from magpie.errors import RunError
from magpie.plan.resolve import resolve
from magpie.runs import RunFolder
from magpie.safe.markdown import code, fence, link, plain
from magpie.safe.shell import quoted
from magpie.safe.terminal import brief, one_line

HOSTILE = [
    "```\n# x",
    "````",
    "a|b",
    "a\n\n# b",
    "<script>",
    "<!-- x",
    "[x](http://e)",
    "- x",
    "1. x",
    "\x1b[31m",
    "---",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_fence_is_longer_than_any_run_of_backticks_in_it(text: str) -> None:
    first, *inner, last = fence(text, "yaml").removesuffix("\n").split("\n")
    assert (first, set(last)) == (f"{last}yaml", {"`"})
    assert last not in "\n".join(inner)


@pytest.mark.parametrize("text", HOSTILE)
def test_plain_text_is_one_line_without_marks(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable()
    for mark in ("<", "|", "`", "[", "#"):
        assert shown.count(mark) == shown.count(f"\\{mark}") + shown.count("&#8203;") * (mark == "#")
    assert not shown.startswith(("- ", "1. ", "---"))
    assert code(text).isprintable()


def test_a_link_s_address_cannot_close_it() -> None:
    assert link("a]b", "https://e/x) [y](z") == "[a\\]b](https://e/x%29%20%5By%5D%28z)"


@pytest.mark.parametrize(
    "name", ["plain", "a b", "a'b", "a\nb", "a\\\n'b", "\x1b]0;x\x07", "ü\n", "caf\udce9", "$(id)\n"]
)
def test_a_printed_word_is_one_line_and_names_the_same_file(name: str) -> None:
    word = quoted(name)
    assert word.isprintable()
    said = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True).stdout
    assert said == name.encode("utf-8", "surrogateescape")
    assert one_line(Path(name)).isprintable()


def test_a_value_in_an_error_is_short() -> None:
    assert len(brief("x" * 5_000)) < 120
    assert len(brief(["x"] * 5_000)) < 120
    assert brief(10**9_000) == "a value of type int"


def test_progress_lines_are_shown_and_not_obeyed() -> None:
    shown = StringIO()
    with watching(Console(file=shown), Path("none")) as watch:
        watch("warning: \x1b]0;title\x07 [red]a\nb")
    assert shown.getvalue() == "warning: \\x1b]0;title\\x07 [red]a\\nb\n"


def test_a_folder_whose_name_is_not_utf8_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = Path(f"{tmp_path}/caf\udce9\n")
    folder.mkdir()
    for act in (lambda: RunFolder(folder).index(), lambda: resolve("basic", folder)):
        with pytest.raises(RunError, match=r"caf\\udce9\\n: the name of this folder, .* is not UTF-8"):
            act()


def test_a_folder_whose_name_has_a_line_end_makes_a_name_and_a_command_of_one_line(tmp_path: Path) -> None:
    recipe = resolve("basic", tmp_path / "a\nb\x1b[31m")
    assert recipe.name == "a-b_[31m"
