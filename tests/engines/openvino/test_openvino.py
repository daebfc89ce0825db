"""What is OpenVINO's own: which files it reads, told from their heads; and, where it is installed, how it is opened."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import gguf
import numpy as np
import pytest

from magpie.engines.llamacpp.engine import open_llamacpp
from magpie.engines.openvino import engine as openvino
from magpie.engines.openvino.engine import ARCHITECTURES, CAPABILITIES, open_openvino, plan, supports
from magpie.engines.stops import StopStrings
from magpie.errors import MissingExtra, ModelError, RequestFailed
from magpie.install import install_hint
from magpie.modelfiles.shape import Shape, read_shape
from magpie.seams import Choice, JsonSchema, Request, SamplingParams, Tokens
from magpie.settings.engines import LlamaCpp as LlamaCppSettings
from magpie.settings.engines import OpenVino as OpenVinoSettings
from tests.engines.asking import ask, completions
from tests.engines.tiny_gguf import IM_START, TinyModel, vocabulary, write_gguf

FLEDGLING = Path(str(files("magpie"))) / "weights" / "fledgling" / "fledgling-f16.gguf"
SMALL = OpenVinoSettings(slots=4, context=64)
RING = "né 東!"
needs_openvino = pytest.mark.skipif(find_spec("openvino_genai") is None, reason="openvino_genai is not installed here")


def test_the_model_in_the_package_is_read() -> None:
    assert supports(FLEDGLING) is None


UNREAD = {
    "an architecture": (TinyModel(architecture="gemma3"), "its architecture is gemma3"),
    "a tensor that is missing": (TinyModel(drop_tensor="blk.1.ffn_up.weight"), "no tensor blk.1.ffn_up.weight"),
}


@pytest.mark.parametrize("what", UNREAD)
def test_a_file_that_is_not_read_says_why_from_its_head(tmp_path: Path, what: str) -> None:
    model, why = UNREAD[what]
    assert why in (supports(write_gguf(tmp_path / "model.gguf", model)) or "")


def copied(source: Path, target: Path, *, kind: str = "", keys: dict[str, object] | None = None) -> Path:
    """A GGUF file with its matrices kept in another way, or other keys; None as a value leaves a key out."""
    reader, keys = gguf.GGUFReader(source), keys or {}
    writer = gguf.GGUFWriter(target, str(reader.fields["general.architecture"].contents()))
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture" or name in keys:
            continue
        inner = field.types[1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), field.types[0], sub_type=inner)
    for name, value in keys.items():
        if isinstance(value, str):
            writer.add_string(name, value)
        elif isinstance(value, int):
            writer.add_uint32(name, value)
    for tensor in reader.tensors:
        data = tensor.data
        if kind and data.ndim > 1:
            number = gguf.GGMLQuantizationType[kind]
            writer.add_tensor(tensor.name, gguf.quantize(data.astype(np.float32), number), raw_dtype=number)
        else:
            writer.add_tensor(tensor.name, data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


@pytest.mark.parametrize("kind", ["F32", "BF16", "Q5_0"])
def test_a_file_of_another_kind_is_not_read(tmp_path: Path, kind: str) -> None:
    tiny = write_gguf(tmp_path / "tiny.gguf")
    why = supports(copied(tiny, tmp_path / "other.gguf", kind=kind))
    assert f"weights that are {kind}" in (why or "")


KEYS: dict[str, tuple[dict[str, object], str]] = {
    "rope scaling": ({"llama.rope.scaling.type": "yarn"}, "rope scaling"),
    "a mixture of experts": ({"llama.expert_count": 8}, "mixture of experts"),
    "another vocabulary": ({"tokenizer.ggml.model": "llama"}, "vocabulary is of the kind llama"),
    "no file type": ({"general.file_type": None}, "does not say general.file_type"),
}


@pytest.mark.parametrize("what", KEYS)
def test_a_file_that_would_be_misread_is_not_read(tmp_path: Path, what: str) -> None:
    keys, why = KEYS[what]
    changed = copied(write_gguf(tmp_path / "tiny.gguf"), tmp_path / "other.gguf", keys=keys)
    assert why in (supports(changed) or "")


def test_a_folder_needs_its_ir(tmp_path: Path) -> None:
    assert "openvino_model.xml" in (supports(tmp_path) or "")


def test_a_model_that_cannot_be_run_names_the_engine_that_can(tmp_path: Path) -> None:
    model = write_gguf(tmp_path / "model.gguf", TinyModel(architecture="gemma3"))
    with pytest.raises(ModelError, match="use the engine llamacpp"):
        plan(model, SMALL)


def test_it_is_run_in_full_precision_whatever_the_cpu_likes_best() -> None:
    for threads in (None, 1, 2):
        settings = OpenVinoSettings(slots=4, context=64, threads=threads)
        assert plan(FLEDGLING, settings).properties["INFERENCE_PRECISION_HINT"] == "f32"


def test_a_small_model_takes_no_more_memory_than_its_slots_can_fill() -> None:
    assert plan(FLEDGLING, OpenVinoSettings(slots=8, context=64)).blocks == 8 * 32 // 32 + 1
    everything = plan(FLEDGLING, OpenVinoSettings(slots=10**6)).blocks
    assert everything is not None
    assert 2**29 < everything * 32 * read_shape(FLEDGLING).cache_bytes <= 2**31


def test_a_context_for_which_there_is_no_room_is_refused_or_chosen_smaller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openvino, "read_shape", lambda _: Shape(512, 2**30 // 100, 0))
    assert plan(FLEDGLING, OpenVinoSettings(cache_gb=3)).context == 300 - 32
    with pytest.raises(ModelError, match=r"context of 400 tokens do not fit into 3 GiB.*larger cache_gb"):
        plan(FLEDGLING, OpenVinoSettings(cache_gb=3, context=400))


@pytest.mark.openvino
@needs_openvino
def test_texts_that_fill_every_slot_are_begun_again_and_stay_the_same() -> None:
    sampling = SamplingParams(temperature=0.0, max_tokens=28)
    requests = [Request(Tokens((*range(1, 100), n)), sampling) for n in range(3, 27)]
    with open_openvino(FLEDGLING, OpenVinoSettings(slots=8, context=128)) as tight:
        few = completions(tight, requests)
    with open_openvino(FLEDGLING, OpenVinoSettings(slots=64, context=128)) as roomy:
        many = completions(roomy, requests)
    assert sum(a.text == b.text for a, b in zip(few, many, strict=True)) >= 22


def decode(ids: object) -> str:
    return bytes(ids).decode(errors="replace")  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(("stops", "cut"), [(("東",), "né "), (("zz", "é 東"), "n"), (("!n", " "), "né"), ((), None)])
def test_a_stop_string_is_found_when_its_last_token_comes(stops: tuple[str, ...], cut: str | None) -> None:
    looking, ids = StopStrings(stops, decode), (RING * 3).encode()
    found = [text for n in range(1, len(ids) + 1) if (text := looking.cut(ids[:n])) is not None]
    assert (found[0] if found else None) == cut


@pytest.mark.skipif(find_spec("openvino_genai") is not None, reason="openvino_genai is installed here")
def test_a_missing_library_is_told_with_the_command_that_installs_it() -> None:
    with pytest.raises(MissingExtra, match=re.escape(install_hint("openvino"))), open_openvino(FLEDGLING):
        pass


@pytest.mark.openvino
@needs_openvino
def test_an_unreadable_file_is_one_line(tmp_path: Path) -> None:
    for name, written in {"empty": b"", "cut": FLEDGLING.read_bytes()[:100_000], "other": b"hello" * 99}.items():
        (tmp_path / name).write_bytes(written)
        with pytest.raises(ModelError) as raised, open_openvino(tmp_path / name, SMALL):
            pass
        assert "\n" not in str(raised.value)
    with pytest.raises(ModelError, match="no such file"), open_openvino(tmp_path / "none.gguf", SMALL):
        pass


@pytest.mark.openvino
@needs_openvino
def test_a_character_cut_in_its_middle_is_marked_only_at_the_end(tmp_path: Path) -> None:
    model = write_gguf(tmp_path / "ring.gguf", TinyModel(cycle=RING))
    requests = [Request(Tokens(tuple(b"!")), SamplingParams(temperature=0.0, max_tokens=most)) for most in range(1, 25)]
    said = (RING * 3).encode()
    with open_openvino(model, SMALL) as engine:
        for most, completion in enumerate(completions(engine, requests), start=1):
            assert completion.token_ids == tuple(said[:most])
            assert completion.text == said[:most].decode(errors="replace")
        stop = replace(requests[-1], sampling=replace(requests[-1].sampling, stop=("東!n",)))
        (got,) = completions(engine, [stop])
        assert (got.text, got.finish_reason, got.wasted_tokens) == ("né ", "stop", 0)


@pytest.mark.openvino
@needs_openvino
def test_special_tokens_are_written_out(tmp_path: Path) -> None:
    start = vocabulary(TinyModel())[0].index(IM_START)
    with open_openvino(write_gguf(tmp_path / "random.gguf"), OpenVinoSettings(slots=4, context=256)) as engine:
        prompt, sampling = Tokens((65, 66)), SamplingParams(max_tokens=200)
        got = completions(engine, [Request(prompt, sampling, seed=seed) for seed in range(24)])
        assert any(start in c.token_ids for c in got)
        assert all(c.text.count(IM_START) == c.token_ids.count(start) for c in got)


@pytest.mark.openvino
@needs_openvino
@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0"])
def test_a_quantized_file_is_run(tmp_path: Path, kind: str) -> None:
    model = copied(
        FLEDGLING, tmp_path / "quantized.gguf", kind=kind, keys={"general.file_type": {"Q8_0": 7}.get(kind, 2)}
    )
    with open_openvino(model, SMALL) as engine:
        assert completions(engine, [Request(Tokens((1, 2, 3)), SamplingParams(max_tokens=8))])


@pytest.mark.openvino
@needs_openvino
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("heads_kv", [6, 2])
def test_every_architecture_is_read_as_llama_cpp_reads_it(tmp_path: Path, architecture: str, heads_kv: int) -> None:
    shape = TinyModel(architecture=architecture, dim=96, heads=6, heads_kv=heads_kv, layers=3, seed=5)
    model, greedy = write_gguf(tmp_path / "tiny.gguf", shape), SamplingParams(temperature=0.0, max_tokens=4)
    requests = [Request(Tokens(tuple(range(40 + n, 50 + 2 * n))), greedy) for n in range(30)]
    exact = OpenVinoSettings(slots=8, context=128, threads=1)
    with open_openvino(model, exact) as engine, open_llamacpp(model, LlamaCppSettings(slots=8, context=128)) as other:
        pairs = zip(completions(engine, requests), completions(other, requests), strict=True)
        assert sum(a.token_ids == b.token_ids for a, b in pairs) >= 26


@pytest.mark.openvino
@needs_openvino
def test_a_schema_that_has_no_grammar_fails_alone() -> None:
    plain = Request(Tokens((1, 2, 3)), SamplingParams(max_tokens=4))
    with open_openvino(FLEDGLING, SMALL) as engine:
        odd = replace(plain, structure=JsonSchema('{"type": "nosuch"}'))
        before, failed, after = ask(engine, [plain, odd, plain])
        assert isinstance(failed, RequestFailed)
        assert "the JSON schema cannot be followed" in str(failed)
        assert before == after
        many = Choice(tuple(f"option {n}" for n in range(500)))
        assert completions(engine, [replace(plain, sampling=SamplingParams(), structure=many)])[0].text in many.options


@pytest.mark.openvino
@needs_openvino
def test_a_folder_with_ir_is_run(tmp_path: Path) -> None:
    import openvino_genai

    shutil.copy(FLEDGLING, tmp_path / "model.gguf")
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.cache_size = 1
    saving = {"enable_save_ov_model": True}
    openvino_genai.ContinuousBatchingPipeline(str(tmp_path / "model.gguf"), scheduler, "CPU", saving, {})
    for name in ("tokenizer.json", "tokenizer_config.json", "config.json", "generation_config.json"):
        shutil.copy(FLEDGLING.parent / name, tmp_path / name)
    request = Request(Tokens((1, 2, 3)), SamplingParams(temperature=0.0, max_tokens=8))
    with open_openvino(tmp_path, SMALL) as folder, open_openvino(FLEDGLING, SMALL) as file:
        assert completions(folder, [request])[0].token_ids == completions(file, [request])[0].token_ids


def test_what_it_offers_is_known_without_the_library() -> None:
    assert CAPABILITIES.prompts == ("tokens",)
