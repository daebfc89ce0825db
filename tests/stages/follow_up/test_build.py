"""Further turns as a plan has them: who is asked, under which system prompt, what the fingerprint covers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import magpie
from magpie.engines.server import engine as server
from magpie.engines.server.engine import Facts
from magpie.errors import EngineDied, RecipeError, TemplateError
from magpie.modelfiles.locate import find_model
from magpie.plan.load import parse
from magpie.plan.plan import Plan, PlannedStage, make_plan
from magpie.seams import Completion

MT = "instruct: {mix: [{name: mt, system: Users ask twice.}]}"
ROW = {"row": 0, "instruction": "Name a river.", "response": "The Rhine.", "system": "Users ask twice."}


def plan(follow_up: str = "{}", *settings: str, more: str = MT) -> Plan:
    return make_plan(parse(f"{{size: 40, {more}, follow_up: {follow_up}}}", "r", settings))


def stage(planned: Plan) -> PlannedStage:
    return next(one for one in planned.stages if one.stage.name == "follow_up")


def prompts(planned: Plan) -> list[str]:
    """What is asked of each side for the second turn."""
    asking, decode = stage(planned).asking.ask(ROW), planned.model.tokenizer.decode
    first: Any = next(asking)
    second: Any = asking.send(Completion("And a lake?", (7,), "stop", 9, 2))
    return [decode(first.prompt.ids), decode(second.prompt.ids)]


PAIR = "<|im_start|>user\nName a river.<|im_end|>\n<|im_start|>assistant\nThe Rhine.<|im_end|>\n<|im_start|>user\n"
LATER = f"{PAIR}And a lake?<|im_end|>\n<|im_start|>assistant\n"


def under(system: str) -> str:
    return f"<|im_start|>system\n{system}<|im_end|>\n"


@pytest.mark.parametrize(
    ("settings", "opening"),
    [
        ("{}", (under("Users ask twice."), "")),
        ("{system_for: both}", (under("Users ask twice."), under("Users ask twice."))),
        ("{system_for: neither}", ("", "")),
        ("{system: S}", (under("S"), "")),
        ("{system: S, system_for: both}", (under("S"), under("S"))),
        ("{system: S, system_for: neither}", ("", "")),
    ],
)
def test_the_system_prompt_is_for_the_user_s_turns_for_both_or_for_neither(
    settings: str, opening: tuple[str, str]
) -> None:
    assert prompts(plan(settings)) == [opening[0] + PAIR, opening[1] + LATER]


def test_without_a_mix_there_is_none() -> None:
    planned = plan(more="instruct: {}")
    assert stage(planned).stage.reads == ("instruction", "response")
    assert prompts(planned) == [PAIR, LATER]


def test_one_model_on_both_sides_is_one_engine() -> None:
    assert set(stage(plan()).uses) == {"model"}


def test_another_model_may_take_a_side(tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(find_model("fledgling").read_bytes() + b"\0")
    uses = stage(plan(f"{{user: {{model: {other}}}}}")).uses
    assert (uses["user"].loads, uses["assistant"].loads) == (str(other), str(find_model("fledgling")))


def test_who_answered_first_answers_again(tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(find_model("fledgling").read_bytes() + b"\0")
    uses = stage(plan("{}", f"respond.model={other}")).uses
    assert (uses["user"].loads, uses["assistant"].loads) == (str(find_model("fledgling")), str(other))


def test_sampling_is_that_of_the_first_turn_where_nothing_is_said() -> None:
    settings = "instruct.sampling.temperature=1.1", "respond.sampling.temperature=0.2"
    told = stage(plan("{user: {sampling: {top_p: 0.5}}}", *settings)).settings
    user, assistant = told["user"]["sampling"], told["assistant"]["sampling"]
    assert (user["temperature"], user["top_p"], assistant["temperature"]) == (1.1, 0.5, 0.2)


def test_the_number_of_turns_is_drawn_from_a_list_by_the_seed_and_the_row() -> None:
    drawn = [turns_of(plan("{turns: [1, 2, 3]}", f"seed={seed}")) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(60 < drawn[0].count(turns) < 140 for turns in (1, 2, 3))


def turns_of(planned: Plan) -> list[int]:
    ask: Any = stage(planned).asking.ask
    return [ask.keywords["rules"].turns(row) for row in range(300)]


@pytest.mark.parametrize(
    "settings",
    [
        "{turns: 3}",
        "{system: S}",
        "{system_for: neither}",
        "{end_with_user: true}",
        "{end_at_farewell: false}",
        "{user: {sampling: {temperature: 0.5}}}",
        "{assistant: {sampling: {temperature: 0.5}}}",
    ],
)
def test_whatever_decides_the_turns_is_in_the_fingerprint(settings: str) -> None:
    assert stage(plan(settings)).fingerprint != stage(plan()).fingerprint


def test_messages_are_held_to_the_rules_of_the_screen_but_may_be_short() -> None:
    screened, free = stage(plan("{}", "screen={}")), stage(plan("{screen: false}", "screen={}"))
    assert ends(screened, "Tell me more:") == "user: ends_in_colon"
    assert ends(free, "Tell me more:") is ends(screened, "So?") is None
    assert free.fingerprint == stage(plan("{screen: false}")).fingerprint != screened.fingerprint


def ends(planned: PlannedStage, message: str) -> str | None:
    """Why the conversation ends where the user says this; None where it goes on."""
    asking = planned.asking.ask(ROW)
    next(asking)
    try:
        asking.send(Completion(message, (7,), "stop", 9, 2))
    except StopIteration as stop:
        return str(stop.value["ended_by"])
    return None


CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def test_a_template_without_a_second_turn_is_told_before_anything_is_made(tmp_path: Path) -> None:
    once = "{% if messages | selectattr('role', 'equalto', 'user') | list | length > 1 %}{{ raise_exception('once') }}"
    (tmp_path / "t.jinja").write_text(f"{once}{{% endif %}}{CHATML}")
    with pytest.raises(TemplateError, match="once"):
        plan("{}", f"template.chat_template={tmp_path}/t.jinja", more="instruct: {}")


def test_a_template_without_a_system_role_is_told_before_anything_is_made(tmp_path: Path) -> None:
    refused = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    (tmp_path / "t.jinja").write_text(refused + CHATML)
    with pytest.raises(RecipeError, match=r"follow_up\.system: the system role is refused"):
        plan("{system: S}", f"template.chat_template={tmp_path}/t.jinja", more="instruct: {}")


def test_a_server_of_conversations_may_answer_and_not_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "detect", lambda _: Facts("chat", "served", 256))
    uses = stage(plan("{assistant: {engine: 'http://there'}}")).uses
    assert uses["assistant"].engine.name == "server"
    with pytest.raises(RecipeError, match="takes only whole conversations"):
        plan("{user: {engine: 'http://there'}}")


def test_several_responses_are_none_to_go_on_from() -> None:
    with pytest.raises(RecipeError, match=r"follow_up: continues one response, and respond\.n gives several"):
        plan("{}", "respond.n=3", "respond.sampling.temperature=1")


@pytest.mark.parametrize(
    ("settings", "more", "message"),
    [
        ("{n: 3, end_with_user: true}", MT, "end_with_user leaves the last message without an answer"),
        ("{n: 3, turns: [1, 2]}", MT, r"set respond\.n"),
        ("{n: 3, assistant: {sampling: {temperature: 0}}}", MT, r"follow_up\.n: 3 responses .* are one and the same"),
        ("{n: 3}", f"{MT}, reward: {{by: agreement}}, choose: {{}}", r"choose: .* answer a later turn"),
    ],
)
def test_what_several_last_responses_do_not_go_with_is_refused(settings: str, more: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        plan(settings, more=more)


def test_the_last_responses_have_a_temperature_and_one_response_is_in_no_fingerprint() -> None:
    once, again = stage(plan("{}")), stage(plan("{n: 1}"))
    assert once.fingerprint == again.fingerprint
    assert not {"n", "last"} & set(once.settings)
    assert stage(plan("{n: 3}")).settings["last"]["sampling"]["temperature"] == 0.8
    assert stage(plan("{n: 3}")).settings["assistant"]["sampling"]["temperature"] == 0.0


def test_a_conversation_that_was_cut_off_goes_on_where_it_was_and_comes_out_the_same(tmp_path: Path) -> None:
    settings = ("follow_up={turns: [2, 3, 4], end_at_farewell: false}", "name=same", "shard_rows=8")
    engine = "engine={name: scripted, window: 4, steps: 3}"
    with pytest.raises(EngineDied):
        magpie.run(size=24, out=tmp_path / "cut", settings=(*settings, engine, "engine.die_after_polls=60"))
    cut = magpie.run(out=tmp_path / "cut", settings=("engine.die_after_polls=null",))
    whole = magpie.run(size=24, out=tmp_path / "whole", settings=(*settings, engine))
    assert cut.table().equals(whole.table())
    assert max(len(row["turns"]) for row in whole.rows()) == 6


def test_rows_of_a_run_have_their_further_turns_and_readers_see_one_conversation(tmp_path: Path) -> None:
    run = magpie.run(size=24, out=tmp_path / "run", settings=("follow_up={turns: [2, 3], end_at_farewell: false}",))
    rows = list(run.rows())
    assert len(rows) > 12
    assert {len(row["turns"]) for row in rows} >= {2, 4}
    for row in rows:
        said = [(turn["role"], turn["content"]) for turn in row["messages"]]
        assert said[:2] == [("user", row["instruction"]), ("assistant", row["response"])]
        assert said[2:] == [(turn["role"], turn["content"]) for turn in row["turns"]]
        assert row["ended_by"]


def test_a_conversation_that_fills_a_small_context_ends_and_its_row_stays(tmp_path: Path) -> None:
    settings = ("follow_up={turns: 12, end_at_farewell: false}", "engine={name: llamacpp, context: 128, slots: 8}")
    rows = list(magpie.run(size=16, out=tmp_path / "run", settings=settings).rows())
    assert "context_full" in {row["ended_by"] for row in rows}
    assert all(row["error"] is None and len(row["turns"]) % 2 == 0 for row in rows)
