"""A server that answers for a model, an embedder and a reward model, and at random does anything but.

What it does follows from a seed and the number of the request. It takes note of what must never happen: a key at
another host, and a request that is still waited for long after its deadline.
"""

from __future__ import annotations

import gzip
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson

from magpie.modelfiles.locate import find_model
from magpie.modelfiles.model import open_model
from tests.engines.fault_server import (
    Action,
    Ask,
    Body,
    Drip,
    FaultServer,
    Handler,
    Say,
    completion,
    event,
    fault_server,
    half_close,
    hang,
    no_http,
    vanish,
)
from tests.engines.hostile_answers import OK_HEAD, TEXTS, Trickle, bomb

KEY = "sk-chaos-41-never-elsewhere"
VARIABLE = "CHAOS_KEY"
BOMB_MIB = 64
DEADLINE = 3.0
"""Seconds that a whole answer may take, as the recipes here say it."""

SENTENCES = (
    "What is 3 plus 1?", "Name a large city.", "Which animals live in the sea?", "How many hours are in 2 days?",
    "good", "easy", "A", "yes", "safe", "3",
)  # fmt: skip


@cache
def ids(text: str) -> tuple[int, ...]:
    return tuple(_tokenizer().encode(text))


@cache
def _tokenizer() -> Any:
    return open_model(find_model("fledgling")).tokenizer


def well(ask: Ask) -> Action:
    """What was asked for, as vLLM has it."""
    number = hash((ask.body.get("seed"), ask.number))
    if ask.path.endswith("/embeddings"):
        vectors = [[float(1 + len(text) % 7), 1.0, float(number % 5)] for text in ask.body["input"]]
        data = [{"object": "embedding", "index": place, "embedding": vector} for place, vector in enumerate(vectors)]
        return Say({"object": "list", "model": "m", "data": data})
    if ask.path.endswith("/classify"):
        return Say({"data": [{"index": 0, "label": "LABEL_0", "probs": [number % 9 - 4.0], "num_classes": 1}]})
    if not ask.path.endswith("/completions"):
        return Say({"detail": "Not Found"}, 404)
    said = completion(ids(SENTENCES[number % len(SENTENCES)])[: ask.body.get("max_tokens", 16) - 1])
    if ask.body.get("logprobs"):
        tokens = said["choices"][0]["token_ids"]
        said["choices"][0]["logprobs"] = {"top_logprobs": [{f"token_id:{token}": -0.1} for token in tokens]}
    return Drip((event(said), event(b"[DONE]"))) if ask.body.get("stream") else Say(said)


def _error(status: int, headers: Mapping[str, str] | None = None) -> Action:
    return Say({"error": {"message": f"chaos \x1b[31m {status}", "code": status}}, status, headers or {})


def _late(handler: Handler) -> None:
    """A good answer that comes in pieces, each in time and all of them too late."""
    Trickle(OK_HEAD, b'{"choices": [')(handler)


@cache
def _packed() -> bytes:
    return gzip.compress(b'{"data": [' + b'{"embedding": [1.0]},' * 200_000 + b"{}]}")


RETRY_AFTER = ("0", "1", "soon", "-3", "nan", "Wed, 21 Oct 2015 07:28:00 GMT")
Make = Callable[[random.Random, "Misbehaving"], Action]
KINDS: Mapping[str, tuple[int, Make]] = {
    "429 with Retry-After": (6, lambda dice, _: _error(429, {"Retry-After": dice.choice(RETRY_AFTER)})),
    "429": (3, lambda *_: _error(429)),
    "500": (6, lambda dice, _: _error(dice.choice((500, 502, 503, 504, 520)))),
    "400": (1, lambda dice, _: _error(dice.choice((400, 403, 404, 413, 422)))),
    "hang": (2, lambda *_: hang),
    "half an answer": (4, lambda *_: half_close),
    "no answer": (4, lambda *_: vanish),
    "drip": (2, lambda *_: _late),
    "garbage": (6, lambda dice, _: Say(dice.choice(list(TEXTS.values())))),
    "not HTTP": (2, lambda *_: no_http),
    "bomb": (1, lambda *_: Say(bomb(BOMB_MIB), headers={"Content-Encoding": "gzip"})),
    "many values": (1, lambda *_: Say(_packed(), headers={"Content-Encoding": "gzip"})),
    "large body": (1, lambda *_: Say(b" " * (32 << 20))),
    "wrong counts": (4, lambda dice, _: _wrong(dice)),
    "redirect": (3, lambda dice, server: _redirect(dice, server.elsewhere)),
}  # fmt: skip
"""What it does, with how often, and how."""


def _wrong(dice: random.Random) -> Action:
    """An answer of the right shape with too few, too many, or impossible values."""
    choice = completion()["choices"][0]
    counts: Body = {
        "prompt_tokens": dice.choice((-1, 10**30, None, "7")),
        "completion_tokens": dice.choice((-5, 1e308, [])),
    }
    answers: tuple[Body, ...] = (
        {"choices": [], "data": []},
        {"choices": [choice, choice], "data": [{"embedding": [1.0, 2.0]}] * 200},
        {"choices": [choice | {"token_ids": [1 << 40, -3]}], "data": [{"embedding": [1.0] * 9, "probs": [1, 2]}]},
        {"choices": [choice], "usage": counts, "data": [{"index": 5, "embedding": [1.0], "probs": []}]},
        {"choices": [choice | {"finish_reason": "\x1b[2J"}], "data": [{"embedding": [None], "probs": ["x"]}]},
    )
    return Say(orjson.dumps(dice.choice(answers)) if counts["prompt_tokens"] != 10**30 else _HUGE)


_HUGE = (
    b'{"choices": [{"index": 0, "text": "a", "token_ids": [1e999]}], "usage": {"prompt_tokens": 1' + b"0" * 30 + b"}}"
)


def _redirect(dice: random.Random, elsewhere: str) -> Action:
    status = dice.choice((301, 302, 303, 307, 308))
    return Say(b"", status, {"Location": f"{elsewhere}/v1/{dice.choice(('completions', 'embeddings', 'classify'))}"})


@dataclass
class Misbehaving:
    """What the server did, and what it saw."""

    rate: float
    """The share of requests that something happens to."""
    seed: int
    elsewhere: str = ""
    """The other host's address."""
    did: Counter[str] = field(default_factory=Counter)
    other: FaultServer | None = None
    """The other host."""
    waited: float = 0.0
    """The longest, in seconds, that a client waited for an answer that never came."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def script(self, ask: Ask) -> Action:
        dice = random.Random(f"{self.seed} {ask.number}")
        if dice.random() >= self.rate:
            kind, action = "well", well(ask)
        else:
            kind = dice.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
            action = KINDS[kind][1](dice, self)
        with self.lock:
            self.did[kind] += 1
        return self._timed(action) if kind in ("hang", "drip") else action

    def _timed(self, action: Action) -> Action:
        def act(handler: Handler) -> None:
            began = time.monotonic()
            try:
                action(handler)
            finally:
                with self.lock:
                    if not handler.owner.closing.is_set():
                        self.waited = max(self.waited, time.monotonic() - began)

        return act

    def keys_elsewhere(self) -> int:
        """Requests to the other host that carried the key, in whatever place."""
        assert self.other is not None
        return sum(KEY in f"{ask.path} {ask.headers} {ask.body}" for ask in (*self.other.asked, *self.other.gets))


@contextmanager
def misbehaving(rate: float, seed: int = 0) -> Iterator[tuple[Misbehaving, FaultServer]]:
    """The server, and beside it another host to which it sends its clients."""
    chaos = Misbehaving(rate, seed)
    with fault_server(well) as other, fault_server(chaos.script) as server:
        chaos.other, chaos.elsewhere = other, other.url.replace("127.0.0.1", "localhost")
        yield chaos, server


def restart(server: FaultServer, every: float, down: float, done: threading.Event) -> threading.Thread:
    """Stop the server and start it again, now and then, until `done`."""

    def work() -> None:
        while not done.wait(every):
            server.stop()
            time.sleep(down)
            server.start()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def recipe(url: str, rows: int) -> str:
    """A recipe whose every stage asks the server, and gives up on a request soon."""
    limits = f"retries: 3, connect_seconds: 2, answer_seconds: {DEADLINE}, patience: 30, api_key_env: {VARIABLE}"
    engine = f"{{url: '{url}', api: vllm, context: 256, first_token_seconds: {DEADLINE}, idle_seconds: 1, {limits}}}"
    return f"""
name: chaos
size: {rows}
shard_rows: 256
model: fledgling
engine: {engine}
instruct: {{sampling: {{max_tokens: 60}}}}
embed: {{embedder: {{url: '{url}', batch: 4, {limits}}}}}
tag: {{tags: [quality], again: 1, structure: auto}}
respond: {{sampling: {{max_tokens: 150}}}}
reward: {{by: server, server: {{url: '{url}', api: classify, {limits}}}}}
safety: {{}}
"""


def host(server: FaultServer) -> str:
    """As `--allow-key` names it."""
    return f"127.0.0.1:{server.port}"
