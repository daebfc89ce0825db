"""Tokenizers built from a GGUF file's vocabulary give the ids that llama.cpp gives, and lose no text."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magpie.engines.llamacpp.engine import import_llamacpp
from magpie.errors import ModelError
from magpie.modelfiles.model import open_model
from magpie.modelfiles.probe import check_tokenizer, probe_texts
from magpie.modelfiles.vocabulary import _table, known_pretokenizers
from tests.templates.toys import Kind, token_texts, tokenizer_json, tokenizer_of

xllamacpp = import_llamacpp()

PRETOKENIZERS = tuple({str(patterns): name for name, patterns in sorted(_table()["pattern_of"].items())}.values())
"""One name for each way of cutting words."""


def write_model(path: Path, kind: Kind, pre: str = "default", space_prefix: bool = True) -> Path:
    """A Llama with one layer of zeros: enough for llama.cpp to load its vocabulary."""
    state = json.loads(tokenizer_json(kind))
    tokens = token_texts(kind)
    types = [1] * len(tokens)
    for entry in state["added_tokens"]:
        types[entry["id"]] = 3 if entry["special"] else 4
    writer = gguf.GGUFWriter(path, "llama")
    merges = [m if isinstance(m, str) else " ".join(m) for m in state["model"]["merges"]]
    if kind == "byte-level":
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(pre)
        writer.add_token_merges(merges)
    else:
        made = {"".join(pair.split(" ", 1)): -float(n) for n, pair in reversed(list(enumerate(merges)))}
        types = [6 if n in range(1, 257) else t for n, t in enumerate(types)]
        types[0] = 2
        writer.add_tokenizer_model("llama")
        writer.add_token_scores([made.get(token, -1e4 - n) for n, token in enumerate(tokens)])
        writer.add_unk_token_id(0)
        writer.add_add_space_prefix(space_prefix)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_eos_token_id(tokens.index("</s>"))
    writer.add_add_bos_token(False)
    _add_weights(writer, len(tokens))
    return path


def _add_weights(writer: gguf.GGUFWriter, size: int) -> None:
    width = 32
    writer.add_context_length(64)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(width)
    writer.add_head_count(1)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width)
    writer.add_vocab_size(size)
    squares = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    for name, shape in {"token_embd": (size, width), "output": (size, width)}.items():
        writer.add_tensor(f"{name}.weight", np.zeros(shape, np.float32))
    for name in squares:
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros((width, width), np.float32))
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(width, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def reference(path: Path) -> tuple[object, Callable[[str], list[int]]]:
    """llama.cpp's own tokenizer, and the server that must live as long as it is asked."""
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_parallel, params.n_ctx, params.port, params.verbosity, params.warmup = 1, 64, 0, 0, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)

    def encode(text: str) -> list[int]:
        body = {"content": text, "add_special": False, "parse_special": True}
        with urllib.request.urlopen(f"{server.listening_address}/tokenize", json.dumps(body).encode()) as answer:
            ids: list[int] = json.load(answer)["tokens"]
        return ids

    return server, encode


@pytest.mark.parametrize("pre", PRETOKENIZERS)
def test_words_are_cut_as_llama_cpp_cuts_them(tmp_path: Path, pre: str) -> None:
    path = write_model(tmp_path / "m.gguf", "byte-level", pre)
    _server, encode = reference(path)
    check_tokenizer(open_model(path).tokenizer, encode)


@pytest.mark.parametrize("space_prefix", [True, False])
def test_sentencepiece_vocabularies_are_joined_as_llama_cpp_joins_them(tmp_path: Path, space_prefix: bool) -> None:
    path = write_model(tmp_path / "m.gguf", "metaspace", space_prefix=space_prefix)
    _server, encode = reference(path)
    check_tokenizer(open_model(path).tokenizer, encode)


def test_a_disagreement_is_refused_with_the_text_and_both_lists_of_ids(tmp_path: Path) -> None:
    tokenizer = open_model(write_model(tmp_path / "m.gguf", "byte-level", "gpt-2")).tokenizer
    with pytest.raises(ModelError, match="on 'Hello world' it gives") as caught:
        check_tokenizer(tokenizer, lambda text: [*tokenizer.encode(text), 7])
    assert str([*tokenizer.encode("Hello world"), 7]) in str(caught.value)


def test_at_least_the_common_pretokenizers_are_known() -> None:
    asked = (
        "llama-bpe qwen2 gpt-2 deepseek-llm deepseek-v3 deepseek-coder smollm tekken gpt-4o chatglm-bpe falcon "
        "starcoder refact command-r olmo dbrx minicpm5 exaone qwen35 llama4 hunyuan glm4 stablelm2 mpt phi-2 default"
    )
    assert set(asked.split()) <= set(known_pretokenizers())


@pytest.mark.parametrize("kind", ["byte-level", "metaspace"])
def test_every_probe_text_survives_encoding_and_decoding(kind: Kind) -> None:
    tokenizer = tokenizer_of(kind)
    for text in probe_texts:
        back = tokenizer.decode(tokenizer.encode(text))
        assert back.replace(" ", "") == text.replace(" ", "") if kind == "metaspace" else back == text


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=60))
def test_byte_level_decoding_gives_back_any_text(text: str) -> None:
    tokenizer = tokenizer_of("byte-level")
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_a_token_is_shown_by_name_and_a_broken_character_as_bytes() -> None:
    tokenizer = tokenizer_of("byte-level")
    assert tokenizer.token(tokenizer.encode("<|im_end|>")[0]) == "<|im_end|>"
    assert tokenizer.token(tokenizer.encode("\U0001f9ff")[0]).startswith("\\xf0")
    assert tokenizer.vocab_size > max(tokenizer.encode("<|im_end|>"))
