"""What a session may spend before it stops: hours, tokens or money. What was made until then is in the run.

Knows prices and what was paid; knows no stage and no engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from magpie.errors import MagpieError, UserError
from magpie.executors.forecast import Paid

_MILLION = 1_000_000
_HOUR = 3600.0


class LimitReached(MagpieError):
    """A session has spent what it may. Everything made is in the run, and the same command resumes it."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What work costs, in any one currency. Raises `UserError` for a price below 0.

    Example: `Prices(prompt=0.1, completion=0.4).of(Paid(2_000_000, 500_000), 60.0)` is 0.4.
    """

    per_hour: float | None = None
    """The price of one hour of one GPU, or of the machine."""
    gpus: int = 1
    prompt: float | None = None
    """The price of a million prompt tokens."""
    completion: float | None = None
    """The price of a million completion tokens."""

    def __post_init__(self) -> None:
        for name, value in (("per hour", self.per_hour), ("in", self.prompt), ("out", self.completion)):
            if value is not None and not 0 <= value < float("inf"):
                raise UserError(f"the price {name} is {value}; expected 0 or more")
        if self.gpus < 1:
            raise UserError(f"--gpus {self.gpus}: expected 1 or more")

    @property
    def known(self) -> bool:
        """Whether anything has a price."""
        return any(price is not None for price in (self.per_hour, self.prompt, self.completion))

    def of(self, paid: Paid, seconds: float) -> float:
        """What these tokens and seconds cost; what has no price costs nothing."""
        hours = (self.per_hour or 0.0) * self.gpus * seconds / _HOUR
        tokens = paid.prompt_tokens * (self.prompt or 0.0) + paid.completion_tokens * (self.completion or 0.0)
        return hours + tokens / _MILLION


NO_PRICES = Prices()


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one session may spend. Raises `UserError` for a limit that is not above 0, and for one on money
    where nothing has a price.

    Example: `execute(recipe, out, limits=Limits(tokens=1_000_000))`.
    """

    hours: float | None = None
    """The most hours of the session, including the loading of models."""
    tokens: int | None = None
    """Prompt and completion tokens together, as their answers come in."""
    cost: float | None = None
    prices: Prices = field(default_factory=Prices)

    def __post_init__(self) -> None:
        for name, value in (("hours", self.hours), ("tokens", self.tokens), ("cost", self.cost)):
            if value is not None and not 0 < value < float("inf"):
                raise UserError(f"--max-{name} {value}: expected more than 0")
        if self.cost is not None and not self.prices.known:
            raise UserError(
                "--max-cost: nothing has a price; expected --price-per-hour (and --gpus), or --price-in and "
                "--price-out for each million tokens"
            )

    def reached(self, paid: Paid, seconds: float) -> str | None:
        """The limit that is reached, as a phrase; None where none is."""
        tokens = paid.prompt_tokens + paid.completion_tokens
        if self.hours is not None and seconds >= self.hours * _HOUR:
            return f"--max-hours {self.hours:g}: {seconds / _HOUR:.3g} hours"
        if self.tokens is not None and tokens >= self.tokens:
            return f"--max-tokens {self.tokens:,}: {tokens:,} prompt and completion tokens"
        if self.cost is not None and (cost := self.prices.of(paid, seconds)) >= self.cost:
            return f"--max-cost {self.cost:g}: {cost:.4g}"
        return None


NO_LIMITS = Limits()


@dataclass(slots=True)
class Spending:
    """What a session has spent so far."""

    limits: Limits = NO_LIMITS
    clock: Callable[[], float] = time.monotonic
    paid: Paid = field(default_factory=Paid)
    began: float | None = None

    def check(self) -> None:
        """Raise `LimitReached` where a limit is. The first call starts the clock."""
        if self.began is None:
            self.began = self.clock()
        if (reached := self.limits.reached(self.paid, self.clock() - self.began)) is not None:
            raise LimitReached(reached)
