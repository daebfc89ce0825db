"""How to reach servers, and what they turned out to be: plain values. Knows no connection and no API."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Which servers, and how patient to be with them. What is None is asked of the server."""

    urls: tuple[str, ...]
    api: str = "auto"
    """auto, vllm, sglang, llamacpp, ollama, text or chat."""
    served_model: str | None = None
    api_key_env: str | None = None
    """The environment variable that holds the key."""
    concurrency: int = 64
    """The most requests in flight at each server."""
    context: int | None = None
    retries: int = 5
    connect_seconds: float = 10.0
    first_token_seconds: float = 300.0
    idle_seconds: float = 60.0
    answer_seconds: float | None = None
    """The longest wait for a whole answer; None is by its number of tokens."""
    patience: float = 120.0
    """Seconds without a connection to any server, after which the engine counts as dead."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the servers are. `api` is never auto."""

    api: str
    served_model: str
    context: int
    slots: int | None = None
    """Requests that one server works on at a time, where it says so: llama.cpp lets others wait."""
    warnings: tuple[str, ...] = ()
    """What is not exact about this API, for a reader."""
