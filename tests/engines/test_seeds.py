"""Seeds are spread over the bits that engines look at, and the same request has the same seed in every version."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from magpie.engines.seeds import llamacpp_seed, seed31, seed32, seed63

SEEDS = [*range(1000), *(i << 32 for i in range(1, 1000)), *(2**63 - 1 - i for i in range(1000))]


@pytest.mark.parametrize(("spread", "bits"), [(seed63, 63), (seed31, 31), (seed32, 32), (llamacpp_seed, 32)])
def test_seeds_are_spread_over_the_bits_that_engines_use(spread: Callable[[int], int], bits: int) -> None:
    got = [spread(seed) for seed in SEEDS]
    assert all(0 <= one < 1 << bits for one in got)
    assert len({one & 0x7FFFFFFF for one in got}) > 0.99 * len(SEEDS)


def test_63_bits_are_folded_one_to_one() -> None:
    assert len({seed63(seed) for seed in SEEDS}) == len(SEEDS)


def test_no_seed_means_random_to_llamacpp() -> None:
    assert max(map(llamacpp_seed, (2**63 - 1, 2**32 - 1, 2**32 - 2, 0))) < 2**32 - 1


def test_a_seed_stays_what_it_was() -> None:
    seed = 0x0123456789ABCDEF
    assert (seed63(seed), seed31(seed)) == (906252356977299244, 377360172)
    assert seed32(seed) == llamacpp_seed(seed) == 211003319
