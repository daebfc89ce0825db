"""Which GPUs and which cores each replica gets. Knows numbers; no engine and no process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """What of the machine one replica gets."""

    devices: tuple[str, ...] = ()
    """GPUs, as CUDA_VISIBLE_DEVICES names them; empty on a CPU."""
    cores: tuple[int, ...] = ()
    """Cores of the processor; empty is all, as beside a GPU."""

    def environment(self) -> Mapping[str, str]:
        """Variables by which libraries find their part.

        >>> Place(devices=("2", "3")).environment()
        {'CUDA_VISIBLE_DEVICES': '2,3'}
        """
        if self.devices:
            return {"CUDA_VISIBLE_DEVICES": ",".join(self.devices)}
        if self.cores:
            cores = ",".join(map(str, self.cores))
            return {"OMP_NUM_THREADS": str(len(self.cores)), "VLLM_CPU_OMP_THREADS_BIND": cores}
        return {}


def on_gpus(count: int, group: int, devices: Sequence[str]) -> list[Place]:
    """Places of `count` replicas on `group` GPUs each, side by side. There must be as many.

    >>> [place.devices for place in on_gpus(2, 2, ("0", "1", "2", "3"))]
    [('0', '1'), ('2', '3')]
    """
    return [Place(devices=tuple(devices[n * group : (n + 1) * group])) for n in range(count)]


def on_cores(count: int, cores: Sequence[int]) -> list[Place]:
    """Places of `count` replicas on a CPU: neighboring cores together, none of them twice. There must be as many.

    >>> [place.cores for place in on_cores(2, range(5))]
    [(0, 1), (2, 3, 4)]
    """
    bounds = [n * len(cores) // count for n in range(count + 1)]
    return [Place(cores=tuple(cores[bounds[n] : bounds[n + 1]])) for n in range(count)]
