"""Configurations of other trainers hold the paper's hyperparameters, and stand beside data that they read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from magpie.cli import main
from magpie.errors import UserError
from magpie.runs import Run
from magpie.train.configs import config
from magpie.train.settings import Lora, Train


def test_sft_is_as_in_the_paper() -> None:
    found = yaml.safe_load(config("axolotl", "owner/base", "sft", Train(), "air"))
    assert found["micro_batch_size"] * found["gradient_accumulation_steps"] * 4 == 32
    assert (found["learning_rate"], found["lr_scheduler"], found["warmup_steps"]) == (2e-5, "cosine", 100)
    assert (found["num_epochs"], found["sequence_len"], found["sample_packing"]) == (2, 8192, True)
    assert (found["train_on_inputs"], found["datasets"][0]["roles_to_train"]) == (False, ["assistant"])
    other = yaml.safe_load(config("llamafactory", "owner/base", "sft", Train(), "air"))
    assert other["per_device_train_batch_size"] * other["gradient_accumulation_steps"] * 4 == 32
    assert (other["learning_rate"], other["lr_scheduler_type"], other["warmup_steps"]) == (2e-5, "cosine", 100)
    assert (other["num_train_epochs"], other["cutoff_len"], other["neat_packing"]) == (2, 8192, True)


def test_dpo_is_as_in_the_paper() -> None:
    found = yaml.safe_load(config("axolotl", "owner/base", "dpo", Train(), "air"))
    assert (found["rl"], found["rl_beta"], found["learning_rate"], found["warmup_ratio"]) == ("dpo", 0.01, 5e-7, 0.1)
    assert found["micro_batch_size"] * found["gradient_accumulation_steps"] * 4 == 128
    other = yaml.safe_load(config("llamafactory", "owner/base", "dpo", Train(), "air"))
    assert (other["stage"], other["pref_beta"], other["learning_rate"]) == ("dpo", 0.01, 5e-7)
    assert (other["num_train_epochs"], other["warmup_ratio"]) == (1, 0.1)


def test_settings_and_the_context_go_in() -> None:
    given = Train(lr=1e-4, batch=64, devices=8, epochs=3, warmup=10, lora=Lora(rank=4), max_steps=50)
    found = yaml.safe_load(config("axolotl", "owner/base", "sft", given, "air", context=2048))
    assert found["micro_batch_size"] * found["gradient_accumulation_steps"] * 8 == 64
    assert (found["learning_rate"], found["num_epochs"], found["warmup_steps"], found["max_steps"]) == (1e-4, 3, 10, 50)
    assert (found["adapter"], found["lora_r"], found["sequence_len"]) == ("lora", 4, 2048)
    other = yaml.safe_load(config("llamafactory", "owner/base", "rm", given, "air"))
    assert (other["stage"], other["finetuning_type"], other["lora_rank"], other["lora_target"]) == (
        "rm",
        "lora",
        4,
        "all",
    )


def test_a_base_without_a_template_takes_one_where_the_trainer_can() -> None:
    found = yaml.safe_load(config("axolotl", "owner/base", "sft", Train(), "air", template="{{ messages }}\n#"))
    assert (found["chat_template"], found["chat_template_jinja"]) == ("jinja", "{{ messages }}\n#")
    with pytest.raises(UserError, match="takes none from a file"):
        config("llamafactory", "owner/base", "sft", Train(), "air", template="{{ messages }}")


def test_a_reward_model_is_not_written_for_axolotl_and_other_trainers_are_not_known() -> None:
    with pytest.raises(UserError, match="expected llamafactory for --method rm"):
        config("axolotl", "owner/base", "rm", Train(), "air")
    with pytest.raises(UserError, match="expected one of axolotl, llamafactory"):
        config("unsloth", "owner/base", "sft", Train(), "air")


@pytest.mark.parametrize(
    ("trainer", "method", "file"),
    [("axolotl", "sft", "config.yaml"), ("axolotl", "dpo", "config.yaml"), ("llamafactory", "rm", "train.yaml")],
)
def test_a_folder_holds_the_configuration_and_the_data_it_names(
    pairs: Run, tmp_path: Path, trainer: str, method: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["train", str(pairs.path), "--base", "fledgling", "--method", method, "--print-config", trainer]
    with pytest.raises(SystemExit) as left:
        main([*command, "--to", str(out)])
    assert left.value.code == 0
    assert f"40 rows and {file} written" in capsys.readouterr().out
    found = yaml.safe_load((out / file).read_text())
    assert found.get("sequence_len", found.get("cutoff_len")) == 512
    if trainer == "axolotl":
        assert (out / found["datasets"][0]["path"]).exists()
        assert not (out / "axolotl.yaml").exists()
    else:
        described = json.loads((out / "dataset_info.json").read_text())
        assert (out / described[found["dataset"]]["file_name"]).exists()
    with pytest.raises(SystemExit):
        main(command)
    assert yaml.safe_load(capsys.readouterr().out) == found
