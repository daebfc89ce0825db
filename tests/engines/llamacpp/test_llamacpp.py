"""What is llama.cpp's own: loading, tokenizing, special tokens, a server that is gone. With models nobody trained."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from magpie.engines.llamacpp import engine as llamacpp
from magpie.engines.llamacpp.engine import choose, open_llamacpp
from magpie.engines.llamacpp.server import LlamaCpp
from magpie.errors import EngineDied, MissingExtra, ModelError
from magpie.install import install_hint_for
from magpie.modelfiles.shape import Shape
from magpie.seams import Request, SamplingParams, Tokens
from magpie.settings.engines import LlamaCpp as LlamaCppSettings
from tests.engines.asking import completions
from tests.engines.tiny_gguf import IM_END, IM_START, SPECIALS, TinyModel, vocabulary, write_gguf

RING = "né 東!"
GREEDY = SamplingParams(temperature=0.0, max_tokens=24)
SMALL = LlamaCppSettings(slots=4, context=64, threads=1)


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaCpp]:
    """A model that says `RING` over and over, a byte a token."""
    model = write_gguf(tmp_path_factory.mktemp("models") / "ring.gguf", TinyModel(cycle=RING))
    with open_llamacpp(model, SMALL) as engine:
        yield engine


def after(text: str, sampling: SamplingParams = GREEDY) -> Request:
    return Request(Tokens(tuple(text.encode())), sampling)


def test_a_character_cut_in_its_middle_is_marked_only_at_the_end(ring: LlamaCpp) -> None:
    requests = [after("!", replace(GREEDY, max_tokens=most)) for most in range(1, 25)]
    said = (RING * 3).encode()
    for most, completion in enumerate(completions(ring, requests), start=1):
        whole = said[:most].decode(errors="ignore")
        assert completion.text.rstrip("\ufffd") == whole
        assert completion.text.endswith("\ufffd") == (len(whole.encode()) < most)
        assert completion.token_ids == tuple(said[:most])


def test_an_ordinary_stop_id_cuts_and_the_rest_is_waste(ring: LlamaCpp) -> None:
    (got,) = completions(ring, [after("!", replace(GREEDY, stop_token_ids=(ord(" "),)))])
    assert (got.text, got.completion_tokens, got.wasted_tokens, got.finish_reason) == ("né", 4, 20, "stop")


def test_a_stop_id_inside_a_character_leaves_its_mark(ring: LlamaCpp) -> None:
    (got,) = completions(ring, [after("!", replace(GREEDY, stop_token_ids=("é".encode()[1],)))])
    assert (got.text, got.token_ids) == ("n\ufffd", tuple("né".encode()[:2]))


def test_a_stop_string_over_several_tokens_is_exact(ring: LlamaCpp) -> None:
    (got,) = completions(ring, [after("!", replace(GREEDY, stop=("東!n",)))])
    assert (got.text, got.finish_reason, got.wasted_tokens) == ("né ", "stop", 0)


def test_an_opened_model_tells_its_sizes(ring: LlamaCpp) -> None:
    assert (ring.vocab_size, ring.trained_context, ring.context, ring.window) == (273, 256, 64, 4)


def test_tokenize_parses_special_tokens_and_adds_none(ring: LlamaCpp) -> None:
    tokens, _ = vocabulary(TinyModel())
    assert ring.tokenize(f"{IM_START}hello{IM_END}\n") == [tokens.index(t) for t in (IM_START, "hello", IM_END, "Ċ")]
    assert ring.tokenize("") == []


@pytest.mark.parametrize("text", ["né 東!", f"{IM_START} a", " two  spaces", "\n"])
def test_detokenize_gives_the_text_back(ring: LlamaCpp, text: str) -> None:
    assert ring.detokenize(ring.tokenize(text)) == text


@pytest.fixture(scope="module")
def markers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LlamaCpp]:
    """A model of random weights and no ordinary end: it writes special tokens of its own accord."""
    model = write_gguf(tmp_path_factory.mktemp("models") / "random.gguf")
    with open_llamacpp(model, SMALL.model_copy(update={"context": 256})) as engine:
        yield engine


def random_requests(stops: tuple[int, ...]) -> list[Request]:
    sampling = SamplingParams(max_tokens=200, stop_token_ids=stops)
    return [Request(Tokens((65, 66)), sampling, seed=seed) for seed in range(24)]


def test_special_tokens_are_written_out_and_the_end_is_not(markers: LlamaCpp) -> None:
    tokens, _ = vocabulary(TinyModel())
    start = tokens.index(IM_START)
    got = completions(markers, random_requests(()))
    assert any(start in c.token_ids for c in got)
    assert all(c.text.count(IM_START) == c.token_ids.count(start) for c in got)
    assert all(c.text == markers.detokenize(c.token_ids) for c in got)
    assert not any(c.text.endswith((SPECIALS[0], IM_END)) for c in got)


def test_a_special_stop_id_that_does_not_end_generation_stops_without_waste(markers: LlamaCpp) -> None:
    start = vocabulary(TinyModel())[0].index(IM_START)
    got = completions(markers, random_requests((start,)))
    assert any(len(c.token_ids) < 199 and c.finish_reason == "stop" for c in got)
    assert all(start not in c.token_ids and IM_START not in c.text and c.wasted_tokens == 0 for c in got)


BAD = {
    "an unknown architecture": (TinyModel(architecture="nosuch"), "unknown model architecture: 'nosuch'"),
    "a tensor that is missing": (TinyModel(drop_tensor="blk.1.ffn_up.weight"), "'blk.1.ffn_up.weight' not found"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_model_that_does_not_load_says_why(tmp_path: Path, capfd: pytest.CaptureFixture[str], what: str) -> None:
    model, why = BAD[what]
    path = write_gguf(tmp_path / "bad.gguf", model)
    with pytest.raises(ModelError, match=why), open_llamacpp(path, SMALL):
        pass
    assert capfd.readouterr() == ("", "")


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    whole = write_gguf(tmp_path / "whole.gguf").read_bytes()
    for length in (4, 30, 200, 5000, len(whole) - 5000):
        path = tmp_path / f"{length}.gguf"
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match=path.name), open_llamacpp(path, SMALL):
            pass


def test_a_path_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.gguf").write_text("not a model")
    for name, why in {"none.gguf": "no such file", "": "directory", "notes.gguf": "expected a GGUF file"}.items():
        with pytest.raises(ModelError, match=why), open_llamacpp(tmp_path / name, SMALL):
            pass


def test_a_missing_library_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(MissingExtra, match=re.escape(install_hint_for("xllamacpp"))):
        llamacpp.import_llamacpp()


def test_nothing_is_written_on_the_terminal(tmp_path: Path) -> None:
    """In a process of its own: what native code writes when it ends counts too."""
    model = write_gguf(tmp_path / "m.gguf")
    script = f"from magpie.engines.llamacpp.engine import *\nwith open_llamacpp({str(model)!r}) as e: e.tokenize('a')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("", "")


def test_the_library_is_not_imported_with_the_module() -> None:
    script = "import sys, magpie.engines.llamacpp.engine; sys.exit('xllamacpp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0


def test_what_is_left_open_follows_from_the_model() -> None:
    small = choose(Shape(context=512, cache_bytes=4608, file_bytes=6 << 20), LlamaCppSettings())
    assert (small.slots, small.context, small.threads) == (32, 512, 1)
    large = choose(Shape(context=131072, cache_bytes=1 << 17, file_bytes=5 << 30), LlamaCppSettings())
    assert (large.slots, large.context) == (4, 4096)
    assert 1 <= large.threads <= (os.cpu_count() or 1)
    given = LlamaCppSettings(slots=3, context=99, threads=5)
    plan = choose(Shape(512, 4608, 6 << 20), given)
    assert (plan.slots, plan.context, plan.threads) == (3, 99, 5)


def test_an_engine_whose_server_is_not_there_has_died(tmp_path: Path) -> None:
    engine = LlamaCpp(str(tmp_path / "none.sock"), slots=4, context=64, patience=1.0)
    engine.vocab_size = 300
    engine.submit(0, after("a"))
    with pytest.raises(EngineDied, match=r"llama\.cpp is gone"):
        engine.poll(1.0)
    with pytest.raises(EngineDied, match=r"llama\.cpp is gone"):
        engine.tokenize("a")
    engine.close()
