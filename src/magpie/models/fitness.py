"""Which engines can run on this machine: what `magpie doctor` prints and what `engine: auto` rests on.

Opens the libraries to find out, and no model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from magpie.engines.llamacpp.engine import choose, import_llamacpp
from magpie.engines.openvino.engine import import_openvino
from magpie.engines.transformers.engine import import_transformers
from magpie.engines.vllm.engine import import_vllm
from magpie.errors import MissingExtra
from magpie.install import install_hint, install_hint_for
from magpie.modelfiles.shape import read_shape
from magpie.models.hardware import memory_bytes
from magpie.settings.engines import LlamaCpp


@dataclass(frozen=True, slots=True)
class Fitness:
    """Whether an engine can run on this machine."""

    engine: str
    runs: bool
    about: str
    """What it runs and with what; or why it cannot."""


_IMPORTS: Mapping[str, Callable[[], ModuleType]] = {
    "llamacpp": import_llamacpp,
    "vllm": import_vllm,
    "transformers": import_transformers,
    "openvino": import_openvino,
}
_LIBRARIES = {
    "llamacpp": "xllamacpp",
    "vllm": "vllm",
    "transformers": "transformers",
    "openvino": "openvino_genai",
}
_ABOUT = {
    "llamacpp": "any GGUF file, with xllamacpp {version}",
    "vllm": "Hugging Face models on GPUs, with vllm {version}",
    "transformers": "Hugging Face models that nothing else runs, with transformers {version}",
    "openvino": "GGUF files of some architectures on CPUs, the fastest there, with openvino-genai {version}",
}


def fitness(engine: str) -> Fitness:
    """Whether one engine can run here."""
    if engine not in _IMPORTS:
        return Fitness(engine, True, _ALWAYS[engine])
    try:
        library = _IMPORTS[engine]()
    except MissingExtra as error:
        return Fitness(engine, False, str(error))
    return Fitness(engine, True, _ABOUT[engine].format(version=getattr(library, "__version__", "of unknown version")))


_ALWAYS = {
    "server": "any server that speaks OpenAI's protocol: vLLM, SGLang, llama.cpp, Ollama, and others",
    "scripted": "no model: for tests, and for what magpie itself costs",
}


def install_command(engine: str) -> str:
    """The command that installs an engine's library: the core brings llama.cpp's, extras bring the others'."""
    return install_hint_for(_LIBRARIES[engine]) if engine == "llamacpp" else install_hint(engine)


def installed(engine: str) -> bool:
    """Whether an engine's library is there at all: at once, where opening it may take many seconds."""
    return engine in _ALWAYS or find_spec(_LIBRARIES[engine]) is not None


def llamacpp_has_gpu() -> bool:
    """Whether the llama.cpp that is installed can use a GPU that is here: most of its builds are for CPUs alone."""
    try:
        devices = import_llamacpp().get_device_info()
    except MissingExtra:
        return False
    return any("GPU" in device["type"].name for device in devices)


def too_large(gguf: Path, settings: LlamaCpp) -> str | None:
    """Why llama.cpp would fill this machine's memory, which ends the whole process without a word; None where it would
    not, or where a GPU with a memory of its own helps."""
    shape = read_shape(gguf)
    plan = choose(shape, settings)
    replicas = settings.replicas if isinstance(settings.replicas, int) else 1  # the weights are mapped once for all
    cache, most = replicas * plan.slots * plan.context * shape.cache_bytes, memory_bytes()
    if shape.file_bytes + cache <= most or llamacpp_has_gpu():
        return None
    weights, kept, have = (size / (1 << 30) for size in (shape.file_bytes, cache, most))
    return (
        f"would need {weights:.1f} GiB for the weights and {kept:.1f} GiB for keys and values, and there are "
        f"{have:.1f} GiB of memory: take a smaller model, fewer slots or a smaller context"
    )


def vllm_wants_gpu() -> bool:
    """Whether the vLLM that is installed is built for GPUs: its package or version says where it is for another."""
    built = [f"{name}+{version(name)}" for name in packages_distributions().get("vllm", [])]
    return bool(built) and not any(re.search(r"[-+](cpu|tpu|xpu)\b", one) for one in built)


def engine_fitness() -> list[Fitness]:
    """Every engine, and whether it can run here."""
    return [fitness(engine) for engine in (*_IMPORTS, *_ALWAYS)]
