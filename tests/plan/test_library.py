"""The recipes in the package: each says where it comes from and what it costs, and each runs on the model beside it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

import magpie
from magpie.export import Options, export
from magpie.export.preflight import preflight
from magpie.modelfiles.locate import find_model
from magpie.modelfiles.model import open_model
from magpie.plan.explain import explain
from magpie.plan.load import parse, shipped
from magpie.plan.recipe import Recipe
from magpie.stages.instruct.mix import Shares, tie
from magpie.templates.supervised import TrainingTemplate, supervise

MINI = {"basic", "pro-mini", "dpo-mini", "mt-mini", "mt-dpo-mini", "reason-mini"}
UPSTREAM = sorted(set(shipped()) - MINI)
SIZE = 16


def recipe(name: str) -> Recipe:
    return parse(shipped()[name], name)


def on_fledgling(asked: Recipe) -> tuple[str, ...]:
    """Settings by which the models inside the package stand in for every other one that the recipe names."""
    stand_ins = {
        "respond": ("respond.model=null", "respond.engine=null", "respond.sampling.max_tokens=256"),
        "embed": ("embed.embedder=hashing",),
        "tag": ("tag.model=null", "tag.fast=true"),
        "respond_base": ("respond_base.model=fledgling-base",),
        "reward": ("reward={by: judge}",),
        "safety": ("safety.model=null",),
    }
    return tuple(one for stage, some in stand_ins.items() if asked.settings(stage) is not None for one in some)


@pytest.mark.parametrize("name", UPSTREAM)
def test_it_names_its_source_and_its_cost_upstream(name: str) -> None:
    text = shipped()[name]
    opening = " ".join(re.findall(r"^# (.*)$", text, re.MULTILINE))
    assert "Upstream" in opening
    assert "upstream" in recipe(name).about
    assert all(len(line) <= 125 for line in text.splitlines())


@pytest.mark.parametrize("name", UPSTREAM)
def test_its_model_is_one_of_the_hub(name: str) -> None:
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", recipe(name).model or "")


@pytest.mark.parametrize("name", shipped())
def test_written_out_with_every_setting_it_is_the_same_recipe(name: str) -> None:
    assert parse(explain(recipe(name)), name) == recipe(name)


TABLE_7 = {
    "air": (3_000_000, {(t, p): 300_000 for t in (1.0, 1.1, 1.2) for p in (1.0, 0.995, 0.99)}
            | {(1.25, p): 100_000 for p in (1.0, 0.995, 0.99)}),
    "pro": (1_000_000, {(1.0, 1.0): 300_000, (1.1, 0.995): 300_000, (1.2, 0.995): 300_000, (1.25, 0.99): 100_000}),
    "qwen2-pro": (1_000_000, {(1.0, 1.0): 300_000, (1.1, 1.0): 400_000, (1.2, 0.99): 300_000}),
    "phi3-pro": (1_000_000, {(1.0, 1.0): 300_000, (1.1, 1.0): 300_000, (1.2, 0.99): 300_000, (1.25, 0.99): 100_000}),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE_7)
def test_the_grid_of_the_paper_comes_out_to_the_row(name: str) -> None:
    asked, (size, counts) = recipe(name), TABLE_7[name]
    assert asked.settings("instruct") is not None
    mix = asked.settings("instruct").mix
    shares = Shares([one.weight for one in mix], [tie(asked.seed, one.name) for one in mix])
    found = {
        (one.sampling.temperature, one.sampling.top_p): count
        for one, count in zip(mix, shares.counts(size), strict=True)
    }
    assert (asked.size, found) == (size, counts)


def test_the_eleven_shares_of_magpie_ultra_come_out_to_the_row() -> None:
    asked = recipe("ultra-mix").settings("instruct")
    assert asked is not None
    weights = {one.name: one.weight for one in asked.mix}
    assert len(weights) == 11
    assert sum(weights.values()) == pytest.approx(1.0)
    assert [name for name, weight in weights.items() if weight == 0.125] == [
        "reasoning",
        "coding",
        "math",
        "data-analysis",
    ]


@pytest.mark.parametrize("name", UPSTREAM)
def test_it_runs_on_the_models_in_the_package(name: str, tmp_path: Path) -> None:
    asked = recipe(name)
    if asked.settings("dedup") is not None:
        pytest.importorskip("rensa")
    run = magpie.run(name, model="fledgling", size=SIZE, out=tmp_path / "run", settings=on_fledgling(asked))
    rows = run.table().to_pylist()
    assert len(rows) == SIZE
    assert not [row["error"] for row in rows if row["error"]]
    stages = [stage.stage for stage in run.stages]
    assert stages == [one for one in stages if asked.settings(one) is not None]
    if asked.settings("instruct") is not None and asked.settings("instruct").mix:
        assert {row["variant"] for row in rows} <= {one.name for one in asked.settings("instruct").mix}


def test_pro_mini_goes_from_nothing_to_a_selected_dataset_through_every_stage(tmp_path: Path) -> None:
    pytest.importorskip("faiss")
    run = magpie.run("pro-mini", size=60, out=tmp_path / "run", settings=("select.limit=8",))
    stages = [counts.stage for counts in run.counts()]
    assert stages == [
        "instruct", "screen", "dedup", "decontaminate", "embed", "neighbors", "tag", "shortlist", "respond",
        "screen_responses", "respond_base", "reward", "safety", "select",
    ]  # fmt: skip
    assert all(counts.made for counts in run.counts())
    assert sum(counts.failed for counts in run.counts()) == 0
    kept = list(run.rows())
    assert 0 < len(kept) <= 8
    assert [row["selection_rank"] for row in sorted(kept, key=lambda row: -row["instruct_reward"])] == list(
        range(1, len(kept) + 1)
    )
    for row in kept:
        assert row["input_quality"] in ("good", "excellent")
        assert (row["safety"], row["is_repeat"], row["dropped_by"]) == ("safe", False, None)
        assert None not in (row["language"], row["task_category"], row["instruct_reward"], row["base_response"])
    assert run.info["cost"]["saved"]["answered"] < 1
    again = magpie.run(out=tmp_path / "run")
    assert all(stage["made"] == 0 for stage in again.info["sessions"][-1]["stages"].values())


def test_dpo_mini_makes_pairs_whose_chosen_response_is_right_more_often(tmp_path: Path) -> None:
    """By the grammar of fledgling's world, which knows what a right response is."""
    from fledgling.verdict import Talk, judge

    run = magpie.run("dpo-mini", size=60, out=tmp_path / "run", settings=("shortlist.limit=40",))
    _check_balanced(run.table().to_pylist(), 40)
    pairs = [row for row in run.rows() if row["chosen"] is not None]
    right = {
        name: [judge(Talk(None, (row["instruction"],), (row[name],))).right for row in pairs]
        for name in ("chosen", "rejected")
    }
    assert len(pairs) > 12
    assert sum(right["chosen"]) > 1.3 * sum(right["rejected"])


def _check_balanced(rows: Sequence[Mapping[str, Any]], limit: int) -> None:
    """Instructions that are answered are well put, and no category has more while another has some left."""
    answered = Counter(row["task_category"] for row in rows if row["responses"] is not None)
    fit = Counter(row["task_category"] for row in rows if row["input_quality"] in ("good", "excellent"))
    assert sum(answered.values()) == limit
    assert all(count >= min(max(answered.values()) - 1, fit[kind]) for kind, count in answered.items())


@pytest.mark.parametrize("name", ["air-mt", "pro-mt", "mt-mini"])
def test_the_first_instruction_of_a_conversation_is_sampled_plainly_and_later_ones_under_a_system_prompt(
    name: str,
) -> None:
    asked = recipe(name)
    assert not asked.settings("instruct").mix
    assert asked.template.system is None
    follow_up = asked.settings("follow_up")
    assert (follow_up.system_for, follow_up.turns) == ("user", 2)
    assert follow_up.system
    assert asked.settings("shortlist").keep == "input_quality >= 'good' AND difficulty >= 'easy'"
    assert asked.settings("select").keep == "ended_by = 'turns'"


def test_mt_mini_keeps_conversations_of_two_turns_alone(tmp_path: Path) -> None:
    run = magpie.run("mt-mini", size=16, out=tmp_path / "run")
    every, kept = run.table().to_pylist(), list(run.rows())
    assert {row["ended_by"] for row in every} > {"turns"}
    assert kept
    assert {len(row["messages"]) for row in kept} == {4}
    assert {row["system"] for row in every if "system" in row} <= {None}


def test_instructions_of_preference_pairs_are_filtered_and_balanced_by_one_rule() -> None:
    rules = {
        (one.keep, one.order)
        for one in (recipe(name).settings("shortlist") for name in ("air-dpo", "pro-dpo", "dpo-mini"))
    }
    assert len(rules) == 1


def test_mt_dpo_mini_makes_pairs_whose_prompt_is_the_conversation(tmp_path: Path) -> None:
    run = magpie.run("mt-dpo-mini", size=16, out=tmp_path / "run", settings=("follow_up.n=3",))
    rows = run.table().to_pylist()
    assert not [row["error"] for row in rows if row["error"]]
    out = tmp_path / "pairs.jsonl"
    export(run, "dpo", out)
    pairs = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    kept = {row["id"]: row for row in run.rows()}
    assert pairs
    for pair in pairs:
        row = kept[pair["id"]]
        assert [message["role"] for message in pair["prompt"]] == ["user", "assistant", "user"]
        assert pair["prompt"] == row["messages"][:3]
        texts = [one["response"] for one in row["responses"]]
        assert row["messages"][3]["content"] == texts[0]
        assert {pair["chosen"][0]["content"], pair["rejected"][0]["content"]} <= set(texts)
        assert pair["chosen_reward"] == max(row["response_rewards"]) > pair["rejected_reward"]


def test_reason_mini_keeps_thoughts_apart_from_responses_and_drops_those_that_did_not_end(tmp_path: Path) -> None:
    """With so little room that not every thought ends."""
    run = magpie.run("reason-mini", size=80, out=tmp_path / "run", settings=("respond.sampling.max_tokens=40",))
    every, kept = run.table().to_pylist(), list(run.rows())
    assert not [row["error"] for row in every if row["error"]]
    reasons = Counter(row["drop_reason"] for row in every if row["dropped_by"] == "respond")
    assert reasons["reasoning_truncated"]
    assert set(reasons) <= {"reasoning_truncated", "truncated"}
    assert len(kept) > 4
    for row in kept:
        assert row["reasoning"].startswith(("The user wants ", "This goes on "))
        assert not any(mark in row["reasoning"] + row["response"] for mark in ("<think>", "</think>"))
        assert row["messages"][1] == {"role": "assistant", "content": row["response"]}


def test_thoughts_of_reason_mini_come_back_from_an_export_as_the_template_has_them(
    tmp_path: Path,
) -> None:
    from fledgling.verdict import Talk, judge

    run = magpie.run("reason-mini", size=40, out=tmp_path / "run")
    right = [judge(Talk(None, (row["instruction"],), (row["response"],))).right for row in run.rows()]
    assert sum(right) > 0.7 * len(right) > 7
    template = TrainingTemplate.of(open_model(find_model("fledgling-think")))
    for reasoning in ("field", "inside"):
        out = tmp_path / f"{reasoning}.jsonl"
        export(run, "messages", out, Options(reasoning=reasoning))
        records = {one["id"]: one["messages"] for one in map(orjson.loads, out.read_bytes().splitlines())}
        assert set(records) == {row["id"] for row in run.rows()}
        for row in run.rows():
            seen = supervise(records[row["id"]], template)
            learned = seen.text[seen.turns[0].start : seen.turns[0].end]
            assert learned == f"<think>\n{row['reasoning']}\n</think>\n\n{row['response']}<|im_end|>"
        checked = preflight(run, "messages", template, Options(reasoning=reasoning), 512)
        assert (checked.refused, checked.unended, checked.unprinted, checked.over) == ({}, 0, 0, 0)
