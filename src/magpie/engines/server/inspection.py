"""Inspects a server that serves a model: what it is, how much it can hold, and what would make it faster.

Reads what servers show to every client: models, versions, metrics and properties. Runs a model only where `facts` has
to find out what an unknown server is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from magpie.engines.server.facts import ask as ask_server
from magpie.engines.server.facts import facts_of, quiet, request
from magpie.engines.server.info import Facts
from magpie.http.answers import as_count
from magpie.http.blocking import BlockingClient, open_blocking
from magpie.http.endpoints import Endpoint, endpoint_to, read_key, read_url
from magpie.safe.redaction import one_line
from magpie.settings.engines import Server as ServerSettings

REQUEST_TOKENS = 1024
"""Tokens of a request and its answer, in the estimate of how many a server can hold."""
MOST_CONCURRENCY = 1024
"""More in flight is advised to nobody."""


Figure = int | float | bool | str


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a server reports about itself."""

    address: str
    facts: Facts
    version: str | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)
    """Figures by the names that `ABOUT` explains; only those that the server reports."""
    advice: tuple[str, ...] = ()


ABOUT: Mapping[str, str] = {
    "kv_cache_tokens": "tokens of keys and values that fit at once",
    "fits_requests": f"requests of {REQUEST_TOKENS:,} tokens that fit at once",
    "running": "requests that it works on now",
    "waiting": "requests that wait there now",
    "kv_cache_usage": "share of the keys and values in use now",
    "prefix_caching": "whether what prompts begin with is kept",
    "prefix_hits": "share of prompt tokens that were found kept, since it started",
    "preemptions": "requests that were thrown out and computed again, since it started",
    "slots": "requests that it works on at once",
    "batched_tokens": "prompt tokens that it takes in one step",
}


def inspect_server(settings: ServerSettings) -> list[Inspection]:
    """Every address of the settings. Raises `UserError` for an address, a key or an answer that will not do.

    inspect_server(ServerSettings(url="http://gpu:8000/v1"))[0].figures["kv_cache_tokens"]
    """
    key = read_key(settings.api_key_env, settings.urls)
    return [_inspect(endpoint_to(read_url(url), key), settings) for url in settings.urls]


def _inspect(endpoint: Endpoint, settings: ServerSettings) -> Inspection:
    found = ask_server(endpoint, settings)
    facts = facts_of(found, settings)
    with open_blocking(found.endpoint, settings.connect_seconds) as client:
        version = quiet(client, found.endpoint, "/version" if facts.api == "vllm" else "/api/version").get("version")
        figures = _figures(client, found.endpoint, facts, found.said)
    shown = one_line(version, 40) if isinstance(version, str) else None
    return Inspection(endpoint.address.told, facts, shown, figures, tuple(_advice(facts, figures, settings)))


def _figures(client: BlockingClient, endpoint: Endpoint, facts: Facts, said: Mapping[str, Any]) -> dict[str, Figure]:
    if facts.api == "vllm":
        answer = request(client, endpoint, "GET", "/metrics")
        return read_metrics(answer.body.decode(errors="replace")) if answer.status == 200 else {}
    if facts.api == "llamacpp" and facts.slots is not None:
        return {"slots": facts.slots}
    if facts.api == "sglang":
        names = {
            "max_total_num_tokens": "kv_cache_tokens",
            "max_running_requests": "slots",
            "chunked_prefill_size": "batched_tokens",
        }
        figures: dict[str, Figure] = {
            name: count for theirs, name in names.items() if (count := as_count(said.get(theirs), 1)) is not None
        }
        if isinstance(disabled := said.get("disable_radix_cache"), bool):
            figures["prefix_caching"] = not disabled
        return _with_fitting(figures)
    return {}


# -- metrics ----------------------------------------------------------------------------------------------------------

_SAMPLE = re.compile(r"vllm:([a-z_]{1,80})(?:\{([^}]{0,8000})\})? ([0-9.eE+-]{1,40})")
_LABEL = re.compile(r'([a-z_]{1,80})="([^"]{0,200})"')
_SUMS = {
    "num_requests_running": "running",
    "num_requests_waiting": "waiting",
    "num_preemptions_total": "preemptions",
}


def read_metrics(text: str) -> dict[str, Figure]:
    """What vLLM's metrics, in the text format of Prometheus, say; of several engines behind one address the sum.

    >>> read_metrics('vllm:num_requests_running{engine="0"} 3.0\\nvllm:num_requests_running{engine="1"} 4.0')
    {'running': 7}
    """
    sums: dict[str, float] = {}
    figures: dict[str, Figure] = {}
    for name, labels, value in _samples(text):
        sums[name] = sums.get(name, 0.0) + value
        if name == "cache_config_info":
            told = dict(_LABEL.findall(labels))
            blocks, size = told.get("num_gpu_blocks", ""), told.get("block_size", "")
            if blocks.isdecimal() and size.isdecimal() and len(blocks + size) < 16:
                figures["kv_cache_tokens"] = int(figures.get("kv_cache_tokens", 0)) + int(blocks) * int(size)
            if told.get("enable_prefix_caching") in ("True", "False"):
                figures["prefix_caching"] = told["enable_prefix_caching"] == "True"
        if name in ("kv_cache_usage_perc", "gpu_cache_usage_perc"):
            figures["kv_cache_usage"] = round(max(value, float(figures.get("kv_cache_usage", 0.0))), 3)
    figures |= {name: int(sums[theirs]) for theirs, name in _SUMS.items() if theirs in sums}
    queries, hits = sums.get("prefix_cache_queries_total", 0.0), sums.get("prefix_cache_hits_total", 0.0)
    if queries > 0:
        figures["prefix_hits"] = round(hits / queries, 3)
    return _with_fitting(figures)


def _samples(text: str) -> Iterator[tuple[str, str, float]]:
    for line in text.splitlines():
        if found := _SAMPLE.fullmatch(line.strip()):
            try:
                value = float(found[3])
            except ValueError:
                continue
            if abs(value) < 1e15:
                yield found[1], found[2] or "", value


def _with_fitting(figures: dict[str, Figure]) -> dict[str, Figure]:
    if isinstance(tokens := figures.get("kv_cache_tokens"), int):
        figures["fits_requests"] = tokens // REQUEST_TOKENS
    return figures


# -- advice -----------------------------------------------------------------------------------------------------------


def _advice(facts: Facts, figures: Mapping[str, Figure], settings: ServerSettings) -> Iterator[str]:
    """Advice that would make the server, or magpie's use of it, faster, as far as its figures show."""
    fits = figures.get("slots") or figures.get("fits_requests")
    if isinstance(fits, int) and fits > settings.concurrency and facts.api != "llamacpp":
        wanted = min(fits, MOST_CONCURRENCY)
        flag = f", and start the server with --max-num-seqs {wanted}" if facts.api == "vllm" else ""
        sent = settings.concurrency
        yield f"more requests fit than the {sent} that are sent: set engine.concurrency to {wanted}{flag}"
    if figures.get("preemptions"):
        yield (
            "requests were thrown out for lack of memory and computed again: lower --max-num-seqs and "
            "engine.concurrency, or give the server more memory (--gpu-memory-utilization)"
        )
    if figures.get("prefix_caching") is False:
        flag = "--enable-prefix-caching" if facts.api == "vllm" else "no --disable-radix-cache"
        yield f"what prompts have in common is computed each time: start the server with {flag}"
    if figures.get("waiting"):
        yield "requests wait there now: others use this server, or it has more than it can hold"
