"""The engines that are loaded just now: opened when a stage first asks, released when a stage needs others.

Knows what a stage uses, and nothing of what it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType

from magpie.models.engines import ModelUse
from magpie.safe.redaction import redact
from magpie.seams import Engine

Opener = Callable[[ModelUse], AbstractContextManager[Engine]]
"""Loads what runs a model."""

_Key = tuple[str, str]


class Pool:
    """A context manager: whatever is still open at its end is closed."""

    def __init__(self, opener: Opener, watch: Callable[[str], None]) -> None:
        """`watch` receives a line for each model that is being loaded."""
        self.watch = watch
        self._opener = opener
        self._open: dict[_Key, tuple[Engine, ExitStack]] = {}

    def engines(self, uses: Mapping[str, ModelUse]) -> Mapping[str, Engine]:
        """What a stage asks, by the name that its requests give; what it does not ask is closed first, so that two
        models that fit one after the other never need the memory of both."""
        wanted = {use.key for use in uses.values()}
        self._close([key for key in self._open if key not in wanted])
        return {name: self._engine(use) for name, use in uses.items()}

    def release(self, uses: Mapping[str, ModelUse]) -> None:
        """Close what these use."""
        self._close([use.key for use in uses.values()])

    def _engine(self, use: ModelUse) -> Engine:
        if use.key not in self._open:
            self.watch(redact(f"loading {Path(use.loads).name} on {use.engine.name} ({use.why})"))
            with ExitStack() as opening:
                engine = opening.enter_context(self._opener(use))
                self._open[use.key] = engine, opening.pop_all()
            self._warn(use, engine)
        return self._open[use.key][0]

    def _warn(self, use: ModelUse, engine: Engine) -> None:
        """Report what only opening has shown; what was known before is in `why`."""
        known = () if use.facts is None else use.facts.warnings
        for warning in getattr(engine, "warnings", ()):
            if warning not in known:
                self.watch(redact(f"warning: {warning}"))

    def _close(self, keys: Iterable[_Key]) -> None:
        with ExitStack() as closing:
            for key in keys:
                if key in self._open:
                    closing.push(self._open.pop(key)[1])

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(list(self._open))
