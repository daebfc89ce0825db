"""Copies of runs that earlier code made (tests/fixtures/runs), and engines that count what is asked of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from magpie.errors import RequestFailed
from magpie.models.engines import ModelUse, open_engine
from magpie.seams import Completion, Engine, Request

FIXTURES = Path(__file__).parents[1] / "fixtures" / "runs"


def kept_run(name: str, place: Path) -> Path:
    """A copy: magpie writes into a run."""
    return Path(shutil.copytree(FIXTURES / name, place / name))


class Counting:
    """An engine that notes every request that it is given."""

    def __init__(self, inner: Engine, asked: list[Request]) -> None:
        self.inner, self.asked = inner, asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def submit(self, ticket: int, request: Request) -> None:
        self.asked.append(request)
        self.inner.submit(ticket, request)

    def poll(self, wait: float) -> Sequence[tuple[int, Completion | RequestFailed]]:
        return self.inner.poll(wait)

    def cancel(self, tickets: Sequence[int]) -> None:
        self.inner.cancel(tickets)


class Opener:
    """Opens engines that count."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    @contextmanager
    def __call__(self, use: ModelUse) -> Iterator[Engine]:
        with open_engine(use) as engine:
            yield Counting(engine, self.asked)
