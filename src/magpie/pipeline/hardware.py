"""What this machine has that a choice of engine rests on. Loads no library to find out."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def has_gpu() -> bool:
    """Whether there is an NVIDIA or AMD GPU, or an Apple one: something that beats the CPU."""
    nvidia = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
    amd = Path("/dev/kfd").exists()
    return nvidia or amd or (sys.platform == "darwin")
