"""`magpie doctor --server`: what a server is and how it is set up."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from magpie.cli import main
from tests.engines.fault_server import Say, fault_server

METRICS = b'vllm:cache_config_info{block_size="16",num_gpu_blocks="27000"} 1.0\nvllm:num_preemptions_total{} 3.0\n'


@pytest.fixture
def magpie(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        out, errors = capsys.readouterr()
        return int(ended.value.code or 0), out, errors

    return run


def test_doctor_prints_what_a_server_tells(magpie: Callable[..., tuple[int, str, str]]) -> None:
    with fault_server() as server:
        server.pages["/metrics"] = Say(METRICS, kind="text/plain")
        server.pages["/version"] = Say({"version": "0.32.0"})
        code, out, _ = magpie("doctor", "--server", server.url)
        assert code == 0
        assert f"{server.url}: vllm 0.32.0, serves m, context 512 tokens" in out
        assert "432,000" in out
        assert "advice: more requests fit" in out
        (told,) = json.loads(magpie("doctor", "--server", server.url, "--json")[1])["servers"]
        assert told["figures"]["preemptions"] == 3


def test_doctor_refuses_what_is_no_address_in_one_line(magpie: Callable[..., tuple[int, str, str]]) -> None:
    code, _, errors = magpie("doctor", "--server", "http://me:hidden@there/v1")
    assert code == 2
    assert "hidden" not in errors
    assert len(errors.strip().splitlines()) == 1
