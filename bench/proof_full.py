"""What each idea of curation is worth by itself, judged by the truth and by a reward model. Takes hours.

    python -m bench.proof_full [--rows 1000] [--seeds 3] [--asked 1000] [--only size bad ideas budget] [--work FOLDER]

Models are trained and asked as in `bench.proof`, from the same base with latent abilities. Four experiments:

- `size`: Magpie rows as they come, 500 to 4,000 of them.
- `bad`: a public-like set from a worse generator (temperature 1.3 for instructions and responses, a fifth of it
  duplicates, 15% of the responses moved to other instructions), once as it is, once curated as in `pro-mini`.
- `ideas`: the same number of rows out of one pool, chosen at random or by one idea alone: length, quality, difficulty,
  distance to the nearest neighbor, reward, reward difference to an unaligned model, diversity.
- `budget`: judging before answering against answering everything first, with the same number of generated tokens.

Each model also meets the random choice (of `ideas`) before a judge, `fledgling-reward`: win rate, and with the length
controlled. The last lines say how well these follow the truth. Intervals are 95%, from a bootstrap over prompts and
seeds. What is made is kept in `--work`, and the same command resumes from there; without a network and a GPU.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # torch reads it on import

import numpy as np
import orjson

import magpie
from bench.proof import Asked, answered, drawn, make_base, unseen
from fledgling.novelty import known_from, together
from fledgling.truth import known_of
from magpie.evaluate.judgments import Game, Style
from magpie.evaluate.length_control import length_controlled
from magpie.evaluate.winrate import win_rate
from magpie.imports import import_dataset
from magpie.modelfiles.locate import find_model
from magpie.runs import Run
from magpie.runs.files import write_whole
from magpie.train import Train, train

SIZES = (500, 1000, 2000, 4000)
POOL = 3
"""Instructions of a pool for each row that is chosen from it."""
REFERENCE = "idea: random"
DRAWS = 2000
IDEAS = {
    "random": "hash(row)",
    "length": "length(response) DESC, hash(row)",
    "quality": "input_quality DESC, hash(row)",
    "difficulty": "difficulty DESC, hash(row)",
    "distance": "min_neighbor_distance DESC, hash(row)",
    "reward": "instruct_reward DESC, hash(row)",
    "reward difference": "reward_difference DESC, hash(row)",
}
"""What comes first in the order of each selection."""
GOOD = "input_quality >= 'good' AND difficulty >= 'medium' AND NOT is_repeat"
"""The shortlist of `pro-mini`."""
DUPLICATES, MOVED = 0.2, 0.15

Say = Callable[[str], None]


@dataclass(frozen=True)
class Arm:
    """A dataset to train on."""

    name: str
    seed: int
    run: Run
    """Its kept rows are learned from."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000, help="of each dataset, but for those of `size`")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--asked", type=int, default=1000, help="prompts that each model answers")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--only", nargs="+", choices=EXPERIMENTS, default=list(EXPERIMENTS))
    parser.add_argument("--work", type=Path, default=Path("build/proof-full"))
    options = parser.parse_args()
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{(time.monotonic() - began) / 60:5.1f} min] {line}", flush=True)

    shared = Asked(options.rows, options.seeds, options.asked, POOL, 0, options.epochs, options.work)
    options.work.mkdir(parents=True, exist_ok=True)
    base = make_base(shared, say)
    arms: list[Arm] = []
    for name in options.only:
        for seed in range(options.seeds):
            arms += EXPERIMENTS[name](shared, seed)
            say(f"data of {name}, seed {seed}")
    prompts = prompts_for(shared, arms)
    right: dict[str, list[np.ndarray]] = {}
    for arm in arms:
        file = trained(shared, arm, base)
        right.setdefault(arm.name, []).append(answered(shared, label(arm), file, prompts, say))
    rewards = {label(arm): rewards_of(shared, arm) for arm in arms}
    figures = figures_of(arms, {name: np.stack(each) for name, each in right.items()}, rewards)
    form = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
    write_whole(options.work / "figures.json", orjson.dumps(figures, option=form))
    print()
    print(table(figures))


def label(arm: Arm) -> str:
    """A name for the arm's files."""
    return f"{arm.name.replace(': ', '-').replace(' ', '-').replace(',', '')}-{arm.seed}"


# -- datasets ----------------------------------------------------------------------------------------------------------


def sizes(shared: Asked, seed: int) -> list[Arm]:
    """Magpie rows as they come: the larger sets hold the smaller ones."""
    most = max(SIZES)
    pool = magpie.run("basic", size=round(most * 1.1) + 20, seed=seed, out=shared.work / "runs" / f"size-{seed}")
    pairs = pairs_of(pool, f"SELECT instruction, response FROM kept ORDER BY row LIMIT {most}")
    return [arm_of(shared, f"size: {size:,}", seed, pairs[:size]) for size in SIZES]


def bad(shared: Asked, seed: int) -> list[Arm]:
    """A set from a worse generator, as it is and curated."""
    hot = ("instruct.sampling.temperature=1.3", "respond.sampling.temperature=1.3")
    size = round(shared.rows * shared.pool)
    source = magpie.run("basic", size=size, seed=100 + seed, out=shared.work / "runs" / f"hot-{seed}", settings=hot)
    pairs = spoiled(pairs_of(source, "SELECT instruction, response FROM kept ORDER BY row"), Random(seed))
    raw = arm_of(shared, "bad: raw", seed, pairs[: shared.rows])
    return [raw, Arm("bad: curated", seed, curated(shared, seed, pairs))]


def spoiled(pairs: Sequence[tuple[str, str]], rng: Random) -> list[tuple[str, str]]:
    """With some responses moved to other instructions, and duplicates, in random order."""
    texts = list(pairs)
    moved = rng.sample(range(len(texts)), round(MOVED * len(texts)))
    shifted = [*moved[1:], *moved[:1]]
    for place, source in zip(moved, shifted, strict=True):
        texts[place] = (pairs[place][0], pairs[source][1])
    texts += rng.choices(texts, k=round(DUPLICATES * len(texts)))
    rng.shuffle(texts)
    return texts


def curated(shared: Asked, seed: int, pairs: Sequence[tuple[str, str]]) -> Run:
    """The best rows of an imported set, by the stages and clauses of `pro-mini`."""
    out = shared.work / "runs" / f"bad-curated-{seed}"
    if not out.exists():
        imported(pairs, shared.work / "data" / f"bad-{seed}.jsonl", out)
    settings = (
        "screen={}",
        "dedup={}",
        "embed={}",
        "neighbors={}",
        "tag={model: fledgling, fast: true}",
        "screen_responses={}",
        "reward={by: classifier, model: fledgling-reward}",
        f'select={{keep: "{GOOD}", order: instruct_reward DESC, limit: {shared.rows}}}',
    )
    return magpie.run(out=out, settings=settings)


def ideas(shared: Asked, seed: int) -> list[Arm]:
    """The same number of rows out of one pool, by one idea each."""
    pool = judged_pool(shared, seed)
    arms = []
    for name, order in IDEAS.items():
        query = f"SELECT instruction, response FROM kept ORDER BY {order} LIMIT {shared.rows}"
        arms.append(arm_of(shared, f"idea: {name}", seed, pairs_of(pool, query)))
    diverse = magpie.run(out=pool.path, settings=(f"select={{diverse: {{}}, limit: {shared.rows}}}",))
    arms.append(arm_of(shared, "idea: diversity", seed, pairs_of(diverse, "SELECT instruction, response FROM kept")))
    magpie.run(out=pool.path, settings=("select={}",))
    return arms


def budget(shared: Asked, seed: int) -> list[Arm]:
    """What a number of generated tokens buys: answered where the instruction is good, or answered first."""
    pool = judged_pool(shared, seed)
    rows = pool.sql(
        f"SELECT instruction, response, {GOOD} AS good, instruct_tokens AS asking, respond_tokens AS answering "
        "FROM kept ORDER BY row"
    ).to_pylist()
    tokens = sum(row["asking"] + row["answering"] for row in rows) // 2
    arms = []
    for name, last in (("answer first", False), ("answer last", True)):
        spent, pairs = 0, []
        for row in rows:
            spent += row["asking"] + (row["answering"] if row["good"] or not last else 0)
            if spent > tokens:
                break
            if row["good"]:
                pairs.append((row["instruction"], row["response"]))
        arms.append(arm_of(shared, f"budget: {name}", seed, pairs))
    return arms


def judged_pool(shared: Asked, seed: int) -> Run:
    """A run of `pro-mini` in which every row is answered and nothing is selected."""
    return magpie.run(
        "pro-mini",
        size=round(shared.rows * shared.pool),
        seed=200 + seed,
        out=shared.work / "runs" / f"pool-{seed}",
        settings=("shortlist=null", "safety=null", "select={}"),
    )


EXPERIMENTS: Mapping[str, Callable[[Asked, int], list[Arm]]] = {
    "size": sizes,
    "bad": bad,
    "ideas": ideas,
    "budget": budget,
}


def pairs_of(run: Run, query: str) -> list[tuple[str, str]]:
    return [(row["instruction"], row["response"]) for row in run.sql(query).to_pylist()]


def arm_of(shared: Asked, name: str, seed: int, pairs: Sequence[tuple[str, str]]) -> Arm:
    """The pairs as a run of their own."""
    arm_label = name.replace(": ", "-").replace(" ", "-").replace(",", "") + f"-{seed}"
    out = shared.work / "sets" / arm_label
    if out.exists():
        return Arm(name, seed, magpie.open_run(out))
    return Arm(name, seed, imported(pairs, shared.work / "data" / f"{arm_label}.jsonl", out))


def imported(pairs: Sequence[tuple[str, str]], file: Path, out: Path) -> Run:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, b"\n".join(orjson.dumps({"instruction": ask, "response": reply}) for ask, reply in pairs))
    return import_dataset(file, out)[0]


# -- models and what judges say of them --------------------------------------------------------------------------------


def prompts_for(shared: Asked, arms: Sequence[Arm]) -> list[str]:
    """Prompts of the hidden mix that no dataset and not the teacher's corpus holds, however dressed."""
    file = shared.work / "prompts.json"
    if file.exists():
        prompts: list[str] = orjson.loads(file.read_bytes())
        return prompts
    known = [known_of(find_model("fledgling").parent)]
    known += [known_from(arm.run.sql("SELECT instruction FROM rows").column(0).to_pylist()) for arm in arms]
    prompts = list(islice(unseen(together(known)), shared.asked))
    write_whole(file, orjson.dumps(prompts))
    return prompts


def trained(shared: Asked, arm: Arm, base: Path) -> Path:
    """The GGUF file of the model that learned from the arm's rows."""
    out = shared.work / "models" / label(arm)
    if not (out / "config.json").exists():
        train(arm.run, str(base), "sft", out, Train(seed=arm.seed, epochs=shared.epochs), gguf=True)
    return out / f"{out.name}-f16.gguf"


def rewards_of(shared: Asked, arm: Arm) -> list[tuple[float, int]]:
    """The reward of each answer, by `fledgling-reward`, and its characters; in the order of the prompts."""
    lines = (shared.work / "answers" / f"{label(arm)}.jsonl").read_bytes().split(b"\n")
    answers = [orjson.loads(line) for line in lines]
    out = shared.work / "judged" / label(arm)
    if not out.exists():
        pairs = [(answer["prompt"], answer["response"] or "(nothing)") for answer in answers]
        imported(pairs, shared.work / "data" / f"judged-{label(arm)}.jsonl", out)
    run = magpie.run(out=out, settings=("reward={by: classifier, model: fledgling-reward}",))
    rewards = run.sql("SELECT instruct_reward FROM rows ORDER BY row").column(0).to_pylist()
    return [(reward, len(answer["response"])) for reward, answer in zip(rewards, answers, strict=True)]


# -- figures -----------------------------------------------------------------------------------------------------------


def figures_of(
    arms: Sequence[Arm], right: Mapping[str, np.ndarray], rewards: Mapping[str, Sequence[tuple[float, int]]]
) -> dict[str, Any]:
    """For each arm the share of right answers, its interval, its rows and, against the reference, the judge's rates."""
    draws = list(drawn(right, DRAWS))
    rows: dict[str, list[int]] = {}
    for arm in arms:
        kept = arm.run.sql("SELECT count(*) FROM kept").column(0)[0].as_py()
        rows.setdefault(arm.name, []).append(kept)
    figures: dict[str, Any] = {}
    for name, answers in right.items():
        low, high = np.quantile([draw[name] for draw in draws], [0.025, 0.975])
        figures[name] = {"right": float(answers.mean()), "low": low, "high": high, "rows": rows[name]}
        if REFERENCE in right:
            difference = [draw[name] - draw[REFERENCE] for draw in draws]
            figures[name]["difference"] = float(answers.mean() - right[REFERENCE].mean())
            figures[name]["difference interval"] = [float(bound) for bound in np.quantile(difference, [0.025, 0.975])]
            games = games_of(name, [arm for arm in arms if arm.name == name], rewards)
            figures[name]["win rate"] = win_rate(games).rate
            figures[name]["length-controlled"] = length_controlled(games, None, resamples=20).rate
    return {"arms": figures, "judge and truth": agreement(figures)}


def games_of(name: str, arms: Sequence[Arm], rewards: Mapping[str, Sequence[tuple[float, int]]]) -> list[Game]:
    """The arm's answers against those of the reference with the same seed."""
    games = []
    for arm in arms:
        other = rewards[label(Arm(REFERENCE, arm.seed, arm.run))]
        for place, ((own, length), (against, length_against)) in enumerate(
            zip(rewards[label(arm)], other, strict=True)
        ):
            won = 0.5 if own == against else float(own > against)
            games.append(
                Game(str(place), name, REFERENCE, won, style=Style(length), opponent_style=Style(length_against))
            )
    return games


def agreement(figures: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Rank correlation, over arms, of what the judge says and the share of right answers."""
    judged = [figure for name, figure in figures.items() if "win rate" in figure and name != REFERENCE]
    if len(judged) < 3:
        return {}
    truth = ranks([figure["right"] for figure in judged])
    return {
        key: float(np.corrcoef(truth, ranks([figure[key] for figure in judged]))[0, 1])
        for key in ("win rate", "length-controlled")
    }


def ranks(values: Sequence[float]) -> np.ndarray:
    """From 0; equal values share the mean of theirs."""
    array = np.array(values)
    return np.array([(array < value).sum() + ((array == value).sum() - 1) / 2 for value in values])


def table(figures: Mapping[str, Any]) -> str:
    """Markdown."""
    lines = [
        "| dataset | rows | right | 95% interval | against random | win rate | length-controlled |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, arm in figures["arms"].items():
        sizes_of_arm = sorted(set(arm["rows"]))
        rows = f"{sizes_of_arm[0]:,}" + (f" to {sizes_of_arm[-1]:,}" if len(sizes_of_arm) > 1 else "")
        line = f"| {name} | {rows} | {arm['right']:.1%} | {arm['low']:.1%} to {arm['high']:.1%} |"
        if "difference" in arm and name != REFERENCE:
            low, high = arm["difference interval"]
            line += f" {100 * arm['difference']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f}) |"
            line += f" {arm['win rate']:.1f} | {arm['length-controlled']:.1f} |"
        else:
            line += " | | |"
        lines.append(line)
    for key, value in figures["judge and truth"].items():
        lines += ["", f"Rank correlation of the judge's {key} and the truth, over datasets: {value:.2f}"]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
