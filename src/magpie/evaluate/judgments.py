"""Judgments as plain values, whatever file or run they come from: games between two answers, and scores of one answer.

Knows no file format and no statistics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Style:
    """What an answer looks like, which judges are known to be swayed by."""

    length: float
    """Characters; tokens where a file says only those."""
    headers: int = 0
    lists: int = 0
    bold: int = 0


@dataclass(frozen=True, slots=True)
class Game:
    """One answer against another, judged; both orders of one prompt are two games."""

    prompt: str
    """The prompt's id: what a bootstrap draws."""
    model: str
    opponent: str
    preference: float
    """How far the judge prefers the model's answer: 0 to 1; 0.5 is a draw."""
    weight: int = 1
    """How often a verdict counts: a strong one of Arena-Hard's three times."""
    position: int | None = None
    """The index of the prompt in its benchmark, from 0; None where the file has none."""
    place: int | None = None
    """Which of its model's rows in the file, from 0, rows without a verdict counted."""
    style: Style | None = None
    opponent_style: Style | None = None
    category: str | None = None
    model_first: bool | None = None
    """Whether the judge saw the model's answer as the first; None where the file does not say."""


@dataclass(frozen=True, slots=True)
class Score:
    """One answer, graded."""

    prompt: str
    model: str
    score: float
    length: float | None = None
    category: str | None = None


@dataclass(slots=True)
class Judgments:
    """All judgments of a file or a run."""

    form: str
    """Whose form the file has: `AlpacaEval`, `Arena-Hard`, `WildBench` or `magpie`."""
    games: list[Game] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    unjudged: int = 0
    """Answers without a verdict or a score that can be read: no metric counts them."""
    reference: str | None = None
    """The model that others are compared with; None where it is to be found among the games."""

    @property
    def models(self) -> list[str]:
        """Every judged model, in the order of the file."""
        return list(dict.fromkeys([*(game.model for game in self.games), *(one.model for one in self.scores)]))

    def of(self, model: str) -> Sequence[Game]:
        """The games of one model, in the order of the file."""
        return [game for game in self.games if game.model == model]

    def by_model(self) -> Mapping[str, Sequence[Game]]:
        """Every model that has games, with its games."""
        found: dict[str, list[Game]] = {}
        for game in self.games:
            found.setdefault(game.model, []).append(game)
        return found

    def scores_by_model(self) -> Mapping[str, Sequence[Score]]:
        """Every model that has grades, with its grades."""
        found: dict[str, list[Score]] = {}
        for one in self.scores:
            found.setdefault(one.model, []).append(one)
        return found
