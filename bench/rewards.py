"""How well rewards tell right responses from others, and how many there are a second: a judge's, and a reward model's.

    python -m bench.rewards [--pairs 200] [--own 200] [--model fledgling] [--learn 1024] [--reward-model FOLDER]

Two kinds of rows, all scored through `magpie.run`. Pairs are drawn from fledgling's corpus: an instruction with its
right response, and with one that was damaged on purpose in one of four ways. The model's own responses, sampled at
temperature 1, are right or not by the corpus's own checker. The judge is `--model`. The reward model is one of
fledgling's size that is trained here on other pairs (`tests/scorers/small_models.py`), or the one in `--reward-model`;
it needs PyTorch and transformers, and is left out where they are not installed.

Figures: how often the right response of a pair has the higher reward (a tie is half), and the AUC, the same over all
right and all other ones. Intervals are 95%: Wilson's, and Hanley and McNeil's (1982). Seconds are CPU time of the whole
call, loading included.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import magpie
from fledgling.datasets import of_run
from fledgling.statistics import Estimate, share
from fledgling.verdict import judge as find_truth
from magpie.imports import import_dataset
from tests.scorers.small_models import DAMAGES, UNSEEN, Conversation, pairs, train_reward

ENGINE = ("engine=llamacpp",)

Row = Mapping[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200, help="pairs drawn from the corpus; 0 leaves them out")
    parser.add_argument("--own", type=int, default=200, help="rows that the model makes itself; 0 leaves them out")
    parser.add_argument("--model", default="fledgling", help="the judge, and the model whose own rows are scored")
    parser.add_argument("--learn", type=int, default=1024, help="pairs that the reward model learns from; 0: none")
    parser.add_argument("--reward-model", type=Path, help="a folder with a reward model, in place of one trained here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scorers = {"judge": "reward={}"} | reward_model(options.reward_model, options.learn, folder / "reward-model")
        if options.pairs:
            drawn(folder / "pairs", options.model, options.pairs, scorers)
        if options.own:
            own(folder / "own", options.model, options.own, scorers)


def reward_model(given: Path | None, learn: int, folder: Path) -> dict[str, str]:
    """The setting that scores with the reward model, by a name for it."""
    if find_spec("torch") is None or find_spec("transformers") is None or (given is None and not learn):
        print("reward model: left out (needs PyTorch and transformers, and --learn or --reward-model)")
        return {}
    if given is None:
        begun = time.process_time()
        train_reward(folder, learn)
        print(f"reward model: trained on {learn} pairs in {time.process_time() - begun:.0f} s of CPU")
    return {"classifier": f"reward={{by: classifier, model: '{(given or folder).resolve()}'}}"}


# -- pairs ------------------------------------------------------------------------------------------------------------


def drawn(out: Path, model: str, count: int, scorers: Mapping[str, str]) -> None:
    print(f"pairs of a right and a damaged response ({count})")
    some = pairs(count, UNSEEN)
    source = out.with_suffix(".jsonl")
    rows = [as_row(one) for pair in some for one in (pair.right, pair.wrong)]
    source.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    import_dataset(source, out)
    for name, setting in scorers.items():
        rewards = [row["instruct_reward"] for row in made(name, out, f"model={model}", setting)]
        right, wrong = rewards[::2], rewards[1::2]
        print_figure(name, "no reward", share(rewards.count(None), len(rewards)), ".1%")
        for digit, damage in (*DAMAGES.items(), (None, "any of these")):
            told = [n for n, pair in enumerate(some) if digit in (pair.digit, None)]
            print_pairs(name, damage, [(right[n], wrong[n]) for n in told])


def as_row(conversation: Conversation) -> dict[str, str]:
    return {"instruction": conversation[0].content, "response": conversation[1].content}


def print_pairs(name: str, damage: str, told: Sequence[tuple[float | None, float | None]]) -> None:
    known = [(a, b) for a, b in told if a is not None and b is not None]
    wins = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in known)
    print_figure(name, f"{damage}: the right one is higher", share(round(wins), len(known)), ".1%")
    print_figure(name, f"{damage}: AUC", auc([a for a, _ in known], [b for _, b in known]), ".3f")


# -- the model's own responses ----------------------------------------------------------------------------------------


def own(out: Path, model: str, count: int, scorers: Mapping[str, str]) -> None:
    print(f"own responses at temperature 1 ({count} rows)")
    settings = (f"model={model}", "respond.sampling.temperature=1")
    magpie.run(size=count, out=out, settings=(*ENGINE, *settings))
    for name, setting in scorers.items():
        rows = [row for row in made(name, out, *settings, setting) if row["instruct_reward"] is not None]
        verdicts = [find_truth(of_run(row)) for row in rows]
        known = [(row, one) for row, one in zip(rows, verdicts, strict=True) if one.family is not None]
        right = [row["instruct_reward"] for row, one in known if one.right]
        wrong = [row["instruct_reward"] for row, one in known if not one.right]
        print_figure(name, "right, of those with a valid instruction", share(len(right), len(known)), ".1%")
        print_figure(name, "right against wrong: AUC", auc(right, wrong), ".3f")


# -- running and telling ----------------------------------------------------------------------------------------------


def made(name: str, out: Path, *settings: str) -> list[Row]:
    """The rows of the run, every one, after it was scored."""
    begun = time.process_time()
    run = magpie.run(out=out, settings=(*ENGINE, *settings))
    seconds = time.process_time() - begun
    rows = [row for row in run.table().to_pylist() if row["drop_reason"] is None]
    print(f"{name:12}{'scores a second of CPU':56}{len(rows) / seconds:8.0f}")
    return rows


def auc(right: Sequence[float], wrong: Sequence[float]) -> Estimate:
    """The chance that a right one's reward is higher than another's; a tie is half."""
    if not right or not wrong:
        return Estimate(math.nan, math.nan, math.nan, 0)
    value = sum((a > b) + 0.5 * (a == b) for a in right for b in wrong) / (len(right) * len(wrong))
    one, other = value / (2 - value), 2 * value**2 / (1 + value)
    spread = value * (1 - value) + (len(right) - 1) * (one - value**2) + (len(wrong) - 1) * (other - value**2)
    reach = 1.96 * math.sqrt(max(0.0, spread) / (len(right) * len(wrong)))
    return Estimate(value, max(0.0, value - reach), min(1.0, value + reach), len(right) + len(wrong))


def print_figure(name: str, title: str, figure: Estimate, form: str) -> None:
    value, low, high = (format(one, form) for one in (figure.value, figure.low, figure.high))
    print(f"{name:12}{title:56}{value:>8}   [{low}, {high}]   n = {figure.n}", flush=True)


if __name__ == "__main__":
    main()
