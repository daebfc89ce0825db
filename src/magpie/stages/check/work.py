"""Holds answers against the truth: as normalized text, as mathematics, or by a function of the user's.

Answers are read, never run. Knows answers; not who gave them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from magpie.errors import RecipeError, UserError
from magpie.safe.code import is_allowed_code
from magpie.safe.terminal import brief
from magpie.stages.text.answers import final_answer, normalised
from magpie.stages.text.equal_answers import Labels, open_labels

Checker = Callable[..., Any]
IsRight = Callable[[str, str, str | None], bool | None]
"""From an instruction, an answer and the known answer to whether it is right; None where nobody can say."""


def load_checker(name: str) -> Checker:
    """The function of `module:function`, which may lie in the current folder. Raises `RecipeError` where there is none,
    and for one that only a recipe or a run names."""
    if not is_allowed_code(name):
        raise RecipeError(
            f"check.checker {brief(name)}: a recipe or a run names code, which is not run unasked; if you trust it, "
            f"type it yourself: --set check.checker={brief(name, quoted=False)}"
        )
    module, _, function = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(import_module(module), function, None)
    except Exception as error:  # whatever the user's own module raises
        why = f"{type(error).__name__}: {brief(str(error), 200, quoted=False)}"
        raise RecipeError(f"check.checker {brief(name)}: {module} cannot be imported ({why})") from None
    if not callable(found):
        raise RecipeError(f"check.checker {brief(name)}: {module} has no function {function}")
    checker: Checker = found
    return checker


@contextmanager
def open_check(
    by: Literal["exact", "math", "checker"], checker: str | None, *, against: bool
) -> Iterator[Callable[[pa.Table], pa.Table]]:
    """What a `TableStage` opens: `check`, with what decides."""
    if by == "math":
        with open_labels("math") as labels:
            yield partial(check, is_right=partial(equal_as_mathematics, labels=labels), against=against)
    elif checker is not None:
        yield partial(check, is_right=partial(by_checker, checker=load_checker(checker)), against=against)
    else:
        yield partial(check, is_right=equal_as_text, against=against)


def check(table: pa.Table, is_right: IsRight, *, against: bool) -> pa.Table:
    """A table stage: `answer_correct`, and with `against` `against_correct`."""
    names = {"answer_correct": "response", **({"against_correct": "against_response"} if against else {})}
    made: dict[str, list[bool | None]] = {name: [] for name in names}
    for row in table.to_pylist():
        for name, answer in names.items():
            text = row[answer]
            made[name].append(None if text is None else is_right(row["instruction"], text, row.get("known_answer")))
    columns = {name: pa.array(values, pa.bool_()) for name, values in made.items()}
    return pa.table({"row": table.column("row"), **columns})


def equal_as_text(instruction: str, answer: str, known: str | None) -> bool | None:  # noqa: ARG001
    """Whether an answer, or the final answer in it, is the known one.

    >>> equal_as_text("2+2?", "So the answer is 4.", "4")
    True
    """
    if known is None:
        return None
    if answer.strip().casefold() == known.strip().casefold():
        return True
    wanted = final_answer(known) or normalised(known)
    return wanted is not None and wanted in (final_answer(answer), normalised(answer))


def equal_as_mathematics(instruction: str, answer: str, known: str | None, labels: Labels) -> bool | None:
    """Whether math-verify finds the final answer equal to the known one; as text too."""
    if known is None:
        return None
    if equal_as_text(instruction, answer, known):
        return True
    boxed = known if "\\boxed" in known else f"\\boxed{{{known}}}"
    own, right = labels([answer, boxed])
    return own is not None and own == right


def _name(checker: Checker) -> str:
    return str(getattr(checker, "__name__", checker))


def by_checker(instruction: str, answer: str, known: str | None, checker: Checker) -> bool | None:
    """What the user's function says. Raises `UserError` where it fails, or gives what is no truth value."""
    try:
        said = checker(instruction, answer, known)
    except Exception as error:  # whatever the user's own function raises
        raise UserError(
            f"the checker {_name(checker)} failed at {brief(instruction)}: {type(error).__name__}: "
            f"{brief(str(error), 200)}"
        ) from error
    if said is None or isinstance(said, bool):
        return said
    raise UserError(f"the checker {_name(checker)} gave {brief(said)} at {brief(instruction)}; expected True or False")
