"""Builds `embed`: instructions become vectors, by hashing, by a model in this process or by a server."""

from __future__ import annotations

from functools import partial
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from magpie.embedders.hashing import open_hashing
from magpie.embedders.sentences import PACKAGED, check_installed, open_sentences, packaged_model
from magpie.embedders.server import open_server
from magpie.errors import MissingExtra, RecipeError
from magpie.extensions import EMBEDDERS, Extension, load_extension
from magpie.install import install_hint
from magpie.modelfiles.locate import file_digest
from magpie.models.find import find
from magpie.safe.paths import expanded
from magpie.seams import TableStage
from magpie.settings.embedders import EmbeddingServer, Hashing, PackagedEmbedder, SentenceTransformers
from magpie.stages.embed.columns import COLUMNS
from magpie.stages.embed.settings import Embed
from magpie.stages.embed.work import open_embed
from magpie.stages.spec import BoundStage, Context

STAGE = "embed"
HASHING_VERSION = 1
"""Of how features are made and where they fall."""
_LEXICAL = (
    "embed: hashing compares letters and words, not meanings: distances tell near copies, not how varied instructions "
    "are; for that, name a model (embed.embedder)"
)
_DECIDES = {".json", ".safetensors", ".bin", ".txt", ".model"}
"""Endings of files that decide what a model makes of a text. Exports for other libraries have folders of their own."""
_PASSED_OVER = {"onnx", "openvino"}


def build_embed(asked: Embed, context: Context) -> BoundStage:  # noqa: ARG001 (every builder takes one)
    """Raises `UserError` for an embedder that cannot be used. Asks a server how long its vectors are."""
    _check_numpy()
    match asked.embedder:
        case Hashing() as hashing:
            identity: Any = {"hashing": HASHING_VERSION, "dimension": hashing.dimension}
            return _built(asked, partial(open_hashing, hashing.dimension), identity, (_LEXICAL,))
        case SentenceTransformers() as sentences:
            return _by_sentences(asked, sentences)
        case EmbeddingServer() as server:
            return _by_server(asked, server)
        case PackagedEmbedder() as packaged:
            found = load_extension(EMBEDDERS, packaged.use, Extension)
            identity = {"package": packaged.use, "version": found.version, "kwargs": packaged.kwargs}
            return _built(asked, partial(found.open, **packaged.kwargs), identity, loads_model=found.loads_model)


def _check_numpy() -> None:
    if find_spec("numpy") is None:
        raise MissingExtra(
            "embed needs NumPy, which is not installed; leave embed out of the recipe, or install it: "
            f"{install_hint('curation')}"
        )


def _by_sentences(asked: Embed, sentences: SentenceTransformers) -> BoundStage:
    if sentences.model == PACKAGED:
        folder = packaged_model()
        check_installed()
        return _built(asked, partial(open_sentences, folder, sentences), _digest(folder), loads_model=True)
    if not expanded(sentences.model).exists():
        check_installed()  # before anything is fetched from the Hub
    place = find(sentences.model)
    if place.folder is None:
        raise RecipeError(
            f"embed.embedder.model {sentences.model!r}: is a GGUF file, and sentence-transformers reads folders; run "
            "it on a server with /v1/embeddings, such as llama.cpp's, and give its url"
        )
    check_installed()
    identity = {"hub": place.hub, "revision": place.revision} if place.hub else _digest(place.folder)
    opened = partial(open_sentences, place.hub or place.folder, sentences, revision=place.revision)
    return _built(asked, opened, identity, loads_model=True)


def _digest(folder: Path) -> str:
    """Of weights, vocabulary, pooling and prompts, wherever they lie in the folder."""
    found = (path for path in folder.rglob("*") if path.suffix in _DECIDES and path.is_file())
    kept = (path for path in found if not _PASSED_OVER & set(path.relative_to(folder).parts))
    digest = blake2b(digest_size=16)
    for path in sorted(kept):
        digest.update(f"{path.relative_to(folder).as_posix()} {file_digest(path)}\n".encode())
    return digest.hexdigest()


def _by_server(asked: Embed, server: EmbeddingServer) -> BoundStage:
    """How long its vectors are tells one model from another where the name stays: the identity covers it. A recipe that
    says it is held to that, and is not asked for here."""
    model, dimension = server.served_model, server.dimension
    if model is None or dimension is None:
        with open_server(server) as found:
            model, dimension = found.served_model, found.dimension
    identity = {"served_model": model, "dimension": dimension, "request": server.request}
    known = server.model_copy(update={"served_model": model, "dimension": dimension})
    return _built(asked, partial(open_server, known), identity)


def _built(
    asked: Embed, embedder: Any, identity: Any, warnings: tuple[str, ...] = (), *, loads_model: bool = False
) -> BoundStage:
    opened = partial(open_embed, embedder, asked.prefix)
    stage = TableStage(STAGE, ("instruction",), COLUMNS, opened, loads_model)
    return BoundStage(stage, {"prefix": asked.prefix}, identity=identity, warnings=warnings)
