"""The model that is to be trained: where its weights are, and which tokenizer and chat template it is trained with.

A base has a chat template of its own, or takes tokenizer and template of the model that wrote the run, where the two
have one vocabulary. Opens no weights: sizes are read from the heads of files.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from magpie.errors import MagpieError, ModelError, TemplateError, UserError
from magpie.modelfiles.gguf import read_head
from magpie.modelfiles.hub import PATTERNS
from magpie.modelfiles.locate import ModelPlace
from magpie.modelfiles.model import ModelFiles
from magpie.modelfiles.tokenizer import FastTokenizer, Vocabulary
from magpie.models.find import find, open_files
from magpie.runs import Run
from magpie.runs.files import write_whole
from magpie.safe.paths import expanded
from magpie.templates.supervised import TrainingTemplate
from magpie.train.settings import Train

_TOKENIZER_FILES = (*PATTERNS, "vocab.json", "merges.txt", "*.tiktoken", "spiece.model")
_NO_TOKENIZER = ("config.json", "generation_config.json")
_MOST_SHOWN = 3
_MOST_HEADER = 100 << 20
"""Bytes of the head of a safetensors file; more is no head."""


@dataclass(frozen=True)
class Base:
    """A model to be trained, and the tokenizer and the chat template that it is trained with."""

    place: ModelPlace
    files: ModelFiles
    """What its own files say."""
    speaker: ModelPlace
    """Whose tokenizer and chat template are used: its own place, or another model's."""
    speaker_files: ModelFiles
    chat_template: str
    """The source of the chat template."""
    template: TrainingTemplate
    trust_remote_code: bool = False

    @property
    def name(self) -> str:
        """As a reader of a model card knows it."""
        return self.place.hub or self.place.name if self.place.hub or not _is_path(self.place) else self.place.path.name

    @property
    def weights(self) -> dict[str, str | None]:
        """What transformers loads: a folder or an id of the Hub, with a revision; or a GGUF file."""
        if self.place.hub is not None:
            return {"model": self.place.hub, "revision": self.place.revision}
        if self.place.folder is not None:
            return {"model": str(self.place.folder.resolve())}
        assert self.place.gguf is not None, "a place has a form"
        return {"gguf": str(self.place.gguf.resolve())}


def open_base(name: str, settings: Train, run: Run) -> Base:
    """The model called `name`, with a tokenizer and a chat template to train it with. Raises `UserError`."""
    place = find(name)
    if place.folder is not None and (place.folder / "openvino_model.xml").exists() and place.gguf is None:
        raise ModelError(f"{name}: holds OpenVINO's IR, which is not trained; expected a Hugging Face folder or a GGUF")
    files = open_files(place)
    speaker, speaker_files = _speaker(place, files, settings, run)
    if speaker is not place:
        check_vocabulary(files, speaker_files)
    source = _own_template(settings)
    chat_template = speaker_files.chat_template if source is None else source
    template = TrainingTemplate.of(speaker_files, source)
    return Base(place, files, speaker, speaker_files, chat_template, template, settings.trust_remote_code)


def _is_path(place: ModelPlace) -> bool:
    return expanded(place.name).exists()


def _speaker(place: ModelPlace, files: ModelFiles, settings: Train, run: Run) -> tuple[ModelPlace, ModelFiles]:
    """The model whose tokenizer and chat template are used."""
    if settings.tokenizer is not None:
        other = find(settings.tokenizer)
        return other, open_files(other)
    if files.chat_templates or settings.chat_template is not None:
        return place, files
    generator = run.recipe.get("model")
    if not isinstance(generator, str):
        raise TemplateError(
            f"{files.name}: has no chat template, and no model wrote this run, whose template could be taken; give "
            "one by --set train.tokenizer=MODEL or --set train.chat_template=FILE"
        )
    other = find(generator)
    found = open_files(other)
    if not found.chat_templates:
        raise TemplateError(
            f"{files.name} and {found.name}, which wrote the run, have no chat template; give one by "
            "--set train.chat_template=FILE"
        )
    return other, found


def _own_template(settings: Train) -> str | None:
    if settings.chat_template is None:
        return None
    path = expanded(settings.chat_template)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"train.chat_template {settings.chat_template!r}: cannot be read as text ({error})") from None


def check_vocabulary(base: ModelFiles, other: ModelFiles) -> None:
    """Raise `ModelError` where a token of one model is another token of the other: then its words mean nothing to the
    base. Special tokens may have other names: bases keep places for them."""
    one, two = base.tokenizer, other.tokenizer
    special = {token.id for tokenizer in (one, two) for token in tokenizer.added.values()}
    differ = [
        token
        for token in range(min(one.vocab_size, two.vocab_size))
        if token not in special and one.token(token) != two.token(token) and not _unused(one, two, token)
    ]
    if differ or two.vocab_size > one.vocab_size + len(two.added):
        shown = ", ".join(f"{token} is {one.token(token)!r} and {two.token(token)!r}" for token in differ[:_MOST_SHOWN])
        counts = f"{one.vocab_size:,} tokens, and {other.name} {two.vocab_size:,}"
        raise ModelError(
            f"{base.name}: has another vocabulary than {other.name}, whose chat template it was to take ("
            f"{shown or counts}); expected a base of the same family, or a chat template for its own tokenizer by "
            "--set train.chat_template=FILE"
        )


def _unused(one: Vocabulary, two: Vocabulary, token: int) -> bool:
    """Whether one of the two has nothing at this place: GGUF files name what tokenizer.json leaves out."""
    return any(text.startswith(("<id ", "[unused", "[PAD", "[EMPTY_")) for text in (one.token(token), two.token(token)))


# -- the tokenizer of the trained model --------------------------------------------------------------------------------


def write_tokenizer(base: Base, folder: Path, ends: Sequence[int], max_length: int) -> None:
    """Put the tokenizer and the chat template into `folder`, as transformers and every engine read them.

    ends: the tokens that end an assistant's turn, the commonest first; a generation is to end with them.
    """
    place = base.speaker
    if place.folder is not None:
        for pattern in _TOKENIZER_FILES:
            for path in sorted(place.folder.glob(pattern)):
                if path.name not in _NO_TOKENIZER:
                    target = folder / path.relative_to(place.folder)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, target)
    else:
        _write_built(base, folder, max_length)
    _settle_config(base, folder, ends)


def _write_built(base: Base, folder: Path, max_length: int) -> None:
    """The tokenizer that a GGUF file carries."""
    tokenizer = base.speaker_files.tokenizer
    assert isinstance(tokenizer, FastTokenizer), "magpie builds no other one of a GGUF file"
    write_whole(folder / "tokenizer.json", tokenizer.inner.to_str(pretty=True).encode())
    special = base.speaker_files.special
    told = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **{role: special.get(role) for role in ("bos_token", "eos_token", "pad_token", "unk_token")},
        "clean_up_tokenization_spaces": False,
        "model_max_length": base.files.context or max_length,
    }
    if not base.speaker_files.adds_bos:
        told |= {"add_bos_token": False}
        if not _renders(base.chat_template, "bos_token"):
            told["bos_token"] = None  # many files name one that nothing ever writes
    write_json(folder / "tokenizer_config.json", told)


def _renders(source: str, name: str) -> bool:
    return name in source


def _settle_config(base: Base, folder: Path, ends: Sequence[int]) -> None:
    """The chat template in use, and the token that ends a turn as the one that ends a text."""
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    (folder / "chat_template.json").unlink(missing_ok=True)
    config["chat_template"] = base.chat_template
    jinja = folder / "chat_template.jinja"
    if jinja.exists():
        write_whole(jinja, base.chat_template.encode())
        del config["chat_template"]
    if ends:
        known = _id_of(base.speaker_files.tokenizer, config.get("eos_token"))
        if known not in ends:
            config["eos_token"] = base.speaker_files.tokenizer.token(ends[0])
    write_json(path, config)


def _id_of(tokenizer: Vocabulary, token: Any) -> int | None:
    text = token.get("content") if isinstance(token, Mapping) else token
    return tokenizer.id_of(text) if isinstance(text, str) else None


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """A JSON file, whole."""
    write_whole(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


# -- sizes -------------------------------------------------------------------------------------------------------------


def parameters_of(place: ModelPlace) -> int | None:
    """How many numbers a model's weights are; None where they are not here."""
    try:
        if place.hub is not None:
            return None
        if place.folder is not None and (files := sorted(place.folder.glob("*.safetensors"))):
            return sum(map(_in_safetensors, files))
        if place.gguf is not None:
            return sum(prod(tensor.shape) for tensor in read_head(place.gguf)[1].values())
    except (MagpieError, OSError, ValueError, KeyError, TypeError, struct.error):
        return None
    return None


def _in_safetensors(path: Path) -> int:
    with path.open("rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        if size > min(_MOST_HEADER, os.fstat(file.fileno()).st_size):
            raise ValueError(f"{path}: no safetensors file")
        head = json.loads(file.read(size))
    return sum(prod(tensor["shape"]) for name, tensor in head.items() if name != "__metadata__")
