"""Tagging planned and run: what the recipe comes down to, what is refused, and what the shipped judge makes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import magpie
from fledgling.truth import report
from fledgling.verdict import Talk
from magpie.errors import RecipeError
from magpie.models.chats import recipe_model
from magpie.plan.load import parse
from magpie.plan.plan import PlannedStage, make_plan, model_settings
from magpie.seams import Capability, Message, Row, Tokens
from magpie.stages.judging.judges import check_letters, known_context, prompt_room
from magpie.stages.tag.columns import COLUMNS

LLAMACPP = "engine: llamacpp"
WITHOUT_RESPONSES = ("engine=llamacpp", "respond=null")


def planned(*settings: str) -> PlannedStage:
    plan = make_plan(parse(LLAMACPP, "r", ("respond=null", *settings)))
    return next(stage for stage in plan.stages if stage.stage.name == "tag")


def columns(stage: PlannedStage) -> set[str]:
    return {column.name for column in stage.stage.writes}


def prompts(stage: PlannedStage, row: Row) -> list[Tokens]:
    asked = next(stage.asking.ask(row))
    assert isinstance(asked, list)
    return [request.prompt for request in asked]


def test_tags_come_before_responses_and_read_instructions_alone() -> None:
    names = [stage.stage.name for stage in make_plan(parse(LLAMACPP, "r", ("tag={}",))).stages]
    assert names == ["instruct", "tag", "respond"]
    assert planned("tag={}").stage.reads == ("instruction",)


def test_only_columns_of_what_is_asked_are_written() -> None:
    plain = {column.name for column in COLUMNS if not column.name.endswith(("_probs", "_score"))}
    assert columns(planned("tag={}")) == plain
    assert columns(planned("tag={tags: [category]}")) == {"task_category", "other_task_category", "tag_raw"}
    fast = {"input_quality", "quality_score", "input_quality_probs", "tag_raw"}
    assert columns(planned("tag={tags: [quality], fast: true}")) == fast


def test_what_decides_tags_is_in_their_fingerprint_and_what_does_not_is_not() -> None:
    plain = planned("tag={}")
    changed = [
        "tag={fast: true}", "tag={tags: [quality]}", "tag={again: 0}", "tag={sampling: {max_tokens: 64}}",
        "tag={structure: on}", "tag={template: {system: Be strict.}}",
    ]  # fmt: skip
    prints = {planned(one).fingerprint for one in changed}
    assert len(prints) == len(changed)
    assert plain.fingerprint not in prints
    assert planned("tag={}", "engine={name: llamacpp, context: 256}").fingerprint == plain.fingerprint
    assert planned("tag={fast: true}").fingerprint == planned("tag={fast: true, again: 0}").fingerprint


def test_needs_follow_from_how_is_asked() -> None:
    assert planned("tag={}").asking.needs == frozenset()
    assert planned("tag={structure: on}").asking.needs == {Capability.STRUCTURE}
    assert planned("tag={fast: true}").asking.needs == {Capability.LOGPROBS}


def test_a_user_s_own_prompt_is_asked_and_its_text_counts(tmp_path: Path) -> None:
    mine = tmp_path / "mine.jinja"
    mine.write_text("How good is this? {{ instruction }}", encoding="utf-8")
    stage = planned(f"tag={{tags: [quality], prompts: {{quality: {mine}}}}}")
    asker = recipe_model(model_settings(parse(LLAMACPP, "r")))
    said = (Message("user", "How good is this? Why?"),)
    assert prompts(stage, {"row": 0, "instruction": "Why?"}) == [asker.chat.next_assistant(said)]
    mine.write_text("How good is that? {{ instruction }}", encoding="utf-8")
    assert planned(f"tag={{tags: [quality], prompts: {{quality: {mine}}}}}").fingerprint != stage.fingerprint


def test_a_prompt_that_does_not_render_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    mine = tmp_path / "mine.jinja"
    mine.write_text("{{ question }}", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"mine\.jinja does not render: 'question' is undefined"):
        planned(f"tag={{tags: [quality], prompts: {{quality: {mine}}}}}")


@pytest.mark.parametrize("tags", ["[]", "[quality, quality]", "[beauty]"])
def test_tags_that_make_no_sense_are_refused(tags: str) -> None:
    with pytest.raises(RecipeError, match="tag"):
        planned(f"tag={{tags: {tags}}}")


def test_letters_that_are_more_than_one_token_are_refused_for_fast_tags() -> None:
    model = recipe_model(model_settings(parse(LLAMACPP, "r")))
    check_letters(model, "Which?", "ABCDEFGHIJKL", "tag")
    with pytest.raises(RecipeError, match=r"tag: the judge's tokenizer writes 'AxQ' with more than one token"):
        check_letters(model, "Which?", ("A", "AxQ"), "tag")


def test_a_judge_whose_template_opens_a_thought_is_refused_for_fast_tags(tmp_path: Path) -> None:
    thinking = tmp_path / "thinking.jinja"
    thinking.write_text(
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}",
        encoding="utf-8",
    )
    template = f"template: {{chat_template: {thinking}}}"
    with pytest.raises(RecipeError, match=r"tag: the chat template opens reasoning.*tag\.template\.thinking to off"):
        planned(f"tag={{fast: true, {template}}}")
    with pytest.raises(RecipeError, match=r"tag\.structure is on, and the chat template opens reasoning"):
        planned(f"tag={{structure: on, {template}}}")
    planned(f"tag={{{template}}}")


def test_a_judge_that_opens_a_thought_itself_is_refused_for_fast_tags_unless_its_switch_is_off() -> None:
    """As Qwen3: nothing in the prompt says so, and the first token is no letter."""
    fast = "tag={fast: true, model: fledgling-think%s}"
    with pytest.raises(RecipeError, match=r"tag: the judge writes its reasoning.*tag\.template\.thinking to off"):
        planned(fast % "")
    with pytest.raises(RecipeError, match=r"tag: the judge writes its reasoning"):
        planned(fast % ", template: {thinking: on}")
    planned(fast % ", template: {thinking: off}")
    planned("tag={model: fledgling-think}")


def test_an_instruction_that_is_too_long_is_shown_without_its_middle() -> None:
    stage = planned("tag={}", "engine={name: llamacpp, context: 400}")
    chat = recipe_model(model_settings(parse(LLAMACPP, "r"))).chat
    long = "Begin here. " + "Tell me about birds. " * 400 + "End there."
    for prompt in prompts(stage, {"row": 0, "instruction": long}):
        assert 250 < len(prompt.ids) <= 300
        shown = chat.text(prompt.ids)
        assert "Begin here. " in shown
        assert " [...] " in shown
        assert "End there.\n</instruction>" in shown
    whole = prompts(stage, {"row": 0, "instruction": "Why?"})
    assert "[...]" not in "".join(chat.text(prompt.ids) for prompt in whole)


def test_the_context_is_what_the_engine_will_have() -> None:
    model = recipe_model(model_settings(parse(LLAMACPP, "r")))
    assert known_context(model.use) == 512
    assert known_context(recipe_model(model_settings(parse("engine: {name: llamacpp, context: 100}", "r"))).use) == 100
    assert known_context(replace(model.use, place=None)) == 4096
    assert prompt_room(model, 1) == 511
    assert prompt_room(model, 4096) == 384


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The same instructions of the shipped model, judged by itself in full and by letters."""
    out = tmp_path_factory.mktemp("runs") / "tagged"
    full = magpie.run(size=24, out=out, settings=(*WITHOUT_RESPONSES, "tag={}")).table().to_pylist()
    fast = magpie.run(out=out, settings=(*WITHOUT_RESPONSES, "tag={fast: true}")).table().to_pylist()
    return {"full": full, "fast": fast}


def test_the_shipped_judge_tags_every_row(tagged: dict[str, list[dict[str, Any]]]) -> None:
    for row in tagged["full"]:
        assert row["tag_raw"] is None
        assert row["input_quality"]
        assert row["quality_explanation"]
        assert row["intent"]
        assert row["task_category"]
        assert row["drop_reason"] is None


def test_by_letters_a_row_costs_a_token_a_tag_and_has_probabilities(
    tagged: dict[str, list[dict[str, Any]]],
) -> None:
    for row in tagged["fast"]:
        assert row["tag_tokens"] == 3
        for name, count in (("input_quality_probs", 5), ("difficulty_probs", 5), ("task_category_probs", 12)):
            assert len(row[name]) == count
            assert sum(row[name]) == pytest.approx(1)
        assert 1 <= row["quality_score"] <= 5
        assert row["input_quality"] is not None


@pytest.mark.parametrize("mode", ["full", "fast"])
def test_the_shipped_judge_agrees_with_the_truth_on_categories(
    tagged: dict[str, list[dict[str, Any]]], mode: str
) -> None:
    talks = [Talk(None, (row["instruction"],), (), {"task_category": row["task_category"]}) for row in tagged[mode]]
    agreement = report(talks).figures["category agrees"]
    assert agreement.n > 8
    assert agreement.value > 0.75


def test_with_a_schema_the_shipped_judge_is_held_to_the_labels(tmp_path: Path) -> None:
    settings = (*WITHOUT_RESPONSES, "tag={structure: on, tags: [category], again: 0}")
    rows = magpie.run(size=4, out=tmp_path / "held", settings=settings).table().to_pylist()
    assert [row["tag_raw"] for row in rows] == [None] * 4
