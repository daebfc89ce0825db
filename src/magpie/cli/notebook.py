"""The progress of a run in a notebook: one line of output that is redrawn in place, warnings above it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from magpie.cli.progress import describe
from magpie.executors.local import Progress, Watch
from magpie.safe.redaction import redact
from magpie.safe.terminal import one_line

_SECONDS = 0.5
"""Between two drawings: a notebook stores and sends each of them."""


@contextmanager
def in_notebook() -> Iterator[Watch]:
    """A watch that shows its lines in the output of the running cell. Needs IPython, which runs the cell."""
    from IPython.display import HTML, display

    yield _Cell(lambda html: HTML(html), display)


class _Cell:
    def __init__(self, html: Any, display: Any) -> None:
        self.html = html
        self.handle = display(html("<pre></pre>"), display_id=True)
        self.lines: list[str] = []
        """Stages that have ended, and what the run said."""
        self.drawn = 0.0

    def __call__(self, standing: Progress | str) -> None:
        if isinstance(standing, str):
            self.lines.append(one_line(redact(standing)))
            self._draw()
            return
        line = f"{standing.stage} ({standing.position} of {standing.stages}): {describe(standing)}"
        if standing.ended:
            self.lines.append(line)
            self._draw()
        elif time.monotonic() - self.drawn >= _SECONDS:
            self._draw(line)

    def _draw(self, *now: str) -> None:
        self.drawn = time.monotonic()
        self.handle.update(self.html(f"<pre>{escape(chr(10).join([*self.lines, *now]))}</pre>"))
