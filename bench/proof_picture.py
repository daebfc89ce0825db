"""A picture of a proof's figures: each model's share of right answers with its interval, as SVG.

    python -m bench.proof_picture build/proof/figures.json docs/pictures/proof.svg

Reads what `bench.proof` and `bench.proof_full` keep in `figures.json`. The colors are legible on light and dark pages.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import orjson

from bench.proof import ARMS
from magpie.runs.files import write_whole

WIDTH, ROW, TOP, LEFT, RIGHT = 760, 30, 34, 290, 70
GRAY, RULE, BLUE = "#7a7f87", "#9aa0a655", "#3b7dd8"
NAMES = {"base": "base", **ARMS, "teacher": "teacher (fledgling)"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    write_whole(options.picture, draw(rows_of(orjson.loads(options.figures.read_bytes()))).encode())


def rows_of(figures: Mapping[str, Any]) -> list[tuple[str, float, float, float, Sequence[float]]]:
    """Of each model: its name, the share of right answers, the interval's ends, and the share of each seed."""
    if "shares" in figures:
        shares = figures["shares"]
        return [
            (name, share["value"], share["low"], share["high"], share["seeds"])
            for key, name in NAMES.items()
            if (share := shares.get(key))
        ]
    return [(name, arm["right"], arm["low"], arm["high"], ()) for name, arm in figures["arms"].items()]


def draw(rows: Sequence[tuple[str, float, float, float, Sequence[float]]]) -> str:
    """A line for each model on one scale from 0 to 100%."""
    height = TOP + ROW * len(rows) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="Share of right answers" font-family="system-ui, sans-serif" font-size="13">'
    ]
    for tick in range(0, 101, 20):
        x = across(tick / 100)
        parts.append(f'<line x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{height - 4}" stroke="{RULE}"/>')
        parts.append(f'<text x="{x}" y="{TOP - 14}" fill="{GRAY}" text-anchor="middle">{tick}%</text>')
    for number, (name, value, low, high, seeds) in enumerate(rows):
        y = TOP + ROW * number + ROW / 2
        parts.append(f'<text x="{LEFT - 14}" y="{y + 4}" fill="{GRAY}" text-anchor="end">{escape(name)}</text>')
        parts.append(
            f'<line x1="{across(low)}" x2="{across(high)}" y1="{y}" y2="{y}" stroke="{BLUE}" stroke-width="5" '
            f'stroke-opacity="0.45" stroke-linecap="round"/>'
        )
        parts += [f'<circle cx="{across(seed)}" cy="{y}" r="2.2" fill="{GRAY}"/>' for seed in seeds]
        parts.append(f'<circle cx="{across(value)}" cy="{y}" r="5" fill="{BLUE}"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 16}" y="{y + 4}" fill="{GRAY}">{value:.1%}</text>')
    return "\n".join([*parts, "</svg>\n"])


def across(share: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * share, 1)


if __name__ == "__main__":
    main()
