"""Words for a shell: read back by shells."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from magpie.safe.shell import command_line, quoted
from magpie.safe.terminal import visible

WORDS = [
    "plain",
    "with space",
    "it's",
    'a "b" $HOME `id` \\ !',
    "two\nlines",
    "tab\tand\rreturn",
    "\x1b]0;owned\x07",
    "right\u202eleft\x9b31m",
    "ideographic\u3000space 東京",
    "'\n'\\",
    "digits after\x01234",
    "~/runs",
    "",
    os.fsdecode(b"not \xff UTF-8"),
]
SHELLS = [shell for shell in ("bash", "zsh", "ksh") if shutil.which(shell)]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_takes_a_line_apart_into_the_words_that_it_was_made_of(shell: str) -> None:
    line = command_line(["printf", r"%s\0", *WORDS])
    told = subprocess.run([shell, "-c", line], capture_output=True, check=True).stdout
    assert [os.fsdecode(word) for word in told.split(b"\0")[:-1]] == WORDS


def test_every_word_is_one_line_that_a_terminal_shows_as_it_is() -> None:
    line = command_line(WORDS)
    assert line.isprintable()
    assert visible(line) == line


def test_what_sh_takes_as_it_is_stays_as_it_is() -> None:
    assert quoted("runs/first-1_2.jsonl") == "runs/first-1_2.jsonl"
