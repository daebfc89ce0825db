"""A model's size is read from the head of its file, without the vocabulary behind it."""

from __future__ import annotations

from pathlib import Path

import gguf
import pytest

from magpie.errors import ModelError
from magpie.modelfiles.shape import Shape, read_shape
from tests.engines.tiny_gguf import TinyModel, write_gguf


def write(path: Path, tokenizer_first: bool = False) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    if tokenizer_first:
        writer.add_token_list(["token"] * 1000)
    writer.add_context_length(512)
    writer.add_block_count(2)
    writer.add_embedding_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv([1, 2])
    if not tokenizer_first:
        writer.add_token_list(["token"] * 1000)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_the_header_tells_context_and_cache_size(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", TinyModel(layers=3, dim=64, heads=4, context=333))
    assert read_shape(path) == Shape(context=333, cache_bytes=2 * 3 * (64 + 64), file_bytes=path.stat().st_size)


def test_heads_that_differ_by_layer_are_counted_as_the_most_that_there_can_be(tmp_path: Path) -> None:
    assert read_shape(write(tmp_path / "m.gguf")).cache_bytes == 2 * 2 * 4 * (16 + 16)


def test_the_vocabulary_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "m.gguf")
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"tokenizer.ggml.tokens") + len(b"tokenizer.ggml.tokens")])
    assert read_shape(path).context == 512


def test_numbers_behind_the_vocabulary_are_found_too(tmp_path: Path) -> None:
    first, last = write(tmp_path / "first.gguf"), write(tmp_path / "last.gguf", tokenizer_first=True)
    assert read_shape(last) == read_shape(first)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"PK\3\4", "not with b'GGUF'"), (b"GGUF\3\0\0\0", "ends too early"), (b"", "the file is empty")],
)
def test_a_file_that_is_not_right_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        read_shape(path)
