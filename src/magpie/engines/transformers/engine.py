"""Hugging Face transformers in a process of its own: for models that nothing else runs, on CUDA, MPS or a CPU.

Knows folders, settings and loading; how requests are served is `loop`'s. Nothing here needs the library
but what runs in the child.

Why a step loop of our own over the model's forward pass: `generate` holds every text of a batch until the longest ends,
and the library's continuous batching has one seed for all requests, so that a text depends on what else is in flight.
`python -m bench.ways` compares the three.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from magpie.engines.child.engine import ChildEngine, ChildSpec, open_spec
from magpie.engines.transformers.capabilities import CAPABILITIES as CAPABILITIES
from magpie.errors import MissingExtra, ModelError
from magpie.install import install_hint
from magpie.modelfiles.pickled import weights_refusal
from magpie.seams import Engine
from magpie.settings.engines import Transformers as TransformersSettings

ENVIRONMENT = {
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}


def import_transformers() -> ModuleType:
    """The transformers module. Raises `MissingExtra` when it, or PyTorch, is not installed or does not load."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before PyTorch: two busy waiting threads stop a small machine
    try:
        import torch  # noqa: F401
        import transformers
    except Exception as error:  # a shared library that does not load raises what it likes
        told = str(error).partition("\n")[0]
        raise MissingExtra(
            f"the engine transformers needs transformers and torch ({told}): {install_hint('transformers')}"
        ) from error
    return transformers  # type: ignore[no-any-return]


@contextmanager
def open_transformers(
    model: Path | str,
    settings: TransformersSettings | None = None,
    *,
    files: Path | str | None = None,
    revision: str | None = None,
) -> Iterator[ChildEngine]:
    """Load a Hugging Face folder, or a repository on the Hub; leaving the block frees the model.

    model: the folder, or the repository's id. files: the folder with its tokenizer and configuration, where that is
    another one. revision: the repository's commit.

    Raises `ModelError` when it cannot be run, `MissingExtra` when the library is not installed.
    """
    with open_spec(child_spec(model, settings or TransformersSettings(), files=files, revision=revision)) as engine:
        yield engine


def child_spec(
    model: Path | str, settings: TransformersSettings, *, files: Path | str | None = None, revision: str | None = None
) -> ChildSpec:
    """What a child process opens for `open_transformers`."""
    arguments = {
        "model": str(model),
        "files": str(files or model),
        "revision": revision,
        "settings": settings.model_dump(),
    }
    opener = "magpie.engines.transformers.engine:open_in_process"
    return ChildSpec(opener, arguments, "transformers", ENVIRONMENT, downloads=not Path(model).exists())


def open_in_process(
    model: str, files: str, revision: str | None, settings: Mapping[str, Any]
) -> AbstractContextManager[Engine]:
    """What the child opens."""
    chosen = TransformersSettings(**settings)
    if Path(model).is_dir() and (reason := supports(Path(model), trusted=chosen.trust_remote_code)):
        raise ModelError(f"{model} cannot be run by transformers: {reason}")
    import_transformers()
    from magpie.engines.transformers.loop import open_loop

    return open_loop(model, Path(files), revision, chosen)


def supports(folder: Path, trusted: bool = False) -> str | None:
    """Why transformers does not run the model in this folder, in words; None where it may. Opens its config.json only.

    trusted: whether code that comes with a model is run.
    """
    file = folder / "config.json"
    if not file.is_file():
        return f"there is no config.json in {folder}; expected a Hugging Face folder"
    try:
        config = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        return f"{file} is not readable as JSON ({error}); fetch it again"
    if refusal := weights_refusal(folder, trusted=trusted):
        return refusal
    if isinstance(config, dict) and "auto_map" in config and not trusted:
        return (
            "it comes with code of its own; set trust_remote_code if you trust its makers as you trust your own shell"
        )
    return None
