"""A base is trained with a tokenizer and a chat template that fit it, and its folder says where a text ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models

from magpie.errors import ModelError, TemplateError, UserError
from magpie.modelfiles.locate import find_model
from magpie.modelfiles.model import open_model
from magpie.modelfiles.vocabulary import pretokenizer_of
from magpie.runs import Run
from magpie.train.bases import check_vocabulary, open_base, parameters_of, write_tokenizer
from magpie.train.gguf import check_can_write, rope_factors
from magpie.train.settings import Train

FLEDGLING = find_model("fledgling").parent


def folder_of(to: Path, *, template: bool = True, **config: Any) -> Path:
    """fledgling's folder without its weights, perhaps without a chat template."""
    to.mkdir()
    for name in ("tokenizer.json", "generation_config.json"):
        shutil.copyfile(FLEDGLING / name, to / name)
    told = json.loads((FLEDGLING / "config.json").read_text())
    (to / "config.json").write_text(json.dumps({**told, **config}))
    tokenizer = json.loads((FLEDGLING / "tokenizer_config.json").read_text())
    if not template:
        del tokenizer["chat_template"]
        tokenizer["eos_token"] = "<|endoftext|>"
    (to / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    return to


def test_a_base_without_a_template_takes_the_generators(pairs: Run, tmp_path: Path) -> None:
    base = folder_of(tmp_path / "base", template=False)
    with pytest.raises(TemplateError, match="no model wrote this run, whose template could be taken"):
        open_base(str(base), Train(), pairs)
    found = open_base(str(base), Train(tokenizer="fledgling"), pairs)
    assert found.speaker_files.name == "fledgling"
    (tmp_path / "out").mkdir()
    write_tokenizer(found, tmp_path / "out", [2], 512)
    written = open_model(tmp_path / "out")
    assert written.chat_template == open_model(FLEDGLING).chat_template
    assert written.eos_token == "<|im_end|>"


def test_a_template_of_ones_own_goes_into_the_folder_and_names_the_end(pairs: Run, tmp_path: Path) -> None:
    own = tmp_path / "own.jinja"
    own.write_text("{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}")
    base = folder_of(tmp_path / "base", template=False)
    found = open_base(str(base), Train(chat_template=str(own)), pairs)
    (tmp_path / "out").mkdir()
    write_tokenizer(found, tmp_path / "out", [2], 512)
    written = open_model(tmp_path / "out")
    assert written.chat_template == own.read_text()
    assert written.eos_token == "<|im_end|>"
    with pytest.raises(UserError, match="cannot be read as text"):
        open_base(str(base), Train(chat_template=str(tmp_path / "none.jinja")), pairs)


def test_the_tokenizer_of_a_gguf_file_becomes_a_folder_that_reads_the_same(pairs: Run, tmp_path: Path) -> None:
    found = open_base("fledgling-base", Train(tokenizer=str(find_model("fledgling"))), pairs)
    assert "gguf" in found.weights
    write_tokenizer(found, tmp_path, [2], 512)
    written = open_model(tmp_path)
    for text in ("Hello, world! 123", "<|im_start|>user\nHi<|im_end|>\n", "naïve 你好 🙂"):
        assert written.tokenizer.encode(text) == open_model(FLEDGLING).tokenizer.encode(text)
    assert json.loads((tmp_path / "tokenizer_config.json").read_text())["bos_token"] is None
    assert written.eos_ids == (2,)


def test_another_vocabulary_is_refused_with_a_token_that_differs(pairs: Run, tmp_path: Path) -> None:
    base = folder_of(tmp_path / "base", template=False)
    state = json.loads((base / "tokenizer.json").read_text())
    vocabulary = state["model"]["vocab"]
    one, other = [token for token, index in vocabulary.items() if index in (1000, 1001)]
    vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]
    state["model"]["merges"] = []
    (base / "tokenizer.json").write_text(json.dumps(state))
    with pytest.raises(
        ModelError, match=r"has another vocabulary than fledgling.*1000 is .*expected a base of the same"
    ):
        open_base(str(base), Train(tokenizer="fledgling"), pairs)


def test_special_tokens_may_have_other_names(tmp_path: Path) -> None:
    base = folder_of(tmp_path / "base")
    text = (base / "tokenizer.json").read_text()
    (base / "tokenizer.json").write_text(text.replace("<|im_start|>", "<|reserved_1|>"))
    check_vocabulary(open_model(base), open_model(FLEDGLING))


def test_sizes_are_read_without_the_weights() -> None:
    from magpie.modelfiles.locate import locate

    assert parameters_of(locate("fledgling")) == parameters_of(locate("fledgling-base")) == 5_131_520


def test_what_is_not_written_as_gguf_is_refused_before_it_is_trained(pairs: Run, tmp_path: Path) -> None:
    base = open_base(str(folder_of(tmp_path / "base", model_type="gemma2")), Train(), pairs)
    with pytest.raises(UserError, match="--gguf: writes llama, mistral, qwen2, qwen3, and base is gemma2"):
        check_can_write(base, "sft")
    qwen = open_base(str(folder_of(tmp_path / "qwen", model_type="qwen2")), Train(), pairs)
    check_can_write(qwen, "sft")
    with pytest.raises(UserError, match="reward models of the architecture llama"):
        check_can_write(qwen, "rm")


def test_a_tokenizer_json_tells_llama_cpps_name_for_its_cuts() -> None:
    state = json.loads((FLEDGLING / "tokenizer.json").read_text())
    assert pretokenizer_of(state) == "qwen2"
    assert pretokenizer_of(json.loads(Tokenizer(models.WordLevel({"a": 0}, unk_token="a")).to_str())) is None
    state["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "x+"
    assert pretokenizer_of(state) is None


def test_llama_3s_rotary_factors_leave_short_waves_and_divide_long_ones() -> None:
    rope = {
        "rope_theta": 500000.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    found = rope_factors(rope, 128)
    assert found[0] == 1.0
    assert found[-1] == 8.0
    assert found == sorted(found)
    assert len(found) == 64
