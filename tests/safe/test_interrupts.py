"""An error that native code makes of Ctrl-C is answered as Ctrl-C."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, model_serializer

from magpie.cli import main
from magpie.cli import status as cli_status


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Slow(BaseModel):
    """Interrupted while pydantic's native code calls back."""

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        return {"never": "said"}


def test_an_interrupt_inside_of_pydantic_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli_status, "status", lambda *_, **__: Slow().model_dump())
    with pytest.raises(SystemExit) as left:
        main(["status", "run"])
    assert left.value.code == 130
    assert capsys.readouterr().err.strip().endswith("stopped")


def test_the_same_error_without_an_interrupt_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(cli_status, "status", broken)
    with pytest.raises(ValueError, match="a bug"):
        main(["status", "run"])
