"""Keeps the C library from giving freed memory back, which a training on a CPU would fetch again at every step.

Knows glibc; elsewhere it does nothing.
"""

import ctypes
import sys

MMAP_MAX, TRIM_THRESHOLD = -4, -1  # malloc.h


def keep_freed_memory() -> None:
    """Large tensors come from the heap and stay there: without this, much of a step goes into page faults."""
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(MMAP_MAX, 0)
        library.mallopt(TRIM_THRESHOLD, 2**31 - 1)
