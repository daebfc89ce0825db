"""Responders as a recipe names them: how many, which models, what becomes of thoughts; and what is refused in time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

import magpie
from magpie.engines.scripted import open_scripted
from magpie.errors import RecipeError
from magpie.executors.local import execute_plan
from magpie.modelfiles.locate import find_model
from magpie.plan.plan import Plan, make_plan
from magpie.plan.resolve import resolve
from magpie.runs import Run, RunFolder, open_run
from magpie.seams import Engine
from magpie.settings.engines import Scripted as ScriptedSettings

THINKING = Path(__file__).parents[2] / "templates" / "fixtures" / "thought_on_a_line.jinja"
SEVERAL = ("engine=scripted", "respond.n=3")


def plan(tmp_path: Path, *settings: str) -> Plan:
    return make_plan(resolve(None, tmp_path / "run", settings, {"size": 4}))


def fingerprint(tmp_path: Path, *settings: str) -> str:
    return plan(tmp_path, *settings).stages[1].fingerprint


def run_with(tmp_path: Path, says: str, *settings: str) -> Run:
    """A run of four rows in which every request is answered by `says`."""

    @contextmanager
    def opener(_: Any) -> Iterator[Engine]:
        with open_scripted(ScriptedSettings(), lambda _: says) as engine:
            yield engine

    out = tmp_path / "run"
    execute_plan(plan(tmp_path, "engine=scripted", *settings), RunFolder(out), opener=opener)
    return open_run(out)


def test_one_response_is_a_column_and_several_are_a_list(tmp_path: Path) -> None:
    assert [c.name for c in plan(tmp_path, "engine=scripted").stages[1].stage.writes] == ["response"]
    assert [c.name for c in plan(tmp_path, *SEVERAL).stages[1].stage.writes] == ["responses", "unusable"]


def test_several_responses_are_sampled_at_the_paper_s_temperature_unless_said_otherwise(tmp_path: Path) -> None:
    assert plan(tmp_path, "engine=scripted").stages[1].settings["sampling"]["temperature"] == 0
    assert plan(tmp_path, *SEVERAL).stages[1].settings["sampling"]["temperature"] == 0.8
    said = plan(tmp_path, *SEVERAL, "respond.sampling.temperature=1.1")
    assert said.stages[1].settings["sampling"]["temperature"] == 1.1


def test_what_decides_the_responses_is_in_the_fingerprint(tmp_path: Path) -> None:
    found = [
        fingerprint(tmp_path, "engine=scripted"),
        fingerprint(tmp_path, *SEVERAL),
        fingerprint(tmp_path, "engine=scripted", "respond.n=4"),
        fingerprint(tmp_path, *SEVERAL, "respond.models=[{}, {template: {system: Be brief.}}]"),
        fingerprint(tmp_path, *SEVERAL, "respond.models=[{}, {sampling: {temperature: 0.5}}]"),
        fingerprint(tmp_path, "engine=scripted", "respond.thought_tags=[<a>, </a>]"),
        fingerprint(tmp_path, "engine=scripted", "respond.thought_tags=[<a>, </a>]", "respond.reasoning=response"),
    ]
    assert len(set(found)) == len(found)


def test_each_of_several_models_has_an_engine_and_a_name_and_answers_in_its_turn(tmp_path: Path) -> None:
    models = "respond.models=[{}, {model: fledgling, template: {system: Be brief.}}]"
    found = plan(tmp_path, *SEVERAL, models).stages[1]
    assert found.asking.models == ("model_1", "model_2")
    assert set(found.uses) == {"model_1", "model_2"}
    run = magpie.run(size=4, out=tmp_path / "made", settings=(*SEVERAL, models))
    assert [one["model"] for one in next(run.rows())["responses"]] == ["fledgling"] * 3


def test_another_model_answers_and_its_responses_bear_its_name(tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    copyfile(find_model("fledgling"), other)
    settings = ("respond.n=2", f"respond.models=[{{}}, {{model: {other}}}]")
    run = magpie.run(size=3, out=tmp_path / "run", settings=settings)
    for row in run.rows():
        assert [one["model"] for one in row["responses"]] == ["fledgling", "other.gguf"]
    instruct, respond = run.info["stages"]
    assert [Path(told["path"]).name for told in instruct["models"].values()] == ["fledgling-f16.gguf"]
    assert [Path(told["path"]).name for told in respond["models"].values()] == ["fledgling-f16.gguf", "other.gguf"]


def test_the_responses_of_a_row_differ(tmp_path: Path) -> None:
    run = magpie.run(size=4, out=tmp_path / "made", settings=SEVERAL)
    for row in run.rows():
        assert len({one["response"] for one in row["responses"]}) > 1


def test_a_thinking_responder_s_thoughts_have_a_column_and_messages_are_free_of_them(tmp_path: Path) -> None:
    run = run_with(tmp_path, "Hm.\n</think>\n\nYes.", f"respond.template.chat_template={THINKING}")
    for row in run.rows():
        assert (row["reasoning"], row["response"]) == ("Hm.", "Yes.")
        assert row["messages"][1]["content"] == "Yes."


def test_thoughts_stay_in_the_response_where_the_recipe_wants_them(tmp_path: Path) -> None:
    settings = (f"respond.template.chat_template={THINKING}", "respond.reasoning=response")
    run = run_with(tmp_path, "Hm.</think>Yes.", *settings)
    assert {row["response"] for row in run.rows()} == {"<think>\nHm.\n</think>\n\nYes."}
    assert "reasoning" not in next(run.rows())


def test_tags_that_a_template_does_not_tell_of_can_be_given(tmp_path: Path) -> None:
    run = run_with(tmp_path, "<muse>Hm.</muse>Yes.", "respond.thought_tags=[<muse>, </muse>]")
    assert {(row["reasoning"], row["response"]) for row in run.rows()} == {("Hm.", "Yes.")}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("respond.n=2", "respond.sampling.temperature=0"), "2 responses of fledgling at temperature 0 are one"),
        (("respond.n=2", "respond.models=[{}, {}, {}]"), "leaves some of the 3 models without a turn"),
        (("respond.n=2", "respond.model=fledgling", "respond.models=[{}]"), "models: says who answers, and so does"),
        (("respond.under_system=true",), "respond.under_system: no instruction has one"),
        (("choose={}",), "choose: needs several responses to an instruction, and respond.n is 1"),
        (("choose={}", "respond=null"), "choose: needs several responses to an instruction, and there is no respond"),
        (("pair={}",), "pair: needs several responses to an instruction, and respond.n is 1"),
        (("respond.n=2", "pair={}"), "pair: compares the rewards of responses, and no stage before it scores them"),
        (("respond.n=2", "choose={}"), "choose.by may also be first or majority"),
    ],
)
def test_what_would_come_to_nothing_is_refused_while_planning(
    tmp_path: Path, settings: tuple[str, ...], said: str
) -> None:
    with pytest.raises(RecipeError, match=said):
        plan(tmp_path, "engine=scripted", *settings)


def test_answers_under_the_row_s_system_prompt_read_it(tmp_path: Path) -> None:
    mix = "instruct.mix=[{name: tea, system: A user asks about tea.}]"
    settings = ("engine=scripted", mix)
    assert plan(tmp_path, *settings).stages[1].stage.reads == ("instruction",)
    assert plan(tmp_path, *settings, "respond.under_system=true").stages[1].stage.reads == ("instruction", "system")


def test_different_models_may_answer_at_temperature_0_once_each(tmp_path: Path) -> None:
    models = "respond.models=[{}, {template: {system: Be brief.}}]"
    assert plan(tmp_path, "engine=scripted", "respond.n=2", "respond.sampling.temperature=0", models).stages
