"""OpenVINO GenAI in a process of its own: on CPUs, often faster than llama.cpp on the GGUF files that it reads.

Knows files, settings and loading; how requests are served is `pipeline`'s. Nothing here needs the library but
what runs in the child.

Why a child: the library ends its process where it should raise. On a CPU with AMX, one thread and its own choice of
precision were a division by zero (2026.4.1); a step that once raised raises at every step after it. Memory comes back
without a child too (fledgling: 481 MB in use, 182 MB afterwards), and the pipe costs a few percent of processor time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from magpie.engines.child.engine import ChildEngine, ChildSpec, open_spec
from magpie.engines.openvino.plan import CAPABILITIES as CAPABILITIES
from magpie.engines.openvino.plan import Plan
from magpie.errors import MissingExtra, ModelError
from magpie.install import install_hint
from magpie.modelfiles.gguf import GgufTensor, read_head
from magpie.modelfiles.model import open_model
from magpie.modelfiles.shape import read_shape
from magpie.seams import Engine
from magpie.settings.engines import MOST_CONTEXT
from magpie.settings.engines import OpenVino as OpenVinoSettings

MOST_SLOTS = 256
CPU_BLOCK = 32
"""Tokens in a block of keys and values, on a CPU."""
ARCHITECTURES = ("llama", "qwen2", "qwen3")
KINDS = {1: "F16", 2: "Q4_0", 3: "Q4_1", 8: "Q8_0", 12: "Q4_K", 14: "Q6_K"}
"""How a matrix may be kept, by ggml's numbers."""
OTHER_KINDS = {0: "F32", 6: "Q5_0", 7: "Q5_1", 10: "Q2_K", 11: "Q3_K", 13: "Q5_K", 30: "BF16", 39: "MXFP4"}
"""Names of those that it refuses, as far as users know them."""
NEEDED = ("block_count", "attention.head_count", "embedding_length", "attention.layer_norm_rms_epsilon")


def import_openvino() -> ModuleType:
    """The openvino_genai module. Raises `MissingExtra` when it is not installed or does not load."""
    try:
        import openvino_genai
    except Exception as error:  # a shared library that does not load raises what it likes
        told = str(error).partition("\n")[0]
        raise MissingExtra(f"the engine openvino needs openvino-genai ({told}): {install_hint('openvino')}") from error
    return openvino_genai  # type: ignore[no-any-return]


@contextmanager
def open_openvino(path: Path | str, settings: OpenVinoSettings | None = None) -> Iterator[ChildEngine]:
    """Load a GGUF file or a folder with OpenVINO's IR; leaving the block frees the model.

    Raises `ModelError` when it cannot be run, `MissingExtra` when the library is not installed.
    """
    with open_spec(child_spec(path, settings or OpenVinoSettings())) as engine:
        yield engine


def child_spec(path: Path | str, settings: OpenVinoSettings) -> ChildSpec:
    """What a child process opens for `open_openvino`."""
    arguments = {"path": str(path), "settings": settings.model_dump()}
    return ChildSpec("magpie.engines.openvino.engine:open_in_process", arguments, "OpenVINO")


def open_in_process(path: str, settings: Mapping[str, Any]) -> AbstractContextManager[Engine]:
    """What the child opens."""
    import_openvino()
    from magpie.engines.openvino.pipeline import open_pipeline

    return open_pipeline(plan(Path(path), OpenVinoSettings(**settings)))


def plan(path: Path, settings: OpenVinoSettings) -> Plan:
    """What is left open in the settings, decided. Raises `ModelError` for a model that OpenVINO would not load."""
    if reason := supports(path):
        raise ModelError(f"{path} cannot be run by OpenVINO: {reason}; use the engine llamacpp")
    files = open_model(path)
    slots, fitting = settings.slots or MOST_SLOTS, _fitting(path, settings)
    context = min(settings.context or MOST_CONTEXT, files.context or settings.context or MOST_CONTEXT)
    if fitting is not None and fitting < context:
        context = _shorter(context, fitting, settings)
    return Plan(
        path=path,
        files=files,
        slots=slots,
        context=context,
        device=settings.device,
        cache_gb=settings.cache_gb,
        blocks=None if fitting is None else _blocks(fitting, slots, context),
        properties=_properties(settings),
    )


def _fitting(path: Path, settings: OpenVinoSettings) -> int | None:
    """Tokens whose keys and values fit into `cache_gb`; None where it is not known."""
    if settings.device != "CPU" or path.is_dir():
        return None
    return (settings.cache_gb << 30) // max(1, read_shape(path).cache_bytes) - CPU_BLOCK


def _shorter(context: int, fitting: int, settings: OpenVinoSettings) -> int:
    """If a text does not fit at all, the texts that wait after it are not let in either."""
    if settings.context is None and fitting > 0:
        return fitting
    raise ModelError(
        f"keys and values of a context of {context:,} tokens do not fit into {settings.cache_gb} GiB, where there is "
        f"room for {max(0, fitting):,}: give the engine a larger cache_gb, or a smaller context"
    )


def _blocks(fitting: int, slots: int, context: int) -> int:
    """So many that every slot can fill half of its context, if they fit.

    All of them come to be used in turn, however few would do: fledgling took 2.2 GB after 12,000 texts, and takes 0.7.
    A text for which there is none left is begun again later, and comes out the same.
    """
    return min(fitting, max(slots * context // 2, context)) // CPU_BLOCK + 1


def _properties(settings: OpenVinoSettings) -> dict[str, Any]:
    """In float32. In bfloat16, its own choice on a CPU with AMX, 85% of sampled texts are the same whatever else is in
    the batch, for 99.5%; and one thread ends the process."""
    if settings.device != "CPU":
        return {}
    threads = settings.threads or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    return {"INFERENCE_NUM_THREADS": threads, "KV_CACHE_PRECISION": "f16", "INFERENCE_PRECISION_HINT": "f32"}


def supports(path: Path) -> str | None:
    """Why OpenVINO does not read this model, in words; None where it does. Reads the head of a GGUF file only.

    Raises `ModelError` when there is no such file, or a damaged one.
    """
    if path.is_dir():
        return None if (path / "openvino_model.xml").is_file() else "there is no openvino_model.xml in the folder"
    keys, tensors = read_head(path)
    return _unread_keys(keys) or _unread_tensors(keys, tensors)


def _unread_keys(keys: Mapping[str, Any]) -> str | None:
    architecture = keys.get("general.architecture")
    if architecture not in ARCHITECTURES:
        return f"its architecture is {architecture}, and OpenVINO reads {', '.join(ARCHITECTURES)}"
    if (vocabulary := keys.get("tokenizer.ggml.model")) != "gpt2":
        return f"its vocabulary is of the kind {vocabulary}, and OpenVINO reads gpt2"
    wanted = [*(f"{architecture}.{name}" for name in NEEDED), "general.file_type"]
    if missing := [key for key in wanted if key not in keys]:
        return f"it does not say {missing[0]}"
    if keys.get(f"{architecture}.expert_count"):
        return "it is a mixture of experts"
    if keys.get(f"{architecture}.rope.scaling.type", "none") != "none":
        return "its positions are stretched (rope scaling), which OpenVINO passes over"
    return None


def _unread_tensors(keys: Mapping[str, Any], tensors: Mapping[str, GgufTensor]) -> str | None:
    if "rope_freqs.weight" in tensors:
        return "its positions are stretched (rope_freqs), which OpenVINO passes over"
    layers = keys[f"{keys['general.architecture']}.block_count"]
    parts = ("attn_q", "attn_k", "attn_v", "attn_output", "attn_norm", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down")
    names = ["token_embd.weight", "output_norm.weight"]
    names += [f"blk.{layer}.{part}.weight" for layer in range(layers) for part in parts]
    if missing := [name for name in names if name not in tensors]:
        return f"it has no tensor {missing[0]}"
    strange = {tensor.kind for tensor in tensors.values() if len(tensor.shape) > 1} - KINDS.keys()
    if strange:
        kind = OTHER_KINDS.get(min(strange), f"of ggml's type {min(strange)}")
        return f"it holds weights that are {kind}, and OpenVINO reads {', '.join(KINDS.values())}"
    return None
