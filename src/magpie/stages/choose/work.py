"""Picks one of a row's responses: the first, the best by reward, or the first with the answer that most come to.

Knows responses and rewards as columns; not who gave them. What is the same answer is
`equal_answers`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import pyarrow as pa

from magpie.stages.text.equal_answers import Labels, Reading, labels_by_text, open_labels

By = Literal["first", "reward", "majority"]

Choice = tuple[int | None, str | None]
"""The place of the chosen response, or None and the reason to drop the row."""


@contextmanager
def open_choose(by: By, min_agreement: float, reading: Reading) -> Iterator[Callable[[pa.Table], pa.Table]]:
    """What a `TableStage` opens: `choose`, with what compares answers."""
    with open_labels(reading) as labels:
        yield partial(choose, by=by, min_agreement=min_agreement, labels=labels)


def choose(table: pa.Table, by: By, min_agreement: float = 0.0, labels: Labels = labels_by_text) -> pa.Table:
    """A table stage: `responses`, and for `reward` also `response_rewards`, to `response`, `reasoning` and
    `response_choice`.

    min_agreement: the share of a row's responses that a majority needs. Drops: `no_reward`, `no_majority`, `no_answer`.
    """
    rows = table.to_pylist()
    picked = [_pick(row, by, min_agreement, labels) for row in rows]
    taken = [{} if place is None else row["responses"][place] for row, (place, _) in zip(rows, picked, strict=True)]
    return pa.table(
        {
            "row": table.column("row"),
            "response": pa.array([one.get("response") for one in taken], pa.string()),
            "reasoning": pa.array([one.get("reasoning") for one in taken], pa.string()),
            "response_choice": pa.array([place for place, _ in picked], pa.int32()),
            "drop_reason": pa.array([reason for _, reason in picked], pa.string()),
        }
    )


def _pick(row: Mapping[str, Any], by: By, min_agreement: float, labels: Labels) -> Choice:
    if by == "reward":
        return best_by_reward(row["response_rewards"])
    if by == "majority":
        return by_majority([one["response"] for one in row["responses"]], min_agreement, labels)
    return 0, None


def best_by_reward(rewards: Sequence[float | None] | None) -> Choice:
    """The highest; the earliest of several."""
    known = [(reward, -place) for place, reward in enumerate(rewards or ()) if reward is not None and reward == reward]
    return (-max(known)[1], None) if known else (None, "no_reward")


def by_majority(responses: Sequence[str], min_agreement: float = 0.0, labels: Labels = labels_by_text) -> Choice:
    """The first response with the commonest final answer; of answers equally common, the one that came first.

    Where no response has an answer that can be read, the first is taken, unless an agreement is asked for.
    """
    answers = labels(responses)
    votes = Counter(answer for answer in answers if answer is not None)
    if not votes:
        return (None, "no_answer") if min_agreement else (0, None)
    answer, count = votes.most_common(1)[0]
    if count < min_agreement * len(responses):
        return None, "no_majority"
    return answers.index(answer), None
