"""A `tokenizers.Tokenizer` behind the seam: ids of a text with nothing added, and texts of ids with nothing lost.

Knows the two ways in which vocabularies spell bytes (byte-level, and metaspace with `<0x0A>`); knows no template.
`Vocabulary` is what the rest of this package asks of a tokenizer, whatever library it comes from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal, Protocol

import tokenizers

from magpie.seams import Tokenizer

Spelling = Literal["bytes", "metaspace", "other"]
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


@dataclass(frozen=True)
class Added:
    """A token that is found in text before anything else is: special tokens, and words added by hand."""

    id: int
    special: bool


class Vocabulary(Tokenizer, Protocol):
    """A tokenizer, and what deriving prompts needs to know of its tokens."""

    @property
    def added(self) -> Mapping[str, Added]:
        """Tokens that are found in text before anything else is."""

    def id_of(self, token: str) -> int | None:
        """The id of a token by its name; None where there is none."""

    def encode_by_itself(self, text: str) -> list[int]:
        """The ids of `text` with whatever the tokenizer adds when nobody tells it not to."""


@dataclass(frozen=True)
class FastTokenizer:
    """Implements `Vocabulary` over the tokenizers library."""

    inner: tokenizers.Tokenizer = field(repr=False)
    added: Mapping[str, Added] = field(repr=False)
    spelling: Spelling
    vocab_size: int

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self.inner.encode(text, add_special_tokens=False).ids
        return ids

    def encode_with_spans(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """What `encode` gives, and of each id the characters that it stands for: the first, and the one behind."""
        found = self.inner.encode(text, add_special_tokens=False)
        return found.ids, found.offsets

    def encode_by_itself(self, text: str) -> list[int]:
        ids: list[int] = self.inner.encode(text, add_special_tokens=True).ids
        return ids

    def id_of(self, token: str) -> int | None:
        found: int | None = self.inner.token_to_id(token)
        return found

    def decode(self, ids: Sequence[int]) -> str:
        if self.spelling == "other":
            text: str = self.inner.decode(list(ids), skip_special_tokens=False)
            return text
        return b"".join(map(self._bytes, ids)).decode("utf-8", "replace")

    def token(self, token_id: int) -> str:
        return self._bytes(token_id).decode("utf-8", "backslashreplace")

    @cached_property
    def added_ids(self) -> Mapping[int, str]:
        return {token.id: text for text, token in self.added.items()}

    @cached_property
    def _cache(self) -> dict[int, bytes]:
        return {}

    def _bytes(self, token_id: int) -> bytes:
        known = self._cache.get(token_id)
        if known is None:
            known = self._cache[token_id] = self._spell(token_id)
        return known

    def _spell(self, token_id: int) -> bytes:
        if token_id in self.added_ids:
            return self.added_ids[token_id].encode()
        piece = self.inner.id_to_token(token_id)
        if piece is None:
            return f"<id {token_id}>".encode()
        if self.spelling == "bytes":
            return _byte_level(piece)
        byte = _BYTE.fullmatch(piece)
        return bytes([int(byte[1], 16)]) if byte else str(piece).replace("\u2581", " ").encode()


def wrap(inner: tokenizers.Tokenizer) -> FastTokenizer:
    """`inner` as it stands, without truncation or padding."""
    inner.no_truncation()
    inner.no_padding()
    added = {t.content: Added(i, t.special) for i, t in inner.get_added_tokens_decoder().items()}
    size = max([inner.get_vocab_size(with_added_tokens=True), *(a.id + 1 for a in added.values())])
    return FastTokenizer(inner, added, _spelling(inner), size)


def _spelling(inner: tokenizers.Tokenizer) -> Spelling:
    kinds = [kind for part in (inner.pre_tokenizer, inner.decoder, inner.normalizer) for kind in _kinds(_state(part))]
    if "ByteLevel" in kinds:
        return "bytes"
    return "metaspace" if "Metaspace" in kinds or "\u2581" in kinds else "other"


def _state(part: Any) -> Any:
    return json.loads(part.__getstate__()) if part is not None else None


def _kinds(state: Any) -> list[str]:
    """The names of a component and its parts, and what it writes for a space."""
    if isinstance(state, list):
        return [kind for part in state for kind in _kinds(part)]
    if not isinstance(state, dict):
        return []
    own = [v for k, v in state.items() if k in ("type", "content", "prepend") and isinstance(v, str)]
    return own + [kind for v in state.values() if isinstance(v, dict | list) for kind in _kinds(v)]


@lru_cache(maxsize=1)
def byte_alphabet() -> Mapping[str, int]:
    """The character that byte-level vocabularies write for each of the 256 bytes (GPT-2's table)."""
    shown = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(b): b for b in shown} | {chr(256 + n): b for n, b in enumerate(hidden)}


def _byte_level(piece: str) -> bytes:
    alphabet = byte_alphabet()
    if all(letter in alphabet for letter in piece):
        return bytes(alphabet[letter] for letter in piece)
    return piece.encode()
