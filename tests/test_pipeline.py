"""From a recipe to stages: what a fingerprint covers, what a run keeps, which model is meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from magpie.errors import MissingExtra, ModelError
from magpie.modelfiles import find_model
from magpie.pipeline import (
    FIXED,
    NOT_IN_FINGERPRINT,
    engine_fitness,
    make_plan,
    open_tokenizer,
    resolve,
)
from magpie.recipes import Recipe, parse


def fingerprints(text: str = "", *overrides: str) -> dict[str, str]:
    plan = make_plan(parse(text, "r", overrides))
    return {planned.stage.name: planned.fingerprint for planned in plan.stages}


def test_every_setting_of_a_recipe_is_in_a_fingerprint_or_left_out_for_a_reason() -> None:
    covered = {"seed", "instruct", "respond"}
    assert covered | set(NOT_IN_FINGERPRINT) == set(Recipe.model_fields)
    assert not covered & set(NOT_IN_FINGERPRINT)


@pytest.mark.parametrize(
    "override",
    [
        "about=x",
        "name=x",
        "size=7",
        "shard_rows=7",
        "engine.slots=3",
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


CHATML = (
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


def test_a_moved_model_keeps_its_fingerprint(tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere.gguf"
    moved.write_bytes(find_model("fledgling").read_bytes())
    assert fingerprints("", f"model={moved}") == fingerprints()


def test_stops_of_the_template_and_the_recipe_reach_the_sampling() -> None:
    text = "{instruct: {stop_at_newline: true, sampling: {stop: [END], max_tokens: 9}}}"
    plan = make_plan(parse(text, "r"))
    request: Any = next(plan.stages[0].stage.ask({"row": 0}))
    assert set(request.sampling.stop) == {"END", "\n"}
    assert plan.chat.stop_token_ids[0] in request.sampling.stop_token_ids
    assert request.sampling.max_tokens == 9


def test_paths_are_made_absolute_so_that_a_run_goes_on_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.gguf").write_bytes(b"")
    recipe = resolve("basic", tmp_path / "run", ["model=m.gguf", "template.chat_template=t.jinja"])
    assert recipe.model == str(tmp_path / "m.gguf")
    assert recipe.template.chat_template == str(tmp_path / "t.jinja")


def test_a_folder_is_no_model_for_llama_cpp() -> None:
    with pytest.raises(ModelError, match="is a folder; the engine llamacpp runs GGUF files"):
        make_plan(parse("", "r", [f"model={find_model('fledgling').parent}"]))


def test_how_the_scripted_engine_talks_is_in_its_fingerprint() -> None:
    assert fingerprints("", "engine=scripted") != fingerprints("", "engine=scripted", "engine.empty_rate=0.5")


def test_a_new_run_is_named_after_its_folder_and_dated(tmp_path: Path) -> None:
    recipe = resolve(None, tmp_path / "my air run")
    assert recipe.name == "my-air-run"
    assert recipe.template.date is not None


def test_what_a_run_fixes_is_a_setting() -> None:
    assert set(FIXED) <= set(Recipe.model_fields)


def test_an_engine_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingExtra("the engine llamacpp needs xllamacpp: pip install xllamacpp")

    monkeypatch.setattr("magpie.pipeline.import_llamacpp", missing)
    fitness = {engine.engine: engine for engine in engine_fitness()}
    assert not fitness["llamacpp"].runs
    assert "pip install xllamacpp" in fitness["llamacpp"].about


def test_a_hub_id_is_fetched_unless_there_is_such_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = find_model("fledgling").parent
    asked: list[str] = []

    def download(name: str) -> Path:
        asked.append(name)
        return folder

    monkeypatch.setattr("magpie.pipeline.download", download)
    assert open_tokenizer("owner/name").tokenizer.vocab_size == open_tokenizer("fledgling").tokenizer.vocab_size
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine").symlink_to(folder)
    open_tokenizer("models/mine")
    assert asked == ["owner/name"]
