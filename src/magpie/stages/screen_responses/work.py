"""Applies the rules of `screen` to responses: too short, a refusal, repetitive.

Where a response contains reasoning, only the text after the reasoning is checked. Knows Arrow and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pyarrow as pa

from magpie.stages.screen.work import Rules, why_screened


@contextmanager
def open_screen_responses(rules: Rules, thoughts_end: str) -> Iterator[Callable[[pa.Table], pa.Table]]:
    """The table stage: reads `response`, or else `responses`; writes no column and drops rows.

    thoughts_end: the delimiter that closes reasoning in a response.
    """
    yield partial(screen_responses, rules=rules, thoughts_end=thoughts_end)


def screen_responses(table: pa.Table, rules: Rules, thoughts_end: str) -> pa.Table:
    """A row survives if one of its responses breaks no rule; else it is dropped for the rule that the first one
    breaks."""
    if "response" in table.schema.names:
        answers: list[list[str]] = [[text or ""] for text in table.column("response").to_pylist()]
    else:
        answers = [_texts(several) for several in table.column("responses").to_pylist()]
    reasons = [_why([text.rpartition(thoughts_end)[2] for text in texts], rules) for texts in answers]
    return pa.table({"row": table.column("row"), "drop_reason": pa.array(reasons, pa.string())})


def _texts(responses: Sequence[Mapping[str, Any]] | None) -> list[str]:
    return [one["response"] or "" for one in responses or ()] or [""]


def _why(texts: Sequence[str], rules: Rules) -> str | None:
    found = [why_screened(text, rules) for text in texts]
    return None if None in found else found[0]
