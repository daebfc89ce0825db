"""Folders for Axolotl and LLaMA-Factory: the files, and what the small file beside them says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from magpie.export import Options, export
from magpie.export.trainers import TRAINERS
from magpie.runs import Run
from tests.export.records import records

BOTH = Options(test_share=0.3)


def first(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text().splitlines()[0]))


@pytest.mark.parametrize("form", ["axolotl", "axolotl-dpo"])
def test_axolotl_is_told_of_both_files_and_of_the_fields_that_they_have(full: Run, tmp_path: Path, form: str) -> None:
    export(full, form, tmp_path / "set", BOTH)
    config = yaml.safe_load((tmp_path / "set" / "axolotl.yaml").read_text())
    for (told,) in (config["datasets"], config["test_datasets"]):
        document = first(tmp_path / "set" / told["path"])
        fields = {told[name] for name in ("field_messages", "field_chosen", "field_rejected") if name in told}
        assert fields == set(document)
        assert set(told["message_property_mappings"].values()) == set(document["messages"][0])
    assert config.get("rl") == ("dpo" if form == "axolotl-dpo" else None)


@pytest.mark.parametrize("form", ["llama-factory", "llama-factory-dpo"])
def test_llama_factory_is_told_of_both_files_and_of_the_columns_that_they_have(
    full: Run, tmp_path: Path, form: str
) -> None:
    export(full, form, tmp_path / "set", BOTH)
    described = json.loads((tmp_path / "set" / "dataset_info.json").read_text())
    assert set(described) == {"full", "full_test"}
    for told in described.values():
        document = first(tmp_path / "set" / told["file_name"])
        assert set(told["columns"].values()) == set(document)
        assert {told["tags"]["role_tag"], told["tags"]["content_tag"]} == set(document["messages"][0])
        assert told.get("ranking", False) == (form == "llama-factory-dpo")


def test_llama_factory_s_turns_alternate_and_end_with_an_answer_and_its_pairs_prompts_with_a_question() -> None:
    messages = [{"role": role, "content": role} for role in ("user", "assistant", "user")]
    row = {"id": "a", "instruction": "user", "messages": messages, "chosen": "yes", "rejected": "no"}
    (told,) = records(TRAINERS["llama-factory"], row)
    assert [one["role"] for one in told["messages"]] == ["user", "assistant"]
    (pair,) = records(TRAINERS["llama-factory-dpo"], row)
    assert [one["role"] for one in pair["messages"]] == ["user"]
    assert pair["chosen"] == {"role": "assistant", "content": "yes"}


def test_a_run_s_name_becomes_one_that_can_be_trained_by() -> None:
    described = json.loads(TRAINERS["llama-factory"].files("a, b", ("train",))["dataset_info.json"])
    assert list(described) == ["a_b"]
