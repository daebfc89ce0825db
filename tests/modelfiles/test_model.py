"""Opens models: GGUF files and Hugging Face folders, whole and broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import pytest

from magpie.errors import ModelError, TemplateError
from magpie.modelfiles.model import ModelFiles, open_model
from magpie.templates import derive
from tests.templates.toys import fixture, token_texts, tokenizer_json, tokenizer_of


def folder(path: Path, **files: Any) -> Path:
    path.mkdir(exist_ok=True)
    (path / "tokenizer.json").write_text(tokenizer_json("byte-level"), "utf-8")
    for name, content in files.items():
        (path / f"{name}.json").write_text(json.dumps(content), "utf-8")
    return path


CONFIG = {"bos_token": "<s>", "eos_token": {"content": "<|im_end|>"}, "chat_template": fixture("chatml")}


def test_a_folder_gives_tokenizer_template_tokens_and_context(tmp_path: Path) -> None:
    model = open_model(
        folder(
            tmp_path / "toy-1b",
            tokenizer_config=CONFIG,
            generation_config={"eos_token_id": [1001, 5]},
            config={"max_position_embeddings": 4096, "eos_token_id": 2},
        )
    )
    assert model.name == "toy-1b"
    assert model.chat_template == fixture("chatml")
    assert (model.bos_token, model.eos_token, model.context) == ("<s>", "<|im_end|>", 4096)
    end = model.tokenizer.added["<|im_end|>"].id
    assert {1001, 5, 2, end} == set(model.eos_ids)
    assert end in model.eog_ids
    assert not model.adds_bos


def test_context_is_found_in_a_text_config(tmp_path: Path) -> None:
    path = folder(tmp_path, config={"text_config": {"max_position_embeddings": 777}})
    assert open_model(path).context == 777


def test_a_jinja_file_wins_over_json_and_named_templates_are_kept(tmp_path: Path) -> None:
    named = [{"name": "default", "template": "a"}, {"name": "tool_use", "template": "b"}]
    path = folder(tmp_path, tokenizer_config={"chat_template": named}, chat_template={"chat_template": "c"})
    assert open_model(path).chat_templates == {"default": "c", "tool_use": "b"}
    (path / "chat_template.jinja").write_text("d", "utf-8")
    (path / "additional_chat_templates").mkdir()
    (path / "additional_chat_templates" / "rag.jinja").write_text("e", "utf-8")
    assert open_model(path).chat_templates == {"default": "d", "tool_use": "b", "rag": "e"}


def test_tokens_that_only_the_files_around_name_are_added_under_their_ids(tmp_path: Path) -> None:
    size = len(token_texts("byte-level"))
    entry = {"content": "<|new|>", "special": True, "lstrip": False, "rstrip": False, "normalized": False}
    path = folder(tmp_path, tokenizer_config={"added_tokens_decoder": {str(size): entry}})
    assert open_model(path).tokenizer.encode("a<|new|>")[-1] == size


def test_a_folder_without_a_tokenizer_or_with_a_broken_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no tokenizer\.json"):
        open_model(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="not a tokenizer"):
        open_model(tmp_path)
    folder(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="not readable as JSON"):
        open_model(tmp_path)


def test_a_folder_without_a_chat_template_says_so(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no chat template"):
        derive(open_model(folder(tmp_path)))


def write_gguf(path: Path, template: str | None = fixture("chatml"), kind: str = "gpt2", pre: str = "gpt-2") -> Path:
    state = json.loads(tokenizer_json("byte-level"))
    tokens = token_texts("byte-level")
    added = {entry["id"]: 3 if entry["special"] else 4 for entry in state["added_tokens"]}
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("toy")
    writer.add_context_length(512)
    writer.add_tokenizer_model(kind)
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([added.get(n, 1) for n in range(len(tokens))])
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in state["model"]["merges"]])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_bos_token_id(tokens.index("<s>"))
    if template is not None:
        writer.add_chat_template([{"name": "default", "template": template}, {"name": "rag", "template": "r"}])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_a_gguf_file_gives_the_same_prompts_as_the_folder(tmp_path: Path) -> None:
    one = open_model(write_gguf(tmp_path / "m.gguf"))
    other = open_model(folder(tmp_path / "hf", tokenizer_config=CONFIG))
    prompts = ("pre_query", "follow_up", "pre_response")
    found = [[derive(model).describe()[key] for key in prompts] for model in (one, other)]
    assert found[0] == found[1]
    assert (one.name, one.context, one.bos_token, one.eos_token) == ("toy", 512, "<s>", "<|im_end|>")
    assert set(one.chat_templates) == {"default", "rag"}


def test_a_gguf_file_without_a_chat_template_says_so(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="no chat template"):
        derive(open_model(write_gguf(tmp_path / "m.gguf", template=None)))


@pytest.mark.parametrize(
    ("kind", "pre", "message"),
    [("gpt2", "martian", "'martian', which magpie does not know"), ("bert", "gpt-2", "of kind 'bert'")],
)
def test_a_tokenizer_that_is_not_known_is_refused_by_name(tmp_path: Path, kind: str, pre: str, message: str) -> None:
    path = write_gguf(tmp_path / "m.gguf", kind=kind, pre=pre)
    with pytest.raises(ModelError, match=message) as caught:
        open_model(path)
    assert str(path) in str(caught.value)
    assert "Hugging Face folder instead" in str(caught.value)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        open_model(tmp_path / "nothing")


def test_harmony_vocabularies_do_not_end_a_generation_with_a_message() -> None:
    tokenizer = tokenizer_of("byte-level")
    assert tokenizer.added["<|end|>"].id not in ModelFiles("m", tokenizer, {}).eog_ids
