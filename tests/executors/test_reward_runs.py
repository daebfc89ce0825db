"""Whole runs with rewards: by a judge and a base model of the package, and by a server that fails on purpose.

Small talk stands for the models where only the rewards matter.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import magpie
from magpie.errors import ServerLost, UserError
from magpie.runs import Run
from tests.engines.fault_server import Action, Ask, Say, fault_server, vanish
from tests.scorers.small_models import make_untrained

SIZE = 12
TALK = ("engine=scripted", "instruct.sampling.max_tokens=200")


def made(out: Path, *settings: str, size: int = SIZE) -> Run:
    return magpie.run("basic", size=size, out=out, settings=settings)


def rows(run: Run) -> list[dict[str, Any]]:
    """Those that are kept."""
    return list(run.rows())


def length(ask: Ask) -> Action:
    """The reward of a response is its length, in thousands of characters."""
    logit = len(ask.body["messages"][-1]["content"]) / 1000
    return Say({"data": [{"index": 0, "label": "LABEL_0", "probs": [logit], "num_classes": 1}]})


def by_server(url: str, more: str = "") -> str:
    return f"reward={{by: server, server: {{url: '{url}', retries: 0, patience: 1{more}}}}}"


def test_the_judge_in_the_package_holds_responses_against_those_of_its_base_model(tmp_path: Path) -> None:
    run = made(tmp_path / "run", "engine=llamacpp", "respond_base={engine: llamacpp}", "reward={}", size=6)
    kept = rows(run)
    assert kept
    for row in kept:
        assert 1 <= row["instruct_reward"] <= 5
        assert row["reward_difference"] == pytest.approx(row["instruct_reward"] - row["base_reward"])
        assert "# Instruction" not in row["base_response"]
    again = made(tmp_path / "again", "engine=llamacpp", "respond_base={engine: llamacpp}", "reward={}", size=6)
    assert rows(again)[0]["base_response"] == kept[0]["base_response"]


def test_a_server_scores_every_response_and_is_not_asked_again(tmp_path: Path) -> None:
    with fault_server(length) as stub:
        run = made(tmp_path / "run", *TALK, by_server(stub.url))
        kept = rows(run)
        assert [row["instruct_reward"] for row in kept] == [len(row["response"]) / 1000 for row in kept]
        assert len(stub.asked) == len(kept) + 1
        made(tmp_path / "run", *TALK, by_server(stub.url))
        assert len(stub.asked) == len(kept) + 1


def test_of_several_responses_the_one_with_the_highest_reward_is_chosen(tmp_path: Path) -> None:
    with fault_server(length) as stub:
        run = made(tmp_path / "run", *TALK, "respond.n=3", by_server(stub.url), "choose={}")
    for row in rows(run):
        assert row["response_rewards"] == [len(one["response"]) / 1000 for one in row["responses"]]
        assert row["instruct_reward"] == max(row["response_rewards"]) == len(row["response"]) / 1000


def test_a_row_that_got_no_score_is_tried_again_by_the_next_run(tmp_path: Path) -> None:
    with fault_server(lambda ask: Say({"error": "busy"}, 500) if ask.number in (3, 4) else length(ask)) as stub:
        run = made(tmp_path / "run", *TALK, by_server(stub.url, ", concurrency: 1"))
        failed = [row for row in run.table().to_pylist() if row["error"] is not None]
        assert len(failed) == 2
        assert "500 busy" in failed[0]["error"]
        run = made(tmp_path / "run", *TALK, by_server(stub.url, ", concurrency: 1"))
        assert not [row for row in run.table().to_pylist() if row["error"] is not None]
        assert all(row["instruct_reward"] is not None for row in rows(run))


def test_a_server_that_is_lost_ends_the_run_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with fault_server(lambda ask: length(ask) if ask.number == 0 else vanish) as stub:
        with pytest.raises(ServerLost, match="start it again"):
            made(tmp_path / "run", *TALK, by_server(stub.url))
        stub.script = length
        assert all(
            row["instruct_reward"] is not None for row in rows(made(tmp_path / "run", *TALK, by_server(stub.url)))
        )


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("reward={by: classifier}", "by is classifier, and model names none"),
        ("reward={by: server}", "by is server, and server says nothing"),
        ("reward={server: {url: 'http://127.0.0.1:1'}}", "set by to server"),
        ("reward={by: classifier, model: x, engine: llamacpp}", "engine means nothing where by is classifier"),
        (
            "reward={by: classifier, model: fledgling}",
            "it is no classifier: its file has neither",
        ),
        ("reward={by: classifier, model: fledgling-base}", "set reward.by to judge"),
        ("reward={by: classifier, model: fledgling, template: {thinking: 'off'}}", "template.thinking: means nothing"),
        ("reward={prompt: nowhere.jinja}", "nowhere.jinja.*cannot be read"),
        ("respond_base={model: nowhere}", "no such file"),
        ("respond_base={prompt: nowhere.jinja}", "nowhere.jinja.*cannot be read"),
    ],
)
def test_what_cannot_score_is_refused_before_anything_is_made(tmp_path: Path, setting: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        made(tmp_path / "run", *TALK, setting)
    assert not (tmp_path / "run" / "run.json").exists()


def test_without_responses_there_is_nothing_to_score(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"reward reads response, and no stage before it makes that"):
        made(tmp_path / "run", *TALK, "respond=null", "reward={}")


def test_a_base_model_must_be_named_where_the_package_has_none(tmp_path: Path) -> None:
    from magpie.modelfiles.locate import find_model

    with pytest.raises(UserError, match=r"respond_base.model: names none, and of .*gguf the package has no base model"):
        made(tmp_path / "run", *TALK, f"model={find_model('fledgling')}", "respond_base={}")


@pytest.mark.transformers
@pytest.mark.skipif(find_spec("transformers") is None, reason="transformers is not installed here")
def test_a_reward_model_in_this_process_scores_a_run(tmp_path: Path) -> None:
    model = make_untrained(tmp_path / "model", 1)
    reward = f"reward={{by: classifier, model: '{model}', classifier: {{device: cpu}}}}"
    run = made(tmp_path / "run", *TALK, reward, "respond_base={engine: scripted}")
    kept = rows(run)
    assert kept
    for row in kept:
        assert row["reward_difference"] == pytest.approx(row["instruct_reward"] - row["base_reward"])


@pytest.mark.transformers
@pytest.mark.skipif(find_spec("transformers") is None, reason="transformers is not installed here")
def test_a_classifier_is_not_asked_as_a_judge(tmp_path: Path) -> None:
    model = make_untrained(tmp_path / "model", 1)
    with pytest.raises(UserError, match="is a classifier, and no chat model: set by: classifier"):
        made(tmp_path / "run", *TALK, f"reward={{model: '{model}', engine: scripted}}")
