"""vLLM in a process of its own: Hugging Face models on GPUs, or on a CPU with a CPU build of vLLM.

Knows settings, vLLM's arguments and what can go wrong while a model is opened; how requests are served is
`loop`'s. This and `loop` are the only files that import vllm, always inside the child process.

vLLM's engine runs in that process itself, not in the second one that vLLM would start by default. If the child is
killed, that second one would stay, and hold the GPU's memory: it does not watch its parent. And it is no faster on two
cores of a CPU, and opens later. On GPUs the next batch is scheduled while one runs, in one process too
(`async_scheduling`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from magpie.engines.child.engine import ChildEngine, ChildSpec, open_spec
from magpie.engines.vllm.errors import explained
from magpie.engines.vllm.loop import CAPABILITIES, Vllm
from magpie.errors import MagpieError, MissingExtra, ModelError, RecipeError
from magpie.install import install_hint
from magpie.modelfiles.pickled import weights_refusal
from magpie.safe.redaction import one_line
from magpie.settings.engines import MOST_CONTEXT
from magpie.settings.engines import Vllm as VllmSettings

__all__ = ["CAPABILITIES", "import_vllm", "open_in_process", "open_vllm"]

CPU_SLOTS = 256
"""Requests in one batch on a CPU by default, as vLLM chooses there."""
CPU_CACHE = range(256 << 20, 2 << 30)
"""Memory for keys and values on a CPU by default, in bytes: what the slots may need, within these bounds. vLLM itself
would take 92% of the machine's memory, and really fill it."""
ENVIRONMENT = {
    "OMP_WAIT_POLICY": "passive",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
}
"""Set in the child where the user has not set them."""
_OURS = {
    "model": "the recipe's `model`",
    "revision": "the recipe's `model`",
    "max_model_len": "context",
    "max_num_seqs": "slots",
    "dtype": "dtype",
    "quantization": "quantization",
    "tensor_parallel_size": "tensor_parallel",
    "pipeline_parallel_size": "pipeline_parallel",
    "gpu_memory_utilization": "gpu_memory_utilization",
    "trust_remote_code": "trust_remote_code",
}
"""vLLM's names of what has a setting of its own."""
_FIXED = {
    "generation_config": "nothing but a stage's own sampling applies",
    "override_generation_config": "nothing but a stage's own sampling applies",
    "logprobs_mode": "log-probabilities are the model's own",
    "skip_tokenizer_init": "texts are decoded with the model's tokenizer",
    "runner": "models are run to write text",
    "convert": "models are run to write text",
}


@contextmanager
def open_vllm(
    model: Path | str, settings: VllmSettings | None = None, *, revision: str | None = None
) -> Iterator[ChildEngine]:
    """Load a Hugging Face folder or Hub id in a process of its own; leaving the block ends the process.

    Raises `ModelError` when vLLM cannot run the model, `RecipeError` for an argument that vLLM has not, `MissingExtra`
    when vllm is not installed or does not load.
    """
    if find_spec("vllm") is None:
        raise _missing("it is not installed")
    with open_spec(child_spec(model, settings or VllmSettings(), revision=revision)) as engine:
        yield engine


def child_spec(model: Path | str, settings: VllmSettings, *, revision: str | None = None) -> ChildSpec:
    """What a child process opens for `open_vllm`."""
    arguments = {"model": str(model), "revision": revision, "settings": settings.model_dump()}
    opener = "magpie.engines.vllm.engine:open_in_process"
    return ChildSpec(opener, arguments, "vLLM", downloads=not Path(model).exists())


@contextmanager
def open_in_process(model: str, revision: str | None, settings: Mapping[str, Any]) -> Iterator[Vllm]:
    """The same in this process, where it can be opened once: what the child calls."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import_vllm()
    try:
        engine, trained_context = _load(model, revision, VllmSettings(**settings))
    except MagpieError:
        raise
    except Exception as error:
        raise ModelError(explained(model, error)) from error
    try:
        yield Vllm(engine, trained_context)
    finally:
        with suppress(Exception):
            engine.engine_core.shutdown()


def import_vllm() -> ModuleType:
    """The vllm module. Raises `MissingExtra` when it is not installed or does not load."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        import vllm
    except Exception as error:  # it opens native libraries, which fail in their own ways
        raise _missing(f"{type(error).__name__}: {one_line(str(error), 200)}") from error
    return vllm  # type: ignore[no-any-return]


def _missing(why: str) -> MissingExtra:
    return MissingExtra(f"the engine vllm needs vllm ({why}): {install_hint('vllm')}")


def _load(model: str, revision: str | None, settings: VllmSettings) -> tuple[Any, int]:
    """vLLM's engine, and the model's trained context in tokens."""
    from vllm import EngineArgs, LLMEngine
    from vllm.platforms import current_platform
    from vllm.usage.usage_lib import UsageContext

    check_kwargs(settings.engine_kwargs, [one.name for one in fields(EngineArgs)])
    if Path(model).is_dir() and (refusal := weights_refusal(Path(model), trusted=settings.trust_remote_code)):
        raise ModelError(f"{model} cannot be run by vLLM: {refusal}")
    if current_platform.is_unspecified():
        raise ModelError(
            "vLLM finds no GPU that it can use here (see nvidia-smi, and whether the driver fits vLLM's CUDA); "
            "on a CPU use engine: openvino, llamacpp or transformers, or a CPU build of vLLM"
        )
    arguments = engine_arguments(model, revision, settings)
    config = EngineArgs(**arguments).create_model_config()
    trained = int(config.max_model_len)
    arguments["max_model_len"] = context = min(settings.context or MOST_CONTEXT, trained)
    if current_platform.is_cpu():
        if settings.pipeline_parallel > 1:  # its workers fail at the first step, in 0.32
            raise RecipeError(f"pipeline_parallel is {settings.pipeline_parallel}; on a CPU vLLM runs only 1")
        arguments = cpu_arguments(settings, cache_bytes(config) * context) | arguments
    return LLMEngine.from_engine_args(EngineArgs(**arguments), UsageContext.LLM_CLASS), trained


def engine_arguments(model: str, revision: str | None, settings: VllmSettings) -> dict[str, Any]:
    """Arguments of vLLM's `EngineArgs`, without what is left to vLLM."""
    arguments = {
        "model": model,
        "revision": revision,
        "tokenizer_revision": revision,
        "dtype": settings.dtype,
        "quantization": settings.quantization,
        "tensor_parallel_size": settings.tensor_parallel,
        "pipeline_parallel_size": settings.pipeline_parallel,
        "max_num_seqs": settings.slots,
        "gpu_memory_utilization": settings.gpu_memory_utilization,
        "trust_remote_code": settings.trust_remote_code,
        "enable_prefix_caching": True,
        "generation_config": "vllm",  # not the sampling that the model's folder suggests
        "language_model_only": True,  # no memory for pictures
        "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
        "disable_log_stats": True,
    }
    return {name: value for name, value in arguments.items() if value is not None} | settings.engine_kwargs


def cpu_arguments(settings: VllmSettings, slot_bytes: int) -> dict[str, Any]:
    """What is otherwise on a CPU, where a slot's keys and values take `slot_bytes`."""
    arguments: dict[str, Any] = {"enforce_eager": True}  # compiling takes minutes, and a compiler
    if settings.gpu_memory_utilization is None:
        wanted = slot_bytes * (settings.slots or CPU_SLOTS)
        arguments["kv_cache_memory_bytes"] = min(max(wanted, CPU_CACHE.start), CPU_CACHE.stop)
    return arguments


def cache_bytes(config: Any) -> int:
    """What one token's keys and values take, in bytes, of vLLM's `ModelConfig`; more than that in models whose layers
    do not all keep any."""
    heads, layers = config.get_total_num_kv_heads(), config.get_total_num_hidden_layers()
    return int(2 * heads * config.get_head_size() * layers * config.dtype.itemsize)


def check_kwargs(given: Mapping[str, Any], known: list[str]) -> None:
    """Raise `RecipeError` for an argument that vLLM does not know, or that is not the user's to set."""
    for name in given:
        if name in _OURS:
            raise RecipeError(f"engine_kwargs: {name} is set by {_OURS[name]}, not here")
        if name in _FIXED:
            raise RecipeError(f"engine_kwargs: {name} cannot be set: {_FIXED[name]}")
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise RecipeError(f"engine_kwargs: this vLLM's engine has no argument {name}{hint}")
