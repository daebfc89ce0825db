"""llama.cpp in this process, through xllamacpp: any GGUF file, many requests in one batch.

The only file that imports xllamacpp; `scores` opens classifiers through it. It knows files, settings and loading; how
requests are served is `server`'s.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from magpie.engines.child.engine import ChildSpec
from magpie.engines.llamacpp.server import CAPABILITIES, LlamaCpp
from magpie.engines.quiet import hear
from magpie.errors import MissingExtra, ModelError
from magpie.install import install_hint_for
from magpie.modelfiles.model import open_model
from magpie.modelfiles.probe import check_tokenizer
from magpie.modelfiles.shape import Shape, read_shape
from magpie.settings.engines import MOST_CONTEXT
from magpie.settings.engines import LlamaCpp as LlamaCppSettings

__all__ = ["CAPABILITIES", "address_in", "choose", "import_llamacpp", "load", "open_llamacpp", "params"]

MOST_SLOTS = 32
"""By default. Measured with fledgling on one thread, tokens/s of instructions: 16 slots 3,350, 32 3,120, 64 3,150,
128 2,980, 256 2,390. A larger model gains from more, as its weights are read once for all."""
CACHE_BUDGET = 2 << 30
"""The most that keys and values may take by default, in bytes: a quarter of a small laptop's memory."""
SMALL_MODEL = 64 << 20
"""A model file below this runs on one thread by default, in bytes. Measured on two idle cores, 3M parameters, 64 slots:
3,742 tokens/s on one thread, 1,717 on two, which sleep and wake at every operation."""
PATIENCE = 300.0
"""Seconds without an answer, even to how it is doing, after which the engine counts as dead."""
LOG_SECONDS = 0.2
"""llama.cpp's log is written by a thread of its own, a little later."""


@contextmanager
def open_llamacpp(path: Path | str, settings: LlamaCppSettings | None = None) -> Iterator[LlamaCpp]:
    """Load a GGUF file; leaving the block stops what is in flight and frees the model.

    Raises `ModelError` when the file cannot be run, `MissingExtra` when xllamacpp is not installed.
    """
    xllamacpp = import_llamacpp()
    model, settings = Path(path), settings or LlamaCppSettings()
    plan = choose(read_shape(model), settings)
    with tempfile.TemporaryDirectory(prefix="magpie-") as name:
        folder = Path(name)
        server = load(xllamacpp, model, lambda at, verbosity: params(xllamacpp, model, plan, at, verbosity), folder)
        engine = LlamaCpp(address_in(folder), plan.slots, plan.context, PATIENCE)
        try:
            engine.start()
            yield engine
        finally:
            engine.close()  # before the server: it waits for its open connections, forever
            del server


@contextmanager
def open_in_process(path: str, settings: Mapping[str, Any]) -> Iterator[LlamaCpp]:
    """What a child process opens, as a replica: the same, with proof that the tokenizer here is llama.cpp's own."""
    with open_llamacpp(path, LlamaCppSettings(**settings)) as engine:
        check_tokenizer(open_model(Path(path)).tokenizer, engine.tokenize)
        yield engine


def child_spec(path: Path | str, settings: LlamaCppSettings) -> ChildSpec:
    """What a child process opens for a replica."""
    arguments = {"path": str(path), "settings": settings.model_dump()}
    return ChildSpec("magpie.engines.llamacpp.engine:open_in_process", arguments, "llama.cpp")


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings with every choice made."""

    slots: int
    context: int
    threads: int
    gpu_layers: int


def choose(shape: Shape, settings: LlamaCppSettings) -> Plan:
    """What is left open in the settings, decided from the model's size and this machine."""
    context = settings.context or min(shape.context or MOST_CONTEXT, MOST_CONTEXT)
    fitting = CACHE_BUDGET // max(1, context * shape.cache_bytes)
    return Plan(
        slots=settings.slots or max(1, min(MOST_SLOTS, fitting)),
        context=context,
        threads=settings.threads or (1 if shape.file_bytes < SMALL_MODEL else _cores()),
        gpu_layers=settings.gpu_layers,
    )


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def import_llamacpp() -> ModuleType:
    """The xllamacpp module. Raises `MissingExtra` when it is not installed or does not load."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # two busy waiting threads stop a machine of two cores
    try:
        import xllamacpp
    except ImportError as error:
        raise MissingExtra(f"the engine llamacpp needs xllamacpp ({error}): {install_hint_for('xllamacpp')}") from error
    return xllamacpp  # type: ignore[no-any-return]


def address_in(folder: Path, name: str = "llama") -> str:
    """The server's socket. The folder has mode 700: no other user can reach it, as they could a port."""
    return str(folder / f"{name}.sock")


def load(xllamacpp: ModuleType, model: Path, settings: Callable[[str, int], Any], folder: Path) -> Any:
    """The server of `settings(address, verbosity)`. Raises `ModelError` with llama.cpp's reason."""
    try:
        return xllamacpp.Server(settings(address_in(folder), 0))
    except RuntimeError:
        # The reason is only in the log, which is off. Load again and listen.
        with hear() as heard:
            with suppress(RuntimeError):
                xllamacpp.Server(settings(address_in(folder, "again"), 1))
            time.sleep(LOG_SECONDS)
    raise ModelError(f"{model} cannot be run by llama.cpp: {_reason(heard.text)}")


def params(xllamacpp: ModuleType, model: Path, plan: Plan, address: str, verbosity: int) -> Any:
    """llama.cpp's own settings of a server at `address`."""
    made = xllamacpp.CommonParams()
    made.model.path = str(model)
    made.hostnames = [address]
    made.verbosity = verbosity
    made.n_parallel, made.n_ctx = plan.slots, plan.slots * plan.context  # the slots share n_ctx equally
    made.kv_unified = False  # twice as fast with many slots
    made.cpuparams.n_threads, made.cpuparams_batch.n_threads = plan.threads, plan.threads
    made.n_gpu_layers = plan.gpu_layers
    made.n_threads_http = 2 * plan.slots + 8  # a cancelled request keeps its thread for up to a second
    made.special = True  # special tokens are written out in the text, so that a leaked marker can be seen
    made.cache_prompt, made.cache_ram_mib = False, 0  # with a cache, one seed gives two texts
    made.warmup = made.ui = False
    return made


def _reason(log: str) -> str:
    """The line of llama.cpp's log that says why a model did not load."""
    errors: list[str] = re.findall(r"^[\d.]+ E (.*)$", log, re.MULTILINE)
    told = [line.partition("error loading model: ")[2] for line in errors]
    told = [line for line in told if line and "failed to load model from" not in line]
    return (told or errors or ["it gives no reason"])[0]
