"""The paper's Table 1 in miniature: what data brings back in a base, judged by the truth.

    python -m bench.proof [--rows 2000] [--seeds 3] [--asked 2000] [--work build/proof]      (or: make proof)

The base is fledgling made to forget how to answer (`fledgling.latent`); it has read the aligned corpus long ago, so
what this shows is that data brings back what a model can do. The teacher is fledgling, which writes the data. For
each seed a model is trained on each of four data sets through `magpie train`: true pairs, drawn from the hidden
corpus with right responses; Magpie raw (`basic`); Magpie curated (`pro-mini`, from `--pool` instructions for each row
that is wanted); and, on the curated model, preference pairs (`dpo-mini`). True and raw rows are drawn anew for each
seed; curated rows and pairs are made once, since judging is most of the work, and only the training differs. Every
model answers the same prompts, greedily. No prompt is in any data set or in the teacher's own corpus, however it is
dressed. A response counts as right where the corpus's grammar says so and it ends by itself, with the token that ends
a turn or a text: the base knows only the latter.

Intervals are 95%, from 2,000 draws of a bootstrap over prompts and over seeds; differences and ratios are paired: the
same prompts and seeds for both. What is made is kept in `--work`, and the same command resumes it. A small
form that takes minutes: `--rows 200 --seeds 1 --asked 200 --epochs 1 --pairs 60`.

The extra `train` is needed, and `curation`; `scripts/env-engines.sh` makes such an environment.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # torch reads it on import

import numpy as np
import orjson

import magpie
from fledgling.novelty import Known, known_from, together
from fledgling.verdict import Talk, judge
from magpie.engines.llamacpp.engine import open_llamacpp
from magpie.imports import import_dataset
from magpie.modelfiles.locate import find_model
from magpie.modelfiles.model import open_model
from magpie.runs import Run
from magpie.runs.files import write_whole
from magpie.seams import Completion, Request, SamplingParams, Tokens
from magpie.templates.supervised import TrainingTemplate
from magpie.train import Train, train

TEACHER = "fledgling"
LIMIT = 200
"""Tokens of a response."""
DRAWS = 2000
ASKED = 19_000_003
"""Added to a seed, for the prompts that are asked."""
ARMS = {
    "true": "base + true pairs",
    "raw": "base + Magpie raw",
    "curated": "base + Magpie curated (pro-mini)",
    "dpo": "base + Magpie curated + DPO (dpo-mini)",
}


@dataclass(frozen=True)
class Asked:
    """What the command line says."""

    rows: int
    seeds: int
    asked: int
    pool: float
    pairs: int
    epochs: float
    work: Path

    @property
    def seed_numbers(self) -> range:
        return range(self.seeds)


def main() -> None:
    asked = arguments()
    began = time.monotonic()
    asked.work.mkdir(parents=True, exist_ok=True)

    def say(line: str) -> None:
        print(f"[{(time.monotonic() - began) / 60:5.1f} min] {line}", flush=True)

    base = make_base(asked, say)
    runs = {(arm, seed): make_data(asked, arm, seed, say) for seed in asked.seed_numbers for arm in ("true", "raw")}
    for arm in ("curated", "dpo"):  # judging is most of the work, so that there is one of each
        run = make_data(asked, arm, 0, say)
        runs |= {(arm, seed): run for seed in asked.seed_numbers}
    prompts = make_prompts(asked, runs, say)
    right: dict[str, np.ndarray] = {}
    right["base"] = answered(asked, "base", base / "fledgling-latent-f16.gguf", prompts, say)[None]
    right["teacher"] = answered(asked, "teacher", find_model(TEACHER), prompts, say)[None]
    for arm in ARMS:
        each = []
        for seed in asked.seed_numbers:
            model = make_model(asked, arm, seed, runs[arm, seed], base, say)
            each.append(answered(asked, f"{arm}-{seed}", model, prompts, say))
        right[arm] = np.stack(each)
    figures = figures_of(right)
    sizes = {arm: [kept(runs[arm, seed], arm) for seed in asked.seed_numbers] for arm in ARMS}
    figures["rows"] = sizes
    figures["by difficulty"] = by_difficulty(right, prompts)
    figures["asked"] = len(prompts)
    write_whole(asked.work / "figures.json", orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    say("done")
    print()
    print(table(figures))


def arguments() -> Asked:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000, help="of each data set")
    parser.add_argument("--seeds", type=int, default=3, help="of data and training")
    parser.add_argument("--asked", type=int, default=2000, help="prompts that every model answers")
    parser.add_argument("--pool", type=float, default=2.5, help="instructions for each row of the curated set")
    parser.add_argument("--pairs", type=int, default=500, help="instructions of the preference data")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--work", type=Path, default=Path("build/proof"))
    return Asked(**vars(parser.parse_args()))


# -- base, data and prompts --------------------------------------------------------------------------------------------


def make_base(asked: Asked, say: Callable[[str], None]) -> Path:
    """The folder of the base with latent abilities; made in some minutes, once."""
    folder = asked.work / "latent" / "fledgling-latent"
    if not folder.exists():
        say("making the base: the chat model reads unaligned documents")
        from fledgling import latent

        latent.main(["--pairs", "--asked", "20", "--work", str(folder.parent)])
    return folder


def make_data(asked: Asked, arm: str, seed: int, say: Callable[[str], None]) -> Run:
    """The data set of an arm, as a run."""
    out = asked.work / "runs" / f"{arm}-{seed}"
    began = time.monotonic()
    if arm == "true":
        run = true_run(asked, seed, out)
    elif arm == "raw":
        settings = ("select={}", f"select.limit={asked.rows}")
        run = magpie.run("basic", size=round(asked.rows * 1.1) + 20, seed=seed, out=out, settings=settings)
    elif arm == "curated":
        limit = (f"select.limit={asked.rows}",)
        run = magpie.run("pro-mini", size=round(asked.rows * asked.pool), seed=seed, out=out, settings=limit)
    else:
        run = magpie.run("dpo-mini", size=asked.pairs, seed=seed + 1000, out=out)
    say(f"data {arm}-{seed}: {kept(run, arm):,} rows in {time.monotonic() - began:.0f} s")
    return run


def true_run(asked: Asked, seed: int, out: Path) -> Run:
    if out.exists():
        return magpie.open_run(out)
    from fledgling.latent import true_pairs

    file = asked.work / f"true-{seed}.jsonl"
    pairs = true_pairs(asked.rows, seed)
    write_whole(file, b"\n".join(orjson.dumps({"instruction": ask, "response": reply}) for ask, reply in pairs))
    return import_dataset(file, out)[0]


def kept(run: Run, arm: str) -> int:
    """Rows that are learned from."""
    query = "SELECT count(*) AS rows FROM kept" + (" WHERE chosen IS NOT NULL" if arm == "dpo" else "")
    return int(run.sql(query).to_pylist()[0]["rows"])


def make_prompts(asked: Asked, runs: Mapping[tuple[str, int], Run], say: Callable[[str], None]) -> list[str]:
    """Instructions of the hidden mix that no data set holds, and the teacher's corpus neither, however dressed."""
    file = asked.work / "prompts.json"
    identity = [asked.rows, asked.seeds, asked.asked, asked.pool, asked.pairs]
    if file.exists() and (found := json.loads(file.read_text()))["of"] == identity:
        return list(found["prompts"])
    from fledgling.truth import known_of

    say("looking for prompts that nobody has seen")
    own: list[Known] = [known_of(find_model(TEACHER).parent)]
    own += [
        known_from(run.sql("SELECT instruction FROM rows").column("instruction").to_pylist()) for run in runs.values()
    ]
    seen = together(own)
    prompts = list(islice(unseen(seen), asked.asked))
    write_whole(file, orjson.dumps({"of": identity, "prompts": prompts}))
    return prompts


def unseen(seen: Known) -> Iterator[str]:
    """Each once."""
    from fledgling.corpus import ask, draw_of_mix

    rng, given = Random(ASKED), set[str]()
    while True:
        prompt = ask(draw_of_mix(rng), rng)[0].prompt
        if prompt not in given and not seen.holds_anyhow(prompt):
            given.add(prompt)
            yield prompt


# -- models and their answers ------------------------------------------------------------------------------------------


def make_model(asked: Asked, arm: str, seed: int, run: Run, base: Path, say: Callable[[str], None]) -> Path:
    """The GGUF file of the model that was trained on the data set of an arm."""
    out = asked.work / "models" / f"{arm}-{seed}"
    file = out / f"{out.name}-f16.gguf"
    if not (out / "config.json").exists():
        begun = asked.work / "models" / f"curated-{seed}" if arm == "dpo" else base
        settings = Train(seed=seed) if arm == "dpo" else Train(seed=seed, epochs=asked.epochs)
        found = train(run, str(begun), "dpo" if arm == "dpo" else "sft", out, settings, gguf=True)
        figures = found.told["figures"]
        say(
            f"model {arm}-{seed}: {figures['steps']:,} steps in {figures['seconds']:.0f} s, loss {figures['last_loss']}"
        )
    return file


def answered(asked: Asked, name: str, model: Path, prompts: Sequence[str], say: Callable[[str], None]) -> np.ndarray:
    """Whether the model's response to each prompt is right, [prompts] of bool; its answers are kept."""
    file = asked.work / "answers" / f"{name}.jsonl"
    file.parent.mkdir(exist_ok=True)
    lines = [orjson.loads(line) for line in file.read_bytes().splitlines()] if file.exists() else []
    if [line["prompt"] for line in lines] != list(prompts):
        began = time.monotonic()
        texts = answers(model, prompts)
        lines = [
            {"prompt": prompt, "response": text, "right": ended and judge(Talk(None, (prompt,), (text,))).right}
            for prompt, (text, ended) in zip(prompts, texts, strict=True)
        ]
        write_whole(file, b"\n".join(map(orjson.dumps, lines)))
        share = sum(line["right"] for line in lines) / len(lines)
        say(f"answers {name}: {share:.1%} right, {time.monotonic() - began:.0f} s")
    return np.array([line["right"] for line in lines])


def answers(model: Path, prompts: Sequence[str]) -> list[tuple[str, bool]]:
    """The greedy response to each prompt, and whether it ended by itself."""
    files = open_model(model)
    template = TrainingTemplate.of(files)
    sampling = SamplingParams(temperature=0.0, max_tokens=LIMIT, stop_token_ids=files.eog_ids)
    found: dict[int, tuple[str, bool]] = {}
    todo = list(range(len(prompts)))[::-1]
    with open_llamacpp(model) as engine:
        flying = 0
        while todo or flying:
            while todo and flying < engine.window:
                number = todo.pop()
                text = template.renderer.render([{"role": "user", "content": prompts[number]}], True)
                engine.submit(number, Request(Tokens(tuple(files.tokenizer.encode(text))), sampling))
                flying += 1
            for number, answer in engine.poll(1.0):
                flying -= 1
                whole = isinstance(answer, Completion)
                found[number] = (answer.text, answer.finish_reason == "stop") if whole else ("", False)  # type: ignore[union-attr]
    return [found[number] for number in range(len(prompts))]


# -- figures -----------------------------------------------------------------------------------------------------------

DIFFERENCES = (("raw", "true"), ("curated", "raw"), ("dpo", "curated"), ("raw", "base"), ("curated", "true"))
RATIOS = (("raw", "true"), ("raw", "teacher"), ("curated", "true"), ("curated", "teacher"))


def figures_of(right: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Shares, paired differences and paired ratios, each with its interval. right: arm to [seeds, prompts] of bool."""
    draws = list(drawn(right, DRAWS))
    means = {arm: float(found.mean()) for arm, found in right.items()}
    seeds = {arm: [float(value) for value in found.mean(1)] for arm, found in right.items()}

    def told(value: float, each: Sequence[float]) -> dict[str, float]:
        low, high = np.quantile(each, [0.025, 0.975])
        return {"value": value, "low": float(low), "high": float(high)}

    return {
        "shares": {arm: told(means[arm], [one[arm] for one in draws]) | {"seeds": seeds[arm]} for arm in right},
        "differences": {
            f"{one} - {other}": told(means[one] - means[other], [draw[one] - draw[other] for draw in draws])
            for one, other in DIFFERENCES
            if one in right and other in right
        },
        "ratios": {
            f"{one} : {other}": told(
                means[one] / max(means[other], 1e-9), [draw[one] / max(draw[other], 1e-9) for draw in draws]
            )
            for one, other in RATIOS
            if one in right and other in right
        },
    }


def by_difficulty(right: Mapping[str, np.ndarray], prompts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The share of right answers to the prompts of each true difficulty, and how many prompts there are."""
    levels = np.array([str(judge(Talk(None, (prompt,), ("",))).difficulty) for prompt in prompts])
    return {
        level: {
            "prompts": int((levels == level).sum()),
            "right": {arm: float(answers[:, levels == level].mean()) for arm, answers in right.items()},
        }
        for level in ("very easy", "easy", "medium", "hard")
        if (levels == level).any()
    }


def drawn(right: Mapping[str, np.ndarray], count: int) -> Iterator[dict[str, float]]:
    """Draws of the bootstrap: the same prompts, and the same seeds, for every arm that has several."""
    rng = np.random.default_rng(0)
    prompts = next(iter(right.values())).shape[1]
    seeds = max(found.shape[0] for found in right.values())
    for _ in range(count):
        some, taken = rng.integers(prompts, size=prompts), rng.integers(seeds, size=seeds)
        yield {
            arm: float(found[:, some].mean() if found.shape[0] == 1 else found[taken][:, some].mean())
            for arm, found in right.items()
        }


def table(figures: Mapping[str, Any]) -> str:
    """Markdown."""
    names = {"base": "base", **ARMS, "teacher": "teacher (fledgling)"}
    lines = [
        f"Right responses to {figures['asked']:,} prompts that neither data nor corpus holds, by the grammar.",
        "",
        "| model | rows | right | 95% interval | each seed |",
        "|---|---:|---:|---:|---:|",
    ]
    for arm, name in names.items():
        one = figures["shares"][arm]
        rows = ", ".join(f"{count:,}" for count in sorted(set(figures["rows"].get(arm, []))))
        each = ", ".join(f"{value:.1%}" for value in one["seeds"]) if len(one["seeds"]) > 1 else ""
        lines.append(f"| {name} | {rows} | {one['value']:.1%} | {one['low']:.1%} to {one['high']:.1%} | {each} |")
    if levels := figures.get("by difficulty"):
        lines += [
            "",
            "| right, by the prompt's difficulty | " + " | ".join(levels) + " |",
            "|---|" + "---:|" * len(levels),
        ]
        lines.append("| prompts | " + " | ".join(f"{level['prompts']:,}" for level in levels.values()) + " |")
        for arm, name in names.items():
            lines.append(f"| {name} | " + " | ".join(f"{level['right'][arm]:.1%}" for level in levels.values()) + " |")
    lines += ["", "| paired | | 95% interval |", "|---|---:|---:|"]
    for name, one in figures["differences"].items():
        told = f"{100 * one['value']:+.1f} points"
        lines.append(f"| {name} | {told} | {100 * one['low']:+.1f} to {100 * one['high']:+.1f} |")
    for name, one in figures["ratios"].items():
        lines.append(f"| {name} | {one['value']:.3f} | {one['low']:.3f} to {one['high']:.3f} |")
    lines += ["", *verdicts(figures)]
    return "\n".join(lines)


def verdicts(figures: Mapping[str, Any]) -> list[str]:
    """The claims, whichever way they fell."""

    def goal(name: str, least: float) -> str:
        low = figures["ratios"][name]["low"]
        return f"- {name} is at least {least:.2f}, by its lower bound: {'yes' if low >= least else 'no'} ({low:.3f})"

    def sign(name: str, words: str) -> str:
        one = figures["differences"][name]
        found = "yes" if one["low"] > 0 else "no, it loses" if one["high"] < 0 else "not to be told apart"
        return f"- {words}: {found} ({100 * one['low']:+.1f} to {100 * one['high']:+.1f} points)"

    return [
        goal("raw : true", 0.95),
        goal("raw : teacher", 0.88),
        sign("curated - raw", "curated data is better than raw data"),
        sign("dpo - curated", "DPO adds to it"),
        sign("raw - true", "Magpie data is better than true pairs"),
    ]


if __name__ == "__main__":
    main()
