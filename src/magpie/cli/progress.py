"""The progress of a run: two live lines on a terminal, a plain line at intervals elsewhere; at the end of each stage,
its judgments."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from magpie.cli.bars import print_judgments
from magpie.cli.text import print_sentence
from magpie.errors import RunError
from magpie.executors.forecast import Left
from magpie.executors.local import Progress, Watch
from magpie.explore.judgments import judgments
from magpie.log import on_standard_error
from magpie.runs import open_run
from magpie.safe.redaction import redact
from magpie.safe.terminal import one_line

PLAIN_SECONDS = 5.0
"""Between two plain lines of one stage."""
_BAR = 24
_REDRAWS = 4
"""A second, on a terminal."""


@contextmanager
def watching(console: Console, run: Path) -> Iterator[Watch]:
    """A watch that shows on `console` how the work on the run in a folder goes."""
    if not console.is_terminal or on_standard_error():  # log records would break the lines that are redrawn
        yield _Plain(console, run)
        return
    with Live(console=console, refresh_per_second=_REDRAWS, transient=True) as live:
        yield _Live(live, run)


class _Live:
    """The current stage, redrawn in place below the finished ones."""

    def __init__(self, live: Live, run: Path) -> None:
        self.live = live
        self.run = run

    def __call__(self, standing: Progress | str) -> None:
        if isinstance(standing, str):
            print_sentence(self.live.console, Text(one_line(redact(standing)), style="dim"))
        elif standing.ended:
            self.live.update("")
            _print_end(self.live.console, standing, self.run, ",\n  ")
        else:
            self.live.update(_Drawn(standing))


class _Drawn:
    """A stage's lines, put together only when they are drawn: polls are far more frequent than eyes."""

    def __init__(self, standing: Progress) -> None:
        self.standing = standing

    def __rich__(self) -> RenderableType:
        counts = self.standing.counts
        grid = Table.grid(padding=(0, 1))
        bar = ProgressBar(max(1, counts.wanted), counts.reused + counts.made + counts.failed, width=_BAR)
        rows, *others = _rows(self.standing)
        grid.add_row(Text(_name(self.standing)), bar, Text(rows))
        told = ", ".join((*others, *_tokens(self.standing), *_times(self.standing)))
        return Group(grid, Padding(Text(told, style="dim"), (0, 0, 0, 2)))


class _Plain:
    """A line at a stage's end, and every few seconds until then."""

    def __init__(self, console: Console, run: Path) -> None:
        self.console = console
        self.run = run
        self.printed = time.monotonic()

    def __call__(self, standing: Progress | str) -> None:
        if isinstance(standing, str):
            self._line(redact(standing))
        elif standing.ended:
            _print_end(self.console, standing, self.run, ", ")
        elif time.monotonic() - self.printed >= PLAIN_SECONDS:
            self._line(f"{_name(standing)}: {describe(standing)}")

    def _line(self, line: str) -> None:
        self.console.print(Text(one_line(line)), soft_wrap=True)
        self.printed = time.monotonic()


def _print_end(console: Console, standing: Progress, run: Path, between: str) -> None:
    """A stage that has ended: its figures, and where it made something, what it judged."""
    console.print(Text(f"{_name(standing)}: {describe(standing, between)}"), soft_wrap=True)
    if standing.counts.made:
        with suppress(RunError):  # whatever is wrong with the run's files, the work says it better
            print_judgments(console, judgments(open_run(run), standing.stage), kept=False)


def _name(standing: Progress) -> str:
    return f"{standing.stage} ({standing.position} of {standing.stages})"


def describe(standing: Progress, between: str = ", ") -> str:
    """Rows, kept share, rows and tokens a second, and the time that is left, as far as they are known. between: the
    text before the tokens, where the line may be too long."""
    rows, tokens, times = (", ".join(part(standing)) for part in (_rows, _tokens, _times))
    first = f"{rows}{between}{tokens}" if tokens else rows
    return ", ".join(part for part in (first, times) if part)


def _rows(standing: Progress) -> Iterator[str]:
    counts = standing.counts
    done = counts.made + counts.failed
    yield f"{counts.reused + done:,}/{counts.wanted:,} rows"
    if counts.reused:
        yield f"{counts.reused:,} done before"
    if counts.made:
        yield f"{1 - sum(counts.dropped.values()) / counts.made:.1%} kept"
    if counts.failed:
        yield f"{counts.failed:,} failed"
    if done and counts.seconds > 0:
        yield f"{_figure(done / counts.seconds)} rows/s"


def _tokens(standing: Progress) -> Iterator[str]:
    paid, seconds = standing.paid, standing.counts.seconds
    if seconds > 0 and paid.prompt_tokens + paid.completion_tokens:
        read, written = _figure(paid.prompt_tokens / seconds), _figure(paid.completion_tokens / seconds)
        yield f"{read} prompt and {written} completion tokens/s"


def _times(standing: Progress) -> Iterator[str]:
    """What is left of the stage and of the run; at the end, what the stage took."""
    if standing.ended:
        if standing.counts.seconds:
            yield clock(standing.counts.seconds)
    elif standing.left.stage is not None:
        yield f"{clock(standing.left.stage)} left"
        if standing.position < standing.stages:
            yield _run_left(standing.left)


def _run_left(left: Left) -> str:
    """`more than`: stages that were never measured in this run come on top."""
    return f"run: {'more than ' if left.unmeasured else ''}{clock(left.run or 0.0)}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def clock(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
