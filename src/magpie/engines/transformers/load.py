"""Loads a model of transformers onto a device, and decides what the settings leave open. Knows no requests."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from magpie.engines.transformers.cohorts import Cohort
from magpie.engines.transformers.forward import Forward
from magpie.engines.transformers.slots import Slots
from magpie.errors import ModelError
from magpie.modelfiles.model import ModelFiles, open_model
from magpie.settings.engines import MOST_CONTEXT
from magpie.settings.engines import Transformers as TransformersSettings

CPU_SLOTS = 64
GPU_SLOTS = 256
GPU_SHARE = 0.6
"""The part of a GPU's free memory that keys and values may take by default, once the weights are there."""


TRIED = [5, 9, 14, 3, 11, 7, 20, 6, 17, 8]
"""Token ids that are tried on a model when it is loaded: any will do."""
CLOSE, FAR = 0.1, 0.5
"""How far logits may be off, as a part of what they amount to: in 16 bits by a few hundredths. A token that is lost or
out of place makes 0.3 to 1."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model, and what is known of it."""

    forward: Forward
    files: ModelFiles
    slots: int
    context: int
    vocab_size: int
    ends: frozenset[int]
    """Ids that end a text, whatever a request says."""
    plain: bool
    """Whether texts can join a batch at any time: what it remembers of them are keys and values alone."""


def load(model: str, files: Path, revision: str | None, settings: TransformersSettings) -> Loaded:
    """Raises `ModelError` for what the user can correct, and whatever the library raises for the rest."""
    known, device = open_model(files), _device(settings)
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    network = transformers.AutoModelForCausalLM.from_pretrained(
        model,
        revision=revision,
        dtype=_dtype(settings, device),
        trust_remote_code=settings.trust_remote_code,
        use_safetensors=None if settings.trust_remote_code else True,  # others are pickled, and can run code
        **({"device_map": "auto"} if device == "cuda" else {}),
    )
    if device == "mps":
        network = network.to("mps")
    network.eval()
    trained = known.context or settings.context or MOST_CONTEXT
    context = min(settings.context or MOST_CONTEXT, trained)
    forward = Forward(network)
    return Loaded(
        forward=forward,
        files=known,
        slots=settings.slots or _slots(network, device, context),
        context=context,
        vocab_size=network.get_input_embeddings().weight.shape[0],
        ends=frozenset(known.eog_ids) | _own_ends(network),
        plain=_joins(forward),
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


def _joins(forward: Forward) -> bool:
    """Whether texts can join a batch: tried, not assumed. Raises `ModelError` for a model that forgets what it read.

    A model may take a cache and not use it, or count positions by itself: then it writes nonsense, and says nothing.
    """
    with torch.inference_mode():
        if forward.takes_positions and _is_plain(forward.model) and _off(forward, Slots(forward), [[0], [1]]) < CLOSE:
            return True
        if _off(forward, Cohort(forward), [[0, 1]]) < FAR:
            return False
    raise ModelError(
        f"{type(forward.model).__name__} cannot be run by transformers here: read token by token, it says other than "
        "when it reads a text at once"
    )


def _is_plain(network: Any) -> bool:
    layers = DynamicCache(config=network.config).layers
    return all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in layers)


def _off(forward: Forward, batch: Slots | Cohort, begun: Sequence[Sequence[int]]) -> float:
    """How far what follows two texts, read bit by bit, is from what follows them read at once: 0 is not at all.

    begun: which of the texts begin together.
    """
    texts = [TRIED[:4], TRIED[4:8] if len(begun) == 1 else TRIED[4:]]
    try:
        for together in begun:
            batch.admit([texts[n][:-2] for n in together])
        for place in (-2, -1):
            said = batch.step([text[place] for text in texts]).float()
    except (TypeError, ValueError, AttributeError, IndexError, RuntimeError) as error:
        print(f"{type(batch).__name__}: {error!r}")  # into the log, where the reason is looked for
        return float("inf")
    whole = [forward([text], None, [list(range(len(text)))], None)[0].float() for text in texts]
    worst: float = max(float((a - b).norm() / (b - b.mean()).norm()) for a, b in zip(said, whole, strict=True))
    return worst


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
