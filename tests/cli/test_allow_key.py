"""A key that a recipe file names goes to a host that the user has allowed it for, and to no other."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import magpie
from magpie.cli import main
from magpie.errors import UserError
from magpie.models.keys import allowances_file, kept_allowances, key_uses
from magpie.plan.load import parse, shipped
from magpie.safe.keys import KeyNotAllowed, KeyUse
from tests.engines.fault_server import FaultServer, Say, fault_server

KEY = "MAGPIE_TEST_SERVER_KEY"
ENGINE = f"{{url: 'URL', api: vllm, retries: 0, connect_seconds: 1, patience: 1, api_key_env: {KEY}}}"
WHERE = {
    "engine": f"engine: {ENGINE}",
    "judge": f"engine: scripted\ntag: {{engine: {ENGINE}}}",
    "respond": f"engine: scripted\nrespond: {{engine: {ENGINE}}}",
    "embedder": f"engine: scripted\nembed: {{embedder: {{url: 'URL', retries: 0, api_key_env: {KEY}}}}}",
    "scorer": f"engine: scripted\nreward: {{by: server, server: {{url: 'URL', retries: 0, api_key_env: {KEY}}}}}",
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """A server that serves a model and answers nothing else."""
    monkeypatch.setenv(KEY, "sk-Qx71-a-key-of-the-user")
    with fault_server(lambda _: Say({"error": {"message": "no"}}, 418)) as found:
        yield found


def recipe(place: Path, text: str, server: FaultServer) -> Path:
    path = place / "stranger.yaml"
    path.write_text(text.replace("URL", server.url))
    return path


def command(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


def keys_sent(server: FaultServer) -> list[str]:
    return [ask.headers["Authorization"] for ask in (*server.gets, *server.asked) if "Authorization" in ask.headers]


def allowance(server: FaultServer) -> str:
    return f"{KEY}@127.0.0.1:{server.port}"


@pytest.mark.parametrize("where", WHERE)
def test_a_file_s_key_is_refused_before_a_server_is_asked_and_sent_when_it_is_allowed(
    where: str, server: FaultServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("run", "--recipe", recipe(tmp_path, WHERE[where], server), "--size", 2, "--out", tmp_path / "run")
    assert command(*words) == 2
    refused = capsys.readouterr().err
    assert f"--allow-key {allowance(server)}" in refused
    assert refused.count("\n") == 1, "one line"
    assert server.gets == server.asked == []
    command(*words, "--allow-key", allowance(server))  # what comes of it is the server's doing, which has no use
    assert set(keys_sent(server)) == {"Bearer sk-Qx71-a-key-of-the-user"}


@pytest.mark.parametrize("where", WHERE)
def test_a_dry_run_sends_no_key_even_where_it_is_allowed(where: str, server: FaultServer, tmp_path: Path) -> None:
    words = ("run", "--recipe", recipe(tmp_path, WHERE[where], server), "--out", tmp_path / "run", "--dry-run")
    command(*words)
    command(*words, "--allow-key", allowance(server))
    assert keys_sent(server) == []


def test_a_dry_run_at_a_server_that_wants_a_key_says_what_it_lacks(
    server: FaultServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.pages["/v1/models"] = Say({"error": {"message": "who are you?"}}, 401)
    path = recipe(tmp_path, WHERE["engine"], server)
    assert command("run", "--recipe", path, "--out", tmp_path / "run", "--dry-run") == 2
    assert "a dry run sends no key: say engine.api, engine.served_model and engine.context" in capsys.readouterr().err


def test_what_was_allowed_is_remembered_for_this_host_and_no_other(
    server: FaultServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("run", "--recipe", recipe(tmp_path, WHERE["engine"], server), "--size", 2, "--out", tmp_path / "run")
    command(*words, "--allow-key", allowance(server))
    sent = len(keys_sent(server))
    command(*words)
    assert len(keys_sent(server)) > sent > 0
    assert allowances_file().read_text() == f"{allowance(server)}\n"
    with fault_server(lambda _: Say({}, 418)) as other:
        elsewhere = recipe(tmp_path, WHERE["engine"], other)
        assert command("run", "--recipe", elsewhere, "--size", 2, "--out", tmp_path / "other") == 2
        assert (other.gets, other.asked) == ([], [])
    assert f"--allow-key {KEY}@127.0.0.1:{other.port}" in capsys.readouterr().err


def test_what_the_user_types_is_the_user_s_word_at_its_own_place_only(
    server: FaultServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ("--size", 2, "--out", tmp_path / "run")
    typed = f"engine={ENGINE.replace('URL', server.url)}"
    command("run", "--set", typed, *out)
    assert keys_sent(server)
    with fault_server(lambda _: Say({}, 418)) as other:
        file = recipe(tmp_path, f"respond: {{engine: {ENGINE}}}", other)
        assert command("run", "--recipe", file, "--set", typed, "--size", 2, "--out", tmp_path / "second") == 2
        assert (other.gets, other.asked) == ([], []), "the file's own place is not what was typed"
    assert f"{KEY}@127.0.0.1:{other.port}" in capsys.readouterr().err


def test_a_stranger_s_run_is_a_file_too(
    server: FaultServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    magpie.run(out=tmp_path / "run", size=2, settings=("engine=scripted",))
    recipe_file = tmp_path / "run" / "recipe.yaml"
    recipe_file.write_text(WHERE["engine"].replace("URL", server.url) + "\nsize: 3\n")
    for words in (("run", "--out"), ("tag",), ("select", "--with", "length(instruction) > 1", "--explain")):
        assert command(*words, tmp_path / "run") == 2
        assert f"--allow-key {allowance(server)}" in capsys.readouterr().err
    assert server.gets == server.asked == []


def test_python_gives_its_word_by_allow_keys_and_a_recipe_made_in_python_is_its_own(
    server: FaultServer, tmp_path: Path
) -> None:
    path = recipe(tmp_path, WHERE["engine"], server)
    with pytest.raises(KeyNotAllowed) as refused:
        magpie.run(str(path), out=tmp_path / "run", size=2)
    assert refused.value.uses == (KeyUse(KEY, f"127.0.0.1:{server.port}"),)
    with pytest.raises(UserError):
        magpie.run(str(path), out=tmp_path / "run", size=2, allow_keys=(allowance(server),))
    sent = len(keys_sent(server))
    assert sent
    assert kept_allowances() == [], "a library writes nothing into its user's home"
    with pytest.raises(UserError):
        magpie.run(parse(path.read_text(), "r"), out=tmp_path / "second", size=2)
    assert len(keys_sent(server)) > sent


@pytest.mark.parametrize(("said", "code", "sends"), [("y\n", None, True), ("n\n", 2, False), ("\n", 2, False)])
def test_at_a_terminal_the_user_is_asked(
    said: str, code: int | None, sends: bool, server: FaultServer, tmp_path: Path
) -> None:
    path = recipe(tmp_path, WHERE["engine"], server)
    words = [sys.executable, "-m", "magpie", "run", "--recipe", str(path), "--size", "2", "--out", str(tmp_path / "r")]
    ours, theirs = pty.openpty()
    child = subprocess.Popen(words, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, env=dict(os.environ))
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(ours, 1 << 16)
    assert f"sends the key in {KEY} to 127.0.0.1:{server.port}".encode() in b" ".join(shown.split())
    os.write(ours, said.encode())
    ended = child.wait(60)
    os.close(ours)
    assert ended == code or code is None
    assert bool(keys_sent(server)) is sends
    assert (kept_allowances() == [KeyUse(KEY, f"127.0.0.1:{server.port}")]) is sends


def test_a_word_that_is_no_allowance_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("KEY", "KEY@", "@host", "KEY@host/v1", "KEY@a@b", "two words@host"):
        assert command("run", "--set", "engine=scripted", "--out", tmp_path / "run", "--allow-key", word) == 2
        assert "expected NAME@HOST" in capsys.readouterr().err


def test_no_recipe_inside_the_package_names_a_key() -> None:
    assert {name: key_uses(parse(text, name)) for name, text in shipped().items()} == {name: [] for name in shipped()}
