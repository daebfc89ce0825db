"""What may be set of the scorers: every setting with its type, its bounds, its default and its meaning.

A scorer takes its settings as they are here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from magpie.settings.base import Count, KeyVariable, Settings, Words, check_server_url
from magpie.settings.engines import Seconds


class RewardClassifier(Settings):
    """A reward model in this process: a sequence classifier of Hugging Face, by transformers."""

    label: str | int | None = None
    """The label whose logit is the score, by its name or its place from 0; `null` for a model that has one."""
    context: Count | None = None
    """Tokens of a conversation at most; a longer one has no reward. `null` is what the model was made for."""
    batch_tokens: Count | None = None
    """Tokens in a batch, padding included; `null` is 16384 on a GPU and 4096 on a CPU."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Of weights and activations; `auto` is the file's own on a GPU, float32 on a CPU."""
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """Where the model runs; `auto` is the first of these that is there."""
    trust_remote_code: bool = False
    """Run code that comes with the model, and open pickled weights (`.bin`), which can hold code. Only for models whose
    makers you trust as you trust your own shell."""


class RewardServer(Settings):
    """A server that runs a reward model, such as `vllm serve`."""

    url: Words
    """Its address, as in `http://localhost:8000`."""
    api: Literal["auto", "classify", "pooling", "score"] = "auto"
    """What it is asked by; `auto` is the first of these that it has. `score` takes single turns only."""
    served_model: Words | None = None
    """The model's name on the server; `null` is the only one that it serves."""
    label: Annotated[int, Field(ge=0)] | None = None
    """The place, from 0, of the label whose logit is the score; `null` for a model that has one."""
    api_key_env: KeyVariable | None = None
    """The environment variable that holds the API key. The key itself never stands in a recipe."""
    concurrency: Count = 32
    """The most requests in flight."""
    retries: Annotated[int, Field(ge=0)] = 5
    """How often a conversation is tried again after an error that may pass; then its row is marked, and the next run
    tries it."""
    connect_seconds: Seconds = 10.0
    """The longest wait for a connection."""
    answer_seconds: Seconds = 120.0
    """The longest wait for an answer."""
    patience: Seconds = 120.0
    """How long the server may take no connection before the run ends, keeping what it has."""

    @field_validator("url", mode="after")
    @classmethod
    def _holds_no_secret(cls, value: str) -> str:
        check_server_url(value)
        return value
