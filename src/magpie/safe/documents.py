"""YAML that a stranger may have written, read without harm: a recipe, a value of `--set`, the head of a model's card.

Bounds are checked while the text is parsed, before anything is built: on its length, on its nesting, and on the number
of values once every alias stands for a copy of what it names, so that a few lines cannot become a billion values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import yaml

from magpie.errors import RecipeError
from magpie.safe.redaction import redact
from magpie.safe.terminal import brief

MOST_CHARACTERS: Final = 1_000_000
MOST_VALUES: Final = 20_000
"""Values of a document, those that an alias stands for counted at each place."""
MOST_DEPTH: Final = 64
MOST_DIGITS: Final = 400
"""Characters of a number."""

_TAG: Final = "tag:yaml.org,2002:"
_PLAIN: Final = frozenset(
    _TAG + name for name in ("null", "bool", "int", "float", "timestamp", "str", "seq", "map", "merge")
)


def read_yaml(text: str, where: str) -> Any:
    """The values in a YAML document. Raises `RecipeError`, in one line that begins with `where`.

    read_yaml("size: 3", "recipe.yaml")  # {"size": 3}
    """
    if len(text) > MOST_CHARACTERS:
        raise RecipeError(f"{where}: {len(text):,} characters of YAML; expected at most {MOST_CHARACTERS:,}")
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        problem = _explain(error)
    except yaml.YAMLError as error:
        problem = brief(" ".join(str(error).split()), 200, quoted=False)
    except (ValueError, OverflowError, RecursionError) as error:
        problem = f"a value that cannot be read ({brief(str(error), quoted=False)})"
    raise RecipeError(redact(f"{where}: not valid YAML: {problem}"))  # outside of the handler: the error knows the text


def check_values(values: Any, where: str, path: str = "") -> None:
    """Raise `RecipeError` for what cannot be written out again as UTF-8 and JSON, or stand in a path: keys that are not
    text, numbers that are not finite or have more than 64 bits, null bytes, lone surrogates.

    check_values({"size": 3}, "recipe.yaml")
    """
    match values:
        case str():
            if problem := _unwritable(values):
                raise RecipeError(f"{where}: {path or 'the text'}: found {problem}; expected text without it")
        case int() if not -(2**63) <= values < 2**64:
            raise RecipeError(f"{where}: {path or 'the value'}: found {brief(values)}; expected a number of 64 bits")
        case float():
            if not math.isfinite(values):
                raise RecipeError(f"{where}: {path or 'the value'}: found {values}; expected a finite number")
        case Mapping():
            for key, value in values.items():
                if not isinstance(key, str):
                    place = f"{path}: " if path else ""
                    raise RecipeError(
                        f"{where}: {place}found the key {brief(key)}, of type {type(key).__name__}; expected text "
                        "(put it in quotes)"
                    )
                check_values(key, where, f"a key{f' of {path}' if path else ''}")
                check_values(value, where, f"{path}.{brief(key, quoted=False)}" if path else brief(key, quoted=False))
        case list() | tuple():
            for number, value in enumerate(values):
                check_values(value, where, f"{path}[{number}]")


def _unwritable(text: str) -> str | None:
    if "\0" in text:
        return "a null byte"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "half of a surrogate pair, or bytes that are not UTF-8,"
    return None


def _explain(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    said = brief(" ".join(part for part in (error.context, error.problem) if part), 200, quoted=False)
    return said if mark is None else f"{said} (line {mark.line + 1}, column {mark.column + 1})"


class _Refused(yaml.MarkedYAMLError):
    """A document that is valid YAML and goes beyond what is read."""

    def __init__(self, problem: str, mark: Any) -> None:
        super().__init__(problem=problem, problem_mark=mark)


class _Loader(yaml.SafeLoader):
    """Composes nodes and weighs each as it is complete. An alias names an earlier node, so that what a node holds has
    been weighed before it, and no search is needed."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._weights: dict[int, tuple[int, int]] = {}
        """By a node's id, which lasts as long as the document: its values and its depth, aliases followed."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            named = self.anchors.get(event.anchor)
            if named is not None and id(named) not in self._weights:
                raise _Refused(f"*{brief(event.anchor, quoted=False)} stands inside what it names", event.start_mark)
            return super().compose_node(parent, index)
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _Refused(f"nested more than {MOST_DEPTH} deep", event.start_mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        self._weigh(node)
        return node

    def _weigh(self, node: Any) -> None:
        if node.tag not in _PLAIN:
            raise _Refused(f"the tag {brief(node.tag)} is not taken; expected plain values", node.start_mark)
        below: list[tuple[int, int]] = []
        if isinstance(node, yaml.MappingNode):
            below = [self._weights[id(part)] for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            below = [self._weights[id(part)] for part in node.value]
        elif node.tag in (_TAG + "int", _TAG + "float") and len(node.value) > MOST_DIGITS:
            raise _Refused(
                f"a number of {len(node.value):,} characters; expected at most {MOST_DIGITS}", node.start_mark
            )
        values, depth = 1 + sum(count for count, _ in below), 1 + max((deep for _, deep in below), default=0)
        if values > MOST_VALUES:
            raise _Refused(f"more than {MOST_VALUES:,} values, aliases counted", node.start_mark)
        if depth > MOST_DEPTH:
            raise _Refused(f"nested more than {MOST_DEPTH} deep, aliases followed", node.start_mark)
        self._weights[id(node)] = values, depth
