"""Which split a row is in follows from its id alone."""

from __future__ import annotations

from magpie.export.options import split_of

IDS = [f"air-{number:08d}" for number in range(20_000)]


def in_test(share: float) -> set[str]:
    return {row_id for row_id in IDS if split_of(row_id, share) == "test"}


def test_about_the_share_that_was_asked_for_is_in_the_test_split() -> None:
    assert abs(len(in_test(0.01)) - 200) < 50
    assert abs(len(in_test(0.5)) - 10_000) < 300


def test_nothing_is_in_the_test_split_unless_asked() -> None:
    assert in_test(0.0) == set()


def test_a_larger_test_split_holds_the_smaller_one() -> None:
    assert in_test(0.01) < in_test(0.05)


def test_the_split_of_an_id_is_the_same_for_ever() -> None:
    assert [split_of(f"air-{number:08d}", 0.5) for number in range(6)] == [
        "test",
        "test",
        "train",
        "train",
        "test",
        "train",
    ]
