"""What this machine has that a choice of engine rests on. Loads no library to find out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def has_gpu() -> bool:
    """Whether there is an NVIDIA or AMD GPU, or an Apple one: something that beats the CPU."""
    nvidia = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
    amd = Path("/dev/kfd").exists()
    return nvidia or amd or (sys.platform == "darwin")


def visible_gpus() -> list[str]:
    """NVIDIA's GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() not in ("", "-1")]
    if count := len(list(Path("/proc/driver/nvidia/gpus").glob("*"))):
        return [str(number) for number in range(count)]
    if shutil.which("nvidia-smi") is None:
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False, timeout=60).stdout
    return [str(n) for n, _ in enumerate(line for line in listed.splitlines() if line.startswith("GPU "))]


def usable_cores() -> list[int]:
    """Cores of the processor that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def memory_bytes() -> int:
    """The memory of this machine, or of the container that this runs in."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    told = [Path(limit).read_text().strip() for limit in _LIMITS if Path(limit).exists()]
    return min([machine, *(int(limit) for limit in told if limit.isdigit())])
