"""A flipped bit in a file of a run: a refusal, or the values as they were written; never another value."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from tests.attack.flips import flip, make_run

SLICE = 80
"""`python -m bench.campaign` flips thousands."""


def test_a_flipped_bit_never_becomes_another_value(tmp_path: Path) -> None:
    whole, dice = make_run(tmp_path / "run"), random.Random(0)
    outcomes = Counter(flip(whole, dice) for _ in range(SLICE))
    assert outcomes["refused"] > SLICE / 4
