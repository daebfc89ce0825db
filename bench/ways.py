"""Three ways to run a model with transformers: magpie's step loop, `generate` in batches, the library's own continuous
batching.

    .venv-engines/bin/python -m bench.ways [--requests 256] [--slots 64] [--rounds 3] [--without continuous]

On the model inside the package, float32, on this CPU. Instructions: one short prompt, at most 64 tokens. Responses:
different prompts, at most 128 tokens, for `generate` sorted by length. Every text ends where the model ends it. Prints
tokens a second, medians of the rounds, in which the three take turns.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch
import transformers

from magpie.engines.transformers.loop import open_loop
from magpie.modelfiles.locate import find_model
from magpie.modelfiles.model import open_model
from magpie.seams import Request, SamplingParams, Tokens
from magpie.settings.engines import Transformers as TransformersSettings

Prompts = Sequence[tuple[int, ...]]
WORDS = ("Name", "Explain", "Compare", "rivers", "bread", "cats", "numbers", "the", "a", "of", "for", "short", "poem")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=256)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", nargs="*", default=[], choices=["loop", "generate", "continuous"])
    options = parser.parse_args()
    folder = find_model("fledgling").parent
    ways = {name: way for name, way in every_way(folder, options.slots).items() if name not in options.without}
    print("| | " + " | ".join(ways) + " |\n|---|" + "---|" * len(ways))
    for name, prompts, most in work(folder, options.requests):
        speeds: dict[str, list[float]] = {way: [] for way in ways}
        for run in ways.values():
            run(prompts[: options.slots], 8)
        for _ in range(options.rounds):
            for way, run in ways.items():
                started = time.perf_counter()
                tokens = run(prompts, most)
                speeds[way].append(tokens / (time.perf_counter() - started))
        print(f"| {name}, tokens/s | " + " | ".join(f"{median(s):,.0f}" for s in speeds.values()) + " |", flush=True)


def work(folder: Path, requests: int) -> list[tuple[str, Prompts, int]]:
    encode, dice = open_model(folder).tokenizer.encode, random.Random(0)
    asked = [" ".join(dice.choices(WORDS, k=dice.randrange(2, 30))) for _ in range(requests)]
    responses = [tuple(encode(f"<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n")) for text in asked]
    return [
        ("instructions", [tuple(encode("<|im_start|>user\n"))] * requests, 64),
        ("responses", responses, 128),
    ]


def every_way(folder: Path, slots: int) -> dict[str, Callable[[Prompts, int], int]]:
    """Each runs all prompts and says how many tokens came of it."""
    transformers.logging.set_verbosity_error()
    ends = list(open_model(folder).eog_ids)
    loop = open_loop(str(folder), folder, None, TransformersSettings(slots=slots, device="cpu")).__enter__()
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()
    own = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()

    def by_loop(prompts: Prompts, most: int) -> int:
        waiting = [
            (n, Request(Tokens(prompt), SamplingParams(max_tokens=most), seed=n)) for n, prompt in enumerate(prompts)
        ]
        flying = tokens = 0
        while waiting or flying:
            while waiting and flying < loop.window:
                loop.submit(*waiting.pop())
                flying += 1
            for _, said in loop.poll(0.0):
                flying -= 1
                tokens += getattr(said, "completion_tokens", 0)
        return tokens

    def by_generate(prompts: Prompts, most: int) -> int:
        ordered = sorted(prompts, key=len)
        batches = [ordered[n : n + slots] for n in range(0, len(ordered), slots)]
        return sum(generated(model, batch, most, ends) for batch in batches)

    room = transformers.ContinuousBatchingConfig(num_blocks=4 * slots, max_batch_tokens=4096)
    """Left to itself it takes most of the memory that is free."""

    def by_library(prompts: Prompts, most: int) -> int:
        config = transformers.GenerationConfig(
            do_sample=True, max_new_tokens=most, top_k=0, eos_token_id=ends, pad_token_id=0
        )
        said = own.generate_batch(
            inputs=list(map(list, prompts)),
            generation_config=config,
            continuous_batching_config=room,
            persistent_manager=True,  # what it sets up is set up once
        )
        return sum(len(one.generated_tokens) for one in said.values())

    return {"loop": by_loop, "generate": by_generate, "continuous": by_library}


def generated(model: Any, prompts: Prompts, most: int, ends: Sequence[int]) -> int:
    longest = max(map(len, prompts))
    gaps = [longest - len(prompt) for prompt in prompts]
    with torch.inference_mode():
        said = model.generate(
            torch.tensor([[0] * gap + list(prompt) for gap, prompt in zip(gaps, prompts, strict=True)]),
            attention_mask=torch.tensor([[0] * gap + [1] * (longest - gap) for gap in gaps]),
            do_sample=True,
            max_new_tokens=most,
            top_k=0,
            eos_token_id=list(ends),
            pad_token_id=0,
        )
    rows = said[:, longest:].tolist()
    return sum(min([n + 1 for n, token in enumerate(row) if token in ends] or [len(row)]) for row in rows)


if __name__ == "__main__":
    main()
