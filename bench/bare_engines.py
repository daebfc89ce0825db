"""Each engine's library with nothing of magpie around it: a list of requests in, tokens a second out.

What `engine_speed` compares with. Same model, slots, context and sampling as magpie's engine; request objects are made
before the clock starts, and only token counts are read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from bench import bare as bare_llamacpp
from magpie.engines.checks import token_ids
from magpie.engines.llamacpp.engine import choose
from magpie.modelfiles.shape import read_shape
from magpie.models.engines import ModelUse
from magpie.seams import Completion, Request
from magpie.settings.engines import LlamaCpp as LlamaCppSettings

Serve = Callable[[Sequence[Request]], float]
"""Runs a list of requests, and says how many tokens a second that made."""


@contextmanager
def open_bare(engine: str, use: ModelUse, window: int) -> Iterator[Serve]:
    """The library of an engine, opened on the model of `use`."""
    openers = {
        "llamacpp": _llamacpp,
        "vllm": _vllm,
        "openvino": _openvino,
        "transformers": _transformers,
        "server": _server,
    }
    with openers[engine](use, window) as serve:
        yield serve


@contextmanager
def _llamacpp(use: ModelUse, _: int) -> Iterator[Serve]:
    plan = choose(read_shape(Path(use.loads)), LlamaCppSettings())
    server = bare_llamacpp.open_bare(Path(use.loads), plan)
    yield lambda requests: bare_llamacpp.serve(server, requests, plan.slots).per_second()


@contextmanager
def _vllm(use: ModelUse, _: int) -> Iterator[Serve]:
    import os

    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # one process is faster here than vLLM's three
    from vllm import LLM, SamplingParams

    from magpie.engines.vllm.engine import engine_arguments
    from magpie.settings.engines import Vllm as VllmSettings

    assert use.place is not None
    arguments = engine_arguments(str(use.place.folder), None, VllmSettings())
    on_cpu = {"enforce_eager": True, "kv_cache_memory_bytes": 2 << 30, "max_num_seqs": 256}
    model = LLM(**{**arguments, **on_cpu})

    def serve(requests: Sequence[Request]) -> float:
        prompts: list[Any] = [{"prompt_token_ids": list(token_ids(one))} for one in requests]
        sampling = [
            SamplingParams(
                temperature=one.sampling.temperature,
                top_p=one.sampling.top_p,
                top_k=0,
                seed=one.seed & 0xFFFFFFFF,
                max_tokens=one.sampling.max_tokens,
                stop_token_ids=list(one.sampling.stop_token_ids),
                detokenize=True,
            )
            for one in requests
        ]
        began = time.perf_counter()
        outputs = model.generate(prompts, sampling, use_tqdm=False)
        tokens = sum(len(output.outputs[0].token_ids) for output in outputs)
        return tokens / (time.perf_counter() - began)

    yield serve


@contextmanager
def _openvino(use: ModelUse, _: int) -> Iterator[Serve]:
    import numpy as np
    import openvino as ov
    import openvino_genai as genai

    from magpie.engines.openvino.engine import plan
    from magpie.settings.engines import OpenVino as OpenVinoSettings

    chosen = plan(Path(use.loads), OpenVinoSettings())
    scheduler = genai.SchedulerConfig()
    scheduler.cache_size, scheduler.max_num_seqs = chosen.cache_gb, chosen.slots
    scheduler.max_num_batched_tokens = max(8192, chosen.slots)
    scheduler.enable_prefix_caching = True
    pipeline = genai.ContinuousBatchingPipeline(use.loads, scheduler, "CPU", dict(chosen.properties), {})

    def config(one: Request) -> Any:
        made = genai.GenerationConfig()
        made.apply_chat_template = False
        made.max_new_tokens, made.stop_token_ids = one.sampling.max_tokens, set(one.sampling.stop_token_ids)
        made.do_sample = one.sampling.temperature > 0
        if made.do_sample:
            made.temperature, made.top_p, made.rng_seed = one.sampling.temperature, one.sampling.top_p, one.seed % 2**32
        return made

    def serve(requests: Sequence[Request]) -> float:
        prompts = [ov.Tensor(np.array([token_ids(one)], dtype=np.int64)) for one in requests]
        configs = [config(one) for one in requests]
        began = time.perf_counter()
        results = pipeline.generate(prompts, configs)
        return sum(len(result.m_generation_ids[0]) for result in results) / (time.perf_counter() - began)

    yield serve


@contextmanager
def _transformers(use: ModelUse, window: int) -> Iterator[Serve]:
    from magpie.engines.transformers import engine as transformers

    assert use.place is not None
    folder = str(use.place.folder)
    with transformers.open_in_process(folder, folder, None, {}) as engine:
        yield lambda requests: _ask_all(engine, requests, window)


def _ask_all(engine: Any, requests: Sequence[Request], window: int) -> float:
    left, tokens, done, flying = enumerate(requests), 0, 0, 0
    began = time.perf_counter()
    while done < len(requests):
        while flying < window and (following := next(left, None)):
            engine.submit(*following)
            flying += 1
        answers = engine.poll(0.5)
        flying, done = flying - len(answers), done + len(answers)
        tokens += sum(answer.completion_tokens for _, answer in answers if isinstance(answer, Completion))
    return tokens / (time.perf_counter() - began)


@contextmanager
def _server(use: ModelUse, window: int) -> Iterator[Serve]:
    """The plainest client: a thread and a kept connection for each request in flight."""
    assert use.facts is not None
    parts = urlsplit(str(use.engine.model_dump()["url"]))
    headers = {"Content-Type": "application/json"}
    clients = [HTTPConnection(str(parts.hostname), parts.port, timeout=600) for _ in range(window)]

    def serve(requests: Sequence[Request]) -> float:
        bodies = [_body(one, use) for one in requests]
        places, counts = count(), [0] * window

        def work(mine: int) -> None:
            while (place := next(places)) < len(bodies):
                clients[mine].request("POST", "/v1/completions", bodies[place], headers)
                answer = clients[mine].getresponse()
                said = orjson.loads(answer.read())
                assert answer.status == 200, said
                counts[mine] += said["usage"]["completion_tokens"]

        threads = [threading.Thread(target=work, args=(mine,)) for mine in range(window)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / (time.perf_counter() - began)

    yield serve
    for client in clients:
        client.close()


def _body(one: Request, use: ModelUse) -> bytes:
    assert use.facts is not None
    return orjson.dumps(
        {
            "model": use.facts.served_model,
            "prompt": token_ids(one),
            "max_tokens": one.sampling.max_tokens,
            "temperature": one.sampling.temperature,
            "top_p": one.sampling.top_p,
            "seed": one.seed & 0x7FFFFFFF,
            "stop_token_ids": one.sampling.stop_token_ids,
        }
    )
