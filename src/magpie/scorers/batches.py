"""Which texts go through a classifier together: those of about the same length. Knows lengths alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def batches(lengths: Sequence[int], tokens: int, most: int | None = None) -> Iterator[list[int]]:
    """Places in `lengths`, each once, in batches that hold at most `tokens` when padded to their longest, and at most
    `most` texts; a text longer than that is alone. The longest come first, so that what does not fit fails at once.
    """
    order = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))
    batch: list[int] = []
    for place in order:
        longest = lengths[batch[0]] if batch else 0
        if batch and (longest * (len(batch) + 1) > tokens or len(batch) == most):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
