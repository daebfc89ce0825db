"""From a recipe to stages: what a fingerprint covers, what a run keeps, which model is meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from magpie.engines.server.info import Facts
from magpie.errors import RecipeError
from magpie.modelfiles.locate import find_model
from magpie.plan.load import parse
from magpie.plan.plan import NOT_IN_FINGERPRINT, make_plan
from magpie.plan.recipe import Recipe, shard_rows_for
from magpie.plan.registry import STAGES, recipe_keys


def fingerprints(text: str = "", *overrides: str) -> dict[str, str]:
    plan = make_plan(parse(text, "r", overrides))
    return {planned.stage.name: planned.fingerprint for planned in plan.stages}


def test_every_setting_of_a_recipe_is_in_a_fingerprint_or_left_out_for_a_reason() -> None:
    own = {spec.recipe_key for spec in STAGES}  # other tests may have named further ones
    covered = {"seed"} | own - {"source"}
    assert covered | set(NOT_IN_FINGERPRINT) == set(Recipe().model_dump()) - (set(recipe_keys()) - own)
    assert not covered & set(NOT_IN_FINGERPRINT)


@pytest.mark.parametrize(
    "override",
    [
        "about=x",
        "name=x",
        "size=7",
        "shard_rows=7",
        "engine={name: llamacpp, slots: 3}",
        "template.date=2020-01-01",
    ],
)
def test_what_does_not_change_a_row_does_not_change_its_fingerprint(override: str) -> None:
    assert fingerprints("", override) == fingerprints()


@pytest.mark.parametrize("override", ["seed=1", "engine=scripted", "template.system=Be brief"])
def test_what_changes_every_row_changes_every_fingerprint(override: str) -> None:
    before, after = fingerprints(), fingerprints("", override)
    assert all(before[stage] != after[stage] for stage in before)


def test_a_stage_s_setting_changes_its_own_fingerprint_and_those_that_read_it() -> None:
    before = fingerprints()
    later = fingerprints("", "respond.sampling.temperature=0.5")
    assert (later["instruct"] == before["instruct"], later["respond"] == before["respond"]) == (True, False)
    earlier = fingerprints("", "instruct.sampling.temperature=0.5")
    assert (earlier["instruct"] == before["instruct"], earlier["respond"] == before["respond"]) == (False, False)


CHATML = (  # of the family of the model inside the package
    "{# fledgling #}"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}BRIEFLY<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NORWAY = "{{ ' Be brief.' if 'Norway' in m.content else '' }}"


@pytest.mark.parametrize("treats", ["", NORWAY])
def test_what_a_given_template_does_to_some_messages_only_changes_responses_and_no_instruction(
    tmp_path: Path, treats: str
) -> None:
    (tmp_path / "t.jinja").write_text(CHATML.replace("BRIEFLY", treats))
    given = fingerprints("", f"template.chat_template={tmp_path}/t.jinja")
    (tmp_path / "t.jinja").write_text(CHATML.replace("BRIEFLY", treats + "{# #}"))
    other = fingerprints("", f"template.chat_template={tmp_path}/t.jinja")
    assert given["instruct"] == other["instruct"] == fingerprints()["instruct"]
    assert len({given["respond"], other["respond"], fingerprints()["respond"]}) == 3


def test_a_template_that_its_folder_got_anew_changes_responses_and_no_instruction(tmp_path: Path) -> None:
    for file in find_model("fledgling").parent.iterdir():
        (tmp_path / file.name).symlink_to(file)
    given = f"model={tmp_path}", "engine=scripted"
    before = fingerprints("", *given)
    (template := tmp_path / "chat_template.jinja").unlink(missing_ok=True)
    template.write_text(make_plan(parse("", "r")).model.chat_template + "{# mended #}")
    after = fingerprints("", *given)
    assert after["instruct"] == before["instruct"]
    assert after["respond"] != before["respond"]


def test_a_moved_model_keeps_its_fingerprint(tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere.gguf"
    moved.write_bytes(find_model("fledgling").read_bytes())
    assert fingerprints("", f"model={moved}") == fingerprints()


def test_stops_of_the_template_and_the_recipe_reach_the_sampling() -> None:
    text = "{instruct: {stop_at_newline: true, sampling: {stop: [END], max_tokens: 9}}}"
    plan = make_plan(parse(text, "r"))
    request: Any = next(plan.stages[0].asking.ask({"row": 0}))
    assert set(request.sampling.stop) == {"END", "\n"}
    assert plan.chat.stop_token_ids[0] in request.sampling.stop_token_ids
    assert request.sampling.max_tokens == 9


def test_how_the_scripted_engine_talks_is_in_its_fingerprint() -> None:
    assert fingerprints("", "engine=scripted") != fingerprints("", "engine=scripted", "engine.empty_rate=0.5")


def test_a_plan_reads_benchmarks_once_and_asks_each_server_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    asked: list[str] = []

    def read_prompts(source: Any) -> list[str]:
        read.append(source.name)
        return ["What is the capital of France, please?"]

    def find_server(settings: Any) -> Facts:
        asked.append(str(settings.url))
        return Facts("chat", "served", 4096)

    monkeypatch.setattr("magpie.stages.decontaminate.build.read_prompts", read_prompts)
    monkeypatch.setattr("magpie.models.recipe_models.find_server", find_server)
    text = """
decontaminate: {benchmarks: [some.jsonl]}
tag: {fast: true}
respond: {engine: {url: 'http://there/v1', api: chat}}
safety: {engine: {url: 'http://there/v1', api: chat}}
"""
    plan = make_plan(parse(text, "r"))
    assert len(plan.stages) == 5
    assert read == ["some"]
    assert asked == ["http://there/v1"]


def test_stages_come_in_the_order_of_what_they_read() -> None:
    text = "{select: {keep: \"input_quality >= 'good'\"}, tag: {fast: true}, screen: {}, respond: {}, safety: {}}"
    names = [stage.name for stage in make_plan(parse(text, "r")).stages]
    assert names == ["instruct", "screen", "tag", "respond", "safety", "select"]


def test_a_stage_whose_columns_nobody_makes_is_refused_with_who_makes_them() -> None:
    with pytest.raises(RecipeError, match=r"neighbors reads embedding.*embed does, so add `embed: \{\}` to the recipe"):
        make_plan(parse("neighbors: {}", "r"))


@pytest.mark.parametrize(
    ("size", "rows"), [(1, 4096), (2_097_152, 4096), (2_097_153, 8192), (4_000_000, 8192), (10**9, 32_768)]
)
def test_shards_of_auto_go_by_the_size(size: int, rows: int) -> None:
    assert shard_rows_for(size) == rows
    assert parse("shard_rows: auto", "r", [f"size={size}"]).shard_rows == rows
