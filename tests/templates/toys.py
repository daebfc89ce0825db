"""Small tokenizers and models for these tests, made here, with every special token of the fixtures."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Literal

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from magpie.modelfiles.model import ModelFiles
from magpie.modelfiles.probe import probe_texts
from magpie.modelfiles.tokenizer import FastTokenizer, wrap
from magpie.seams import Message
from magpie.templates import ChatTemplate, TemplateOptions, derive

FIXTURES = Path(__file__).with_name("fixtures")
Kind = Literal["byte-level", "metaspace"]
SPACE = "\u2581"
DAY = "2026-01-02"

SPECIAL = (
    *("<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|endoftext|>", "<|object_ref_start|>"),
    *("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
    *("<start_of_turn>", "<end_of_turn>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
    *("<｜User｜>", "<｜Assistant｜>", "<｜end▁of▁sentence｜>"),
    *("<|start|>", "<|message|>", "<|channel|>", "<|return|>", "<|call|>"),
    *("<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|SYSTEM_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>"),
    *("<|START_RESPONSE|>", "<|END_RESPONSE|>", "<|think|>"),
    *("[gMASK]", "<sop>", "<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>"),
    *("<|open|>", "<|close|>", "<|sep|>", "<|end_of_msg|>", "<end_of_utterance>", "<|bom|>", "<|eom|>"),
    *("<|prompt|>", "<|answer|>", "]~!b[", "]~b]", "[e~[", "<|begin_system|>", "<|begin_user|>", "<|begin_assistant|>"),
)
WORDS = ("<think>", "</think>")
"""Added, but not special: a model may write them."""
CORPUS = (
    *probe_texts,
    "system user assistant model USER: ASSISTANT: Human: Assistant: ### Instruction: ### Response: Today is Reasoning",
    "Write a letter about what the people of this town say to each other, and how they answer. I would like that.",
)


@lru_cache(maxsize=2)
def tokenizer_json(kind: Kind) -> str:
    inner = _byte_level() if kind == "byte-level" else _metaspace()
    inner.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in SPECIAL])
    inner.add_tokens([AddedToken(text, special=False, normalized=False) for text in WORDS])
    return str(inner.to_str())


def _byte_level() -> Tokenizer:
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=1000, show_progress=False, initial_alphabet=alphabet)
    inner.train_from_iterator(CORPUS * 2, trainer)
    return inner


def _metaspace() -> Tokenizer:
    """As sentencepiece makes them: a space before the text, spaces as a letter, unknown characters as bytes."""
    inner = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    inner.normalizer = normalizers.Sequence([normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)])
    cuts = [pre_tokenizers.Split("\n", "isolated"), pre_tokenizers.Split(SPACE, "merged_with_next")]
    inner.pre_tokenizer = pre_tokenizers.Sequence(cuts)
    inner.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    known = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=1300, show_progress=False, special_tokens=known)
    inner.train_from_iterator(CORPUS * 2, trainer)
    state = json.loads(inner.to_str())
    state["pre_tokenizer"] = None
    state["added_tokens"] = state["added_tokens"][:1]
    return Tokenizer.from_str(json.dumps(state))


@lru_cache(maxsize=2)
def tokenizer_of(kind: Kind) -> FastTokenizer:
    return wrap(Tokenizer.from_str(tokenizer_json(kind)))


def token_texts(kind: Kind) -> list[str]:
    """Every token as the vocabulary spells it, in the order of the ids."""
    inner = Tokenizer.from_str(tokenizer_json(kind))
    return [inner.id_to_token(n) or "" for n in range(inner.get_vocab_size(with_added_tokens=True))]


def toy(source: str, kind: Kind = "byte-level", bos: str | None = "<s>", eos: str = "</s>") -> ModelFiles:
    """A model with `source` as its chat template."""
    tokenizer = tokenizer_of(kind)
    special = {"eos_token": eos} | ({"bos_token": bos} if bos else {})
    return ModelFiles("toy", tokenizer, {"default": source}, special, (tokenizer.added[eos].id,))


@lru_cache(maxsize=256)
def chat_of(name: str, kind: Kind = "byte-level", bos: str | None = "<s>") -> ChatTemplate:
    """The chat of a fixture on a pinned day, derived once for all tests."""
    return derive(toy(fixture(name), kind, bos), TemplateOptions(date=DAY))


def fixture(name: str) -> str:
    return (FIXTURES / f"{name}.jinja").read_text("utf-8")


def user(words: str) -> Message:
    return Message("user", words)


def assistant(words: str) -> Message:
    return Message("assistant", words)


def system(words: str) -> Message:
    return Message("system", words)
