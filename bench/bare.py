"""The bare engine: a list of requests on xllamacpp with nothing of magpie around it. What `ceiling.py` divides by.

One Python thread for each slot, in-process calls, request bodies made before the clock starts, and of each answer only
the token counts are read: the fastest loop that was found. Same model, slots, context, threads and sampling as
`magpie.engines.llamacpp.engine`. Run as a script it measures that engine's submit and poll against this loop, in turns.

    python -m bench.bare MODEL.gguf [REQUESTS] [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import orjson

from magpie.engines.checks import token_ids
from magpie.engines.llamacpp.engine import Plan, choose, import_llamacpp, open_llamacpp
from magpie.engines.llamacpp.server import LlamaCpp
from magpie.engines.seeds import llamacpp_seed
from magpie.modelfiles.shape import read_shape
from magpie.seams import Completion, Request, SamplingParams, Tokens
from magpie.settings.engines import LlamaCpp as LlamaCppSettings


@dataclass(frozen=True)
class Speed:
    """What a list of requests took."""

    tokens: int
    """Sampled tokens."""
    seconds: float
    cpu_seconds: float

    def per_second(self) -> float:
        return self.tokens / self.seconds

    def cpu_microseconds(self) -> float:
        """Of processor time for each token, in this process: less disturbed by a busy machine than the clock."""
        return 1e6 * self.cpu_seconds / self.tokens


def open_bare(model: Path, plan: Plan) -> Any:
    """A loaded xllamacpp server."""
    params = import_llamacpp().CommonParams()
    params.model.path = str(model)
    params.n_parallel, params.n_ctx, params.kv_unified = plan.slots, plan.slots * plan.context, False
    params.cpuparams.n_threads, params.cpuparams_batch.n_threads = plan.threads, plan.threads
    params.verbosity, params.port, params.warmup, params.ui = 0, 0, False, False
    params.cache_prompt, params.cache_ram_mib = False, 0
    server = import_llamacpp().Server(params)
    server.handle_completions({"prompt": [0], "max_tokens": 1})
    return server


def serve(server: Any, requests: Sequence[Request], slots: int) -> Speed:
    """Run all requests, `slots` at a time."""
    counts = [0] * slots
    left = iter([body(request) for request in requests])

    def work(place: int) -> None:
        def count(answer: bytes) -> None:
            counts[place] += orjson.loads(answer)["usage"]["completion_tokens"]

        for one in left:
            server.handle_completions(one, count)

    threads = [Thread(target=work, args=(place,)) for place in range(slots)]
    started, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Speed(sum(counts), time.perf_counter() - started, time.process_time() - cpu)


def body(request: Request) -> bytes:
    """The request as xllamacpp takes it."""
    sampling = request.sampling
    return orjson.dumps(
        {
            "prompt": token_ids(request),
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "samplers": ["temperature", "top_p"] if sampling.top_p < 1.0 else ["temperature"],
            "seed": llamacpp_seed(request.seed),
            "cache_prompt": False,
        }
    )


def run_engine(engine: LlamaCpp, requests: Sequence[Request]) -> Speed:
    """Run all requests through submit and poll, keeping the window full."""
    left = enumerate(requests)
    tokens = done = flying = 0
    started, cpu = time.perf_counter(), time.process_time()
    while done < len(requests):
        while flying < engine.window and (following := next(left, None)):
            engine.submit(*following)
            flying += 1
        answers = engine.poll(1.0)
        flying, done = flying - len(answers), done + len(answers)
        tokens += sum(a.completion_tokens + a.wasted_tokens for _, a in answers if isinstance(a, Completion))
    return Speed(tokens, time.perf_counter() - started, time.process_time() - cpu)


def main(model: Path, number: int = 1000, rounds: int = 3) -> None:
    """Instructions sampled from the pre-query of ChatML, in turns: bare, engine, bare, engine."""
    with open_llamacpp(model, LlamaCppSettings()) as engine:
        prompt = Tokens(tuple(engine.tokenize("<|im_start|>user\n")))
        requests = [Request(prompt, SamplingParams(max_tokens=128), seed=i) for i in range(number)]
        server = open_bare(model, choose(read_shape(model), LlamaCppSettings()))
        pairs = [(serve(server, requests, engine.window), run_engine(engine, requests)) for _ in range(rounds)]
    for bare, ours in pairs:
        print(f"bare {_told(bare)}   submit/poll {_told(ours)}   ratio {ours.per_second() / bare.per_second():.3f}")
    print(
        f"median ratio: {statistics.median(o.per_second() / b.per_second() for b, o in pairs):.3f} of tokens/s, ",
        end="",
    )
    print(f"{statistics.median(b.cpu_microseconds() / o.cpu_microseconds() for b, o in pairs):.3f} of tokens/CPU")


def _told(speed: Speed) -> str:
    return f"{speed.per_second():6.0f} tok/s {speed.cpu_microseconds():4.0f} us CPU/tok"


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
