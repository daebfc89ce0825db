"""Scores the responses of a shard with a scorer: a table stage, since a reward model likes large batches.

Knows tables and the scorer's protocol; what is scored and what comes of it is `rewards`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from math import isfinite

import pyarrow as pa

from magpie.columns import Column
from magpie.errors import RequestFailed
from magpie.seams import Scorer
from magpie.stages.reward.rewards import Score, columns, scored


@contextmanager
def open_reward(
    open_scorer: Callable[[], AbstractContextManager[Scorer]], writes: Sequence[Column]
) -> Iterator[Callable[[pa.Table], pa.Table]]:
    """What a `TableStage` opens: the scorer, loaded, as a function over rows."""
    with open_scorer() as scorer:
        yield partial(reward, scorer=scorer, writes=writes)


def reward(table: pa.Table, scorer: Scorer, writes: Sequence[Column]) -> pa.Table:
    """The columns `writes` of every row, and `error` where a score failed: the next run tries such a row again."""
    rows = [scored(row) for row in table.to_pylist()]
    given = iter(scorer.score([conversation for of in rows for conversation in of.flat()]))
    names = [column.name for column in writes]
    made, errors = [], []
    for of in rows:
        told = [next(given) for _ in of.flat()]
        problem = next((problem for one in told if (problem := _problem(one)) is not None), None)
        errors.append(problem)
        scores: list[Score] = [one for one in told if not isinstance(one, RequestFailed)]
        made.append(dict.fromkeys(names) if problem is not None else columns(of, scores, names))
    types = {
        column.name: pa.list_(pa.float64()) if column.type == "list<double>" else pa.float64() for column in writes
    }
    values = {name: pa.array([one[name] for one in made], kind) for name, kind in types.items()}
    return pa.table({"row": table.column("row"), **values, "error": pa.array(errors, pa.string())})


def _problem(told: float | RequestFailed | None) -> str | None:
    if isinstance(told, RequestFailed):
        return str(told)
    return f"the scorer's score is not a number ({told})" if told is not None and not isfinite(told) else None
