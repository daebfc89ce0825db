"""Scores several responses to one instruction by how many of the others come to the same: self-consistency.

What a model answers again and again is right more often than what it answers once (Wang et al. 2023, arXiv 2203.11171;
preference pairs from it: Prasad et al. 2024, arXiv 2411.04109). Needs no judge. It says nothing where answers cannot
agree, as of poems, and a mistake that a model always makes agrees with itself. Reads answers as `choose_answers` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from magpie.stages.text.answers import final_answer


def reward_by_agreement(table: pa.Table) -> pa.Table:
    """A table stage: `responses` to `response_rewards`, and the highest of them as `instruct_reward`."""
    texts = [[one["response"] for one in row or ()] for row in table.column("responses").to_pylist()]
    rewards = [agreements(responses) for responses in texts]
    best = [max((one for one in given if one is not None), default=None) for given in rewards]
    return pa.table(
        {
            "row": table.column("row"),
            "instruct_reward": pa.array(best, pa.float64()),
            "response_rewards": pa.array(rewards, pa.list_(pa.float64())),
        }
    )


def agreements(responses: Sequence[str]) -> list[float | None]:
    """For each, the share of the others that come to the same final answer; where none can be read, that are the same
    text but for white space and case. None for the only one of its row."""
    if len(responses) < 2:
        return [None] * len(responses)
    told = [final_answer(response) or " ".join(response.casefold().split()) for response in responses]
    counts = Counter(told)
    return [(counts[one] - 1) / (len(responses) - 1) for one in told]
