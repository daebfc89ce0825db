"""How well a pilot tells the duplicates of a larger run: distinct texts among many, estimated and counted.

    python -m bench.duplicates [--size 100000] [--pilots 200 1000 5000]

Sources whose truth is known: the texts of fledgling's grammar, texts by Zipf's law, texts whose frequencies fall with
the square root of their rank, and texts that are all equally likely. Prints a line of Markdown for each pilot.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from random import Random

from fledgling.corpus import conversations
from magpie.explore.duplicates import growth_of


def sources(size: int) -> Iterator[tuple[str, Sequence[Hashable]]]:
    """Name and texts."""
    asked = (talk.turns[0].prompt for talk in conversations(7, 2 * size) if talk.kind != "judge")
    yield "fledgling's grammar", [text for _, text in zip(range(size), asked, strict=False)]
    for name, texts, power in (
        ("a million texts, Zipf", 1_000_000, 1.0),
        ("100,000 texts, by the root of their rank", 100_000, 0.5),
        ("3,000 texts, equally likely", 3_000, 0.0),
        ("a million texts, equally likely", 1_000_000, 0.0),
    ):
        weights = [1 / (number + 1) ** power for number in range(texts)]
        yield name, Random(1).choices(range(texts), weights=weights, k=size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--pilots", type=int, nargs="+", default=[200, 1000, 5000])
    arguments = parser.parse_args()
    for name, texts in sources(arguments.size):
        truth = len(set(texts))
        for pilot in arguments.pilots:
            counted = Counter(texts[:pilot])
            growth = growth_of(pilot, Counter(size for size in counted.values() if size > 1))
            low, middle, high = (growth.quantile(len(texts), share) for share in (0.05, 0.5, 0.95))
            in_proportion = len(counted) / pilot * len(texts)
            print(
                f"| {name} | {pilot:,} | {truth:,} | {middle:,.0f}, {low:,.0f} to {high:,.0f} | {in_proportion:,.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
