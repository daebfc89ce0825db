"""What may be set of the engines: every setting with its type, its bounds, its default and its meaning.

An engine takes its settings as they are here; one in a child process gets them as JSON.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from magpie.http.addresses import with_scheme
from magpie.settings.base import Count, JsonObject, KeyVariable, Settings, Words, check_server_url

MOST_CONTEXT = 4096
"""Tokens of a context where the recipe names none, at most: models that claim 128k would leave room for one request."""
Seconds = Annotated[float, Field(gt=0.0)]
Replicas = Count | Literal["auto"]


class Auto(Settings):
    """Whatever fits the model's file format, this machine and what is installed; `magpie doctor` shows the rule."""

    name: Literal["auto"] = "auto"
    """The engine."""


class LlamaCpp(Settings):
    """llama.cpp inside this process: any GGUF file, on a CPU or a GPU."""

    name: Literal["llamacpp"] = "llamacpp"
    """The engine."""
    slots: Count | None = None
    """Requests in one batch; `null` is 32, or as many as fit 2 GiB of keys and values."""
    context: Count | None = None
    """Tokens of a prompt and its continuation together; `null` is what the model was trained for, at most 4096."""
    threads: Count | None = None
    """`null` is one for each core; one in all for a model file below 64 MiB, which a second only slows down."""
    gpu_layers: Annotated[int, Field(ge=-1)] = -1
    """Layers to place on a GPU, where there is one; -1 is as many as fit."""
    replicas: Replicas = 1
    """Engines side by side, each in a process of its own with its own GPU or cores; `auto` is one for each GPU, or for
    each group of `threads` cores."""

    @model_validator(mode="after")
    def _fits_a_number(self) -> Self:
        """llama.cpp counts the tokens of all slots in 31 bits."""
        tokens = (self.slots or 1) * (self.context or MOST_CONTEXT)
        if tokens >= 1 << 31:
            raise ValueError(f"slots times context is {tokens:,} tokens; llama.cpp takes fewer than {1 << 31:,}")
        return self


class Scripted(Settings):
    """A real engine without a model, for tests and for measuring what magpie itself costs."""

    name: Literal["scripted"] = "scripted"
    """The engine."""
    window: Count = 256
    """Requests held at once."""
    steps: Annotated[int, Field(ge=0)] = 0
    """A request takes up to this many polls more than one, by its seed."""
    seconds: Annotated[float, Field(ge=0.0)] = 0.0
    """A request takes up to this long, by its seed."""
    fail_rate: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """The share of requests that fail, by their seeds."""
    empty_rate: Annotated[float, Field(ge=0.0, le=1.0)] = 0.02
    """The share of completions that are empty."""
    length_rate: Annotated[float, Field(ge=0.0, le=1.0)] = 0.02
    """The share of completions that do not end by themselves."""
    die_after_polls: Count | None = None
    """Polls after which the engine is gone."""
    replicas: Replicas = 1
    """Engines side by side, each in a process of its own."""


class Vllm(Settings):
    """vLLM in a process of its own: a Hugging Face folder or Hub id, on GPUs (or a CPU, with a CPU build of vLLM)."""

    name: Literal["vllm"] = "vllm"
    """The engine."""
    slots: Count | None = None
    """Requests in one batch; `null` is vLLM's choice: 256, or 1024 on GPUs of 70 GiB and more."""
    context: Count | None = None
    """Tokens of a prompt and its continuation together; `null` is what the model was trained for, at most 4096."""
    dtype: str = "auto"
    """Of weights and activations: auto, bfloat16, float16 or float32."""
    quantization: str | None = None
    """How the weights are quantized, where their folder does not say it: fp8, awq, gptq, ..."""
    tensor_parallel: Count = 1
    """GPUs that share each layer."""
    pipeline_parallel: Count = 1
    """Groups of GPUs that share the layers. Not on a CPU."""
    replicas: Replicas = 1
    """Engines side by side, each in a process of its own on `tensor_parallel` times `pipeline_parallel` GPUs; `auto` is
    as many as there are GPUs for."""
    gpu_memory_utilization: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    """The share of a GPU's memory that it may take; `null` is vLLM's choice, about nine tenths."""
    trust_remote_code: bool = False
    """Run code that comes with the model, and open pickled weights (`.bin`), which can hold code. Only for models whose
    makers you trust as you trust your own shell."""
    engine_kwargs: JsonObject = Field(default_factory=dict)
    """Any further arguments of vLLM's engine, under vLLM's names."""

    @field_validator("engine_kwargs", mode="after")
    @classmethod
    def _no_secret(cls, value: dict[str, Any]) -> dict[str, Any]:
        if "hf_token" in value:
            raise ValueError("hf_token is a secret, and no secret stands in a recipe; set HF_TOKEN in the environment")
        return value


class Server(Settings):
    """A server that speaks OpenAI's protocol: vLLM, SGLang, llama.cpp, Ollama, and others; also several of them."""

    name: Literal["server"] = "server"
    """The engine."""
    url: Words | Annotated[tuple[Words, ...], Field(min_length=1)]
    """The address up to `/v1`, as in `http://localhost:8000/v1`; a list shares the work among servers of one model."""
    api: Literal["auto", "vllm", "sglang", "llamacpp", "ollama", "text", "chat"] = "auto"
    """What the server is, and so what it takes; `auto` asks it. `text` is any other with `/v1/completions`, `chat` one
    with only `/v1/chat/completions`, which can answer instructions and not write them."""
    served_model: Words | None = None
    """The model's name on the server; `null` is the only one that it serves."""
    api_key_env: KeyVariable | None = None
    """The environment variable that holds the API key. The key itself never stands in a recipe."""
    concurrency: Count = 64
    """The most requests in flight at each address; fewer while a server says that it has too many."""
    context: Count | None = None
    """Tokens of a prompt and its continuation together; `null` is what the server says, else 4096."""
    retries: Annotated[int, Field(ge=0)] = 5
    """How often a request is tried again after an error that may pass; then its row is marked, and the next run
    tries it."""
    connect_seconds: Seconds = 10.0
    """The longest wait for a connection."""
    first_token_seconds: Seconds = 300.0
    """The longest wait for the first piece of an answer."""
    idle_seconds: Seconds = 60.0
    """The longest silence in the middle of an answer."""
    answer_seconds: Seconds | None = None
    """The longest wait for a whole answer, however lively it comes; `null` is `first_token_seconds`, and one second for
    each token that it may write."""
    patience: Seconds = 120.0
    """How long no address may take a connection before the run ends, keeping what it has."""

    @field_validator("url", mode="after")
    @classmethod
    def _holds_no_secret(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for url in (value,) if isinstance(value, str) else value:
            check_server_url(url)
        return value

    @property
    def urls(self) -> tuple[str, ...]:
        """Every address."""
        return (self.url,) if isinstance(self.url, str) else self.url


class Transformers(Settings):
    """Hugging Face transformers in a process of its own: for models that nothing else runs; CUDA, MPS or CPU."""

    name: Literal["transformers"] = "transformers"
    """The engine."""
    slots: Count | None = None
    """Requests in one batch; `null` is chosen from the device."""
    context: Count | None = None
    """Tokens of a prompt and its continuation together; `null` is what the model was trained for, at most 4096."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of weights and activations; `auto` is the file's own on a GPU, float32 on a CPU."""
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """Where the model runs; `auto` is the first of these that is there."""
    replicas: Replicas = 1
    """Engines side by side, each in a process of its own with its own GPU or cores; `auto` is one for each GPU."""
    trust_remote_code: bool = False
    """Run code that comes with the model, and open pickled weights (`.bin`), which can hold code. Only for models whose
    makers you trust as you trust your own shell."""


class OpenVino(Settings):
    """OpenVINO GenAI in a process of its own: on CPUs, often faster than llama.cpp on the files that it reads."""

    name: Literal["openvino"] = "openvino"
    """The engine."""
    slots: Count | None = None
    """Requests in one batch; `null` is 256."""
    context: Count | None = None
    """Tokens of a prompt and its continuation together; `null` is what the model was trained for, at most 4096."""
    threads: Count | None = None
    """`null` is one for each core."""
    device: Literal["CPU", "GPU"] = "CPU"
    """Where the model runs."""
    cache_gb: Count = 2
    """Memory for keys and values, in GiB."""
    replicas: Replicas = 1
    """Engines side by side, each in a process of its own with its own cores and `cache_gb`; `auto` is one for each
    group of `threads` cores."""


def name_the_engine(value: Any) -> Any:
    """`engine: scripted` is short for `engine: {name: scripted}`; settings without a name are llamacpp's, and a URL
    alone is a server."""
    if isinstance(value, str):
        if meant := with_scheme(value):
            raise ValueError(f"{value!r} is an address without its scheme; expected {meant}")
        return {"name": "server", "url": value} if "://" in value or "@" in value else {"name": value}
    if isinstance(value, dict) and "name" not in value:
        return {"name": "server" if "url" in value else "llamacpp", **value}
    return value


Engine = Annotated[
    Auto | LlamaCpp | Vllm | Server | Transformers | OpenVino | Scripted,
    Field(discriminator="name"),
    BeforeValidator(name_the_engine),
]
