"""What this machine has that a choice of engine rests on. Loads no library to find out."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def has_gpu() -> bool:
    """Whether there is an NVIDIA or AMD GPU, or an Apple one: something that beats the CPU."""
    nvidia = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
    amd = Path("/dev/kfd").exists()
    return nvidia or amd or (sys.platform == "darwin")


_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_bytes() -> int:
    """The memory of this machine, or of the container that this runs in."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    told = [Path(limit).read_text().strip() for limit in _LIMITS if Path(limit).exists()]
    return min([machine, *(int(limit) for limit in told if limit.isdigit())])
