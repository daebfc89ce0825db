"""The soak sees what grows: a check that cannot fail would be none."""

from __future__ import annotations

import pytest

from bench.soak import LEAST_SAMPLES, show
from tests.chaos.running import Sample


def samples(stage: str, memory: int, descriptors: int, threads: int) -> list[tuple[str, Sample]]:
    """Of a stage that holds so much more in its second half than 100 MiB, ten files and ten threads."""
    return [
        (stage, Sample(1, float(n), (100 << 20) + late * memory, 10 + late * descriptors, 10 + late * threads))
        for n in range(LEAST_SAMPLES)
        for late in [n >= LEAST_SAMPLES // 2]
    ]


@pytest.mark.parametrize(
    ("more", "flat"),
    [((5 << 20, 1, 1), True), ((20 << 20, 0, 0), False), ((0, 5, 0), False), ((0, 0, 5), False)],
)
def test_a_row_stage_has_to_stay_as_it_is(
    more: tuple[int, int, int], flat: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show(samples("respond", *more)) is flat
    assert ("GROWS" in capsys.readouterr().out) is not flat


def test_a_stage_over_the_whole_corpus_may_hold_more_of_a_larger_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert show(samples("dedup", 20 << 20, 0, 0))
    assert "100 to 120" in capsys.readouterr().out
