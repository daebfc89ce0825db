"""Our metrics against published tables and known truths: what docs/evaluate.md says of them.

    python -m bench.judgments [--data FOLDER] [--draws 1000]

Public tables: AlpacaEval 2 (win rates, length-controlled win rates) and WildBench v2.0625, from the folder `data` of
`--data` or MAGPIE_TEST_DATA; without it they are left out. Synthetic draws: games between two models whose strengths,
and what the judge gives to length, are known: how often the 95% interval of Bradley-Terry holds them.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from magpie.evaluate.bradley_terry import bradley_terry
from magpie.evaluate.files import read_judgments
from magpie.evaluate.judgments import Game, Judgments, Style
from magpie.evaluate.lc_files import read_lc_data
from magpie.evaluate.length_control import length_controlled, rate_of_coefficients, sigmoid
from magpie.evaluate.scores import graded
from magpie.evaluate.winrate import win_rate

STRENGTH, LENGTH = 0.6, 0.5
"""What is true in the draws: logits of the stronger model, and for a standard deviation of length."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("MAGPIE_TEST_DATA", "nowhere")))
    parser.add_argument("--draws", type=int, default=1000, help="synthetic draws; 0 leaves them out")
    parser.add_argument("--prompts", type=int, default=150, help="prompts of a draw")
    options = parser.parse_args()
    folder = options.data / "data"
    if (folder / "alpaca_eval").is_dir():
        alpaca(folder / "alpaca_eval")
    else:
        print(f"AlpacaEval: left out ({folder / 'alpaca_eval'} is not there)")
    if (folder / "wildbench").is_dir():
        wildbench(folder / "wildbench")
    if options.draws:
        synthetic(options.draws, options.prompts)


def table(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return {next(iter(row.values())): row for row in csv.DictReader(file)}


def told(name: str, errors: Sequence[float]) -> None:
    sizes = np.abs(errors)
    print(f"{name}: {len(sizes)} models, mean error {sizes.mean():.2g}, largest {sizes.max():.2g} points")


def alpaca(folder: Path) -> None:
    published = table(folder / "leaderboard.csv")
    judgments: Judgments = read_judgments([str(folder / "annotations.parquet")])
    data = read_lc_data(folder)
    lc = {
        name: float(row["length_controlled_winrate"])
        for name, row in published.items()
        if row["length_controlled_winrate"]
    }
    models = [model for model in judgments.models if model in lc]
    games = {model: judgments.of(model) for model in models}
    told("win rate", [win_rate(games[model]).rate - float(published[model]["win_rate"]) for model in models])
    for name, by_position in (("by position, as the original", True), ("by the true index", False)):
        rates = [length_controlled(games[model], data, by_position=by_position, resamples=2).rate for model in models]
        told(f"length-controlled, {name}", [rate - lc[model] for rate, model in zip(rates, models, strict=True)])
    minimal = [length_controlled(games[model], None, resamples=2).rate - lc[model] for model in models]
    told("length-controlled, minimal form", minimal)
    known = [name for name in data.coefficients or () if name in lc]
    given = [rate_of_coefficients((data.coefficients or {})[name], data.difficulty) - lc[name] for name in known]
    told("length-controlled, from given coefficients", given)


def wildbench(folder: Path) -> None:
    published = table(folder / "leaderboard.csv")
    judgments = read_judgments([str(folder / "scores.parquet")])
    models = [model for model in judgments.models if model in published]
    found = {model: graded([one for one in judgments.scores if one.model == model]) for model in models}
    told("WildBench", [found[model].score - 2 * (float(published[model]["score"]) - 5) for model in models])


def synthetic(draws: int, prompts: int) -> None:
    generator = np.random.default_rng(0)
    hits = {"strength": 0, "length": 0}
    begun = time.process_time()
    for number in range(draws):
        own, other = generator.uniform(100, 2000, (2, prompts))
        longer = (own - other) / (own + other)
        longer = longer / longer.std()
        won = generator.random(prompts) < sigmoid(STRENGTH + LENGTH * longer)
        games = [
            Game(str(n), "a", "b", float(won[n]), style=Style(own[n]), opponent_style=Style(other[n]))
            for n in range(prompts)
        ]
        found = bradley_terry(games, "b", control=("length",), resamples=200, seed=number)
        strength = next(one for one in found.strengths if one.model == "a").strength_interval
        hits["strength"] += strength[0] <= STRENGTH <= strength[1]
        length = found.styles["length"][1]
        hits["length"] += length[0] <= LENGTH <= length[1]
    for name, count in hits.items():
        print(f"Bradley-Terry, {name}: in the 95% interval in {100 * count / draws:.1f}% of {draws:,} draws")
    print(f"({prompts} prompts a draw, {time.process_time() - begun:.0f} s of CPU)")


if __name__ == "__main__":
    main()
