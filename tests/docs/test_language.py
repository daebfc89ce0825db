"""Plain technical English: no page, help text, docstring, message or comment has a word that the project leaves out.

`python -m tests.docs.test_language` lists each module that has such words, with what to say instead.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
import typer

import magpie
from magpie.cli.app import app
from magpie.plan.registry import STAGES
from tests.docs.blocks import PAGES, prose

PACKAGE = Path(magpie.__file__).parent

LEFT_OUT = {
    r"written tokens": "completion tokens",
    r"tokens (?:that are |which are )?read\b": "prompt tokens",
    r"\bgo(?:es|ing)? on (?:with|from)\b": "resume, continue",
    r"\bthoughts?\b": "reasoning",
    r"\bfurther turns?\b": "multi-turn, later turns",
    r"\bbeginnings?\b(?!-of)": "prefill, start",
    r"\brehears(?:e|es|al|als)\b": "preview",
    r"\blacking\b": "pending, missing",
    r"\balive\b": "surviving",
    r"\bsentinels?\b": "placeholder",
    r"\bfickle\b": "nondeterministic",
    r"behind the wall": "server-side",
    r"\banew\b": "again",
    r"a mistake of yours": "invalid input",
    r"\bis told\b": "is printed, is listed",
}
"""A pattern, and what to say instead."""


def left_out(text: str) -> list[str]:
    """The words of a text that are left out, each with what to say instead."""
    plain = " ".join(text.split())
    found = ((match[0], say) for words, say in LEFT_OUT.items() for match in re.finditer(words, plain, re.IGNORECASE))
    return [f"{word!r}: say {say}" for word, say in found]


def texts(source: str) -> Iterator[str]:
    """The docstrings, messages and comments of a module.

    A string that is one name, such as a key of a mapping, and a name in backticks are code.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not node.value.isidentifier():
            yield re.sub(r"`[^`]*`", "``", node.value)
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield re.sub(r"`[^`]*`", "``", token.string)


def modules() -> dict[str, list[str]]:
    """Each module that has such words, with them."""
    sources = {str(path.relative_to(PACKAGE)): path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
    checked = {name: [words for text in texts(source) for words in left_out(text)] for name, source in sources.items()}
    return {name: words for name, words in checked.items() if words}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_in_plain_technical_english(page: str) -> None:
    assert left_out(prose(page)) == []


def test_the_help_of_every_command_is() -> None:
    group = typer.main.get_command(app)
    texts = {"magpie": group.help or ""}
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        texts[name] = " ".join([command.help or "", *(getattr(param, "help", None) or "" for param in command.params)])
    assert {name: words for name, text in texts.items() if (words := left_out(text))} == {}


def test_what_stages_say_of_themselves_is() -> None:
    assert {spec.name: words for spec in STAGES if (words := left_out(spec.about))} == {}


def test_what_a_module_says_is() -> None:
    assert modules() == {}


def test_the_check_finds_what_it_looks_for() -> None:
    assert left_out("It goes on\nwith a Thought.") == [
        "'goes on with': say resume, continue",
        "'Thought': say reasoning",
    ]
    source = '''"""One thought, `thoughts`."""\nDATA = {"thought": f"{anew} anew"}  # alive'''
    assert [words for text in texts(source) for words in left_out(text)] == [
        "'thought': say reasoning",
        "'anew': say again",
        "'alive': say surviving",
    ]


if __name__ == "__main__":
    for module, its_words in modules().items():
        print(f"{module}: {'; '.join(sorted(set(its_words)))}")
