"""Folders that Axolotl and LLaMA-Factory train on as they are: JSON lines, and the small file that says what they hold.

Their formats as documented in 2026-11: Axolotl's `chat_template` strategies, LLaMA-Factory's `dataset_info.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from magpie.export.shapes import Fields, Given, answer, conversation, prompt, upto_last_answer


@dataclass(frozen=True, slots=True)
class Trainer:
    """What one trainer reads for one kind of training."""

    about: str
    shape: str
    """The format whose columns it needs."""
    records: Callable[[Given], list[Fields]]
    """The records of a row, as `shapes` has them."""
    files: Callable[[str, Sequence[str]], Mapping[str, str]]
    """The run's name and the splits to the files beside them: name to text."""
    beside: bool = False
    """Whether its messages have a place for reasoning beside their content."""


def _pairs(given: Given) -> list[Fields]:
    """A prompt as messages, and two answers as one message each."""
    return [{"messages": prompt(given), "chosen": answer("chosen"), "rejected": answer("rejected")}]


def _conversations(given: Given) -> list[Fields]:
    """Up to the last response: LLaMA-Factory passes over conversations that end with a user."""
    return [{"messages": upto_last_answer(conversation(given), given)}]


class _Plain(yaml.SafeDumper):
    """YAML that says the same thing twice rather than point at it."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (whatever it is)
        return True


def _axolotl(name: str, splits: Sequence[str], kind: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, str]:
    """The part of a configuration that names the data."""
    config: dict[str, Any] = {**first, "datasets": [{"path": "train.jsonl", "ds_type": "json", **kind}]}
    if "test" in splits:
        config["test_datasets"] = [{"path": "test.jsonl", "ds_type": "json", "split": "train", **kind}]
    head = (
        f"# The data of the run {_plain(name)}, for Axolotl: a part of a configuration. Paths are from this folder.\n"
    )
    return {"axolotl.yaml": head + yaml.dump(config, Dumper=_Plain, sort_keys=False)}


_TURNS = {"field_messages": "messages", "message_property_mappings": {"role": "role", "content": "content"}}


def _axolotl_sft(name: str, splits: Sequence[str]) -> dict[str, str]:
    kind = {"type": "chat_template", **_TURNS, "roles_to_train": ["assistant"]}
    return _axolotl(name, splits, kind, {"chat_template": "tokenizer_default"})


def _axolotl_dpo(name: str, splits: Sequence[str]) -> dict[str, str]:
    fields = {"field_chosen": "chosen", "field_rejected": "rejected"}
    kind = {"split": "train", "type": "chat_template.default", **_TURNS, **fields}
    return _axolotl(name, splits, kind, {"rl": "dpo", "chat_template": "tokenizer_default"})


_ROLES = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}


def _factory(name: str, splits: Sequence[str], columns: Mapping[str, str], **further: Any) -> dict[str, str]:
    described = {
        dataset_name(name, split): {
            "file_name": f"{split}.jsonl",
            "formatting": "sharegpt",
            **further,
            "columns": columns,
            "tags": _ROLES,
        }
        for split in splits
    }
    return {"dataset_info.json": json.dumps(described, indent=2) + "\n"}


def _factory_sft(name: str, splits: Sequence[str]) -> dict[str, str]:
    return _factory(name, splits, {"messages": "messages"})


def _factory_dpo(name: str, splits: Sequence[str]) -> dict[str, str]:
    columns = {"messages": "messages", "chosen": "chosen", "rejected": "rejected"}
    return _factory(name, splits, columns, ranking=True)


def dataset_name(name: str, split: str) -> str:
    """The name to train by: the run's, and which of the two where it is not the larger."""
    return _plain(name) if split == "train" else f"{_plain(name)}_{split}"


def _plain(name: str) -> str:
    """A run's name where commas, blanks and the like would mean something."""
    return re.sub(r"[^\w.-]+", "_", name)


TRAINERS = {
    "axolotl": Trainer("a folder that Axolotl fine-tunes on", "messages", _conversations, _axolotl_sft, beside=True),
    "axolotl-dpo": Trainer("a folder that Axolotl trains preferences on", "dpo", _pairs, _axolotl_dpo),
    "llama-factory": Trainer("a folder that LLaMA-Factory fine-tunes on", "messages", _conversations, _factory_sft),
    "llama-factory-dpo": Trainer("a folder that LLaMA-Factory trains preferences on", "dpo", _pairs, _factory_dpo),
}
"""Format to trainer."""
