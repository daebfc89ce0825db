"""Builds a tokenizer from the vocabulary that a GGUF file carries.

Two kinds: byte-level BPE with a named pre-tokenizer (`gpt2`), and sentencepiece BPE with scores (`llama`).
Anything else is refused by name. Knows the keys of GGUF; knows no template and no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any, Final

import tokenizers
import yaml
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers

from magpie.errors import ModelError
from magpie.modelfiles.tokenizer import Added, FastTokenizer

_UNKNOWN: Final = 2
_CONTROL: Final = 3
_USER_DEFINED: Final = 4
_SPACE: Final = "\u2581"
_ANY_CASE: Final = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_BOTH_CASES: Final = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
"""What tokenizer.json files write for the latter."""
_LONGEST_JOINED: Final = 1024
"""Characters of a piece whose parts are looked for, which takes the square of its length. Models' have dozens."""
_INSTEAD: Final = "give the model's Hugging Face folder instead (tokenizer.json, tokenizer_config.json)"


def build_tokenizer(metadata: Mapping[str, Any]) -> FastTokenizer:
    """The tokenizer of a GGUF file. Raises `ModelError` for a kind that is not known."""
    kind = metadata.get("tokenizer.ggml.model")
    tokens = _tokens(metadata)
    types = _types(metadata, tokens)
    if kind == "gpt2":
        inner = _byte_level(metadata, tokens)
    elif kind == "llama":
        inner = _sentencepiece(metadata, tokens)
    else:
        raise ModelError(f"the tokenizer is of kind {kind!r}; magpie builds 'gpt2' and 'llama' ones: {_INSTEAD}")
    added = {
        text: Added(n, types[n] == _CONTROL)
        for n, text in enumerate(tokens)
        if types[n] in (_UNKNOWN, _CONTROL, _USER_DEFINED)
    }
    inner.add_special_tokens(_added_tokens(added, metadata))
    return FastTokenizer(inner, added, "bytes" if kind == "gpt2" else "metaspace", len(tokens))


def _tokens(metadata: Mapping[str, Any]) -> list[str]:
    tokens = metadata.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, list) or not tokens or not isinstance(tokens[0], str):
        raise ModelError(f"no vocabulary in the file (tokenizer.ggml.tokens): {_INSTEAD}")
    if "" not in tokens:
        return tokens
    return [text or f"[EMPTY_{n}]" for n, text in enumerate(tokens)]


def _types(metadata: Mapping[str, Any], tokens: Sequence[str]) -> list[int]:
    """The kind of each token. A control token that a converter marked as plain is still found by its text."""
    found = metadata.get("tokenizer.ggml.token_type") or [1] * len(tokens)
    if len(found) < len(tokens):
        raise ModelError(f"{len(tokens)} tokens but {len(found)} token types: the file is damaged, convert it again")
    return [_CONTROL if kind == 1 and text in END_TEXTS else kind for kind, text in zip(found, tokens, strict=False)]


def _added_tokens(added: Mapping[str, Added], metadata: Mapping[str, Any]) -> list[AddedToken]:
    """All as special, so that they are found in the raw text before the normaliser touches it."""
    name = str(metadata.get("general.name", "")).lower()
    eats_space = "phi-3" in name or "phi3" in name
    kept = ("<unk>", "<s>", "<|endoftext|>")
    return [
        AddedToken(text, special=True, normalized=False, rstrip=eats_space and text not in kept)
        for text in sorted(added, key=lambda text: added[text].id)
    ]


def _byte_level(metadata: Mapping[str, Any], tokens: Sequence[str]) -> tokenizers.Tokenizer:
    name = metadata.get("tokenizer.ggml.pre", "default")
    table = _table()
    if name not in table["pattern_of"]:
        raise ModelError(f"the pre-tokenizer is called {name!r}, which magpie does not know: {_INSTEAD}")
    vocabulary = _vocabulary(tokens)
    merges = [tuple(merge.split(" ", 1)) for merge in metadata.get("tokenizer.ggml.merges") or ()]
    usable = [
        m for m in merges if len(m) == 2 and m[0] in vocabulary and m[1] in vocabulary and m[0] + m[1] in vocabulary
    ]
    if not usable:
        raise ModelError(f"no merges in the file (tokenizer.ggml.merges): {_INSTEAD}")
    inner = tokenizers.Tokenizer(models.BPE(vocabulary, usable, ignore_merges=name in table["ignore_merges"]))
    cuts = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in table["pattern_of"][name]]
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [*cuts, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    inner.decoder = decoders.ByteLevel()
    return inner


def _vocabulary(tokens: Sequence[str]) -> dict[str, int]:
    vocabulary = {text: n for n, text in enumerate(tokens)}
    if len(vocabulary) != len(tokens):
        raise ModelError(f"{len(tokens) - len(vocabulary)} tokens stand twice in the vocabulary: {_INSTEAD}")
    return vocabulary


def _sentencepiece(metadata: Mapping[str, Any], tokens: Sequence[str]) -> tokenizers.Tokenizer:
    vocabulary = _vocabulary(tokens)
    scores = metadata.get("tokenizer.ggml.scores")
    if not scores or len(scores) < len(tokens):
        raise ModelError(f"no scores for the vocabulary (tokenizer.ggml.scores): {_INSTEAD}")
    unknown = tokens[metadata.get("tokenizer.ggml.unknown_token_id", 0)]
    inner = scored_bpe(vocabulary, scores, unknown)
    replace = normalizers.Replace(" ", _SPACE)
    if metadata.get("tokenizer.ggml.add_space_prefix", True):
        inner.normalizer = normalizers.Sequence([normalizers.Prepend(_SPACE), replace])
    else:
        inner.normalizer = replace
    return inner


def scored_bpe(vocabulary: Mapping[str, int], scores: Sequence[float], unknown: str) -> tokenizers.Tokenizer:
    """Sentencepiece's BPE: of all neighbors, the two that make the piece with the best score are joined first."""
    merges = [
        (-scores[n], n, cut, text)
        for text, n in vocabulary.items()
        for cut in range(1, len(text) if len(text) <= _LONGEST_JOINED else 0)
        if text[:cut] in vocabulary and text[cut:] in vocabulary
    ]
    merges.sort()
    pairs = [(text[:cut], text[cut:]) for _, _, cut, text in merges]
    inner = tokenizers.Tokenizer(
        models.BPE(dict(vocabulary), pairs, unk_token=unknown, fuse_unk=True, byte_fallback=True)
    )
    inner.decoder = decoders.Sequence([decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    return inner


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Any]:
    """The pre-tokenizers by name. Read once: from package data, not from the model."""
    raw = yaml.safe_load(resources.files(__package__).joinpath("pretokenizers.yaml").read_text("utf-8"))
    pattern_of = {name: raw["patterns"][pattern] for pattern, names in raw["names"].items() for name in names}
    return {"pattern_of": pattern_of, "ignore_merges": frozenset(raw["ignore_merges"])}


def pretokenizer_of(state: Mapping[str, Any]) -> str | None:
    """The name that GGUF files have for the way in which a byte-level tokenizer.json cuts text; None where it is none
    of those that are known.

    pretokenizer_of(json.loads(tokenizer.inner.to_str()))  # "qwen2"
    """
    if (state.get("model") or {}).get("type") != "BPE" or state.get("normalizer") not in (None, {"type": "NFC"}):
        return None
    before = state.get("pre_tokenizer") or {}
    parts = before.get("pretokenizers") or [before]
    found = [part.get("pattern", {}).get("Regex") for part in parts if part.get("type") == "Split"]
    cuts = [cut and cut.replace(_ANY_CASE, _BOTH_CASES) for cut in found]
    levels = [part for part in parts if part.get("type") == "ByteLevel"]
    if len(levels) != 1 or len(cuts) + 1 != len(parts) or levels[0].get("add_prefix_space"):
        return None
    if levels[0].get("use_regex") and not cuts:
        cuts = _table()["pattern_of"]["gpt-2"]
    merged = bool(state["model"].get("ignore_merges"))
    for name, patterns in _table()["pattern_of"].items():
        if patterns == cuts and merged == (name in _table()["ignore_merges"]):
            return str(name)
    return None


def known_pretokenizers() -> tuple[str, ...]:
    return tuple(sorted(_table()["pattern_of"]))


END_TEXTS: Final = frozenset(
    (
        *("<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>"),
        *("<|endoftext|>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>"),
        *("<turn|>", "[e~["),
    )
)
"""Tokens that end a generation wherever they appear in a vocabulary, as llama.cpp takes them."""
