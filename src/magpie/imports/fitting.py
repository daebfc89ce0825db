"""Values of a dataset as the columns of a run have them. What does not fit is null, and never made to.

A number may be written as a text, as in a table of texts; a text is never made of anything but a string. NaN and the
infinities mean that there is no value. Knows columns; knows no shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from magpie.columns import Column
from magpie.imports.documents import is_number
from magpie.imports.languages import language_code
from magpie.imports.messages import parsed
from magpie.seams import Completion
from magpie.stages.judging.labels import CATEGORIES, DIFFICULTIES, QUALITIES
from magpie.stages.safety.styles import STYLES, Verdict

_NUMBER = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,4})?")
_LONGEST_LABEL = 40
_MOST = {"int32": 2**31, "int64": 2**63}


class Unfit(Exception):
    """The value is none that the column can hold."""


class NoValue(Exception):
    """The value says that there is none: NaN, an infinity, a text without a character."""


def fitted(column: Column, value: Any) -> Any:
    """A value as the column has it. Raises `Unfit`, and `NoValue` where there is none.

    fitted(INSTRUCT_REWARD, "-3.25")  # -3.25
    """
    reading = _BY_NAME.get(column.name) or _BY_TYPE[column.type]
    return reading(value)


def _number(value: Any) -> int | float:
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in ("", "nan", "inf", "-inf", "infinity", "-infinity", "none", "null", "na", "n/a"):
            raise NoValue
        if not _NUMBER.fullmatch(text):
            raise Unfit
        value = int(text) if text.lstrip("+-").isdigit() else float(text)
    if isinstance(value, float) and not is_number(value):
        raise NoValue
    if not is_number(value):
        raise Unfit
    found: int | float = value
    return found


def _double(value: Any) -> float:
    try:
        found = float(_number(value))
    except OverflowError:
        raise Unfit from None
    if not is_number(found):
        raise NoValue
    return found


def _whole(most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        number = _number(value)
        if isinstance(number, float) and not number.is_integer():
            raise Unfit
        if not -most <= number < most:
            raise Unfit
        return int(number)

    return read


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit
    if not value or value.isspace():
        raise NoValue
    return value


def _truth(value: Any) -> bool:
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if not isinstance(value, bool):
        raise Unfit
    return value


def _cell(value: Any) -> Any:
    """A list that was written as JSON, as in a cell of a table; another value as it is."""
    found = parsed(value) if isinstance(value, str) else value
    return found if isinstance(found, list) else value


def _texts(value: Any) -> list[str]:
    value = _cell(value)
    if isinstance(value, str):
        return [_text(value)]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Unfit
    return value


def _numbers(value: Any) -> list[float | None]:
    value = _cell(value)
    if not isinstance(value, list):
        raise Unfit
    return [_double_or_none(one) for one in value]


def _double_or_none(value: Any) -> float | None:
    try:
        return None if value is None else _double(value)
    except NoValue:
        return None


def _messages(value: Any) -> list[dict[str, str]]:
    """Turns as a run has them; what foreign data call so is for the shapes."""
    value = _cell(value)
    if not isinstance(value, list):
        raise Unfit
    found = [one for one in value if isinstance(one, dict)]
    if len(found) < len(value) or not all(
        isinstance(one.get(key), str) for one in found for key in ("role", "content")
    ):
        raise Unfit
    return [{"role": one["role"], "content": one["content"]} for one in found]


def _vector(value: Any) -> list[float]:
    """A vector has a number at each place, as one of 32 bits holds it."""
    value = _cell(value)
    if not isinstance(value, list) or not value or not all(is_number(one) and abs(one) < 3e38 for one in value):
        raise Unfit
    return [float(one) for one in value]


def _never(value: Any) -> Any:  # noqa: ARG001 (called as the others)
    raise Unfit


_BY_TYPE: dict[str, Callable[[Any], Any]] = {
    "string": _text,
    "int32": _whole(_MOST["int32"]),
    "int64": _whole(_MOST["int64"]),
    "double": _double,
    "bool": _truth,
    "list<string>": _texts,
    "list<double>": _numbers,
    "list<float>": _vector,
    "messages": _messages,
    "responses": _never,
}

# -- columns whose values are words of a list --------------------------------------------------------------------------


def _label(read: Callable[[str], str | None]) -> Callable[[Any], str]:
    def label(value: Any) -> str:
        text = _text(value)
        found = read(text) if len(text) <= _LONGEST_LABEL else None
        if found is None:
            raise Unfit
        return found

    return label


def _category(value: Any) -> str:
    """One of the categories, however it is written; another word stays as it is."""
    text = _text(value)
    return (CATEGORIES.read(text) if len(text) <= _LONGEST_LABEL else None) or text


def _safety(value: Any) -> str:
    text = _text(value).strip().lower()
    if text not in ("safe", "unsafe"):
        raise Unfit
    return text


def _id(value: Any) -> str:
    """A text, or a whole number in its digits; one that a table made a float of is whole all the same."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit
    if isinstance(value, float):
        if not is_number(value):
            raise NoValue
        if not value.is_integer() or abs(value) >= 2**53:
            raise Unfit
    if abs(value) >= 10**40:
        raise Unfit
    return str(int(value))


_BY_NAME: dict[str, Callable[[Any], Any]] = {
    "input_quality": _label(QUALITIES.read),
    "difficulty": _label(DIFFICULTIES.read),
    "task_category": _category,
    "language": _label(language_code),
    "safety": _safety,
    "source_id": _id,
}


def guard_verdict(text: str) -> Verdict | None:
    """What Llama Guard said, as the stage `safety` reads it; None for what is no verdict.

    guard_verdict("unsafe\\nS1,S3")  # Verdict(unsafe=True, categories=("S1", "S3"))
    """
    return STYLES["llama_guard"].read(Completion(text, (), "stop", 0, 0), True)
