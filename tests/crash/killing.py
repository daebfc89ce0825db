"""Runs `magpie run` in a process of its own and kills it with SIGKILL: at a moment, or at a line of what writes.

Used by `test_crash.py` with a few dozen kills and by `bench/crash.py` with hundreds.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from magpie.cli.outcome import NOTHING_MADE

RECIPE = """
name: crashed
size: 200
shard_rows: 32
seed: 11
engine: {name: scripted, window: 16, seconds: 0.02, fail_rate: 0.05}
instruct: {first_token_bans: [What]}
"""
"""Small shards, so that sealing is under way often; a window that does not divide them, so that two are open; two
requests to an instruction, so that completions are replayed; rows that fail, so that sealed shards are filled again."""

_COUNT_LINES = """
import os, signal, sys
stop = int(sys.argv.pop(1))
lines = 0

def trace(frame, event, argument):
    global lines
    name = frame.f_code.co_filename
    if "/magpie/runs/" not in name and "/magpie/executors/" not in name:
        return None
    if event == "line":
        lines += 1
        if lines == stop:
            os.kill(os.getpid(), signal.SIGKILL)
    return trace

from magpie.cli import main
import magpie.cli.run
sys.settrace(trace)
try:
    main(sys.argv[1:])
finally:
    print("lines", lines, file=sys.stderr)
"""


def arguments(recipe: Path, out: Path) -> list[str]:
    return ["run", "--recipe", str(recipe), "--out", str(out), "--json"]


def run_whole(recipe: Path, out: Path) -> None:
    """Run to the end, undisturbed."""
    subprocess.run([sys.executable, "-m", "magpie", *arguments(recipe, out)], check=True, capture_output=True)


def count_lines(recipe: Path, out: Path) -> int:
    """Lines that `runs` and `executors` execute in a whole run."""
    command = [sys.executable, "-c", _COUNT_LINES, "-1", *arguments(recipe, out)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stderr.rsplit(maxsplit=1)[1])


def kill_at_line(recipe: Path, out: Path, line: int) -> bool:
    """Whether the process was killed: at the `line`-th line that it executes, unless it ended before."""
    command = [sys.executable, "-c", _COUNT_LINES, str(line), *arguments(recipe, out)]
    return _killed(subprocess.run(command, check=False, capture_output=True))


def kill_after(recipe: Path, out: Path, seconds: float) -> bool:
    """Whether the process was killed: `seconds` after it began to write, however long its start took on this machine,
    unless it ended before."""
    command = [sys.executable, "-m", "magpie", *arguments(recipe, out)]
    before = _written(out)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while process.poll() is None and _written(out) == before:
            time.sleep(0.005)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()
        output, errors = process.communicate()
    return _killed(subprocess.CompletedProcess(command, process.returncode, output, errors))


def _written(out: Path) -> int:
    """When the run's recipe was written: the first thing that every session does."""
    try:
        return (out / "recipe.yaml").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _killed(done: subprocess.CompletedProcess[bytes]) -> bool:
    if done.returncode == NOTHING_MADE and b"every row that was tried failed" in done.stderr:
        return False  # an earlier session was killed after it had made all rows but those that always fail
    if done.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"exit code {done.returncode} after an earlier kill: {done.stderr.decode()[-2000:]}")
    return done.returncode != 0


def shards(out: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of every stage, by its place in the run."""
    for path in sorted(out.glob("*-*/*")):
        yield str(path.relative_to(out)), path.read_bytes()
