"""What the user says of a dataset's keys: `--map question=instruction`, and `--template`, which renders the instruction
from a row. Knows documents; knows no file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from magpie.errors import UserError
from magpie.imports.documents import Broken, Document, replaced_surrogates
from magpie.imports.keys import CONVERSATIONS, INSTRUCTIONS, REPLIES, SEVERAL, SYSTEMS, THOUGHTS
from magpie.plan.registry import column_map
from magpie.safe.terminal import brief

_TARGETS = (
    *CONVERSATIONS[:3],
    *INSTRUCTIONS,
    *REPLIES,
    *SEVERAL,
    *SYSTEMS,
    *THOUGHTS,
    "input",
    "history",
    "id",
    "label",
)


@dataclass(frozen=True)
class Options:
    """What to import of a dataset, and as what."""

    map: Mapping[str, str] = field(default_factory=dict)
    """A key of the rows, `a.b` for one inside another, to the key that it is read as."""
    template: str | None = None
    """A Jinja template over a row, which gives the instruction: of a conversation, its first message."""
    limit: int | None = None
    """The most rows, over all inputs."""
    split: str | None = None
    """The split, several as `train+test`, or `all`."""

    def plain(self) -> dict[str, Any]:
        """What is not at its default: all that decides, beside the files, which rows there are."""
        given = {"map": dict(self.map), "template": self.template, "limit": self.limit, "split": self.split}
        return {name: value for name, value in given.items() if value}


def read_map(words: Sequence[str]) -> dict[str, str]:
    """`--map` as it is given. Raises `UserError` for what is no key and its name, and for names that nothing reads.

    read_map(["question=instruction"])  # {"question": "instruction"}
    """
    found: dict[str, str] = {}
    known = {*_TARGETS, *column_map().columns}
    for word in words:
        key, sign, name = word.rpartition("=")
        if not sign or not key or not name:
            raise UserError(f"--map {brief(word)}: expected KEY=COLUMN, such as question=instruction")
        if name not in known:
            raise UserError(
                f"--map {brief(word)}: nothing is read as {brief(name)}; expected instruction, response, system, "
                "messages, chosen, rejected, ... or another column of a run (docs/imports.md)"
            )
        if name in found.values():
            raise UserError(f"--map {brief(word)}: {brief(name)} is given twice; expected one key for it")
        found[key] = name
    return found


def mapped_names(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, str]:
    """Of the keys that the user named those that a row has, each with what it is read as."""
    return {key: name for key, name in names.items() if at(values, key) is not None}


def mapper(options: Options) -> Callable[[Document, Mapping[str, str]], Document | Broken]:
    """A document as the user says that it is to be read; names: keys, and what each is read as. Raises `UserError` for
    a template that is none."""
    render = _renderer(options.template) if options.template is not None else None

    def mapped(document: Document, names: Mapping[str, str]) -> Document | Broken:
        values = _renamed(document.values, names)
        if render is None:
            return Document(document.place, values)
        try:
            return Document(document.place, values, replaced_surrogates(render(document.values)))
        except _TemplateFailed as problem:
            return Broken(document.place, f"unreadable: the template failed ({problem})")

    return mapped


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The document with other keys. A key that has the name already goes to `NAME_before`, or where that is taken too
    to `NAME_before_2`, and so into `meta`; so does an object of which a part is named."""
    taken = set(names.values())
    # An object of which a part is named is not itself what its own name says.
    taken |= {root for key in names if key not in values and (root := key.partition(".")[0]) in _TARGETS}
    found = {key: value for key, value in values.items() if key not in names and key not in taken}
    for key in sorted(taken & values.keys() - names.keys()):
        found[_free(f"{key}_before", found)] = values[key]
    for key, name in names.items():
        if (value := at(values, key)) is not None:
            found[name] = value
    return found


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """The name, or one like it that nothing has."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def at(values: Mapping[str, Any], key: str) -> Any:
    """The value at a key, which may be that of an object inside: `a.b`."""
    if key in values:
        return values[key]
    value: Any = values
    for name in key.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


class _TemplateFailed(Exception):
    """The template could not be rendered over a row."""


def _renderer(template: str) -> Callable[[Mapping[str, Any]], str]:
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=False)
    try:
        compiled = environment.from_string(template)
    except TemplateError as error:
        raise UserError(f"--template: {error}; expected a Jinja template, such as '{{{{ question }}}}'") from None

    def render(values: Mapping[str, Any]) -> str:
        try:
            return compiled.render({str(key): value for key, value in values.items()}, row=values)
        except (TemplateError, SecurityError) as error:
            raise _TemplateFailed(brief(str(error), 160, quoted=False)) from None
        except Exception as error:  # a filter over a value of a row
            raise _TemplateFailed(f"{type(error).__name__}: {brief(str(error), 120, quoted=False)}") from None

    return render
