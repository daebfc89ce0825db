"""What servers turned out to be: plain values. Knows no connection and no API."""

from __future__ import annotations

from dataclasses import dataclass


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
