"""Markdown as far as the tests of the docs read it: fenced blocks with their language, and code in backticks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<language>\S*)[ ]*\n(?P<text>.*?)^(?P=fence)[ ]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    page: str
    """Its file, from the root of the repository."""
    line: int
    language: str
    text: str

    @property
    def key(self) -> tuple[str, str]:
        """What tables know it by, wherever it moves on its page: its first line."""
        return self.page, self.text.strip().partition("\n")[0]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(*languages: str) -> list[Block]:
    """Every block in one of these languages, in the order of the pages."""
    return [block for page in PAGES for block in blocks_of(page) if block.language in languages]


def blocks_of(page: str) -> list[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found["language"], found["text"])
        for found in _FENCE.finditer(text)
    ]


def prose(page: str) -> str:
    """The page without its blocks."""
    return _FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))


def inline_code(page: str) -> list[str]:
    """What stands in backticks, each on one line."""
    return [" ".join(code.split()) for code in re.findall(r"`((?:[^`\n]|\n(?!\n))+)`", prose(page))]


def command_lines(block: Block) -> list[str]:
    """The commands of a block of shell lines, without comments."""
    return [line for line in map(str.strip, block.text.splitlines()) if line and not line.startswith("#")]
