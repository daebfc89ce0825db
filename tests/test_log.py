"""The log: requests, retries and windows of a server run, without its key and texts; levels, a file, hostile words."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from magpie import log
from magpie.cli import main
from magpie.engines import balance
from magpie.engines.server.engine import open_server
from magpie.errors import UserError
from magpie.http import retries
from magpie.seams import Request, SamplingParams, Tokens
from magpie.settings.engines import Server
from tests.engines.asking import ask
from tests.engines.fault_server import Action, FaultServer, Say, fault_server, well

KEY = "sk-Zq81+never/shown"


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(log.VARIABLE, raising=False)
    level = logging.getLogger("magpie").level
    yield
    log.configure(0, {})
    logging.getLogger("magpie").setLevel(level)


def ask_a_server_that_refuses_twice(server: FaultServer) -> None:
    """One request, which is answered at the third try; the refusals repeat the key and try to steer a terminal."""
    tries = count()
    with open_server(Server(url=server.url, connect_seconds=5.0, retries=3, api_key_env="MAGPIE_TEST_KEY")) as engine:

        def script(request: object) -> Action:
            hostile = {"error": {"message": f"slow down, {KEY}\n\x1b[31mowned"}}
            return Say(hostile, 429) if next(tries) < 2 else well(request)  # type: ignore[arg-type]

        server.script = script
        ask(engine, [Request(Tokens((1,)), SamplingParams(max_tokens=9))])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    monkeypatch.setenv("MAGPIE_TEST_KEY", KEY)
    monkeypatch.setattr(retries, "FIRST_BACKOFF", 0.001)
    monkeypatch.setattr(balance, "FIRST_REST", 0.001)
    with fault_server() as started:
        yield started


def test_a_trace_of_a_server_has_requests_retries_and_windows_and_no_key(server: FaultServer, tmp_path: Path) -> None:
    log.configure(0, {log.VARIABLE: str(tmp_path / "trace.log")})
    ask_a_server_that_refuses_twice(server)
    text = (tmp_path / "trace.log").read_text()
    assert "request 0, try 1, max_tokens 9" in text
    assert "request 0, try 3, max_tokens 9" in text
    assert "request 0: status 429 after" in text
    assert "request 0: status 200 after" in text
    assert "request 0: retry 2 in" in text
    assert "window" in text
    assert "slow down" in text
    assert KEY not in text
    assert "never/shown" not in text
    assert "\x1b" not in text


def test_a_handler_of_another_program_gets_no_key_either(server: FaultServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "magpie"):
        ask_a_server_that_refuses_twice(server)
    assert "retry 1" in caplog.text
    assert KEY not in caplog.text
    assert "\x1b" not in caplog.text


@pytest.mark.parametrize(
    ("words", "variable", "levels"),
    [
        ((), None, set()),
        (("-v",), None, {"INFO"}),
        (("-vv",), None, {"INFO", "DEBUG"}),
        (("--verbose", "--verbose"), None, {"INFO", "DEBUG"}),
        ((), "info", {"INFO"}),
        ((), "DEBUG", {"INFO", "DEBUG"}),
    ],
)
def test_how_much_is_printed(
    words: tuple[str, ...],
    variable: str | None,
    levels: set[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if variable is not None:
        monkeypatch.setenv(log.VARIABLE, variable)
    with pytest.raises(SystemExit):
        main(["run", "--size", "4", "--out", str(tmp_path / "run"), "--set", "engine=scripted", *words])
    errors = capsys.readouterr().err
    assert {level for level in ("DEBUG", "INFO") if f" {level} " in errors} == levels
    if levels:
        assert "magpie.executors" in errors
        assert "instruct: 4 rows wanted" in errors


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"MAGPIE_LOG=.*: No such file or directory; expected a file to write to, or"):
        log.configure(0, {log.VARIABLE: str(tmp_path / "no" / "folder" / "x.log")})
