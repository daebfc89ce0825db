"""Loads a model of transformers onto a device, and decides what the settings leave open. Knows no requests."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from magpie.engines.transformers import TransformersSettings
from magpie.errors import ModelError
from magpie.templates import ModelFiles, open_model

MOST_CONTEXT = 4096
"""The longest context by default, in tokens."""
CPU_SLOTS = 64
GPU_SLOTS = 256
GPU_SHARE = 0.6
"""The part of a GPU's free memory that keys and values may take by default, once the weights are there."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model, and what is known of it."""

    model: Any
    files: ModelFiles
    slots: int
    context: int
    vocab_size: int
    ends: frozenset[int]
    """Ids that end a text, whatever a request says."""
    plain: bool
    """Whether all that it remembers of a text are keys and values, so that texts can join a batch at any time."""


def load(model: str, files: Path, revision: str | None, settings: TransformersSettings) -> Loaded:
    """Raises `ModelError` for what the user can mend, and whatever the library raises for the rest."""
    known, device = open_model(files), _device(settings)
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    network = transformers.AutoModelForCausalLM.from_pretrained(
        model,
        revision=revision,
        dtype=_dtype(settings, device),
        trust_remote_code=settings.trust_remote_code,
        **({"device_map": "auto"} if device == "cuda" else {}),
    )
    if device == "mps":
        network = network.to("mps")
    network.eval()
    context = settings.context or min(known.context or MOST_CONTEXT, MOST_CONTEXT)
    return Loaded(
        model=network,
        files=known,
        slots=settings.slots or _slots(network, device, context),
        context=context,
        vocab_size=network.get_input_embeddings().weight.shape[0],
        ends=frozenset(known.eog_ids) | _own_ends(network),
        plain=_is_plain(network),
    )


def _device(settings: TransformersSettings) -> str:
    there = [*(["cuda"] if torch.cuda.is_available() else []), *(["mps"] if torch.backends.mps.is_available() else [])]
    there.append("cpu")
    if settings.device == "auto":
        return there[0]
    if settings.device not in there:
        raise ModelError(f"device is {settings.device}, and PyTorch finds {' and '.join(there)} here")
    return settings.device


def _dtype(settings: TransformersSettings, device: str) -> str:
    return "float32" if settings.dtype == "auto" and device == "cpu" else settings.dtype


def _own_ends(network: Any) -> frozenset[int]:
    found = getattr(network.generation_config, "eos_token_id", None)
    return frozenset(found if isinstance(found, list) else [] if found is None else [found])


def _is_plain(network: Any) -> bool:
    layers = DynamicCache(config=network.config).layers
    return all(isinstance(layer, DynamicLayer) and type(layer).__mro__.index(DynamicLayer) <= 1 for layer in layers)


def _slots(network: Any, device: str, context: int) -> int:
    if device != "cuda":
        return CPU_SLOTS
    free, _ = torch.cuda.mem_get_info()
    return max(1, min(GPU_SLOTS, int(GPU_SHARE * free / (context * _cache_bytes(network)))))


def _cache_bytes(network: Any) -> int:
    """Keys and values of one token; an estimate from above for models that share or skip layers."""
    config = network.config.get_text_config(decoder=True)
    heads = config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    shared = getattr(config, "num_key_value_heads", None) or heads
    return int(2 * config.num_hidden_layers * shared * width * network.dtype.itemsize)
