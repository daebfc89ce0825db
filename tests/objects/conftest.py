"""A server for all tests, and for each one a proxy in front of it and a machine of its own: a cache folder."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.objects.buckets import BUCKET, Bucket, moto, served


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    if find_spec("obstore") is None or find_spec("moto") is None:
        pytest.skip("needs obstore and moto: scripts/env-cluster.sh")
    with moto() as address:
        yield address


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Path]:
    """Work from now on as on the machine of a name: with what that machine has in its cache."""
    from magpie.runs.objects import work

    def use(name: str) -> Path:
        cache = tmp_path / "machines" / name
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        monkeypatch.setattr(work, "_mirrors", {})
        return cache

    return use


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch, machine: Callable[[str], Path]) -> Iterator[Bucket]:
    machine("one")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    with served(server) as found:
        for name, value in found.variables().items():
            monkeypatch.setenv(name, value)
        yield found


@pytest.fixture
def url() -> str:
    """The address of a run that no other test has."""
    return f"s3://{BUCKET}/{random.randbytes(6).hex()}/air"
