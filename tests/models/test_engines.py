"""Which engine is chosen, what is refused before anything is loaded, and what settings become."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from magpie.engines.openvino import engine as openvino
from magpie.engines.server import engine as server
from magpie.engines.server.engine import Facts
from magpie.errors import MissingExtra, RecipeError
from magpie.install import install_hint
from magpie.modelfiles.locate import ModelPlace, find_model, locate
from magpie.models import engines as choosing
from magpie.models import fitness as fitness_module
from magpie.models.engines import ModelUse
from magpie.models.fitness import engine_fitness
from magpie.models.hardware import memory_bytes
from magpie.plan.load import parse
from magpie.plan.plan import make_plan
from magpie.seams import Capabilities, Capability
from magpie.settings.engines import Server as ServerSettings
from magpie.settings.engines import Vllm

FOLDER = str(find_model("fledgling").parent)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes this machine one with the named engines, and with a GPU or without."""

    def be(*engines: str, gpu: bool = False, built_for_gpus: bool = False) -> None:
        monkeypatch.setattr(choosing, "installed", lambda name: name in (*engines, "llamacpp", "server", "scripted"))
        monkeypatch.setattr(choosing, "has_gpu", lambda: gpu)
        monkeypatch.setattr(choosing, "llamacpp_has_gpu", lambda: gpu)
        monkeypatch.setattr(choosing, "vllm_wants_gpu", lambda: built_for_gpus)
        monkeypatch.setattr(openvino, "supports", lambda _: None)

    return be


def chosen(*overrides: str) -> ModelUse:
    return make_plan(parse("", "r", overrides)).use


def test_a_gguf_file_goes_to_openvino_on_a_cpu_where_it_is_installed(machine: Any) -> None:
    machine("openvino")
    assert chosen().engine.name == "openvino"


def test_a_gguf_file_goes_to_llamacpp_on_a_gpu_or_without_openvino_and_the_reason_is_told(machine: Any) -> None:
    machine("openvino", gpu=True)
    assert chosen().engine.name == "llamacpp"
    machine()
    use = chosen()
    assert use.engine.name == "llamacpp"
    assert "openvino, faster on a CPU, is not installed (the extra openvino brings it)" in use.why


def test_a_llama_cpp_that_is_built_for_cpus_is_not_preferred_on_a_gpu(
    machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("openvino", gpu=True)
    monkeypatch.setattr(choosing, "llamacpp_has_gpu", lambda: False)
    assert chosen().engine.name == "openvino"


def test_a_model_that_is_too_large_for_memory_is_refused_before_it_fills_it(
    machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine()
    monkeypatch.setattr(fitness_module, "memory_bytes", lambda: 1 << 30)
    assert chosen("engine={name: llamacpp, slots: 2}").engine.name == "llamacpp"
    with pytest.raises(RecipeError, match=r"engine llamacpp would need 0\.0 GiB.* there are 1\.0 GiB of memory: take"):
        chosen("engine={name: llamacpp, slots: 64, context: 1000000}")
    monkeypatch.setattr(fitness_module, "memory_bytes", lambda: 1 << 20)
    with pytest.raises(RecipeError, match=r"nothing here runs fledgling.*would need"):
        chosen()


def test_the_memory_of_this_machine_is_known() -> None:
    assert 1 << 28 < memory_bytes() < 1 << 50


def test_a_first_token_ban_goes_past_an_engine_that_cannot_ban(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    machine("openvino")
    monkeypatch.setattr(openvino, "CAPABILITIES", Capabilities(can=frozenset()))
    use = chosen("instruct.first_token_bans=[What]")
    assert use.engine.name == "llamacpp"
    assert "openvino, faster on a CPU, has no logit_bias" in use.why


def test_an_engine_that_cannot_ban_is_refused_with_what_to_use_instead(
    machine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("openvino")
    monkeypatch.setattr(openvino, "CAPABILITIES", Capabilities(can=frozenset()))
    with pytest.raises(RecipeError, match=r"engine openvino has no logit_bias.*use llamacpp, vllm.*first_token_bans"):
        chosen("engine=openvino", "instruct.first_token_bans=[What]")


def test_whatever_a_stage_needs_is_asked_of_each_engine_that_it_uses(machine: Any) -> None:
    machine("openvino")
    use = chosen("engine=openvino")
    choosing.check_needs("tag", frozenset({Capability.STRUCTURE}), {"model": use})
    with pytest.raises(
        RecipeError, match=r"engine openvino has no logprobs, which a stage needs \(tag\); use llamacpp"
    ):
        choosing.check_needs("tag", frozenset({Capability.LOGPROBS}), {"model": use})


def test_a_file_that_openvino_does_not_read_goes_to_llamacpp(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    machine("openvino")
    monkeypatch.setattr(openvino, "supports", lambda _: "the architecture mamba")
    assert "does not read this file: the architecture mamba" in chosen().why


def test_a_folder_goes_to_vllm_then_to_transformers(machine: Any) -> None:
    machine("vllm", "transformers")
    assert chosen(f"model={FOLDER}").engine.name == "vllm"
    machine("transformers")
    assert chosen(f"model={FOLDER}").engine.name == "transformers"


def test_a_vllm_built_for_gpus_is_passed_over_where_there_is_none(machine: Any) -> None:
    machine("vllm", "transformers", built_for_gpus=True)
    use = chosen(f"model={FOLDER}")
    assert use.engine.name == "transformers"
    assert "vllm, faster, is built for GPUs, and none is found here" in use.why
    machine("vllm", "transformers", gpu=True, built_for_gpus=True)
    assert chosen(f"model={FOLDER}").engine.name == "vllm"


def test_where_nothing_runs_a_model_both_commands_that_would_help_are_named(machine: Any) -> None:
    machine()
    extras = "the extra vllm.*the extra transformers.*to install vllm: "
    with pytest.raises(RecipeError, match=f"nothing here runs .*{extras}{re.escape(install_hint('vllm'))}"):
        chosen(f"model={FOLDER}")


def test_a_folder_is_no_model_for_llama_cpp() -> None:
    with pytest.raises(RecipeError, match=r"engine llamacpp runs a GGUF file, and .* is a Hugging Face folder"):
        make_plan(parse("engine: llamacpp", "r", [f"model={find_model('fledgling').parent}"]))


def test_an_engine_that_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MissingExtra("the engine llamacpp needs xllamacpp: see the manual")

    monkeypatch.setitem(fitness_module._IMPORTS, "llamacpp", missing)
    fitness = {engine.engine: engine for engine in engine_fitness()}
    assert not fitness["llamacpp"].runs
    assert "xllamacpp: see the manual" in fitness["llamacpp"].about


def test_a_shipped_model_is_the_same_model_on_every_engine(machine: Any) -> None:
    machine("vllm", "transformers", "openvino")
    plans = [make_plan(parse(f"engine: {name}", "r")) for name in ("llamacpp", "openvino", "vllm", "transformers")]
    assert len({plan.stages[1].fingerprint for plan in plans}) == 1


def test_an_engine_that_a_later_stage_names_and_that_is_not_installed_is_refused_before_anything_is_made(
    machine: Any,
) -> None:
    machine()
    told = f"engine vllm is not installed (respond): {install_hint('vllm')}"
    with pytest.raises(MissingExtra, match=re.escape(told)):
        chosen("respond.engine=vllm")


def test_models_of_one_stage_must_fit_a_gpu_together(machine: Any) -> None:
    machine("vllm")
    use = chosen("engine=vllm")
    half = replace(use, engine=Vllm(gpu_memory_utilization=0.5), place=locate("fledgling"))
    other = replace(half, place=ModelPlace("other", folder=Path("/elsewhere")))
    choosing.check_memory("follow_up", {"user": half, "assistant": half})
    with pytest.raises(
        RecipeError, match=r"stage follow_up asks 2 models of vllm at once.* adds up to 1; .*0\.45 each"
    ):
        choosing.check_memory("follow_up", {"user": half, "assistant": other})


def test_another_model_may_answer(machine: Any, tmp_path: Path) -> None:
    machine("transformers")
    other = tmp_path / "other.gguf"
    other.write_bytes(find_model("fledgling").read_bytes())
    plan = make_plan(parse("", "r", [f"respond.model={other}", "respond.engine=llamacpp"]))
    asked, answered = (planned.uses["model"] for planned in plan.stages)
    assert (asked.loads, answered.loads) == (str(find_model("fledgling")), str(other))
    assert asked.key != answered.key


TEXTS = Facts("text", "served", 256)
CHAT = Facts("chat", "served", 256)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every question that a plan asks of a server or of the Hub."""
    heard: list[str] = []

    def detect(settings: ServerSettings) -> Facts:
        heard.append(settings.urls[0])
        return TEXTS if settings.api == "auto" else CHAT

    def download(name: str) -> Path:
        heard.append(name)
        return Path(FOLDER)

    monkeypatch.setattr(server, "detect", detect)
    monkeypatch.setattr("magpie.models.find.download", download)
    return heard


@pytest.mark.parametrize("more", [(), ("respond.template.system=Be brief",), ("respond.engine=http://here",)])
def test_a_plan_asks_a_server_and_the_hub_once(asked: list[str], more: tuple[str, ...]) -> None:
    uses = [stage.uses["model"] for stage in make_plan(parse("{model: o/n, engine: 'http://here'}", "r", more)).stages]
    assert sorted(asked) == ["http://here", "o/n"]
    assert uses[0].key == uses[1].key


def test_another_server_that_answers_is_asked_once(asked: list[str]) -> None:
    make_plan(parse("engine: 'http://here'", "r", ["respond.engine=http://there"]))
    assert asked == ["http://here", "http://there"]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("respond.model=other", "respond.model 'other'.*served_model"),
        ("respond.template.thinking=off", "respond.template.thinking: the server writes conversations out"),
        ("respond.template.kwargs.day=1", "respond.template.kwargs"),
    ],
)
def test_what_a_server_of_conversations_cannot_heed_is_refused(asked: list[str], setting: str, told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        make_plan(parse("{respond: {engine: {url: 'http://there', api: chat}}}", "r", [setting]))


def test_what_the_recipe_s_template_has_for_another_stage_is_told_and_changes_no_response(asked: list[str]) -> None:
    text = "{template: {system: Hi}, respond: {engine: {url: 'http://there', api: chat}}}"
    plain, thinking = make_plan(parse(text, "r")), make_plan(parse(text, "r", ["template.kwargs.day=1"]))
    assert "template.kwargs mean nothing to it" in thinking.stages[1].uses["model"].why
    assert thinking.stages[1].settings == plain.stages[1].settings
    other = make_plan(parse(text, "r", ["template.system=Ho"]))
    assert other.stages[1].settings != plain.stages[1].settings


def test_a_folder_without_weights_is_refused_before_anything_is_made(machine: Any, tmp_path: Path) -> None:
    machine("transformers")
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((Path(FOLDER) / name).read_bytes())
    with pytest.raises(RecipeError, match=r"transformers.* does not run this model: there are no weights in"):
        chosen(f"model={tmp_path}")
