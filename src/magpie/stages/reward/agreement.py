"""Scores several responses to one instruction by how many of the others come to the same: self-consistency.

What a model answers again and again is right more often than what it answers once (Wang et al. 2023, arXiv 2203.11171;
preference pairs from it: Prasad et al. 2024, arXiv 2411.04109). Needs no judge. It says nothing where answers cannot
agree, as of poems, and a mistake that a model always makes agrees with itself. Compares answers as `choose` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pyarrow as pa

from magpie.stages.text.equal_answers import Labels, Reading, labels_by_text, open_labels


@contextmanager
def open_agreement(reading: Reading) -> Iterator[Callable[[pa.Table], pa.Table]]:
    """What a `TableStage` opens: `reward_by_agreement`, with what compares answers."""
    with open_labels(reading) as labels:
        yield partial(reward_by_agreement, labels=labels)


def reward_by_agreement(table: pa.Table, labels: Labels = labels_by_text) -> pa.Table:
    """A table stage: `responses` to `response_rewards`, and the highest of them as `instruct_reward`."""
    texts = [[one["response"] for one in row or ()] for row in table.column("responses").to_pylist()]
    rewards = [agreements(responses, labels) for responses in texts]
    best = [max((one for one in given if one is not None), default=None) for given in rewards]
    return pa.table(
        {
            "row": table.column("row"),
            "instruct_reward": pa.array(best, pa.float64()),
            "response_rewards": pa.array(rewards, pa.list_(pa.float64())),
        }
    )


def agreements(responses: Sequence[str], labels: Labels = labels_by_text) -> list[float | None]:
    """For each, the share of the others that come to the same final answer; where none can be read, that are the same
    text but for white space and case. None for the only one of its row."""
    if len(responses) < 2:
        return [None] * len(responses)
    answers = labels(responses)
    told = [a or " ".join(text.casefold().split()) for a, text in zip(answers, responses, strict=True)]
    counts = Counter(told)
    return [(counts[one] - 1) / (len(responses) - 1) for one in told]
