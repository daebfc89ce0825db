"""Writes small Llama GGUF files: models for tests, with weights that nobody trained.

The vocabulary is byte-level BPE: 256 bytes, a few merges, three special tokens. With random weights nearly every
byte sequence comes out, broken UTF-8 included; with `cycle` the model says one text, a byte a token, over and over.
This file knows nothing of engines or of how a model will be opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float16 | np.float32]
Tensors = dict[str, Weights]
END_OF_TEXT, IM_START, IM_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
SPECIALS = (END_OF_TEXT, IM_START, IM_END)
MERGES = ("h e", "l l", "he ll", "hell o", "Ġ w", "t h", "th e", "Ġ the", "a n", "an d", "i n", "in g", "o r", "e r")
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class TinyModel:
    """What to write. The defaults give 0.15M parameters in a file of 0.3 MB."""

    layers: int = 2
    dim: int = 64
    heads: int = 4
    heads_kv: int | None = None
    """Heads of keys and values; None is as many as of queries."""
    ffn: int = 128
    context: int = 256
    seed: int = 0
    extra_tokens: int = 0
    """Unused tokens that fill the vocabulary up."""
    chat_template: str | None = CHATML
    architecture: str = "llama"
    cycle: str | None = None
    """A text whose bytes all differ. After each of its bytes comes the next, and the first after the last."""
    labels: tuple[str, ...] = ()
    """Those of a classifier with rank pooling; none of a model that writes."""
    head: tuple[float, ...] | None = None
    """The head of a classifier that magpie weighs the last token's state by."""
    rerank: str | None = None
    """A classifier's template for two texts."""
    drop_tensor: str | None = None
    """A tensor to leave out, for a file that cannot be loaded."""


def byte_characters() -> list[str]:
    """The printable characters that byte-level BPE writes the 256 bytes with, in byte order (GPT-2's table)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    shifted = iter(range(256, 512))
    return [chr(b if b in plain else next(shifted)) for b in range(256)]


def vocabulary(model: TinyModel) -> tuple[list[str], list[int]]:
    """Tokens and their types, in id order."""
    words = [*byte_characters(), *(merge.replace(" ", "") for merge in MERGES)]
    unused = [f"[unused{i}]" for i in range(model.extra_tokens)]
    types = [
        *[gguf.TokenType.NORMAL] * len(words),
        *[gguf.TokenType.CONTROL] * len(SPECIALS),
        *[gguf.TokenType.UNUSED] * len(unused),
    ]
    return [*words, *SPECIALS, *unused], [int(kind) for kind in types]


def write_gguf(path: Path, model: TinyModel | None = None) -> Path:
    """Write the model and return its path."""
    model = model or TinyModel()
    tokens, types = vocabulary(model)
    writer = gguf.GGUFWriter(path, model.architecture)
    _add_shape(writer, model, len(tokens))
    _add_tokenizer(writer, model, tokens, types)
    for name, tensor in _tensors(model, len(tokens)).items():
        if name != model.drop_tensor:
            writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_shape(writer: gguf.GGUFWriter, model: TinyModel, vocab: int) -> None:
    writer.add_name("tiny")
    writer.add_context_length(model.context)
    writer.add_embedding_length(model.dim)
    writer.add_block_count(model.layers)
    writer.add_feed_forward_length(model.ffn)
    writer.add_head_count(model.heads)
    writer.add_head_count_kv(model.heads_kv or model.heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(model.dim // model.heads)
    writer.add_vocab_size(vocab)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    if model.head is not None:
        writer.add_array("magpie.score.weight", model.head)
    if model.labels:
        writer.add_pooling_type(gguf.PoolingType.RANK)
        writer.add_classifier_output_labels(model.labels)


def _add_tokenizer(writer: gguf.GGUFWriter, model: TinyModel, tokens: list[str], types: list[int]) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(list(MERGES))
    writer.add_eos_token_id(tokens.index(IM_END))
    writer.add_add_bos_token(False)
    templates = {"default": model.chat_template, "rerank": model.rerank}
    if given := [{"name": name, "template": text} for name, text in templates.items() if text is not None]:
        writer.add_chat_template(given)


def _tensors(model: TinyModel, vocab: int) -> Tensors:
    """Weights large enough that the next token really depends on the prompt."""
    rng = np.random.default_rng(model.seed)

    def matrix(rows: int, columns: int) -> Weights:
        return np.asarray(rng.standard_normal((rows, columns)) * 1.5 / np.sqrt(columns), np.float16)

    def vector(size: int) -> Weights:
        return np.asarray(1 + rng.standard_normal(size) / 4, np.float32)

    ones, dim, ffn, per_head = np.ones(model.dim, np.float32), model.dim, model.ffn, model.dim // model.heads
    dim_kv = per_head * (model.heads_kv or model.heads)
    tensors: Tensors = {f"{name}.weight": matrix(vocab, dim) for name in ("token_embd", "output")}
    tensors["output_norm.weight"] = ones
    if model.labels:
        tensors["cls.output.weight"] = matrix(len(model.labels), dim)
    for i in range(model.layers):
        block = f"blk.{i}."
        tensors |= {f"{block}attn_{part}.weight": matrix(dim, dim) for part in ("q", "output")}
        tensors |= {f"{block}attn_{part}.weight": matrix(dim_kv, dim) for part in ("k", "v")}
        tensors |= {f"{block}ffn_{part}.weight": matrix(ffn, dim) for part in ("gate", "up")}
        tensors |= {f"{block}ffn_down.weight": matrix(dim, ffn)}
        tensors |= {f"{block}attn_norm.weight": ones, f"{block}ffn_norm.weight": ones}
        if model.architecture == "qwen2":
            tensors |= {
                f"{block}attn_{n}.bias": vector(size) for n, size in zip("qkv", (dim, dim_kv, dim_kv), strict=True)
            }
        if model.architecture == "qwen3":
            tensors |= {f"{block}attn_{part}_norm.weight": vector(per_head) for part in "qk"}
    return tensors if model.cycle is None else tensors | _cycling(model, vocab, rng)


def _cycling(model: TinyModel, vocab: int, rng: np.random.Generator) -> Tensors:
    """Blocks that add nothing, and an output row for each byte that points at the embedding of the byte before it."""
    assert model.cycle is not None
    ring, dim = list(model.cycle.encode()), model.dim
    embedding = rng.standard_normal((vocab, dim)) / np.sqrt(dim)
    output = np.zeros((vocab, dim))
    output[[*ring[1:], ring[0]]] = 40.0 * embedding[ring]
    silent: Tensors = {"token_embd.weight": embedding.astype(np.float16), "output.weight": output.astype(np.float16)}
    for i in range(model.layers):
        silent[f"blk.{i}.attn_output.weight"] = np.zeros((dim, dim), np.float16)
        silent[f"blk.{i}.ffn_down.weight"] = np.zeros((dim, model.ffn), np.float16)
    return silent
