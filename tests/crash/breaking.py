"""Breaks commands off, lets them be repeated, and holds what comes of it against what an undisturbed command leaves.

Used by `test_crash.py` with a few and by `bench/crash.py` with hundreds.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from tests.crash.commands import Ended, Faults, run, started
from tests.crash.operations import Operation, copied, files, trace

MOST_KILLS = 4
"""Kills of one command, after which it is left to end."""
EARLY = 0.2
"""The part of an undisturbed command's time before which it counts as having done nothing, where it writes last."""
STOPPED, USER_ERROR = 130, 2


@dataclass
class Outcome:
    """What came of one operation and one way of breaking it off."""

    struck: int = 0
    """Commands that were broken off before they had ended."""
    worked: int = 0
    """Those of them that had written rows, or what is made of them; of commands that write last, that had had a fifth
    of the time that an undisturbed one takes."""
    repeated: int = 0
    """Commands that were repeated to their end, and compared."""
    faults: list[str] = field(default_factory=list)
    """What was not as it should be: a file that differs, a traceback, a child that outlived its parent."""

    def add(self, other: Outcome) -> None:
        self.struck += other.struck
        self.worked += other.worked
        self.repeated += other.repeated
        self.faults += other.faults


@dataclass(frozen=True)
class Undisturbed:
    """An operation that was prepared once, and what it comes to."""

    operation: Operation
    prepared: Path
    whole: Path
    made: Mapping[str, str]
    """The files of `whole`."""
    seconds: float
    """How long the command took, from its first line on."""

    @classmethod
    def of(cls, operation: Operation, folder: Path) -> Undisturbed:
        """Prepare an operation in a folder, and let it end once."""
        prepared = folder / "prepared"
        prepared.mkdir(parents=True)
        operation.prepare(prepared)
        whole = copied(prepared, folder / "whole")
        began = time.monotonic()
        ended = run(operation.arguments, whole)
        seconds = time.monotonic() - began
        assert operation.is_done(ended), ended
        return cls(operation, prepared, whole, files(whole, operation.timed, operation.apart), seconds)

    def differences(self, folder: Path) -> list[str]:
        """Files that an undisturbed command leaves and this one did not, or the other way round."""
        made = files(folder, self.operation.timed, self.operation.apart)
        names = sorted(name for name in {*made, *self.made} if made.get(name) != self.made.get(name))
        if self.operation.rows_alone:
            names = [
                name for name in names if not name.endswith((".part", ".sum")) and not self._same_rows(folder, name)
            ]
        return names

    def _same_rows(self, folder: Path, name: str) -> bool:
        """Whether two sealed files differ in no more than how often a row was tried."""
        if not name.endswith(".parquet") or not (folder / name).exists() or not (self.whole / name).exists():
            return False
        tables = (pq.read_table(place / name) for place in (folder, self.whole))
        first, second = (table.drop_columns(["attempts"]).to_pylist() for table in tables)
        return bool(first == second)


def finish(undisturbed: Undisturbed, folder: Path) -> Outcome:
    """Repeat the command, which nothing disturbs any more, and compare."""
    operation, outcome = undisturbed.operation, Outcome(repeated=1)
    ended = run(operation.arguments, folder)
    if not operation.is_done(ended):
        outcome.faults.append(f"exit code {ended.code} when repeated: {ended.errors[-300:]!r}")
    outcome.faults += [f"differs: {name}" for name in undisturbed.differences(folder)[:5]]
    return outcome


def check_end(ended: Ended, codes: Collection[int]) -> list[str]:
    """What is wrong with how a disturbed command ended, if anything."""
    wrong = []
    if ended.code not in codes:
        wrong.append(f"exit code {ended.code}: {ended.errors[-300:]!r}")
    if "Traceback" in ended.errors:
        wrong.append(f"a traceback: {ended.errors[-400:]!r}")
    if ended.orphans:
        wrong.append(f"{len(ended.orphans)} processes outlived it")
    return wrong


# -- kills -------------------------------------------------------------------------------------------------------------


def kill(undisturbed: Undisturbed, folder: Path, part: float, *, after_first: bool = False) -> Outcome | None:
    """Kill the command with SIGKILL; None where it had ended by itself.

    part: of the time of an undisturbed command, after which it is killed; from its first written row on where
    `after_first`, however long it took to get there.
    """
    before, seconds = trace(folder), part * undisturbed.seconds
    with started(undisturbed.operation.arguments, folder) as command:
        began = time.monotonic()
        while after_first and not command.wait(0.005) and trace(folder) == before:
            continue
        if command.wait(seconds) or not command.freeze():
            ended = command.end()
            if not undisturbed.operation.is_done(ended):
                return Outcome(faults=[f"exit code {ended.code} after an earlier kill: {ended.errors[-300:]!r}"])
            return None
        late = time.monotonic() - began > EARLY * undisturbed.seconds
        worked = late if undisturbed.operation.writes_last else trace(folder) != before
        command.send(signal.SIGKILL)
        ended = command.end()
    return Outcome(1, int(worked), faults=check_end(ended, (-signal.SIGKILL,)))


def kill_at_line(undisturbed: Undisturbed, folder: Path, line: int) -> Outcome | None:
    """Let the command kill itself at a line of `runs` or `executors`; None where it ended before."""
    before = trace(folder)
    ended = run(undisturbed.operation.arguments, folder, Faults(line=line))
    if ended.code == -signal.SIGKILL:
        return Outcome(1, int(trace(folder) != before))
    return None if undisturbed.operation.is_done(ended) else Outcome(faults=check_end(ended, (0,)))


def count_lines(undisturbed: Undisturbed, folder: Path) -> int:
    """Lines of `runs` and `executors` that the whole command executes."""
    place = copied(undisturbed.prepared, folder)
    return int(run(undisturbed.operation.arguments, place, Faults(count_lines=True)).errors.rsplit(maxsplit=1)[1])


Strike = Callable[[Path], Outcome | None]


def strike_until(undisturbed: Undisturbed, folder: Path, kills: int, strike: Strike) -> Outcome:
    """Break commands off and repeat them until as many strikes as wanted have struck; compare each that ends."""
    total, number = Outcome(), 0
    while total.struck < kills and len(total.faults) < MOST_FAULTS:
        place = copied(undisturbed.prepared, folder / str(number))
        number += 1
        for _ in range(MOST_KILLS):
            outcome = strike(place)
            if outcome is None:
                break
            total.add(outcome)
            if outcome.faults or total.struck >= kills:
                break
        total.add(finish(undisturbed, place))
        _forget(place, total)
    return total


MOST_FAULTS = 3
"""Faults of a cell after which it is given up."""


def _forget(place: Path, total: Outcome) -> None:
    if not total.faults:
        shutil.rmtree(place)


ANY_INSTANT = 0.15
"""The part of the kills that may come at any instant, also before the first row is written."""


def kill_at_instants(undisturbed: Undisturbed, folder: Path, kills: int, dice: random.Random) -> Outcome:
    """SIGKILL at random instants of the command's life, most of them while it writes."""

    def strike(place: Path) -> Outcome | None:
        if undisturbed.operation.writes_last:
            return kill(undisturbed, place, dice.uniform(0.1, 0.9))
        if dice.random() < ANY_INSTANT:
            return kill(undisturbed, place, dice.uniform(0.0, 0.9))
        return kill(undisturbed, place, dice.uniform(0.0, 0.4), after_first=True)

    return strike_until(undisturbed, folder, kills, strike)


def kill_at_lines(undisturbed: Undisturbed, folder: Path, kills: int, dice: random.Random) -> Outcome:
    """SIGKILL at random lines."""
    lines = count_lines(undisturbed, folder / "counted")
    return strike_until(
        undisturbed, folder, kills, lambda place: kill_at_line(undisturbed, place, dice.randrange(1, lines))
    )


# -- what a system does ------------------------------------------------------------------------------------------------


def signalled(undisturbed: Undisturbed, place: Path, numbers: tuple[int, ...], dice: random.Random) -> Outcome:
    """Send signals at a random instant, one directly after the other."""
    with started(undisturbed.operation.arguments, place) as command:
        if command.wait(dice.uniform(0.05, 1.0) * undisturbed.seconds) or not command.freeze():
            return Outcome(faults=[] if undisturbed.operation.is_done(command.end()) else ["ended badly by itself"])
        for number in numbers:
            command.send(number)
            command.send(signal.SIGCONT)
            time.sleep(dice.uniform(0.0, 0.05))
        ended = command.end()
    allowed = (0, STOPPED, USER_ERROR, *(-number for number in numbers))
    return Outcome(int(ended.code != 0), faults=check_end(ended, allowed))


def starved(undisturbed: Undisturbed, place: Path, faults: Faults) -> Outcome:
    """Let the command meet a limit: it says in a line what is the matter, or ends well."""
    ended = run(undisturbed.operation.arguments, place, faults)
    outcome = Outcome(int(ended.code != 0), faults=check_end(ended, (0, 1, USER_ERROR)))
    if ended.code != 0 and "error: " not in ended.errors:
        outcome.faults.append(f"no line says why: {ended.errors[-300:]!r}")
    return outcome


def small_files(undisturbed: Undisturbed, place: Path, dice: random.Random) -> Outcome:
    largest = max(path.stat().st_size for path in undisturbed.whole.rglob("*") if path.is_file())
    return starved(undisturbed, place, Faults(file_bytes=dice.randrange(1, largest + 1)))


def few_descriptors(undisturbed: Undisturbed, place: Path, dice: random.Random) -> Outcome:
    return starved(undisturbed, place, Faults(descriptors=dice.randrange(0, 10)))


def clock_jumps(undisturbed: Undisturbed, place: Path, dice: random.Random) -> Outcome:
    """A wall clock that jumps by years, in the command and in the times of the files that it finds: nothing may
    happen."""
    for path in place.rglob("*"):
        when = time.time() + dice.uniform(-3e8, 3e8)
        os.utime(path, (when, when))
    ended = run(undisturbed.operation.arguments, place, Faults(clock=dice.randrange(1 << 30)))
    done = undisturbed.operation.is_done(ended)
    return Outcome(1, faults=[] if done else check_end(ended, (0,)) or [f"exit code {ended.code}"])


def full_disk(undisturbed: Undisturbed, place: Path, dice: random.Random) -> Outcome:
    """A disk with room for a part of what the command makes; then with room enough."""
    room = _pages(undisturbed.whole) - _pages(undisturbed.prepared)
    resize(place.parent, _pages(place) + _SPARE_PAGES + dice.randrange(max(1, room)))
    try:
        return starved(undisturbed, place, Faults())
    finally:
        resize(place.parent, DISK_PAGES)


def read_only(undisturbed: Undisturbed, place: Path, dice: random.Random) -> Outcome:
    """A file system that nobody may write to any more, after a kill; then as it was."""
    kill(undisturbed, place, dice.uniform(0.0, 1.0))
    remount(place.parent, "ro")
    try:
        return starved(undisturbed, place, Faults())
    finally:
        remount(place.parent, "rw")


PAGE = 4096
DISK_PAGES = 64 << 8
"""64 MiB."""
_SPARE_PAGES = 4
"""For folders, which a file system in memory counts too."""


def _pages(folder: Path) -> int:
    return sum(-(-path.stat().st_size // PAGE) for path in folder.rglob("*") if path.is_file())


@contextmanager
def disk(place: Path) -> Iterator[Path]:
    """A file system in memory. Raises `PermissionError` where this process may not mount one."""
    place.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_PAGES * PAGE}", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        raise PermissionError(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def resize(place: Path, pages: int) -> None:
    remount(place, f"size={pages * PAGE}")


def remount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True, capture_output=True)


Break = Callable[[Undisturbed, Path, random.Random], Outcome]
BREAKS: Mapping[str, Break] = {
    "SIGTERM": lambda undisturbed, place, dice: signalled(undisturbed, place, (signal.SIGTERM,), dice),
    "SIGHUP": lambda undisturbed, place, dice: signalled(undisturbed, place, (signal.SIGHUP,), dice),
    "two SIGINT": lambda undisturbed, place, dice: signalled(undisturbed, place, (signal.SIGINT, signal.SIGINT), dice),
    "small files": small_files,
    "open files": few_descriptors,
    "clock jumps": clock_jumps,
}
DISKS: Mapping[str, Break] = {"full disk": full_disk, "read-only": read_only}
"""Breaks that need a file system of their own, which root may mount."""


def break_and_finish(name: str, undisturbed: Undisturbed, folder: Path, tries: int, dice: random.Random) -> Outcome:
    """Break the command off, so many times, each time in a folder of its own, and repeat it."""
    total = Outcome()
    for number in range(tries):
        with disk(folder / str(number)) if name in DISKS else nullcontext(folder / str(number)) as host:
            place = copied(undisturbed.prepared, host / "place")
            total.add({**BREAKS, **DISKS}[name](undisturbed, place, dice))
            total.add(finish(undisturbed, place))
            _forget(place, total)
    return total
