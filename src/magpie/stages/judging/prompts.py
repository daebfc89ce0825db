"""What judges are asked, as Jinja files: those of the package (`prompts` in a stage's folder), and a user's own.

Knows files and rendering; knows no label, no model and no reply. Texts that go in are values, never templates, and a
template runs in Jinja's sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from magpie.errors import RecipeError

if TYPE_CHECKING:
    from jinja2 import Template

Values = Mapping[str, str | None]
"""What goes into a prompt: the names that the file asks for."""


@dataclass(frozen=True, slots=True)
class JudgePrompt:
    """A judge's prompt. Two with the same text ask the same."""

    name: str
    text: str
    """The file, whole."""

    @property
    def digest(self) -> str:
        """What names it in a fingerprint."""
        return blake2b(self.text.encode(), digest_size=16).hexdigest()

    def render(self, values: Values) -> str:
        """The user message. Raises `jinja2.TemplateError` for a file that `check_prompt` would refuse."""
        return _compiled(self.text).render(values)


@cache
def package_prompt(name: str) -> JudgePrompt:
    """One that ships in the package, by its stage and its name: `tag/quality`."""
    stage, _, file = name.partition("/")
    text = (resources.files("magpie.stages") / stage / "prompts" / f"{file}.jinja").read_text(encoding="utf-8")
    return JudgePrompt(file, text)


def read_prompt(path: Path, takes: tuple[str, ...]) -> JudgePrompt:
    """A user's own, tried out with `takes`, the names of the values that it will be given. Raises `RecipeError`."""
    try:
        prompt = JudgePrompt(path.name, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the prompt {str(path)!r} cannot be read: {error}") from error
    check_prompt(prompt, takes)
    return prompt


def check_prompt(prompt: JudgePrompt, takes: tuple[str, ...]) -> None:
    """Raises `RecipeError` for a template that does not render, or that leaves out the instruction."""
    import jinja2

    mark = "a text to judge"
    try:
        shown = prompt.render(dict.fromkeys(takes, mark))
    except jinja2.TemplateSyntaxError as error:  # its message quotes the file, which may be any that a recipe names
        raise RecipeError(f"the prompt {prompt.name} is not valid Jinja (line {error.lineno})") from None
    except (jinja2.TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise RecipeError(
            f"the prompt {prompt.name} does not render: {error}; it is a Jinja template and is given {', '.join(takes)}"
        ) from error
    if mark not in shown:
        raise RecipeError(f"the prompt {prompt.name} shows nothing of what it is given: {', '.join(takes)}")


@cache
def _compiled(text: str) -> Template:
    """Block tags take their line end with them: so the shipped judge saw these files when it was trained."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(autoescape=False, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(text)
