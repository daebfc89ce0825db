"""magpie's own step loop over a model of transformers against the library's public continuous batching.

    .venv-engines/bin/python -m bench.continuous_batching [--requests 256] [--rounds 3] [--at-once 16 32 64]

On the model inside the package, float32, on this CPU. A: one short prompt, 64 tokens each. B: different prompts of
about 60 tokens, 128 tokens each. No text ends early, so that both generate the same number of tokens; the loop pays for
that with a mask, the library does not. Sampled at temperature 1.

The loop has its default slots. The library's speed depends on how many requests are in one batch, so several are
measured and the fastest counts. Setting up the manager and its cache is not timed.

Prints tokens per second of wall time, and in brackets tokens per second of CPU time, which other programs on the
machine disturb less. Medians of the rounds, in which all take turns. The last column is the loop divided by the fastest
of the library. `bench.ways` also has `generate`, and lets texts end.
"""

from __future__ import annotations

import argparse
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import transformers

from magpie.engines.transformers.loop import Loop, open_loop
from magpie.modelfiles.locate import find_model
from magpie.modelfiles.model import open_model
from magpie.seams import Completion, Request, SamplingParams, Tokens
from magpie.settings.engines import Transformers as TransformersSettings

Prompts = Sequence[tuple[int, ...]]
Generate = Callable[[Prompts, int], int]
"""Continues each prompt by so many tokens; returns how many tokens were generated."""


@dataclass
class Speed:
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{median(self.wall):,.0f} ({median(self.cpu):,.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-once", type=int, nargs="+", default=[16, 32, 64], help="requests in a library batch")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.getLogger("ContinuousBatchingLogger").setLevel(logging.ERROR)
    folder = find_model("fledgling").parent
    library = [f"library, {count} at once" for count in options.at_once]
    print(f"transformers {transformers.__version__}, tokens/s\n\n| | loop | {' | '.join(library)} | ratio |")
    print("|---|" + "---|" * (len(library) + 2), flush=True)
    with open_loop(str(folder), folder, None, TransformersSettings(device="cpu")) as loop:
        for name, prompts, most in workloads(folder, options.requests):
            models = [load(folder) for _ in options.at_once]
            ways: list[Generate] = [partial(by_loop, loop, frozenset(open_model(folder).eog_ids))]
            ways += [partial(by_library, *pair) for pair in zip(models, options.at_once, strict=True)]
            speeds = measure(ways, prompts, most, options.rounds)
            wall, cpu = (speeds[0].wall, [s.wall for s in speeds[1:]]), (speeds[0].cpu, [s.cpu for s in speeds[1:]])
            ratios = [median(own) / max(map(median, others)) for own, others in (wall, cpu)]
            cells = [*map(str, speeds), "{:.1f} ({:.1f})".format(*ratios)]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
            for model in models:
                model.destroy_cached_continuous_batching_manager()


def workloads(folder: Path, requests: int) -> list[tuple[str, Prompts, int]]:
    """Name, prompts, tokens to generate."""
    dice, vocabulary = random.Random(0), range(300, 4000)
    one = tuple(open_model(folder).tokenizer.encode("<|im_start|>user\n"))
    different = [tuple(dice.choices(vocabulary, k=dice.randrange(50, 71))) for _ in range(requests)]
    return [("A", [one] * requests, 64), ("B", different, 128)]


def load(folder: Path) -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()


def measure(ways: Sequence[Generate], prompts: Prompts, most: int, rounds: int) -> list[Speed]:
    speeds = [Speed() for _ in ways]
    for generate in ways:
        generate(prompts[:8], most)
    for _ in range(rounds):
        for generate, speed in zip(ways, speeds, strict=True):
            wall, cpu = time.perf_counter(), time.process_time()
            tokens = generate(prompts, most)
            assert tokens == len(prompts) * most, f"{tokens} tokens instead of {len(prompts) * most}"
            speed.wall.append(tokens / (time.perf_counter() - wall))
            speed.cpu.append(tokens / (time.process_time() - cpu))
    return speeds


def by_loop(loop: Loop, ends: frozenset[int], prompts: Prompts, most: int) -> int:
    params = SamplingParams(max_tokens=most)
    waiting = [(n, Request(Tokens(prompt), params, seed=n, banned=tuple(ends))) for n, prompt in enumerate(prompts)]
    in_flight = tokens = 0
    while waiting or in_flight:
        while waiting and in_flight < loop.window:
            loop.submit(*waiting.pop())
            in_flight += 1
        for _, answer in loop.poll(0.0):
            in_flight -= 1
            tokens += answer.completion_tokens if isinstance(answer, Completion) else 0
    return tokens


def by_library(model: Any, at_once: int, prompts: Prompts, most: int) -> int:
    results = model.generate_batch(
        inputs=list(map(list, prompts)),
        generation_config=transformers.GenerationConfig(
            do_sample=True, max_new_tokens=most, top_k=0, eos_token_id=-1, pad_token_id=0
        ),
        continuous_batching_config=transformers.ContinuousBatchingConfig(
            num_blocks=2 * at_once,  # of 256 tokens; left to itself it takes most of the memory that is free
            max_requests_per_batch=at_once,
            max_batch_tokens=2048,
        ),
        persistent_manager=True,
    )
    return sum(len(result.generated_tokens) for result in results.values())


if __name__ == "__main__":
    main()
