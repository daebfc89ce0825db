"""What a structure allows next, through llguidance. For engines that sample here; knows no model and no tensors.

The white space that a small model gets lost in is not allowed: `{"a":1,"b":[2,3]}`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from magpie.errors import MissingExtra, RequestFailed
from magpie.install import install_hint
from magpie.safe.redaction import one_line
from magpie.seams import Choice, Structure

PLAIN = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}


def import_llguidance() -> ModuleType:
    """The llguidance module. Raises `MissingExtra` when it is not installed."""
    try:
        import llguidance
    except ImportError as error:
        raise MissingExtra(f"structure needs llguidance ({error}): {install_hint('transformers')}") from error
    return llguidance  # type: ignore[no-any-return]


class Guide:
    """The position of one text in its structure."""

    def __init__(self, matcher: Any) -> None:
        self._matcher = matcher

    def allowed(self) -> bytes:
        """A byte for each token id, not 0 where it may come next."""
        found: bytes = self._matcher.compute_logit_bias()
        return found

    def take(self, token_id: int) -> bool:
        """Advance by a token; return whether the structure is complete, so that no token may follow."""
        self._matcher.consume_token(token_id)
        return bool(self._matcher.is_stopped())


class Guides:
    """Makes guides over one vocabulary."""

    def __init__(self, tokenizer_json: str, vocab_size: int, ends: Sequence[int]) -> None:
        """tokenizer_json: as the tokenizers library writes it. ends: ids that end a text, at least one.

        Raises `RequestFailed` for a tokenizer that llguidance does not read.
        """
        self._library = import_llguidance()
        try:
            self._tokens = self._library.LLTokenizer(tokenizer_json, n_vocab=vocab_size, eos_token=list(ends))
        except ValueError as error:
            told = one_line(str(error))
            raise RequestFailed(f"structure needs a tokenizer that llguidance reads: {told}") from error

    def guide(self, structure: Structure) -> Guide:
        """Raises `RequestFailed` for a structure that cannot be followed."""
        try:
            grammar = self._grammar(structure)
            wrong, told = self._library.LLMatcher.validate_grammar_with_warnings(grammar, self._tokens)
        except ValueError as error:
            wrong, told = True, [str(error)]
        if wrong:
            raise RequestFailed(f"the JSON schema or choice cannot be followed: {one_line(' '.join(told))}")
        return Guide(self._library.LLMatcher(self._tokens, grammar, log_level=0))

    def _grammar(self, structure: Structure) -> str:
        matcher = self._library.LLMatcher
        if isinstance(structure, Choice):
            options = " | ".join(json.dumps(option, ensure_ascii=False) for option in structure.options)
            return str(matcher.grammar_from_lark(f"start: {options}"))
        return str(matcher.grammar_from_json_schema(structure.schema, defaults=PLAIN))
