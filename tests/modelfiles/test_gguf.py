"""The reader of GGUF metadata believes nothing that the file's size does not bear out."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from magpie.errors import ModelError
from magpie.modelfiles.gguf import read_metadata


def write(path: Path, tokens: int = 50) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("small")
    writer.add_context_length(512)
    writer.add_token_list([f"token {n}" for n in range(tokens)])
    writer.add_token_scores([n / 2 for n in range(tokens)])
    writer.add_token_types([1] * tokens)
    writer.add_add_bos_token(True)
    writer.add_tensor("a", np.ones((4, 8), np.float32))
    writer.add_tensor("b", np.ones((4, 8), np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_reads_every_kind_of_value(tmp_path: Path) -> None:
    found = read_metadata(write(tmp_path / "m.gguf"))
    assert found["general.name"] == "small"
    assert found["llama.context_length"] == 512
    assert found["tokenizer.ggml.add_bos_token"] is True
    assert found["tokenizer.ggml.tokens"][49] == "token 49"
    assert found["tokenizer.ggml.scores"][3] == 1.5
    assert found["tokenizer.ggml.token_type"] == [1] * 50


def test_reads_a_vocabulary_of_150000_tokens_fast(tmp_path: Path) -> None:
    path = write(tmp_path / "m.gguf", tokens=150_000)
    started = time.process_time()
    assert len(read_metadata(path)["tokenizer.ggml.tokens"]) == 150_000
    assert time.process_time() - started < 1.5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"{}", "not with b'GGUF'"),
        (b"GGUF", "ends too early"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1"),
        (b"GGUF" + struct.pack("<IQQ", 99, 0, 0), "version 99"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**63), "ends too early"),
        (b"GGUF" + struct.pack("<IQQQ1sII", 3, 0, 1, 1, b"k", 77, 0), "type 77"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 8, 2**60), "ends too early"),
        (b"GGUF" + struct.pack("<IQQQ1sIIQ", 3, 0, 1, 1, b"k", 9, 4, 2**62), "ends too early"),
        (b"GGUF" + struct.pack("<IQQQ1sI", 3, 0, 1, 1, b"k", 9) + struct.pack("<IQ", 9, 1) * 9, "nested"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "ends too early"),
    ],
)
def test_a_file_that_is_not_right_is_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        read_metadata(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        read_metadata(tmp_path / "nothing.gguf")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(share=st.floats(0, 0.9999))
def test_a_file_cut_anywhere_is_refused(tmp_path_factory: pytest.TempPathFactory, share: float) -> None:
    whole = write(tmp_path_factory.mktemp("cut") / "whole.gguf").read_bytes()
    cut = tmp_path_factory.mktemp("cut") / "cut.gguf"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelError):
        read_metadata(cut)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(place=st.integers(4, 1500), byte=st.integers(0, 255))
def test_a_damaged_byte_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, place: int, byte: int) -> None:
    path = write(tmp_path_factory.mktemp("damaged") / "m.gguf")
    content = bytearray(path.read_bytes())
    content[place % len(content)] = byte
    path.write_bytes(content)
    refused = found = None
    try:
        found = read_metadata(path)
    except ModelError as error:
        refused = str(error)
    assert str(path) in refused if refused else found is not None
