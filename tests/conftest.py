"""What every test begins with."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from magpie.safe import keys, redaction

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as under nohup: tests that press Ctrl-C need it heard
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of one test is no secret in the next."""
    monkeypatch.setattr(redaction, "_values", {})
    monkeypatch.setattr(redaction, "_variables", {})


@pytest.fixture(autouse=True)
def _nothing_allowed(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A key that one test allows is not allowed in the next, and no test reads or writes the user's own file."""
    monkeypatch.setattr(keys, "_known", keys._Known())
    monkeypatch.setenv("XDG_CONFIG_HOME", str(_config(tmp_path_factory)))


def _config(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("config")
