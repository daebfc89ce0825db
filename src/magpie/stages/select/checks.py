"""Checks a parsed expression against what a selection may use, and bounds the size of all that it makes.

The parser's tree is walked from the outside in. Every class of expression, function, operator, type and collation has
to be in the lists of `functions`. Sizes are counted in texts of the row: a column is 1, `concat(a, b)` is 2, a number
is 0. What would come to more than `MOST` is refused, so that functions that each make a little more of their arguments
cannot be nested into one that makes gigabytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from magpie.errors import RecipeError
from magpie.stages.select import functions, patterns
from magpie.stages.select.shown import clipped
from magpie.stages.select.trees import Tree, arguments, constant, lambda_parameters, operands

MOST = 64.0
"""How many times as large as the row's texts a value may be."""
_UNIT = 1024
"""Bytes of a constant that count as one text of the row."""
_NUMBER_AS_TEXT = 24
"""The most characters of a number: what an element of a list may grow by where a number takes its place."""
_NESTED_COPIES = 4
"""The most functions of `functions.COPYING` inside each other."""
_UNBOUNDED = 1e9

Element = Mapping[str, float]
"""What a lambda calls its arguments, with their sizes."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an expression stands."""

    windows: bool
    """Whether functions over several rows may be used."""
    parameters: Element | None = None
    """Inside a lambda, its parameters."""
    copies: int = 0
    """Functions of `functions.COPYING` around it."""


def check_expression(tree: Tree, words: str, *, windows: bool = False) -> None:
    """Raises `RecipeError` where an expression uses what a selection may not.

    words: the expression as its author wrote it. windows: whether it stands in QUALIFY.
    """
    _Checker(clipped(words)).size(tree, _Place(windows))


class _Checker:
    """Checks one expression."""

    def __init__(self, words: str) -> None:
        self.words = words

    def size(self, tree: Tree, place: _Place) -> float:
        """The size of what an expression gives, in texts of the row. Raises `RecipeError`."""
        kind = tree["class"]
        if kind == "WINDOW" and place.windows:
            found = self._window(tree, place)
        elif kind not in functions.NODES:
            raise self._refused(_REFUSED.get(kind, "expected a condition on columns of the row"))
        elif kind == "COLUMN_REF":
            found = self._column(tree, place)
        elif kind == "CONSTANT":
            length = len((constant(tree) or "").encode())
            found = length / _UNIT if place.parameters is None else float(length)  # an element may be one byte long
        elif kind == "FUNCTION":
            found = self._function(tree, place)
        elif kind == "LAMBDA":
            raise self._refused("-> is only for lambdas here: json_extract(column, 'name') reads a field of JSON")
        elif kind == "CASE":
            found = self._case(tree, place)
        elif kind == "CAST":
            found = self._cast(tree, place)
        elif kind == "COLLATE":
            self._check_collation(str(tree["collation"]))
            found = self._largest(operands(tree), place)
        elif kind == "OPERATOR":
            found = self._operator(tree, place)
        elif kind == "TYPE":
            self._check_type(tree)
            found = 0.0
        else:
            self._largest(operands(tree), place)
            found = 0.0
        if found > MOST and kind not in ("COLUMN_REF", "CONSTANT") and not _is_list_of_constants(tree):
            raise self._refused(_TOO_LARGE if place.parameters is None else _TOO_LARGE_IN_LAMBDA)
        return found

    def _column(self, tree: Tree, place: _Place) -> float:
        first = str(tree["column_names"][0]).lower()
        if place.parameters is not None:
            return place.parameters.get(first, _UNBOUNDED)
        if first in functions.VALUES and len(tree["column_names"]) == 1:
            raise self._refused(functions.refusal(first))
        return 1.0

    def _case(self, tree: Tree, place: _Place) -> float:
        checks = tree["case_checks"]
        self._largest([check["when_expr"] for check in checks], place)
        results = [check["then_expr"] for check in checks] + [tree["else_expr"]]
        return self._largest([result for result in results if result], place)

    def _cast(self, tree: Tree, place: _Place) -> float:
        target = tree["type_expr"]
        self._check_type(target)
        value = self.size(tree["child"], place)
        if tree["child"]["class"] in ("COLUMN_REF", "CONSTANT"):
            return value
        return 4 * value  # a list as text has brackets, commas and quotes

    def _operator(self, tree: Tree, place: _Place) -> float:
        kind = tree["type"]
        if kind not in functions.OPERATORS:
            raise self._refused(f"{kind.lower().replace('operator_', '')} may not be used in a selection")
        children = operands(tree)
        if kind == "ARRAY_CONSTRUCTOR":
            return sum(self.size(child, place) for child in children)
        largest = self._largest(children, place)
        return largest if kind in _GIVES_AN_OPERAND else 0.0

    def _window(self, tree: Tree, place: _Place) -> float:
        name = self._name(tree, functions.WINDOW)
        if tree.get("exclude_clause", "NO_OTHER") != "NO_OTHER":
            raise self._refused("EXCLUDE may not be used: expected a frame without it")
        if tree.get("arg_orders"):
            raise self._refused(f"ORDER BY inside {name}(...) may not be used: expected it in OVER (...)")
        return self._largest(operands(tree), replace(place, windows=False))

    def _function(self, tree: Tree, place: _Place) -> float:
        name = self._name(tree, functions.SCALAR)
        if tree.get("distinct") or tree.get("filter") or (tree.get("order_bys") or {}).get("orders"):
            raise self._refused(f"DISTINCT, ORDER BY and FILTER in {name}(...) are for functions over several rows")
        given = arguments(tree)
        if name in functions.PATTERN:
            self._check_pattern(name, given)
        if name in functions.JSON_PATH and len(given) > 1:
            self._check_json_path(name, given[1])
        if name in functions.LAMBDA_BODY:
            return self._with_lambda(name, given, place)
        if name in functions.COPYING:
            place = replace(place, copies=place.copies + 1)
            if place.copies > _NESTED_COPIES:
                raise self._refused(f"{name} is nested in itself and its like more than {_NESTED_COPIES} deep")
        sizes = [self.size(one, place) for one in given]
        if name in functions.FIXED:
            return 0.0
        if name in functions.LINEAR:
            return sum(sizes)
        return self._grown(name, given, sizes)

    def _grown(self, name: str, given: list[Tree], sizes: list[float]) -> float:
        """The size of what a function of `functions.GROWING` makes, lambdas aside."""
        if name == "concat_ws":
            return sum(sizes) + len(sizes) * sizes[0] if sizes else 0.0
        texts = [constant(one) for one in given]
        if name == "array_to_string":
            separator = self._written_out(name, texts, 1, "the separator")
            return sizes[0] * (4 + len(separator))
        if name == "replace":
            old = self._written_out(name, texts, 1, "what to look for")
            new = self._written_out(name, texts, 2, "what to put there")
            return sizes[0] * max(1.0, len(new.encode()) / max(1, len(old.encode())))
        new = self._written_out(name, texts, 2, "what to put there")
        return sizes[0] * (1 + len(new.encode()) + new.count("\\"))

    def _with_lambda(self, name: str, given: list[Tree], place: _Place) -> float:
        """The size of the list that a lambda makes of another."""
        if place.parameters is not None:
            raise self._refused(f"{name} may not be used inside a lambda: it would look at every pair of elements")
        if len(given) != 2 or given[1]["class"] != "LAMBDA":
            raise self._refused(f"{name}: expected a list and a lambda, as in {name}(column, lambda x: x <> 'a')")
        names = lambda_parameters(given[1])
        if not 1 <= len(names) <= 2:
            raise self._refused(f"{name}: expected a lambda of one or two names")
        whole = self.size(given[0], place)
        element = dict(zip(names, (1.0, 0.0), strict=False))
        made = self.size(given[1]["expr"], replace(place, windows=False, parameters=element))
        if name.endswith("filter"):
            return whole
        if made > MOST:
            raise self._refused(_TOO_LARGE_IN_LAMBDA)
        return whole * (made if made >= 1 else _NUMBER_AS_TEXT)

    def _largest(self, trees: list[Tree], place: _Place) -> float:
        return max([self.size(tree, place) for tree in trees], default=0.0)

    def _name(self, tree: Tree, allowed: frozenset[str]) -> str:
        name = str(tree["function_name"]).lower()
        path = (tree.get("qualified_name") or {}).get("path") or [name]
        if tree.get("schema") or tree.get("catalog") or len(path) > 1:
            raise self._refused(f"{'.'.join(map(str, path))} may not be used: expected a function by its plain name")
        if name not in allowed:
            if name in functions.SCALAR:
                raise self._refused(f"{name} is not over several rows: expected it without OVER (...)")
            raise self._refused(functions.refusal(name))
        return name

    def _check_pattern(self, name: str, given: list[Tree]) -> None:
        pattern = self._written_out(name, [constant(one) for one in given], 1, "the pattern")
        if (size := patterns.size(pattern)) > patterns.MOST:
            raise self._refused(
                f"the pattern has {size:,} characters once its repetitions are written out; "
                f"expected {patterns.MOST:,} or fewer: smaller numbers in {{...}}"
            )

    def _check_json_path(self, name: str, path: Tree) -> None:
        text = constant(path)
        if text is None or "*" in text:
            raise self._refused(f"{name}: expected a JSON path that is written out, without *, such as '$.name'")

    def _check_type(self, tree: Tree) -> None:
        """Raises `RecipeError` for a type that is not in the list, in whatever it is nested."""
        name = str(tree.get("type_name", "")).lower()
        path = (tree.get("qualified_name") or {}).get("path") or [name]
        if tree["class"] != "TYPE" or len(path) > 1 or name not in functions.TYPES:
            raise self._refused(
                f"values may not be cast to {name or 'this type'}; expected a type such as BIGINT, DOUBLE, BOOLEAN, "
                "VARCHAR, DATE or TIMESTAMP, or a list of one"
            )
        for child in operands(tree):
            if child["class"] != "CONSTANT":
                self._check_type(child)

    def _check_collation(self, name: str) -> None:
        if not functions.COLLATIONS.issuperset(name.lower().split(".")):
            raise self._refused(f"COLLATE {name} may not be used; expected NOCASE, NOACCENT or NFC")

    def _written_out(self, name: str, texts: list[str | None], at: int, what: str) -> str:
        found = texts[at] if at < len(texts) else None
        if found is None:
            raise self._refused(f"{name}: {what} has to be written out as a text, such as 'a'; found an expression")
        return found

    def _refused(self, why: str) -> RecipeError:
        return RecipeError(f"{self.words}: {why}")


def _is_list_of_constants(tree: Tree) -> bool:
    is_list = tree["type"] == "ARRAY_CONSTRUCTOR" or str(tree.get("function_name", "")).lower() == "list_value"
    return is_list and all(item["class"] == "CONSTANT" for item in operands(tree))


_TOO_LARGE = (
    f"it may make values more than {MOST:.0f} times as large as the row's texts; expected less: "
    "nest fewer functions that make texts or lists longer"
)
_TOO_LARGE_IN_LAMBDA = (
    "inside a lambda another column, or a long constant, may be compared, searched and measured, and not be part of a "
    "text or list that is made for every element"
)
_GIVES_AN_OPERAND = frozenset({
    "ARRAY_EXTRACT", "ARRAY_SLICE", "OPERATOR_COALESCE", "OPERATOR_TRY", "STRUCT_EXTRACT",
})  # fmt: skip
_REFUSED: Mapping[str, Any] = {
    "SUBQUERY": "a query inside a clause may not be used: QUALIFY compares a row with others",
    "WINDOW": "what looks at several rows belongs into QUALIFY",
    "STAR": "expected columns by name",
}
