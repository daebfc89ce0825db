"""No turn waits for another row's: what `bench/barrier.py` counts, held to its goal."""

from __future__ import annotations

import pytest

from bench.barrier import Work, barrier, greedy, magpie


@pytest.mark.parametrize("wanders", [False, True])
@pytest.mark.parametrize("window", [16, 32, 64])
def test_slow_rows_cost_no_more_than_a_greedy_schedule_would(window: int, wanders: bool) -> None:
    work = Work(rows=128, turns=3, window=window, slow=32, steps=20, wanders=wanders)
    assert magpie(work) < 1.1 * greedy(work)


def test_a_loop_that_waits_at_each_turn_costs_more() -> None:
    work = Work(rows=128, turns=3, window=32, slow=32, steps=20, wanders=True)
    for batch in (work.rows, work.window):
        assert barrier(work, batch) > 2 * greedy(work)
