"""What every test begins with."""

from __future__ import annotations

import pytest

from magpie.safe import redaction


@pytest.fixture(autouse=True)
def _no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of one test is no secret in the next."""
    monkeypatch.setattr(redaction, "_values", {})
    monkeypatch.setattr(redaction, "_variables", {})
