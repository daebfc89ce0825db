"""Which engine runs a model, and opening it: the one place where every engine is known by name.

The choice rests on the model's file format, on what is installed, on the hardware and on what the stages need; it is
made, and refused, before anything is loaded. Knows no stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magpie.engines import scripted
from magpie.engines.llamacpp import engine as llamacpp
from magpie.engines.openvino import engine as openvino
from magpie.engines.replicas.engine import open_replicas
from magpie.engines.server import engine as server
from magpie.engines.transformers import engine as transformers
from magpie.engines.vllm import engine as vllm
from magpie.errors import MissingExtra, RecipeError
from magpie.log import logger
from magpie.modelfiles.locate import Form, ModelPlace
from magpie.modelfiles.model import ModelFiles
from magpie.modelfiles.probe import check_tokenizer
from magpie.models import replicas
from magpie.models.fitness import fitness, install_command, installed, llamacpp_has_gpu, too_large, vllm_wants_gpu
from magpie.models.hardware import has_gpu
from magpie.safe.redaction import one_line
from magpie.seams import Capabilities, Capability, Engine
from magpie.settings.engines import Auto, LlamaCpp, OpenVino, Scripted, Server, Transformers, Vllm
from magpie.settings.engines import Engine as EngineSettings

ChosenSettings = LlamaCpp | Vllm | Server | Transformers | OpenVino | Scripted

GPU_SHARE = 0.9
"""The most of a GPU's memory that models of one stage may take together."""

_log = logger(__name__)


@dataclass(frozen=True, slots=True)
class ModelUse:
    """A model and the engine that runs it."""

    name: str
    """The model as the user said it, or as its server calls it."""
    engine: ChosenSettings
    why: str
    """How the engine came to be chosen, in words."""
    capabilities: Capabilities
    identity: Any
    """What names the model in a fingerprint."""
    place: ModelPlace | None = None
    files: ModelFiles | None = None
    """Its tokenizer and chat template; None behind a server that takes only conversations."""
    facts: server.Facts | None = None
    """What its server said of itself."""

    @property
    def loads(self) -> str:
        """What the engine opens: a path, a repository's id, or a name on a server."""
        if self.facts is not None or self.place is None:
            return self.name if self.facts is None else self.facts.served_model
        reads_files = isinstance(self.engine, LlamaCpp | OpenVino | Scripted)
        return str((self.place.gguf if reads_files else None) or _folder(self.place))

    @property
    def key(self) -> tuple[str, str]:
        """Equal for two uses that one opened engine serves."""
        return self.loads, self.engine.model_dump_json()


# -- choosing ---------------------------------------------------------------------------------------------------------


def choose_engine(
    asked: EngineSettings,
    place: ModelPlace,
    files: ModelFiles,
    needs: frozenset[Capability],
    stage: str,
    facts: server.Facts | None = None,
) -> ModelUse:
    """The engine that the recipe names, or for `auto` the first that fits. Raises `UserError` where none does.

    needs: what the stages ask of it, which `auto` heeds, and `check_needs` holds every engine to. facts: what a server
    was found to be, where it was asked already.
    """
    if isinstance(asked, Server):
        return choose_server(asked, facts or find_server(asked), place, files)
    settings, why = _pick(place, needs) if isinstance(asked, Auto) else (asked, "named by the recipe")
    if reason := _unfit(settings, place):
        raise RecipeError(f"engine {settings.name} {reason}; `engine: auto` takes one that fits")
    if not installed(settings.name):
        raise MissingExtra(f"engine {settings.name} is not installed ({stage}): {install_command(settings.name)}")
    if (count := replicas.count(settings, place.gguf)) > 1:  # raises where the machine has not as much
        why = f"{why}; {count} replicas"
    _log.info("%s (%s) runs on %s: %s", place.name, place.path, settings.name, why)
    identity = _scripted_identity(settings) if isinstance(settings, Scripted) else place.identity()
    return ModelUse(place.name, settings, why, _capabilities(settings), identity, place, files)


def _scripted_identity(settings: Scripted) -> Any:
    """The scripted engine is a model of its own, by how it talks."""
    return {"scripted": [settings.empty_rate, settings.length_rate]}


def find_server(settings: Server) -> server.Facts:
    """What the server is and serves: as the recipe says, and where it is silent as the server answers."""
    return server.detect(settings)


def choose_server(
    settings: Server,
    facts: server.Facts,
    place: ModelPlace | None = None,
    files: ModelFiles | None = None,
) -> ModelUse:
    """A model behind a server. `place` and `files` are those of its tokenizer, where prompts are written here."""
    capabilities = server.capabilities(facts.api)
    identity = {"server": facts.served_model, "tokenizer": None if place is None else place.identity()}
    why = "; ".join([f"{one_line(facts.served_model)} at a server of kind {facts.api}", *facts.warnings])
    _log.info("%s: %s", settings.url, why)
    return ModelUse(
        place.name if place else facts.served_model, settings, why, capabilities, identity, place, files, facts
    )


def _pick(place: ModelPlace, needs: frozenset[Capability]) -> tuple[ChosenSettings, str]:
    """The first engine, best first, that reads the model, is installed and can do what is needed; and why."""
    passed_over: list[str] = []
    for settings in _candidates(place):
        lacking = needs - _capabilities(settings).can
        reason = _unfit(settings, place) or (_lacks(lacking) if lacking else None) or _not_here(settings.name)
        if reason is None:
            return settings, "; ".join([_forms_of(place), *passed_over])
        passed_over.append(f"{settings.name}, {_PRAISE[settings.name]}, {reason}")
    missing = [settings.name for settings in _candidates(place) if not installed(settings.name)]
    remedy = f"; to install {missing[0]}: {install_command(missing[0])}" if missing else ""
    raise RecipeError(
        f"engine auto: nothing here runs {place.name}, {_forms_of(place)}: {'; '.join(passed_over)}{remedy}"
    )


def _not_here(engine: str) -> str | None:
    """Why this engine is not the one for this machine; None where it may be."""
    if not installed(engine):
        return f"is not installed (the {'core' if engine == 'llamacpp' else f'extra {engine}'} brings it)"
    if engine == "vllm" and not has_gpu() and vllm_wants_gpu():
        return "is built for GPUs, and none is found here"
    return None


_PRAISE = {
    "llamacpp": "which runs any of them",
    "openvino": "faster on a CPU",
    "vllm": "faster",
    "transformers": "which runs what others do not",
}


def _candidates(place: ModelPlace) -> list[ChosenSettings]:
    """Engines that read one of the model's forms, best first."""
    every: dict[str, ChosenSettings] = {one.name: one for one in (OpenVino(), LlamaCpp(), Vllm(), Transformers())}
    return [every[name] for name in _order() if set(_FORMS[name]) & set(place.forms)]


def _order() -> list[str]:
    """Engines, best first: on a CPU OpenVINO is several times as fast as llama.cpp; on a GPU it is the other way, where
    llama.cpp is built for it."""
    files = ["llamacpp", "openvino"] if has_gpu() and llamacpp_has_gpu() else ["openvino", "llamacpp"]
    return [*files, "vllm", "transformers"]


_FORMS: dict[str, tuple[Form, ...]] = {
    "llamacpp": ("gguf",),
    "openvino": ("gguf", "ir"),
    "vllm": ("folder", "hub"),
    "transformers": ("folder", "hub"),
}
_FORM_WORDS: dict[Form, str] = {
    "gguf": "a GGUF file",
    "folder": "a Hugging Face folder",
    "hub": "a model on the Hub",
    "ir": "a folder with OpenVINO's IR",
}


def _unfit(settings: ChosenSettings, place: ModelPlace) -> str | None:
    """Why this engine cannot run this model; None where it can."""
    if isinstance(settings, Scripted):
        return None
    reads = _FORMS[settings.name]
    if not set(reads) & set(place.forms):
        return f"runs {' or '.join(_FORM_WORDS[form] for form in reads)}, and {place.path} is {_forms_of(place)}"
    if isinstance(settings, OpenVino) and place.gguf is not None and (reason := openvino.supports(place.gguf)):
        return f"does not read this file: {reason}"
    if isinstance(settings, Transformers) and place.hub is None and place.folder is not None:
        reason = transformers.supports(place.folder, settings.trust_remote_code)
        return reason and f"does not run this model: {reason}"
    if isinstance(settings, LlamaCpp) and place.gguf is not None:
        return too_large(place.gguf, settings)
    return None


def _forms_of(place: ModelPlace) -> str:
    return " and ".join(_FORM_WORDS[form] for form in place.forms)


def _lacks(lacking: frozenset[Capability]) -> str:
    return f"has no {' and no '.join(sorted(lacking))}, which a stage needs"


def check_needs(stage: str, needs: frozenset[Capability], uses: Mapping[str, ModelUse]) -> None:
    """Raise `RecipeError`, with what to use instead, when an engine lacks what the stage's requests ask of it."""
    for use in uses.values():
        if lacking := needs - use.capabilities.can:
            kind = use.engine.name if use.facts is None else f"server ({use.facts.api})"
            without = ", or set instruct.first_token_bans to []" if Capability.LOGIT_BIAS in lacking else ""
            raise RecipeError(
                f"engine {kind} {_lacks(lacking)} ({stage}); use llamacpp, vllm, transformers or a server of vLLM or "
                f"llama.cpp{without}"
            )


def _capabilities(settings: ChosenSettings) -> Capabilities:
    """What the engine can do, from its settings alone; a server's follows from what it is."""
    known = {
        "llamacpp": llamacpp.CAPABILITIES,
        "openvino": openvino.CAPABILITIES,
        "vllm": vllm.CAPABILITIES,
        "transformers": transformers.CAPABILITIES,
        "scripted": scripted.CAPABILITIES,
    }
    return known[settings.name]


def check_memory(stage: str, uses: Mapping[str, ModelUse]) -> None:
    """Raise `RecipeError` when the models that one stage asks would not fit a GPU together."""
    engines = {use.key: use.engine for use in uses.values() if isinstance(use.engine, Vllm)}
    shares = [engine.gpu_memory_utilization or GPU_SHARE for engine in engines.values() if isinstance(engine, Vllm)]
    if len(shares) > 1 and sum(shares) > GPU_SHARE + 1e-9:
        raise RecipeError(
            f"stage {stage} asks {len(shares)} models of vllm at once, whose gpu_memory_utilization adds up to "
            f"{sum(shares):g}; expected at most {GPU_SHARE}: lower them, such as {GPU_SHARE / len(shares):g} each"
        )


# -- opening ----------------------------------------------------------------------------------------------------------


def open_engine(use: ModelUse) -> AbstractContextManager[Engine]:
    """Load what runs a model; unload it at the end. Raises `UserError` for what cannot be loaded."""
    _log.debug("opening %s on %s", use.loads, use.engine.name)
    vocab_size = None if use.files is None else use.files.tokenizer.vocab_size
    if specs := replicas.specs(use.engine, use.loads, use.place, vocab_size):
        return open_replicas(specs)
    match use.engine:
        case Scripted():
            return scripted.open_scripted(use.engine, vocab_size=vocab_size or 1 << 18)
        case LlamaCpp():
            return _open_llamacpp(use, use.engine)
        case OpenVino():
            place = _place(use)
            return openvino.open_openvino(place.gguf or place.path, use.engine)
        case Vllm():
            place = _place(use)
            return vllm.open_vllm(_folder(place), use.engine, revision=place.revision)
        case Transformers():
            place = _place(use)
            return transformers.open_transformers(
                _folder(place), use.engine, files=place.folder, revision=place.revision
            )
        case Server():
            vocabulary = None if use.files is None else use.files.tokenizer
            return server.open_server(use.engine, use.facts, vocabulary)


@contextmanager
def _open_llamacpp(use: ModelUse, settings: LlamaCpp) -> Iterator[Engine]:
    """With proof that the tokenizer built from the file is llama.cpp's own."""
    place, files = _place(use), use.files
    assert place.gguf is not None, "refused where the engine is chosen"
    assert files is not None, "a model at a place has its files"
    with llamacpp.open_llamacpp(place.gguf, settings) as engine:
        check_tokenizer(files.tokenizer, engine.tokenize)
        yield engine


def _place(use: ModelUse) -> ModelPlace:
    assert use.place is not None, "only a server runs a model that is nowhere here"
    return use.place


def _folder(place: ModelPlace) -> Path | str:
    """The folder, or the repository's id for a library that fetches the weights itself."""
    return place.hub or place.folder or place.path


# -- telling ----------------------------------------------------------------------------------------------------------


def explain_auto() -> Mapping[str, str]:
    """What `engine: auto` takes here: for each form of a model, the engine, or what to install."""
    told = {}
    for form, words in _FORM_WORDS.items():
        able = [name for name in _order() if form in _FORMS[name]]
        fit = [name for name in able if _not_here(name) is None and fitness(name).runs]
        told[words] = fit[0] if fit else f"nothing yet: install {' or '.join(able)}"
    return told
