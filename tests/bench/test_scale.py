"""Memory does not grow with a run: small sizes of what `python -m bench.scale` measures at millions of rows."""

from __future__ import annotations

from pathlib import Path

from bench.scale import STEPS, Bench, Took, copy_rows
from magpie.runs import open_run

ORIGINALS, FEW, MANY = 4096, 100_000, 400_000
MOST_GROWTH = 1.15
TRIES, BY_CHANCE = 2, 8.0
"""Of a process the smallest of two peaks counts, and some megabytes are allowed: of the 60 that `show` takes, the
allocator keeps up to ten of what was freed, by chance."""


def held(took: Took) -> float:
    """Megabytes, without pages of mapped files where the system tells them apart."""
    return took.megabytes if took.own_megabytes is None else took.own_megabytes


def test_making_four_times_the_rows_takes_no_more_memory(tmp_path: Path) -> None:
    peaks = []
    for size in (4000, 16_000):
        (tmp_path / str(size)).mkdir()
        peaks.append(held(Bench(tmp_path / str(size), size, "512", profile=False).make(size)))
    few, many = peaks
    assert many < few * MOST_GROWTH + BY_CHANCE


def test_reading_four_times_the_rows_takes_no_more_memory(tmp_path: Path) -> None:
    names = ("resume, nothing to do", "show -n 5", "export messages")
    few, many = Bench(tmp_path, FEW, "4096", profile=False), Bench(tmp_path, MANY, "4096", profile=False)
    few.make(ORIGINALS)
    peaks: dict[str, list[float]] = {name: [] for name in names}
    for bench in (few, many):
        copy_rows(tmp_path / "run", bench.size, ORIGINALS)
        bench.make(bench.size)
        for name in names:
            peaks[name].append(min(held(STEPS[name](bench)) for _ in range(TRIES)))
    assert open_run(tmp_path / "run").counts()[0].made == MANY
    grown = {
        name: (before, after) for name, (before, after) in peaks.items() if after > before * MOST_GROWTH + BY_CHANCE
    }
    assert grown == {}
