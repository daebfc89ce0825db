"""How many engines of one model run side by side on this machine, and what of it each gets.

One for each GPU, or each group of GPUs that hold one model together; on a CPU one for each group of cores.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from magpie.engines import scripted
from magpie.engines.child.engine import ChildSpec
from magpie.engines.llamacpp import engine as llamacpp
from magpie.engines.openvino import engine as openvino
from magpie.engines.replicas.places import Place, on_cores, on_gpus
from magpie.engines.transformers import engine as transformers
from magpie.engines.vllm import engine as vllm
from magpie.errors import RecipeError
from magpie.modelfiles.locate import ModelPlace
from magpie.modelfiles.shape import read_shape
from magpie.models.fitness import llamacpp_has_gpu, vllm_wants_gpu
from magpie.models.hardware import usable_cores, visible_gpus
from magpie.settings.engines import LlamaCpp, OpenVino, Scripted, Server, Transformers, Vllm

HasReplicas = LlamaCpp | OpenVino | Scripted | Transformers | Vllm


def places(settings: HasReplicas, gguf: Path | None = None) -> list[Place]:
    """What each replica gets: one place where there is nothing to share out. gguf: the model's file, if it is one.

    Raises `RecipeError` for more replicas than this machine has GPUs or cores for.
    """
    asked = settings.replicas
    if asked == 1:
        return [Place()]
    if isinstance(settings, Scripted):
        return [Place()] * (1 if asked == "auto" else asked)
    if _uses_gpus(settings) and (gpus := visible_gpus()):
        group = settings.tensor_parallel * settings.pipeline_parallel if isinstance(settings, Vllm) else 1
        most = len(gpus) // group
        count = max(1, most) if asked == "auto" else asked
        if count > most and count > 1:
            raise RecipeError(
                f"engine.replicas is {count}, each on {group} of the GPUs, and {len(gpus)} are visible: expected at "
                f"most {most}, or auto"
            )
        return on_gpus(count, group, gpus) if most else [Place()]
    if isinstance(settings, OpenVino) and settings.device == "GPU":
        if asked == "auto":
            return [Place()]
        raise RecipeError("engine.replicas: OpenVINO on a GPU runs one replica; leave it out, or set device to CPU")
    return _on_cpu(settings, gguf)


def count(settings: HasReplicas | Server, gguf: Path | None) -> int:
    """How many engines run side by side here. Raises as `places` does."""
    return 1 if isinstance(settings, Server) else len(places(settings, gguf))


def _on_cpu(settings: HasReplicas, gguf: Path | None) -> list[Place]:
    cores = usable_cores()
    count = max(1, len(cores) // _threads(settings, gguf, len(cores))) if settings.replicas == "auto" else None
    count = count or (settings.replicas if isinstance(settings.replicas, int) else 1)
    if count > len(cores):
        raise RecipeError(
            f"engine.replicas is {count}, and this machine has {len(cores)} cores, of which each replica gets its own: "
            f"expected at most {len(cores)}, or auto"
        )
    if sys.platform != "linux":
        return [Place()] * count  # where no system binds a process to cores, it shares them out itself
    return on_cores(count, cores) if count > 1 else [Place()]


def _uses_gpus(settings: HasReplicas) -> bool:
    match settings:
        case Vllm():
            return vllm_wants_gpu()
        case Transformers():
            return settings.device in ("auto", "cuda")
        case LlamaCpp():
            return settings.gpu_layers != 0 and llamacpp_has_gpu()
        case _:
            return False


def _threads(settings: HasReplicas, gguf: Path | None, cores: int) -> int:
    """Cores that one engine uses."""
    if isinstance(settings, LlamaCpp) and gguf is not None:
        return llamacpp.choose(read_shape(gguf), settings).threads
    if isinstance(settings, LlamaCpp | OpenVino):
        return settings.threads or cores
    return cores


def specs(
    settings: HasReplicas | Server, loads: str, place: ModelPlace | None, vocab_size: int | None
) -> list[ChildSpec]:
    """What each replica of a model opens, in a process of its own; nothing where it runs as one engine.

    loads: what the engine opens, a path or a repository's id. place: where the model's files are.
    """
    if isinstance(settings, Server):
        return []  # its replicas are its addresses
    shares = places(settings, None if place is None else place.gguf)
    if len(shares) == 1:
        return []
    return [
        replace(spec, environment={**spec.environment, **share.environment()}, cores=share.cores)
        for share in shares
        for spec in [_spec(settings, share, loads, place, vocab_size)]
    ]


def _spec(
    settings: HasReplicas, share: Place, loads: str, place: ModelPlace | None, vocab_size: int | None
) -> ChildSpec:
    revision = None if place is None else place.revision
    match settings:
        case Scripted():
            return scripted.child_spec(settings, vocab_size=vocab_size or 1 << 18)
        case LlamaCpp():
            return llamacpp.child_spec(loads, settings)
        case OpenVino():
            threads = settings.threads or len(share.cores) or None
            return openvino.child_spec(loads, settings.model_copy(update={"threads": threads}))
        case Vllm():
            return vllm.child_spec(loads, settings, revision=revision)
        case Transformers():
            files = None if place is None else place.folder
            return transformers.child_spec(loads, settings, files=files, revision=revision)
