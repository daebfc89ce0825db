"""A transformers tokenizer behind the seam, for folders that only transformers can read: sentencepiece and older files.

Opens transformers lazily, and only here. Knows no template.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from magpie.errors import MissingExtra, ModelError
from magpie.install import install_hint_for
from magpie.modelfiles.tokenizer import Added, Vocabulary, wrap


@dataclass(frozen=True)
class SlowTokenizer:
    """Implements `Vocabulary` over a transformers tokenizer that is written in Python."""

    inner: Any = field(repr=False)
    added: Mapping[str, Added] = field(repr=False)
    vocab_size: int

    def encode(self, text: str) -> list[int]:
        return [int(n) for n in self.inner.encode(text, add_special_tokens=False)]

    def encode_by_itself(self, text: str) -> list[int]:
        return [int(n) for n in self.inner.encode(text)]

    def id_of(self, token: str) -> int | None:
        if token in self.added:
            return self.added[token].id
        found = self.inner.get_vocab().get(token)
        return None if found is None else int(found)

    def decode(self, ids: Sequence[int]) -> str:
        return str(self.inner.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def token(self, token_id: int) -> str:
        return str(self.inner.convert_ids_to_tokens(token_id))


def open_tokenizer(path: Path, something: bool) -> Vocabulary:
    """The tokenizer of a folder without a tokenizer.json. Raises `ModelError` and `MissingExtra`."""
    if not something:
        raise ModelError(f"{path}: no tokenizer.json in this folder; expected a GGUF file or a Hugging Face folder")
    try:
        transformers = import_module("transformers")
    except ImportError:
        raise MissingExtra(
            f"{path}: no tokenizer.json in this folder, and reading an older tokenizer needs transformers and "
            f"sentencepiece: {install_hint_for('transformers', 'sentencepiece', 'protobuf')}"
        ) from None
    try:
        return adopt(transformers.AutoTokenizer.from_pretrained(str(path)))
    except Exception as error:  # the library raises many kinds for a folder that it cannot read
        raise ModelError(f"{path}: transformers cannot read the tokenizer in this folder ({error})") from None


def adopt(inner: Any) -> Vocabulary:
    """A transformers tokenizer as a `Vocabulary`: what is inside it where that is a fast one."""
    backend = getattr(inner, "backend_tokenizer", None)
    if backend is not None:
        return wrap(backend)
    added = {str(token): Added(int(n), bool(token.special)) for n, token in inner.added_tokens_decoder.items()}
    return SlowTokenizer(inner, added, max([len(inner), *(token.id + 1 for token in added.values())]))
