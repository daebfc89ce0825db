"""A model's tokenizer and chat template, from a GGUF file or a Hugging Face folder.

Opens neither transformers nor the weights. Knows where each of the two formats keeps what; renders nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from magpie.errors import ModelError, TemplateError
from magpie.modelfiles import folder
from magpie.modelfiles.gguf import read_metadata
from magpie.modelfiles.tokenizer import Vocabulary
from magpie.modelfiles.vocabulary import END_TEXTS, build_tokenizer


@dataclass(frozen=True)
class ModelFiles:
    """What magpie knows of a model without running it."""

    name: str
    tokenizer: Vocabulary
    chat_templates: Mapping[str, str]
    """Jinja sources by name; one that stands alone is called `default`."""
    special: Mapping[str, str] = field(default_factory=dict)
    """`bos_token`, `eos_token` and their like: what the chat template may print."""
    eos_ids: tuple[int, ...] = ()
    """The ids that end a generation, as far as the files say."""
    adds_bos: bool = False
    """Whether the tokenizer, left to itself, puts a beginning-of-sequence token first."""
    context: int | None = None
    """The context length that the model was trained with, in tokens."""
    more_special: tuple[str, ...] = ()
    """Special tokens without a role: `additional_special_tokens` in a chat template."""

    @property
    def chat_template(self) -> str:
        """The source of the default chat template. Raises `TemplateError` when there is none."""
        return self.template("default")

    def template(self, name: str) -> str:
        if name in self.chat_templates:
            return self.chat_templates[name]
        if not self.chat_templates:
            raise TemplateError(
                f"{self.name}: there is no chat template in it; expected an aligned chat model: "
                "give template.chat_template a Jinja file, or choose an instruct model"
            )
        found = ", ".join(sorted(self.chat_templates))
        raise TemplateError(f"{self.name}: no chat template called {name!r}; there are: {found}")

    @property
    def bos_token(self) -> str | None:
        return self.special.get("bos_token")

    @property
    def eos_token(self) -> str | None:
        return self.special.get("eos_token")

    @property
    def eog_ids(self) -> tuple[int, ...]:
        """`eos_ids`, and the tokens that end a generation wherever they appear in a vocabulary."""
        return tuple(sorted({*self.eos_ids, *_ends(self.tokenizer)}))


def _ends(tokenizer: Vocabulary) -> set[int]:
    """In harmony vocabularies `<|end|>` closes a message, not a generation."""
    found = {text for text in END_TEXTS if text in tokenizer.added}
    if {"<|call|>", "<|return|>"} <= found or {"<|calls|>", "<|flush|>"} <= found:
        found.discard("<|end|>")
    return {tokenizer.added[text].id for text in found}


def open_model(path: Path) -> ModelFiles:
    """The model at `path`: a GGUF file or a Hugging Face folder. Raises `ModelError`, and imports no transformers."""
    if path.is_dir():
        return _from_folder(path)
    metadata = read_metadata(path)
    try:
        return _from_gguf(path, metadata)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def _from_gguf(path: Path, metadata: Mapping[str, Any]) -> ModelFiles:
    tokenizer = build_tokenizer(metadata)
    kinds = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown", "pad_token": "padding"}
    ids = {name: metadata.get(f"tokenizer.ggml.{kind}_token_id") for name, kind in kinds.items()}
    tokens = metadata["tokenizer.ggml.tokens"]
    special = {name: tokens[n] for name, n in ids.items() if isinstance(n, int) and 0 <= n < len(tokens)}
    ends = [metadata.get(f"tokenizer.ggml.{kind}_token_id") for kind in ("eos", "eot", "eom")]
    return ModelFiles(
        name=str(metadata.get("general.name") or path.stem),
        tokenizer=tokenizer,
        chat_templates=_gguf_templates(metadata),
        special=special,
        eos_ids=tuple(sorted({n for n in ends if isinstance(n, int) and 0 <= n < len(tokens)})),
        adds_bos=bool(metadata.get("tokenizer.ggml.add_bos_token", metadata["tokenizer.ggml.model"] == "llama")),
        context=metadata.get(f"{metadata.get('general.architecture')}.context_length"),
    )


def _gguf_templates(metadata: Mapping[str, Any]) -> dict[str, str]:
    key = "tokenizer.chat_template"
    named = {k[len(key) + 1 :]: v for k, v in metadata.items() if k.startswith(key + ".") and isinstance(v, str)}
    default = metadata.get(key)
    return named | ({"default": default} if isinstance(default, str) else {})


def _from_folder(path: Path) -> ModelFiles:
    files = folder.read(path)
    tokenizer = folder.tokenizer(path, files)
    special = folder.special(files)
    return ModelFiles(
        name=path.resolve().name,
        tokenizer=tokenizer,
        chat_templates=folder.chat_templates(path, files),
        special=special,
        more_special=folder.more_special(files),
        eos_ids=folder.eos_ids(files, special, tokenizer),
        adds_bos=folder.adds_bos(files, special, tokenizer),
        context=folder.context(files),
    )
