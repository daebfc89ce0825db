"""Every command that magpie prints: one line that can be copied whole and runs where it was printed.

It names the program as the user called it: what runs by `.venv/bin/magpie` is not found as `magpie`.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from magpie.safe.names import named
from magpie.safe.shell import command_line


def command(*words: object) -> str:
    """A command of magpie as a line for the user's shell. A `Path` is never taken for an option.

    >>> command("show", Path("my runs/first"), "-n", 20)  # doctest: +SKIP
    "magpie show 'my runs/first' -n 20"
    """
    return command_line([*program(), *map(_argument, words)])


def program() -> list[str]:
    """The words that start this magpie from the current folder: `magpie` where the PATH finds this installation by it,
    else its script, else this Python and `-m magpie`."""
    script = Path(sys.argv[0])
    if script.name == "magpie" and script.is_file():
        return ["magpie"] if _on_path("magpie", script) else [_from_here(script)]
    if _on_path("magpie", Path(sys.executable).parent / "magpie"):
        return ["magpie"]
    python = Path(sys.executable)
    name = next((name for name in ("python", "python3") if _on_path(name, python)), None)
    return [name or _from_here(python), "-m", "magpie"]


def _argument(word: object) -> str:
    text = named(str(word)) if isinstance(word, Path) else str(word)
    return f"./{text}" if isinstance(word, Path) and text.startswith("-") else text


def _on_path(name: str, program: Path) -> bool:
    """Whether the user's shell finds this program by its name alone. `uv run` puts an environment on the PATH of what
    it starts, and of nothing else. Interpreters are compared as they are, since all environments link to one."""
    found = None if "UV_RUN_RECURSION_DEPTH" in os.environ else shutil.which(name)
    if found is None or not program.is_file():
        return False
    return Path(found).absolute() == program.absolute() or (name == "magpie" and program.samefile(found))


def _from_here(program: Path) -> str:
    """A program's path as it can be typed here: as short as it is, with a slash in it."""
    if program.is_absolute():
        here = Path.cwd()
        if not program.is_relative_to(here):
            return str(program)
        program = program.relative_to(here)
    return str(program) if program.parent.name else f"./{program}"
