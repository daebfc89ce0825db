"""`magpie explore` as it is typed: what it prints, what it refuses, how it ends."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytest.importorskip("uvicorn")

from magpie.cli import main
from magpie.errors import MissingExtra, UserError
from magpie.explore.web import serving
from magpie.explore.web.app import static_files
from tests.explore.web.served import judged_run


def test_it_prints_an_address_that_answers_and_ends_with_control_c(tmp_path: Path) -> None:
    run = judged_run(tmp_path / "air", 30)
    words = [sys.executable, "-m", "magpie", "explore", str(run.path), "--no-open", "--port", "0"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        assert re.fullmatch(r"air: indexed 30 rows in \d+\.\d s \(\d+ MB\)\n", lines[0])
        assert lines[1].startswith("There is no map, since air has no embeddings. To make them: ")
        assert f"magpie embed {run.path}" in lines[1]
        address = urlsplit(lines[2].strip())
        connection = http.client.HTTPConnection("127.0.0.1", address.port or 0, timeout=10)
        connection.request("GET", f"/?{address.query}")
        assert connection.getresponse().status == 303
        connection.close()
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in error
    assert "token" not in error


def test_it_listens_on_this_machine_alone() -> None:
    with serving.listen(0) as listening:
        assert listening.getsockname()[0] == "127.0.0.1"


def test_a_port_that_is_taken_is_refused_where_it_was_asked_for() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="expected a port that is free"):
            serving.listen(taken.getsockname()[1])


def test_a_second_explorer_takes_another_port() -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", serving.PORT))
        except OSError:
            pass  # another program listens there: as well
        else:
            taken.listen()
        with serving.listen(None) as listening:
            assert listening.getsockname()[1] != serving.PORT


def test_what_is_not_installed_is_named_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "find_spec", lambda name: None if name == "starlette" else True)
    with pytest.raises(MissingExtra, match=r"needs starlette, which is not installed: .*explore"):
        serving.check_installed()


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["explore", str(tmp_path), "--no-open"])
    assert ended.value.code == 2
    assert "not a run" in capsys.readouterr().err


def test_the_page_speaks_the_language_of_the_report() -> None:
    """The same names for the same colors, light and dark."""

    def colors(sheet: str) -> list[dict[str, str]]:
        return [
            dict(re.findall(r"(--[\w-]+): (#\w+)", part)) for part in re.findall(r":root \{(.*?)\}", sheet, re.DOTALL)
        ]

    ours = colors(static_files()["explore.css"].decode())
    theirs = colors((files("magpie.report.page") / "style.css").read_text(encoding="utf-8"))
    for own, other in zip(ours, theirs[:2], strict=True):
        shared = set(own) & set(other)
        assert {"--paper", "--ink", "--dim", "--rule", "--soft", "--kept", "--all", "--other", "--alarm"} <= shared
        assert {name: own[name] for name in shared} == {name: other[name] for name in shared}


@pytest.mark.parametrize("name", [name for name in static_files() if name.endswith(".js")])
def test_no_script_of_the_page_reads_markup_or_evaluates(name: str) -> None:
    text = static_files()[name].decode()
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "DOMParser",
        "srcdoc",
    ):
        assert word not in text
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
