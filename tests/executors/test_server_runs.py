"""Whole runs on servers: a real one of llama.cpp, and one that fails on purpose."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import magpie
from magpie.errors import EngineDied, RecipeError, ServerLost, UserError
from magpie.modelfiles.locate import find_model
from magpie.modelfiles.model import open_model
from magpie.runs import Run
from tests.engines.fault_server import Ask, Say, completion, fault_server, vanish
from tests.engines.local_servers import llama_server

SIZE = 24
QUICK = "retries: 1, connect_seconds: 1, patience: 1"


def made(out: Path, *settings: str, size: int = SIZE) -> Run:
    return magpie.run("basic", size=size, out=out, settings=settings)


def test_a_run_on_a_llama_server_writes_what_it_writes_here_and_any_of_both_goes_on_with_it(tmp_path: Path) -> None:
    """Ids in, ids out: the server gives what llama.cpp gives in this process, but for its last bits (bench/same.py)."""
    with llama_server(find_model("fledgling"), slots=8, context=256, special=True) as url:
        there = made(tmp_path / "there", f"engine={url}")
    assert there.kept() > SIZE * 0.8
    here = made(tmp_path / "here", "engine=llamacpp")
    pairs = zip(there.table().to_pylist(), here.table().to_pylist(), strict=True)
    assert sum(a["instruction"] == b["instruction"] for a, b in pairs) > SIZE * 0.7
    assert there.info["model"]["engine"] == "server"


def test_a_server_of_texts_gives_instructions_too_and_says_what_is_not_exact(tmp_path: Path) -> None:
    with llama_server(find_model("fledgling"), slots=8, context=256) as url:
        run = made(tmp_path / "run", f"engine={{url: '{url}', api: text, context: 256}}")
    assert run.kept() > SIZE * 0.8
    assert "tells no token ids" in run.info["model"]["why"]
    assert any("takes text and no token ids" in told for told in run.info["template"]["warnings"])


def test_a_server_of_conversations_answers_and_does_not_ask(tmp_path: Path) -> None:
    with llama_server(find_model("fledgling"), slots=8, context=256) as url:
        chat = f"{{url: '{url}', api: chat}}"
        with pytest.raises(RecipeError, match="takes only whole conversations"):
            made(tmp_path / "asks", f"engine={chat}")
        run = made(tmp_path / "answers", "engine=llamacpp", f"respond.engine={chat}")
    assert run.kept() > SIZE * 0.8
    assert [stage["models"]["model"]["engine"] for stage in run.info["stages"]] == ["llamacpp", "server"]


def answered(ask: Ask) -> Any:
    """An answer in the ids of the model inside the package, no longer than asked for; it tokenizes nothing."""
    if not ask.path.endswith("/completions"):
        return Say({"detail": "Not Found"}, 404)
    encode = open_model(find_model("fledgling")).tokenizer.encode
    return Say(completion(tuple(encode("What is 3 plus 1?"))[: ask.body["max_tokens"] - 1]))


def test_a_row_that_the_server_cannot_serve_is_marked_and_made_by_the_next_run(tmp_path: Path) -> None:
    broken = {7, 11}

    def script(ask: Ask) -> Any:
        seeds.setdefault(ask.body.get("seed"), len(seeds))
        lucky = seeds[ask.body.get("seed")] not in broken
        return answered(ask) if lucky else Say({"error": {"message": "out of luck"}}, 500)

    seeds: dict[Any, int] = {}
    with fault_server(script) as server:
        settings = ("respond=null", f"engine={{url: '{server.url}', api: vllm, concurrency: 1, {QUICK}}}")
        run = made(tmp_path / "run", *settings)
        failed = [row for row in run.table().to_pylist() if row["error"]]
        assert failed
        assert all("out of luck" in row["error"] for row in failed)
        assert run.kept() == SIZE - len(failed)
        server.asked.clear()
        server.script = answered
        again = made(tmp_path / "run", *settings)
    assert again.kept() == SIZE
    written = [ask for ask in server.asked if ask.body.get("max_tokens", 1) > 1]
    assert len(written) == len(failed), "only the failed rows are asked again"


def test_a_server_that_dies_in_the_middle_ends_the_run_which_goes_on_when_it_is_back(tmp_path: Path) -> None:
    with fault_server() as server:

        def script(ask: Ask) -> Any:
            if ask.number < 12:
                return answered(ask)
            if ask.number == 12:
                death.start()
            return vanish

        death = threading.Thread(target=server.stop)
        server.script = script
        settings = ("respond=null", f"engine={{url: '{server.url}', api: vllm, concurrency: 2, {QUICK}}}")
        with pytest.raises(ServerLost, match=r"connection.*what was made is kept"):
            made(tmp_path / "run", *settings)
        assert issubclass(ServerLost, UserError), "one line, and exit code 2"
        assert issubclass(ServerLost, EngineDied)
        death.join()
        run = magpie.open_run(tmp_path / "run")
        assert 0 < run.kept() < SIZE
        server.start()
        server.script = answered
        assert made(tmp_path / "run", *settings).kept() == SIZE


def test_a_key_that_the_server_repeats_stands_in_no_file_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_VARIABLE", "sk-Zq81-never-shown")

    def script(ask: Ask) -> Any:
        if not ask.path.endswith("/completions"):
            return Say({"detail": "Not Found"}, 404)
        key = ask.headers["Authorization"]
        return answered(ask) if ask.number % 3 else Say({"error": {"message": "x" * 250 + f" for {key}"}}, 403)

    with fault_server(answered) as server:
        settings = f"engine={{url: '{server.url}', api: vllm, api_key_env: SOME_VARIABLE, {QUICK}}}"
        made(tmp_path / "first", "respond=null", settings, size=2)
        server.script = script
        run = made(tmp_path / "run", "respond=null", settings)
    assert any(row["error"] for row in run.table().to_pylist())
    assert all("sk-" not in (row["error"] or "") for row in run.table().to_pylist())
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and b"sk-Zq81" in file.read_bytes()]
