"""How rewards are planned: what they read and write, what names them, and how a base model is prompted."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from magpie.errors import MissingExtra, RecipeError
from magpie.install import install_hint
from magpie.models.base_models import open_base_model
from magpie.plan.load import parse
from magpie.plan.plan import PlannedStage, make_plan
from magpie.seams import Stage, TableStage, Tokens
from magpie.settings.engines import LlamaCpp
from magpie.stages.judging.letters import JUDGE
from magpie.stages.reward import build as building

SERVER = "reward={by: server, server: {url: 'http://127.0.0.1:1'}}"


def planned(*settings: str, name: str = "reward") -> PlannedStage:
    stages = make_plan(parse("engine: scripted", "r", settings)).stages
    return next(one for one in stages if one.stage.name == name)


def columns(one: PlannedStage) -> tuple[tuple[str, ...], list[str]]:
    return one.stage.reads, [column.name for column in one.stage.writes]


def test_what_is_read_and_written_follows_from_the_stages_above() -> None:
    assert columns(planned("reward={}")) == (("instruction", "response"), ["instruct_reward"])
    assert columns(planned(SERVER, "respond_base={}")) == (
        ("instruction", "response", "base_response"),
        ["instruct_reward", "base_reward", "reward_difference"],
    )
    assert columns(planned(SERVER, "respond.n=2")) == (
        ("instruction", "responses"),
        ["instruct_reward", "response_rewards"],
    )
    assert columns(planned("reward={}", "follow_up={}"))[0] == ("instruction", "response", "turns")


def test_a_judge_is_asked_row_by_row_and_a_scorer_shard_by_shard() -> None:
    judge = planned("reward={}")
    assert isinstance(judge.stage, Stage)
    assert (judge.stage.models, list(judge.uses)) == ((JUDGE,), [JUDGE])
    scorer = planned(SERVER)
    assert isinstance(scorer.stage, TableStage)
    assert not scorer.uses


def test_what_decides_a_score_names_it_and_how_it_is_run_does_not(tmp_path: Path) -> None:
    def server(more: str) -> str:
        return planned(f"reward={{by: server, server: {{url: 'http://127.0.0.1:1'{more}}}}}").fingerprint

    same = server("")
    assert {server(", concurrency: 3"), server(", api_key_env: KEY"), server(", api: pooling")} == {same}
    assert len({same, server(", label: 1"), server(", served_model: m")}) == 3
    prompt = tmp_path / "own.jinja"
    prompt.write_text("Rate {{ response }} to {{ instruction }}.")
    judge = planned("reward={}").fingerprint
    own = planned(f"reward={{prompt: '{prompt}'}}").fingerprint
    prompt.write_text("Judge {{ response }} to {{ instruction }}.")
    assert len({judge, own, planned(f"reward={{prompt: '{prompt}'}}").fingerprint}) == 3


def test_a_pair_route_is_refused_for_longer_conversations() -> None:
    single = "reward={by: server, server: {url: 'http://127.0.0.1:1', api: score}}"
    planned(single)
    with pytest.raises(RecipeError, match="the rows have turns after them"):
        planned(single, "follow_up={}")


def test_a_reward_model_without_its_library_is_refused_while_planning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"architectures": ["XForSequenceClassification"], "num_labels": 1})
    )
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    monkeypatch.setattr(building, "find_spec", lambda _: None)
    told = "needs torch and transformers; .*" + re.escape(install_hint("transformers"))
    with pytest.raises(MissingExtra, match=told):
        planned(f"reward={{by: classifier, model: '{tmp_path}'}}")
    monkeypatch.setattr(building, "find_spec", lambda _: True)
    stage = planned(f"reward={{by: classifier, model: '{tmp_path}'}}").stage
    assert isinstance(stage, TableStage)
    assert stage.loads_model, "not beside engines"


def test_a_base_model_is_prompted_with_a_text_and_stops_at_its_headings() -> None:
    one = planned("respond_base={engine: llamacpp}", name="respond_base")
    assert one.uses["model"].name == "fledgling-base"
    sampling = one.settings["sampling"]
    assert (sampling["temperature"], sampling["stop"]) == (0.0, ("\n# Instruction", "\n# Response"))
    request = next(one.asking.ask({"row": 0, "instruction": "Why?"}))
    model = open_base_model("respond_base", None, LlamaCpp(), "fledgling")
    assert isinstance(request.prompt, Tokens)  # type: ignore[union-attr]
    text = model.files.tokenizer.decode(request.prompt.ids)  # type: ignore[union-attr]
    assert text.endswith("# Instruction\nWhy?\n\n# Response\n")
