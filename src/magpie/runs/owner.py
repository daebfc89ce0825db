"""Who this process is to others that share a folder, and whether a process of this very machine still lives.

An owner's name is its host and random digits: it is part of the names of the files that only this process writes. Knows
no run.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import uuid
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

OWNER = r"[a-z0-9][a-z0-9-]{0,39}-[0-9a-f]{12}"
"""A pattern for the name of an owner."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def is_owner(name: str) -> bool:
    """Whether a text can be an owner's name."""
    return re.fullmatch(OWNER, name) is not None


@dataclass(frozen=True, slots=True)
class Process:
    """A process, as another one of the same machine can find it."""

    machine: str
    """Names one boot of one machine and, within it, one numbering of processes: containers have their own."""
    pid: int
    started: int
    """In ticks since the machine was started, on Linux; 0 elsewhere. Numbers of processes are given again."""


def owner_name() -> str:
    """This process' name as an owner: another one in each process, also after a fork.

    owner_name()  # such as "node-7-3f2a91c04b77"
    """
    return _name(os.getpid())


@lru_cache(8)
def _name(pid: int) -> str:  # noqa: ARG001 (a fork has a name of its own)
    host = re.sub(r"[^a-z0-9]+", "-", socket.gethostname().lower()).strip("-")[:40].rstrip("-")
    return f"{host or 'host'}-{uuid.uuid4().hex[:12]}"


def this_process() -> Process:
    """This process, for others to look for."""
    return Process(_machine(), os.getpid(), _started(os.getpid()) or 0)


def has_ended(process: Process) -> bool:
    """Whether a process is known to have ended. False for a process of another machine: nothing here can tell."""
    if process.machine != _machine():
        return False
    if sys.platform == "linux":
        return _started(process.pid) != process.started
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


@lru_cache(1)
def _machine() -> str:
    """This boot of the machine, and the numbering of processes that is seen here; not on Linux, the network card."""
    if sys.platform == "linux":
        with suppress(OSError):
            return f"{_BOOT.read_text().strip()}/{Path('/proc/self/ns/pid').readlink().name}"
    return f"{socket.gethostname()}/{uuid.getnode():012x}"


def _started(pid: int) -> int | None:
    """When a process was started; None for one that has ended, also where nobody has asked for its exit code yet."""
    if sys.platform != "linux":
        return 0
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if len(fields) < 20 or fields[0] in (b"Z", b"X") else int(fields[19])
