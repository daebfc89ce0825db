"""Reads a Hugging Face model folder: tokenizer.json and the JSON files around it.

Knows which file wins where two say different things; renders nothing. Opens no transformers, but for a folder that
only transformers can read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import tokenizers
from tokenizers import AddedToken

from magpie.errors import ModelError
from magpie.modelfiles import slow
from magpie.modelfiles.tokenizer import Vocabulary, wrap

Files = Mapping[str, Mapping[str, Any]]
_NAMES: Final = (
    "tokenizer_config",
    "special_tokens_map",
    "added_tokens",
    "generation_config",
    "config",
    "chat_template",
)
_ROLES: Final = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def read(path: Path) -> Files:
    """The folder's JSON files by name without `.json`; one that is not there is empty."""
    return {name: _json(path / f"{name}.json") for name in _NAMES}


def _json(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not readable as JSON ({error}); fetch the file again") from None
    if not isinstance(found, dict):
        raise ModelError(f"{path}: holds a {type(found).__name__}; expected a JSON object")
    return found


def tokenizer(path: Path, files: Files) -> Vocabulary:
    """The folder's tokenizer: of its tokenizer.json, or by way of transformers where there is only something older."""
    file = path / "tokenizer.json"
    if not file.is_file():
        return slow.open_tokenizer(path, _names_a_tokenizer(path, files))
    try:
        inner = tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises plain Exception
        raise ModelError(f"{file}: not a tokenizer that the tokenizers library can read ({error})") from None
    inner.add_special_tokens(_missing(inner, files))
    return wrap(inner)


def _names_a_tokenizer(path: Path, files: Files) -> bool:
    """Whether there is something in the folder that transformers could make a tokenizer of."""
    return bool(files["tokenizer_config"]) or any(path.glob("*.model"))


def _missing(inner: tokenizers.Tokenizer, files: Files) -> list[AddedToken]:
    """Tokens that only the files around it name. Each keeps its id: they are added in the order of their ids."""
    listed: dict[int, AddedToken] = {}
    for n, entry in (files["tokenizer_config"].get("added_tokens_decoder") or {}).items():
        flags = {k: bool(entry.get(k)) for k in ("lstrip", "rstrip", "single_word", "normalized", "special")}
        listed[int(n)] = AddedToken(entry["content"], **flags)
    for text, n in files["added_tokens"].items():
        listed.setdefault(int(n), AddedToken(text, special=True, normalized=False))
    known = inner.get_added_tokens_decoder()
    return [
        token for n, token in sorted(listed.items()) if n not in known and inner.token_to_id(token.content) in (None, n)
    ]


def special(files: Files) -> dict[str, str]:
    """The special tokens by role, as a chat template may print them."""
    merged = {**files["special_tokens_map"], **files["tokenizer_config"]}
    found = {role: _text(merged.get(role)) for role in _ROLES}
    extra = files["tokenizer_config"].get("extra_special_tokens")
    if isinstance(extra, dict):
        found |= {role: _text(value) for role, value in extra.items()}
    return {role: text for role, text in found.items() if text is not None}


def more_special(files: Files) -> tuple[str, ...]:
    """The special tokens without a role, which chat templates see as the list `additional_special_tokens`."""
    merged = {**files["special_tokens_map"], **files["tokenizer_config"]}
    lists = [merged.get(name) for name in ("additional_special_tokens", "extra_special_tokens")]
    texts = [_text(token) for tokens in lists if isinstance(tokens, list) for token in tokens]
    return tuple(dict.fromkeys(text for text in texts if text is not None))


def _text(token: Any) -> str | None:
    content = token.get("content") if isinstance(token, dict) else token
    return content if isinstance(content, str) else None


def eos_ids(files: Files, special: Mapping[str, str], tokenizer: Vocabulary) -> tuple[int, ...]:
    """Every id that one of the files says ends a generation."""
    found: set[int] = set()
    for name in ("generation_config", "config"):
        value = files[name].get("eos_token_id")
        values = value if isinstance(value, list) else [value]
        found |= {n for n in values if isinstance(n, int) and 0 <= n < tokenizer.vocab_size}
    named = tokenizer.id_of(special.get("eos_token", ""))
    return tuple(sorted(found | ({named} if named is not None else set())))


def adds_bos(files: Files, special: Mapping[str, str], tokenizer: Vocabulary) -> bool:
    """Whether the tokenizer itself writes a beginning-of-sequence token: asked, where the settings do not say."""
    said = files["tokenizer_config"].get("add_bos_token")
    if isinstance(said, bool):
        return said
    first = tokenizer.encode_by_itself("a")[:1]
    return bool(first) and first == [tokenizer.id_of(special.get("bos_token", ""))]


def context(files: Files) -> int | None:
    config = files["config"]
    for holder in (config, config.get("text_config") or {}):
        value = holder.get("max_position_embeddings") if isinstance(holder, dict) else None
        if isinstance(value, int):
            return value
    return None


def chat_templates(path: Path, files: Files) -> dict[str, str]:
    """Named sources. A `chat_template.jinja` wins over `chat_template.json`, which wins over tokenizer_config.json."""
    found: dict[str, str] = {}
    for name in ("tokenizer_config", "chat_template"):
        found |= _named(files[name].get("chat_template"))
    for file in sorted((path / "additional_chat_templates").glob("*.jinja")):
        found[file.stem] = _source(file)
    single = path / "chat_template.jinja"
    return found | ({"default": _source(single)} if single.is_file() else {})


def _named(value: Any) -> dict[str, str]:
    if isinstance(value, str):
        return {"default": value}
    if isinstance(value, dict):
        return {str(k): v for k, v in value.items() if isinstance(v, str)}
    if isinstance(value, list):
        entries = [entry for entry in value if isinstance(entry, dict)]
        return {str(e["name"]): e["template"] for e in entries if "name" in e and isinstance(e.get("template"), str)}
    return {}


def _source(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: not readable as UTF-8 text ({error})") from None
