"""Folders that only transformers can read are read through it where it is installed, and say so where it is not."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tokenizers import Tokenizer

from magpie.errors import MissingExtra, ModelError
from magpie.install import install_hint_for
from magpie.modelfiles.model import ModelFiles, open_model
from magpie.modelfiles.slow import adopt
from magpie.templates import derive
from tests.templates.toys import fixture, tokenizer_json, tokenizer_of


@dataclass(frozen=True)
class Token:
    content: str
    special: bool

    def __str__(self) -> str:
        return self.content


class Python:
    """Speaks as a transformers tokenizer without a fast twin does."""

    def __init__(self) -> None:
        self.inner = Tokenizer.from_str(tokenizer_json("byte-level"))
        known = self.inner.get_added_tokens_decoder()
        self.added_tokens_decoder = {n: Token(t.content, t.special) for n, t in known.items()}

    def __len__(self) -> int:
        return int(self.inner.get_vocab_size(with_added_tokens=True))

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        return [0] * add_special_tokens + list(self.inner.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: list[int], skip_special_tokens: bool, clean_up_tokenization_spaces: bool) -> str:
        return str(self.inner.decode(ids, skip_special_tokens=skip_special_tokens))

    def get_vocab(self) -> dict[str, int]:
        return dict(self.inner.get_vocab())

    def convert_ids_to_tokens(self, token_id: int) -> Any:
        return self.inner.id_to_token(token_id)


def test_a_python_tokenizer_gives_the_prompts_of_its_fast_twin() -> None:
    slow, fast = adopt(Python()), tokenizer_of("byte-level")
    source = {"default": fixture("chatml")}
    found = [derive(ModelFiles("m", each, source)).describe() for each in (slow, fast)]
    assert found[0] == found[1]
    assert slow.vocab_size == fast.vocab_size
    assert slow.id_of("<|im_end|>") == fast.id_of("<|im_end|>")
    assert slow.id_of("nowhere at all") is None
    assert slow.token(5) == "&"
    assert slow.encode_by_itself("a")[0] == 0


def test_a_fast_tokenizer_is_taken_out_of_its_wrapping() -> None:
    class Wrapped:
        backend_tokenizer = Tokenizer.from_str(tokenizer_json("byte-level"))

    assert adopt(Wrapped()).encode("a b") == tokenizer_of("byte-level").encode("a b")


def test_transformers_is_opened_only_for_a_folder_that_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = ModuleType("transformers")

    class AutoTokenizer:
        @staticmethod
        def from_pretrained(path: str) -> Python:
            if path != str(tmp_path):
                raise ValueError(path)
            return Python()

    library.AutoTokenizer = AutoTokenizer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "transformers", library)
    (tmp_path / "tokenizer.model").write_bytes(b"")
    assert open_model(tmp_path).tokenizer.encode("a") == tokenizer_of("byte-level").encode("a")
    other = tmp_path / "other"
    other.mkdir()
    (other / "tokenizer.model").write_bytes(b"")
    with pytest.raises(ModelError, match="transformers cannot read"):
        open_model(other)


def test_without_transformers_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    (tmp_path / "tokenizer.model").write_bytes(b"")
    with pytest.raises(MissingExtra, match=re.escape(install_hint_for("transformers", "sentencepiece", "protobuf"))):
        open_model(tmp_path)
