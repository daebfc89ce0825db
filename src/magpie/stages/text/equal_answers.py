"""Groups responses by their final answer: by normalized texts, or by mathematics.

`math` is math-verify, an optional library, in a process of its own (`math_worker`). A setting of the recipe chooses it,
not what is installed: the same recipe finds the same answers equal on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

from magpie.errors import MissingExtra, UserError
from magpie.install import install_hint
from magpie.safe.workers import Worker, WorkerGone
from magpie.stages.text.answers import Answer, final_answer, read_answer

Reading = Literal["text", "math"]
Labels = Callable[[Sequence[str]], list[str | None]]
"""From the responses of a row to a label for each: equal answers have equal labels. None for a response without one."""

_SCRIPT: Final = Path(__file__).with_name("math_worker.py")
_ROW_SECONDS: Final = 5.0
"""Processor time for the answers of a row: a few milliseconds are usual."""
_ANSWER_SECONDS: Final = 120.0
"""Wall clock, for a worker that cannot end itself; it counts its own processor time."""
_LONGEST: Final = 200
"""Characters of an answer; more is a text."""
_WHOLE = re.compile(r"-?[0-9]+")
_NAMES = re.compile(r"\\(?:text|mathrm|mathbf|textbf|operatorname|mbox)\s*\{[^{}]*\}|\\[A-Za-z]++")
_NO_MATHEMATICS = re.compile(
    r"[^\W\d_]{3,}"  # a word: SymPy takes it for a product of letters, in which `listen` is `silent`
    r"|:"  # a time
    r"|(?=[^\W\d_])[^\x00-\x7f\u0370-\u03ff]"  # a letter of another script
)
_PAIR_OF_LETTERS = re.compile(r"[^\W\d_]{2}")
_OPERATOR = re.compile(r"[-+*/^=<>\\\u2212\u00d7\u00f7\u2264\u2265]")
_SUBJECT = re.compile(r"[0-9\\]|[-+*/^=<>]")


def check_math(setting: str) -> None:
    """Raise `MissingExtra` where math-verify is not installed. Loads nothing."""
    if find_spec("math_verify") is None:
        raise MissingExtra(
            f"{setting}: math needs math-verify, which is not installed; set it to text, which compares normalized "
            f"texts, or install it: {install_hint('math')}"
        )


@contextmanager
def open_labels(reading: Reading) -> Iterator[Labels]:
    """What labels responses by their answers, as long as the context lasts.

    Raises `UserError` where math-verify is installed and does not load.

        with open_labels("math") as labels:
            labels(["So \\\\boxed{\\\\frac12}.", "It is 0.5", "It is 3"])  # ["\\\\frac12", "\\\\frac12", "3"]
    """
    if reading == "text":
        yield labels_by_text
        return
    found = _Mathematics()
    try:
        yield found.labels
    finally:
        found.stop()


def labels_by_text(responses: Sequence[str]) -> list[str | None]:
    """Equal where the normalized texts are."""
    return list(map(final_answer, responses))


class _Mathematics:
    """Labels by math-verify, in a worker."""

    def __init__(self) -> None:
        self._worker = Worker(_SCRIPT, _request([]), _ANSWER_SECONDS)
        self._start()

    def stop(self) -> None:
        self._worker.stop()

    def labels(self, responses: Sequence[str]) -> list[str | None]:
        """A row that takes too long is labelled by text."""
        answers = [read_answer(response) for response in responses]
        given = [None if answer is None else mathematics(answer) for answer in answers]
        firsts = self._firsts(list(dict.fromkeys(shown for shown in given if shown is not None)))
        return [
            None if answer is None else firsts.get(shown or "", answer.text)
            for answer, shown in zip(answers, given, strict=True)
        ]

    def _firsts(self, written: list[str]) -> dict[str, str]:
        """From each answer that is mathematics to the first that it equals."""
        if len(written) < 2 or all(_WHOLE.fullmatch(shown) for shown in written):
            return {}  # the same text is the same, and other whole numbers are not
        try:
            groups = self._worker.ask(_request(written))["groups"]
        except WorkerGone:
            self._start()
            return {}
        return {shown: written[first] for shown, first in zip(written, groups, strict=True) if first is not None}

    def _start(self) -> None:
        """Raises `UserError`: a worker that never works would label everything by text without a word."""
        try:
            self._worker.ask(_request([]))
        except WorkerGone:
            raise UserError(
                "answers: math: math-verify is installed and its process does not start; expected "
                "`python -c 'import math_verify'` to work: install it again, or set answers to text"
            ) from None


def _request(answers: Sequence[str]) -> dict[str, Any]:
    return {"answers": list(answers), "seconds": _ROW_SECONDS}


def mathematics(answer: Answer) -> str | None:
    """What math-verify is given of an answer; None for what is compared as text: words, times, long answers.

    >>> mathematics(Answer("2+3", "2+3")), mathematics(Answer("paris", "Paris"))
    ('2+3', None)
    """
    written = answer.written
    if len(written) > _LONGEST or not _SUBJECT.search(written):
        return None
    outside = _NAMES.sub(" ", written)
    if _NO_MATHEMATICS.search(outside):
        return None
    if _PAIR_OF_LETTERS.search(outside) and not _OPERATOR.search(outside):
        return None
    return written
