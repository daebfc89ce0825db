"""Which conversations of a row are scored, and which columns the scores give: the same for a reward model and a judge.

Knows rows and numbers; knows no scorer, no prompt and no table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from magpie.seams import Columns, Message, Row
from magpie.stages.text.conversations import answered_by_responses

Conversation = tuple[Message, ...]
Score = float | None
"""None where no score is possible."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The conversations of a row that get a score."""

    own: tuple[Conversation, ...]
    """The row's conversation; of a row with several responses, one for each."""
    base: Conversation | None
    """The instruction with the base model's response, where there is one."""
    first: Conversation | None
    """The first instruction and response alone, if the row has later turns and is compared with the base model."""
    is_list: bool
    """Whether the row has several responses."""

    def flat(self) -> list[Conversation]:
        """All of them, in the order in which `columns` takes their scores."""
        return [*self.own, *(one for one in (self.base, self.first) if one is not None)]


def scored(row: Row) -> Scored:
    """What there is to score: `response`, `responses`, `turns` and `base_response`, as far as the row has them."""
    instruction = Message("user", row["instruction"])
    base_text = row.get("base_response")
    base = None if base_text is None else (instruction, Message("assistant", base_text))
    if "responses" in row:
        before = answered_by_responses(row)
        several = [one["response"] for one in row["responses"] or ()]
        return Scored(tuple((*before, Message("assistant", text)) for text in several), base, None, True)
    first = (instruction, Message("assistant", row["response"]))
    turns = tuple(Message(turn["role"], turn["content"]) for turn in row.get("turns") or ())
    return Scored(((*first, *turns),), base, first if turns and base else None, False)


def columns(of: Scored, scores: Sequence[Score], names: Sequence[str]) -> Columns:
    """The columns called `names` from the scores of `of.flat()`.

    The reward of several responses is the highest one. The difference compares single responses: in a multi-turn row,
    the first response alone with that of the base model.
    """
    given = iter(scores)
    own = [next(given) for _ in of.own]
    base = next(given) if of.base is not None else None
    best = max((one for one in own if one is not None), default=None)
    first = next(given) if of.first is not None else best
    made = {
        "instruct_reward": best,
        "response_rewards": own if of.is_list else None,
        "base_reward": base,
        "reward_difference": None if first is None or base is None else first - base,
    }
    return {name: made[name] for name in names}
