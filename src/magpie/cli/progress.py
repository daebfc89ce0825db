"""Where a run stands, while it runs: a live line for each stage on a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from magpie.executors.local import Progress as Standing
from magpie.executors.local import Watch
from magpie.executors.work import Counts
from magpie.safe.redaction import redact
from magpie.safe.terminal import one_line

PLAIN_SECONDS = 5.0
"""Between two plain lines of one stage."""
DRAW_SECONDS = 0.1
"""Between two changes of a live line: polls are far more frequent than eyes."""


@contextmanager
def watching(console: Console) -> Iterator[Watch]:
    """A watch that shows where things stand on `console`."""
    if not console.is_terminal:
        yield _Plain(console)
        return
    columns = (TextColumn("{task.description:8}"), BarColumn(bar_width=10), _Standing())
    with Progress(*columns, console=console) as progress:
        yield _Live(progress)


class _Live:
    """A line for each stage, redrawn in place."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.tasks: dict[str, TaskID] = {}
        self.drawn = 0.0

    def __call__(self, standing: Standing | str) -> None:
        if isinstance(standing, str):
            self.progress.console.print(Text(one_line(redact(standing)), style="dim"), soft_wrap=True)
            return
        known = standing.stage in self.tasks
        if known and not standing.ended and time.monotonic() - self.drawn < DRAW_SECONDS:
            return
        counts = standing.counts
        if not known:
            self.tasks[standing.stage] = self.progress.add_task(escape(standing.stage), total=counts.wanted)
        done = counts.reused + counts.made + counts.failed
        self.progress.update(self.tasks[standing.stage], completed=done, line=describe(counts))
        self.drawn = time.monotonic()


class _Standing(ProgressColumn):
    """The stage's figures, as the last update gave them."""

    def render(self, task: Task) -> Text:
        return Text(task.fields.get("line", ""), overflow="ellipsis", no_wrap=True)


class _Plain:
    """A line at a stage's end, and every few seconds until then."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.printed = time.monotonic()

    def __call__(self, standing: Standing | str) -> None:
        if isinstance(standing, str):
            self._line(redact(standing))
        elif standing.ended or time.monotonic() - self.printed >= PLAIN_SECONDS:
            self._line(f"{standing.stage} ({standing.position} of {standing.stages}): {describe(standing.counts)}")

    def _line(self, line: str) -> None:
        self.console.print(Text(one_line(line)), soft_wrap=True)
        self.printed = time.monotonic()


def describe(counts: Counts) -> str:
    """Rows, kept share, tokens a second, and the time that is left, as far as they are known."""
    done = counts.reused + counts.made + counts.failed
    parts = [f"{done:,}/{counts.wanted:,} rows"]
    if counts.reused:
        parts.append(f"{counts.reused:,} made before")
    if counts.made:
        parts.append(f"{1 - sum(counts.dropped.values()) / counts.made:.1%} kept")
    if counts.failed:
        parts.append(f"{counts.failed:,} failed")
    if counts.seconds > 0 and counts.completion_tokens:
        parts.append(f"{counts.completion_tokens / counts.seconds:,.0f} tokens/s")
    made = counts.made + counts.failed
    if made and done < counts.wanted:
        parts.append(f"{clock((counts.wanted - done) * counts.seconds / made)} left")
    elif counts.seconds:
        parts.append(clock(counts.seconds))
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
