"""Makes a preference pair of a row's responses: the one with the highest reward against one with a lower reward.

Magpie's preference data take the lowest (Xu et al. 2024, Air-DPO and Pro-DPO); a middle or a random one are the
alternatives. Knows responses and rewards as columns; not who gave them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import pyarrow as pa

Against = Literal["worst", "median", "random"]


class Scored(NamedTuple):
    """A response with its reward."""

    reward: float
    place: int
    text: str
    model: str | None


@dataclass(frozen=True, slots=True)
class Pairing:
    """How pairs are made."""

    rejected: Against = "worst"
    margin: float = 0.0
    """The least difference of rewards."""
    seed: int = 0
    """What a random choice follows from, with the row's number."""


def pair(table: pa.Table, how: Pairing) -> pa.Table:
    """A table stage: `responses` and `response_rewards` to `chosen` and `rejected`, with the reward and model of each.
    Where the responses answer a longer conversation (`responses_prompt`), it is the pair's (`pair_prompt`).

    Drops: `no_reward`, `single_response`, `identical_pair` (all texts are the chosen one), `equal_rewards`,
    `margin_too_small`. A row with the last of these keeps its columns: they show what the margin cost.
    """
    made = [_pair(row, how) for row in table.to_pylist()]
    asked = {"pair_prompt": table.column("responses_prompt")} if "responses_prompt" in table.column_names else {}
    return pa.table(
        {
            "row": table.column("row"),
            "chosen": pa.array([_of(one.chosen, "text") for one in made], pa.string()),
            "rejected": pa.array([_of(one.rejected, "text") for one in made], pa.string()),
            "chosen_reward": pa.array([_of(one.chosen, "reward") for one in made], pa.float64()),
            "rejected_reward": pa.array([_of(one.rejected, "reward") for one in made], pa.float64()),
            "chosen_model": pa.array([_of(one.chosen, "model") for one in made], pa.string()),
            "rejected_model": pa.array([_of(one.rejected, "model") for one in made], pa.string()),
            **asked,
            "drop_reason": pa.array([one.reason for one in made], pa.string()),
        }
    )


class Made(NamedTuple):
    """A pair, or the reason why there is none."""

    chosen: Scored | None = None
    rejected: Scored | None = None
    reason: str | None = None


def _of(scored: Scored | None, name: str) -> Any:
    return None if scored is None else getattr(scored, name)


def _pair(row: Mapping[str, Any], how: Pairing) -> Made:
    ranked = _ranked(row["responses"] or (), row["response_rewards"] or ())
    if not ranked:
        return Made(reason="no_reward")
    if len(ranked) == 1:
        return Made(reason="single_response")
    chosen = ranked[0]
    others = [one for one in ranked if one.text != chosen.text]
    if not others:
        return Made(reason="identical_pair")
    lower = [one for one in others if one.reward < chosen.reward]
    if not lower:
        return Made(reason="equal_rewards")
    rejected = _rejected(ranked, lower, how, row["row"])
    near = chosen.reward - rejected.reward < how.margin
    return Made(chosen, rejected, "margin_too_small" if near else None)


def _ranked(responses: Sequence[Mapping[str, Any]], rewards: Sequence[float | None]) -> list[Scored]:
    """The responses that have a reward, best first; of equal ones the earlier first."""
    scored = [
        Scored(reward, place, one["response"], one["model"])
        for place, (one, reward) in enumerate(zip(responses, rewards, strict=True))
        if reward is not None and reward == reward
    ]
    return sorted(scored, key=lambda one: (-one.reward, one.place))


def _rejected(ranked: Sequence[Scored], lower: Sequence[Scored], how: Pairing, row: int) -> Scored:
    """One of `lower`, which holds those of `ranked` that the chosen one can be set against."""
    if how.rejected == "random":
        return lower[_draw(how.seed, row) % len(lower)]
    if how.rejected == "median":
        middle = ranked[len(ranked) // 2]
        return next((one for one in lower if one.reward <= middle.reward), lower[-1])
    return min(lower, key=lambda one: (one.reward, one.place))  # of equal ones the first, as upstream


def _draw(seed: int, row: int) -> int:
    return int.from_bytes(blake2b(f"{seed}/pair/{row}".encode(), digest_size=8).digest(), "little")
