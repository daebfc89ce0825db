"""What is read off a server's own words, and what is advised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from magpie.engines.server.inspection import inspect_server, read_metrics
from magpie.settings.engines import Server as ServerSettings
from tests.engines.fault_server import FaultServer, Say, fault_server

METRICS = b"""# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 12.0
vllm:num_requests_waiting{engine="0",model_name="m"} 0.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:prefix_cache_queries_total{engine="0",model_name="m"} 2000.0
vllm:prefix_cache_hits_total{engine="0",model_name="m"} 500.0
vllm:num_preemptions_total{engine="0",model_name="m"} 3.0
vllm:cache_config_info{block_size="16",enable_prefix_caching="False",engine="0",num_gpu_blocks="27000"} 1.0
process_cpu_seconds_total 5.0
"""


@pytest.fixture
def vllm() -> Iterator[FaultServer]:
    with fault_server() as server:
        server.pages["/metrics"] = Say(METRICS, kind="text/plain")
        server.pages["/version"] = Say({"version": "0.32.0"})
        yield server


def test_what_vllm_holds_and_has_done_is_read_off_its_metrics(vllm: FaultServer) -> None:
    (found,) = inspect_server(ServerSettings(url=vllm.url))
    assert (found.facts.api, found.facts.context, found.version) == ("vllm", 512, "0.32.0")
    assert found.figures == {
        "kv_cache_tokens": 432_000,
        "prefix_caching": False,
        "kv_cache_usage": 0.25,
        "running": 12,
        "waiting": 0,
        "preemptions": 3,
        "prefix_hits": 0.25,
        "fits_requests": 421,
    }
    fits, thrown_out, prefixes = found.advice
    assert "set engine.concurrency to 421, and start the server with --max-num-seqs 421" in fits
    assert "--max-num-seqs" in thrown_out
    assert "--enable-prefix-caching" in prefixes
    assert vllm.asked == []  # no model was run


def test_engines_behind_one_address_are_added_up() -> None:
    lines = [f'vllm:cache_config_info{{block_size="16",engine="{n}",num_gpu_blocks="100"}} 1.0' for n in range(8)]
    assert read_metrics("\n".join(lines))["kv_cache_tokens"] == 12_800


@pytest.mark.parametrize(
    "text",
    [
        "",
        "vllm:num_requests_running",
        "vllm:num_requests_running{} NaN",
        "vllm:num_requests_running{} 1e999",
        'vllm:cache_config_info{block_size="None",num_gpu_blocks="-5"} 1.0',
        'vllm:cache_config_info{block_size="9999999999",num_gpu_blocks="9999999999"} 1.0',
        "vllm:num_requests_running{} 1.2.3",
        "vllm:{" * 1000,
    ],
)
def test_metrics_that_are_none_tell_nothing(text: str) -> None:
    assert read_metrics(text) == {}


def test_a_server_without_metrics_is_told_by_its_models(vllm: FaultServer) -> None:
    del vllm.pages["/metrics"], vllm.pages["/version"]
    (found,) = inspect_server(ServerSettings(url=vllm.url))
    assert (found.version, dict(found.figures), found.advice) == (None, {}, ())


def test_sglang_and_llamacpp_tell_theirs() -> None:
    with fault_server(models={"data": [{"id": "m", "owned_by": "sglang"}]}) as server:
        said: dict[str, Any] = {
            "max_total_num_tokens": 100_000,
            "max_running_requests": 48,
            "disable_radix_cache": True,
        }
        server.pages["/server_info"] = Say(said)
        (found,) = inspect_server(ServerSettings(url=server.url))
        assert found.figures["slots"] == 48
        assert found.figures["prefix_caching"] is False
    with fault_server(models={"data": [{"id": "m", "owned_by": "llamacpp"}]}) as server:
        server.pages["/props"] = Say({"total_slots": 4})
        (found,) = inspect_server(ServerSettings(url=server.url))
        assert found.figures == {"slots": 4}
