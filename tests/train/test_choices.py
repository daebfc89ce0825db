"""What settings leave open is decided from method, data and model, as `docs/train.md` says."""

from __future__ import annotations

import dataclasses

import pytest

from magpie.errors import RecipeError, UserError
from magpie.plan.load import check_settings
from magpie.train.choices import Facts, checkpoint_every, choose, length, log_every, rate, warmup_steps
from magpie.train.settings import Lora, Train

LARGE = Facts(rows=300_000, tokens=150_000_000, parameters=8_000_000_000, gpu=True, bf16=True, flash=True, devices=4)
SMALL = Facts(rows=500, tokens=30_000, parameters=5_131_520)


def test_large_models_and_data_get_the_papers_hyperparameters() -> None:
    sft = choose(Train(), "sft", LARGE, 8192)
    assert (sft.lr, sft.batch, sft.epochs, sft.schedule, sft.packing, sft.bf16) == (2e-5, 32, 2, "cosine", True, True)
    assert sft.device_batch * sft.accumulation * sft.devices == 32
    dpo = choose(Train(), "dpo", LARGE, 2048)
    assert (dpo.lr, dpo.batch, dpo.epochs, dpo.beta, dpo.packing) == (5e-7, 128, 1, 0.01, False)


def test_few_rows_get_smaller_steps_and_small_models_a_higher_rate() -> None:
    found = choose(Train(), "sft", SMALL, 512)
    assert (found.batch, found.device_batch, found.accumulation, found.lr) == (32, 8, 4, 1e-3)
    assert (found.bf16, found.packing, found.gradient_checkpointing, found.dtype) == (False, False, False, "float32")
    batches = [choose(Train(), "sft", dataclasses.replace(SMALL, rows=rows), 512).batch for rows in (2000, 200, 20)]
    assert batches == [32, 8, 4]
    assert [rate("sft", size, lora=False) for size in (10**6, 10**9, 10**11)] == [3.6e-3, 2e-5, 2e-5]
    assert rate("sft", 8 * 10**9, lora=True) == 2e-4


def test_a_warm_up_is_a_tenth_of_the_steps_and_at_most_a_hundred_unless_it_is_asked_for() -> None:
    assert [warmup_steps(0.1, steps, chosen=True) for steps in (30, 500, 20_000)] == [3, 50, 100]
    assert warmup_steps(0.1, 20_000, chosen=False) == 2000
    assert warmup_steps(100, 30, chosen=False) == 100


def test_settings_win() -> None:
    given = Train(lr=0.5, batch=6, device_batch=2, epochs=0.5, beta=0.3, lora=Lora(), dtype="bfloat16", max_length=99)
    found = choose(given, "dpo", SMALL, 99)
    assert (found.lr, found.batch, found.device_batch, found.accumulation) == (0.5, 6, 2, 3)
    assert (found.epochs, found.beta, found.dtype, found.max_length) == (0.5, 0.3, "bfloat16", 99)
    assert length(given, "dpo", 8192) == 99
    assert length(Train(), "dpo", 512) == 512
    assert length(Train(), "sft", None) == 8192


def test_a_checkpoint_is_written_only_after_a_loss_was_looked_at() -> None:
    for steps in (1, 30, 999, 12_345):
        assert checkpoint_every(Train(), steps) % log_every(Train(), steps) == 0
    assert checkpoint_every(Train(log_every=7, checkpoint_every=10), 500) == 14


@pytest.mark.parametrize(
    ("settings", "method", "facts", "words"),
    [
        (Train(packing="on"), "sft", SMALL, "cannot keep the rows of a sequence apart"),
        (Train(packing="on"), "dpo", LARGE, "one row after the other"),
        (Train(bf16="on"), "sft", dataclasses.replace(LARGE, bf16=False), "does not compute in bfloat16"),
    ],
)
def test_what_is_not_here_is_refused(settings: Train, method: str, facts: Facts, words: str) -> None:
    with pytest.raises(UserError, match=words):
        choose(settings, method, facts, 512)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.lrr=1", "unknown setting 'lrr'; did you mean 'lr'"),
        ("train.lora.rnk=1", "unknown setting 'lora.rnk'; did you mean 'rank'"),
        ("train.lr=0", "greater than 0"),
        ("train.lr=nan", "finite|greater than 0"),
        ("train.bf16=maybe", "'auto', 'on' or 'off'"),
        ("tag.fast=true", "expected a setting of train"),
        ("train=3", r"expected train\.NAME=VALUE"),
    ],
)
def test_settings_that_are_none_are_one_line(override: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words) as raised:
        check_settings(Train, "train", [override])
    assert "\n" not in str(raised.value)


def test_settings_are_read_as_they_are_typed() -> None:
    found = check_settings(Train, "train", ["train.lr=1e-3", "train.bf16=off", "train.lora.targets=[q_proj, v_proj]"])
    assert (found.lr, found.bf16) == (1e-3, "off")
    assert found.lora is not None
    assert found.lora.targets == ("q_proj", "v_proj")
