"""What is exported is what TRL and `datasets` take it for: their own loaders, checks and trainers say so."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from magpie.export import Options, export
from magpie.runs import Run

pytestmark = [
    pytest.mark.train,
    pytest.mark.skipif(find_spec("trl") is None, reason="TRL is not installed here (scripts/env-engines.sh)"),
    pytest.mark.filterwarnings("default"),
]
FORMS = ("messages", "sft", "dpo", "rm", "kto")


def loaded(run: Run, form: str, tmp_path: Path, options: Options = Options()) -> Any:  # noqa: B008 (frozen)
    """The dataset, as `datasets` reads the folder."""
    from datasets import load_dataset

    export(run, form, tmp_path / form, options)
    return load_dataset(str(tmp_path / form), cache_dir=str(tmp_path / "cache"))


@pytest.mark.parametrize("form", FORMS)
def test_a_folder_loads_with_its_splits_and_is_conversational(full: Run, tmp_path: Path, form: str) -> None:
    from trl.data_utils import is_conversational

    found = loaded(full, form, tmp_path, Options(test_share=0.3))
    assert set(found) == {"train", "test"}
    rows = sum(len(found[split]) for split in found)
    assert rows == full.kept() * (2 if form == "kto" else 1)
    assert is_conversational(found["train"][0])


@pytest.mark.parametrize("form", ["jsonl", "json", "parquet"])
def test_files_load_too_and_hold_the_same(full: Run, tmp_path: Path, form: str) -> None:
    from datasets import load_dataset

    export(full, "messages", tmp_path / f"set.{form}")
    kind = "parquet" if form == "parquet" else "json"
    found = load_dataset(kind, data_files=str(tmp_path / f"set.{form}"), cache_dir=str(tmp_path / "cache"))["train"]
    assert found["messages"][:] == [row["messages"] for row in full.rows()]


def test_the_full_columns_load(full: Run, tmp_path: Path) -> None:
    found = loaded(full, "parquet", tmp_path)["train"]
    assert {"messages", "chosen", "rejected", "reasoning"} <= set(found.column_names)
    assert found["instruction"][:] == [row["instruction"] for row in full.rows()]


def test_trl_finds_the_prompt_that_the_reward_format_holds_twice(full: Run, tmp_path: Path) -> None:
    from trl.data_utils import maybe_extract_prompt

    implicit = loaded(full, "rm", tmp_path)["train"]
    explicit = loaded(full, "dpo", tmp_path)["train"]
    for one, other in zip(implicit, explicit, strict=True):
        found = maybe_extract_prompt(one)
        assert {name: found[name] for name in ("prompt", "chosen", "rejected")} == {
            name: other[name] for name in ("prompt", "chosen", "rejected")
        }


def test_trl_s_unpairing_of_pairs_is_the_kto_format(full: Run, tmp_path: Path) -> None:
    from trl.data_utils import unpair_preference_dataset

    pairs = loaded(full, "dpo", tmp_path)["train"].select_columns(["prompt", "chosen", "rejected"])
    ours = loaded(full, "kto", tmp_path)["train"].select_columns(["prompt", "completion", "label"])
    assert sorted(map(repr, unpair_preference_dataset(pairs))) == sorted(map(repr, ours))


@pytest.mark.parametrize("form", FORMS)
def test_a_chat_template_writes_every_format(full: Run, tmp_path: Path, form: str) -> None:
    from transformers import AutoTokenizer
    from trl.data_utils import maybe_apply_chat_template

    from magpie.modelfiles.locate import find_model

    tokenizer = AutoTokenizer.from_pretrained(find_model("fledgling").parent)
    row = loaded(full, form, tmp_path)["train"][0]
    written = maybe_apply_chat_template(row, tokenizer)
    texts = {"messages": ["text"], "sft": ["prompt", "completion"], "kto": ["prompt", "completion"]}
    for name in texts.get(form, ["chosen", "rejected"]):
        assert isinstance(written[name], str)
        assert written[name]


@pytest.mark.parametrize("form", ["axolotl", "axolotl-dpo", "llama-factory", "llama-factory-dpo"])
def test_a_trainer_s_lines_load_as_json(full: Run, tmp_path: Path, form: str) -> None:
    from datasets import load_dataset

    export(full, form, tmp_path / "set", Options(test_share=0.3))
    files = {split: str(tmp_path / "set" / f"{split}.jsonl") for split in ("train", "test")}
    found = load_dataset("json", data_files=files, cache_dir=str(tmp_path / "cache"))
    assert sum(len(found[split]) for split in found) == full.kept()
    assert found["train"][0]["messages"][0]["role"] == "user"


@pytest.mark.parametrize(
    ("form", "trainer"), [("messages", "SFT"), ("sft", "SFT"), ("dpo", "DPO"), ("rm", "Reward"), ("kto", "KTO")]
)
def test_trl_s_trainers_take_a_step_on_every_format(full: Run, tmp_path: Path, form: str, trainer: str) -> None:
    import transformers
    import trl

    from magpie.modelfiles.locate import find_model

    folder = find_model("fledgling").parent
    kind = "SequenceClassification" if trainer == "Reward" else "CausalLM"
    heads = {"num_labels": 1} if trainer == "Reward" else {}
    settings = getattr(trl, f"{trainer}Config")(
        output_dir=str(tmp_path / "out"),
        max_steps=1,
        per_device_train_batch_size=2,
        use_cpu=True,
        bf16=False,
        report_to="none",
        save_strategy="no",
    )
    training = getattr(trl, f"{trainer}Trainer")(
        model=getattr(transformers, f"AutoModelFor{kind}").from_pretrained(folder, **heads),
        args=settings,
        train_dataset=loaded(full, form, tmp_path)["train"],
        processing_class=transformers.AutoTokenizer.from_pretrained(folder),
    )
    assert training.train().training_loss > 0
