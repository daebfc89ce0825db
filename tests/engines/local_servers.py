"""Real servers on this machine, on ports of 127.0.0.1 that are free: llama.cpp's in this process, vLLM's in one of its
own."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from magpie.engines.llamacpp.engine import import_llamacpp

VLLM_SECONDS = 180.0
"""For the server to start: 20 on two idle cores."""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def llama_server(model: Path, slots: int, context: int, special: bool = False) -> Iterator[str]:
    """Its address. Leave the block only when no connection to it is open: it waits for them, forever."""
    library = import_llamacpp()
    params = library.CommonParams()
    params.model.path = str(model)
    params.hostnames, params.port = ["127.0.0.1"], free_port()
    params.verbosity = 0
    params.n_parallel, params.n_ctx, params.kv_unified = slots, slots * context, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.n_threads_http = 2 * slots + 8
    params.warmup = params.ui = False
    params.special = special
    server = library.Server(params)
    try:
        yield f"http://127.0.0.1:{params.port}"
    finally:
        del server


@contextmanager
def vllm_server(folder: Path, context: int, python: str = sys.executable) -> Iterator[str]:
    """Its address. python: of the environment that has vLLM."""
    port = free_port()
    arguments = {
        "--model": str(folder),
        "--served-model-name": "tiny",
        "--dtype": "float32",
        "--max-model-len": str(context),
        "--max-num-seqs": "32",
        "--host": "127.0.0.1",
        "--port": str(port),
    }
    command = [python, "-m", "vllm.entrypoints.openai.api_server", "--enforce-eager"]
    quiet = {"OMP_WAIT_POLICY": "passive", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    process = subprocess.Popen(
        [*command, *(word for pair in arguments.items() for word in pair)],
        env={**os.environ, **quiet, "VLLM_CPU_KVCACHE_SPACE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + VLLM_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, f"the server ended by itself with {process.returncode}"
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(f"the server did not start within {VLLM_SECONDS:g} seconds")


_SHARED = ExitStack()
atexit.register(_SHARED.close)


@cache
def shared_vllm_server(folder: Path, context: int) -> str:
    """The address of one that lives as long as this process: all tests of it share one start."""
    return _SHARED.enter_context(vllm_server(folder, context))
