"""What a kept row cost: tokens and seconds of every stage, over all sessions, divided by the rows that came through.

Knows files and `run.json`; knows no stage by name but the one that decides which rows are answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from magpie.runs.in_force import StageCounts
from magpie.runs.reader import Run

SHORTLIST, RESPOND = "shortlist", "respond"


@dataclass(frozen=True, slots=True)
class StageCost:
    """What one stage took, of all rows and for each kept one."""

    stage: str
    prompt_tokens: int
    completion_tokens: int
    """Sampled, those past a stop included."""
    seconds: float
    """Of work, over all sessions that ended."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run took."""

    kept: int
    stages: tuple[StageCost, ...]
    saved: Mapping[str, float] | None
    """What the shortlist spared: `candidates` that reached it, the `answered` share of them, and about how many sampled
    `tokens` their responses would have taken, at the mean length of those that were made. None without a shortlist, or
    before there are responses."""

    def plain(self) -> dict[str, Any]:
        """For `run.json`."""
        per = max(1, self.kept)
        stages = {
            one.stage: {
                "prompt_tokens": one.prompt_tokens,
                "completion_tokens": one.completion_tokens,
                "seconds": round(one.seconds, 3),
                "prompt_tokens_per_kept_row": round(one.prompt_tokens / per, 3),
                "completion_tokens_per_kept_row": round(one.completion_tokens / per, 3),
                "seconds_per_kept_row": round(one.seconds / per, 6),
            }
            for one in self.stages
        }
        return {"kept": self.kept, "stages": stages, "saved": self.saved}


def cost_of(run: Run, counts: Sequence[StageCounts] | None = None) -> Cost:
    """Counted over the run's files and its sessions. counts: `run.counts()`, where they are known already."""
    counts = run.counts() if counts is None else counts
    sessions = run.info["sessions"]
    stages = tuple(
        StageCost(
            one.stage,
            one.prompt_tokens,
            one.completion_tokens + one.wasted_tokens,
            sum(session["stages"].get(one.stage, {}).get("seconds", 0.0) for session in sessions),
        )
        for one in counts
    )
    return Cost(run.kept(), stages, _saved({one.stage: one for one in counts}))


def _saved(counts: Mapping[str, StageCounts]) -> dict[str, float] | None:
    listed, answered = counts.get(SHORTLIST), counts.get(RESPOND)
    if listed is None or answered is None or not listed.made or not answered.made:
        return None
    spared = sum(listed.dropped.values())
    mean = answered.completion_tokens / answered.made
    return {
        "candidates": listed.made,
        "answered": round(1 - spared / listed.made, 4),
        "tokens": round(spared * mean),
    }
