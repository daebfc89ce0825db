"""What is special about vLLM. What every engine does is in the conformance suite.

Where vllm is not installed only the parts that need none of it run; `scripts/env-vllm.sh` makes an environment.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from magpie.engines.child.engine import ChildEngine
from magpie.engines.llamacpp.engine import open_llamacpp
from magpie.engines.vllm import engine as engine_module
from magpie.engines.vllm.engine import (
    CPU_CACHE,
    check_kwargs,
    cpu_arguments,
    engine_arguments,
    open_in_process,
    open_vllm,
)
from magpie.engines.vllm.errors import MOST_CHARACTERS, explained
from magpie.engines.vllm.loop import MOST_BANNED, Reader
from magpie.errors import MissingExtra, RecipeError, RequestFailed
from magpie.install import install_hint
from magpie.seams import BROKEN, Choice, Completion, JsonSchema, Request, SamplingParams, Tokens
from magpie.settings.engines import LlamaCpp as LlamaCppSettings
from magpie.settings.engines import Vllm as VllmSettings
from tests.engines.asking import ask, completions

HERE = find_spec("vllm") is not None
OFFLINE = {"HF_HUB_OFFLINE": "1"}
GREEDY = SamplingParams(temperature=0.0, max_tokens=40)
SAMPLED = SamplingParams(max_tokens=40)
SCHEMA = JsonSchema(
    json.dumps(
        {
            "type": "object",
            "properties": {"score": {"type": "integer"}, "why": {"enum": ["long", "short"]}},
            "required": ["score", "why"],
            "additionalProperties": False,
        }
    )
)


# -- without vllm -----------------------------------------------------------------------------------------------------


def test_nothing_but_the_requests_own_sampling_applies_and_no_foreign_code_runs() -> None:
    got = engine_arguments("folder", None, VllmSettings())
    assert got["generation_config"] == "vllm"
    assert got["trust_remote_code"] is False
    assert got["enable_prefix_caching"] is True
    assert "max_num_seqs" not in got


def test_settings_become_arguments_under_vllms_names() -> None:
    settings = VllmSettings(
        slots=8, dtype="float16", quantization="fp8", tensor_parallel=4, pipeline_parallel=2, gpu_memory_utilization=0.5
    )
    got = engine_arguments("owner/name", "main", settings)
    assert got["max_num_seqs"] == 8
    assert (got["dtype"], got["quantization"], got["gpu_memory_utilization"]) == ("float16", "fp8", 0.5)
    assert (got["tensor_parallel_size"], got["pipeline_parallel_size"]) == (4, 2)
    assert (got["model"], got["revision"], got["tokenizer_revision"]) == ("owner/name", "main", "main")


def test_further_arguments_go_to_vllm_as_they_are_and_come_before_our_choices() -> None:
    settings = VllmSettings(engine_kwargs={"kv_cache_dtype": "fp8", "enable_prefix_caching": False})
    got = engine_arguments("folder", None, settings)
    assert got["kv_cache_dtype"] == "fp8"
    assert got["enable_prefix_caching"] is False


def test_a_cpus_cache_is_what_the_slots_need_within_bounds() -> None:
    assert cpu_arguments(VllmSettings(slots=1), 1)["kv_cache_memory_bytes"] == CPU_CACHE.start
    assert cpu_arguments(VllmSettings(slots=100), 10 << 20)["kv_cache_memory_bytes"] == 1000 << 20
    assert cpu_arguments(VllmSettings(), 1 << 30)["kv_cache_memory_bytes"] == CPU_CACHE.stop
    assert "kv_cache_memory_bytes" not in cpu_arguments(VllmSettings(gpu_memory_utilization=0.5), 1 << 30)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"max_model_length": 4}, "did you mean max_model_len"),
        ({"bananas": 4}, "no argument bananas"),
        ({"max_model_len": 4}, "is set by context"),
        ({"tensor_parallel_size": 4}, "is set by tensor_parallel"),
        ({"generation_config": "auto"}, "only|nothing but a stage's own sampling"),
    ],
)
def test_an_argument_that_is_not_the_users_to_give_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(RecipeError, match=told):
        check_kwargs(given, ["max_model_len", "kv_cache_dtype", "tensor_parallel_size", "generation_config"])


class Validation(ValueError):
    """As pydantic's."""

    def errors(self) -> list[dict[str, Any]]:
        return [{"loc": self.args[0], "msg": self.args[1]}]


@pytest.mark.parametrize(
    ("error", "found", "advice"),
    [
        (
            Validation(
                (), "Value error, Model architectures ['X'] are not supported for now. Supported ones: " + "A" * 999
            ),
            "Model architectures ['X'] are not supported for now.",
            "engine: transformers",
        ),
        (Validation(("dtype", "literal"), "Input should be 'auto'"), "dtype: Input should be 'auto'", "set dtype"),
        (RuntimeError("CUDA out of memory. Tried to allocate 20 MiB."), "Tried to allocate", "does not fit"),
        (ValueError("No available memory for the cache blocks."), "cache blocks", "does not fit"),
        (RuntimeError("Failed to infer device type"), "infer device type", "nvidia-smi"),
        (ValueError("World size (4) is larger than the number of available GPUs (1)"), "World size", "tensor_parallel"),
        (ValueError("Cannot find the config file for awq"), "config file for awq", "set quantization"),
        (OSError("a/b is a gated repo.\n\nLog in."), "a/b is a gated repo.", "access token"),
        (MemoryError(), "MemoryError", "does not fit"),
    ],
)
def test_what_vllm_raises_is_told_in_one_line_with_what_to_do(error: Exception, found: str, advice: str) -> None:
    told = explained("the-model", error)
    assert told.startswith("the-model cannot be run by vLLM: ")
    assert found in told
    assert advice in told
    assert "\n" not in told
    assert len(told) < 2 * MOST_CHARACTERS + 100


def test_without_vllm_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=re.escape(install_hint("vllm"))), open_vllm("anything"):
        pass


# -- with vllm --------------------------------------------------------------------------------------------------------

needs_vllm = pytest.mark.skipif(not HERE, reason="vllm is not installed: scripts/env-vllm.sh makes an environment")


def with_vllm(test: Any) -> Any:
    return pytest.mark.vllm(needs_vllm(test))


@pytest.fixture(scope="module")
def package() -> Iterator[Path]:
    with as_file(files("magpie")) as path:
        yield Path(path)


@pytest.fixture(scope="module")
def model(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model inside the package, with a folder that wants its own sampling."""
    folder = tmp_path_factory.mktemp("model") / "fledgling"
    shutil.copytree(package / "weights" / "fledgling", folder)
    suggested = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**suggested, "top_k": 1, "temperature": 0.1}))
    return folder


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[ChildEngine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        with open_vllm(model, VllmSettings(slots=16, context=256, dtype="float32")) as opened:
            yield opened


@pytest.fixture(scope="module")
def tokenizer(model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model)


@pytest.fixture(scope="module")
def prompt(tokenizer: Any) -> Tokens:
    return Tokens(tuple(tokenizer.encode("<|im_start|>user\n", add_special_tokens=False)))


def one(engine: ChildEngine, request: Request) -> Completion:
    return completions(engine, [request])[0]


@with_vllm
def test_the_sampling_that_a_folder_suggests_does_not_apply(engine: ChildEngine, prompt: Tokens) -> None:
    got = completions(engine, [Request(prompt, SAMPLED, seed=seed) for seed in range(16)])
    assert len({completion.text for completion in got}) > 8


@with_vllm
def test_a_banned_token_is_not_sampled_even_where_nothing_else_fits_better(engine: ChildEngine, prompt: Tokens) -> None:
    request = Request(prompt, replace(GREEDY, max_tokens=1))
    banned: list[int] = []
    for _ in range(5):
        banned += one(engine, replace(request, banned=tuple(banned))).token_ids
    assert len(set(banned)) == 5


@with_vllm
def test_more_bans_than_vllm_takes_fail_alone(engine: ChildEngine, prompt: Tokens) -> None:
    most = tuple(range(MOST_BANNED))
    few, many = ask(
        engine, [Request(prompt, GREEDY, banned=most), Request(prompt, GREEDY, banned=(*most, MOST_BANNED))]
    )
    assert isinstance(few, Completion)
    assert isinstance(many, RequestFailed)
    assert not set(few.token_ids) & set(most)


@with_vllm
def test_a_choice_is_one_of_its_options_whole(engine: ChildEngine, prompt: Tokens) -> None:
    structure = Choice(("very poor", "good", "excellent"))
    got = completions(engine, [Request(prompt, SAMPLED, seed=i, structure=structure) for i in range(8)])
    assert {completion.text for completion in got} <= set(structure.options)
    assert all(completion.completion_tokens == len(completion.token_ids) + 1 for completion in got)


@with_vllm
def test_json_fits_its_schema_without_losing_itself_in_white_space(engine: ChildEngine, prompt: Tokens) -> None:
    got = completions(engine, [Request(prompt, SAMPLED, seed=i, structure=SCHEMA) for i in range(8)])
    ended = [json.loads(completion.text) for completion in got if completion.finish_reason == "stop"]
    assert ended
    assert all(one.keys() == {"score", "why"} and one["why"] in ("long", "short") for one in ended)
    assert not any("  " in completion.text or "\n" in completion.text for completion in got)


@with_vllm
@pytest.mark.parametrize("schema", ["{", '{"type": "nonsense"}', '{"$ref": "#/nowhere"}'])
def test_a_schema_that_is_none_fails_alone(engine: ChildEngine, prompt: Tokens, schema: str) -> None:
    bad, good = ask(engine, [Request(prompt, SAMPLED, structure=JsonSchema(schema)), Request(prompt, GREEDY)])
    assert isinstance(bad, RequestFailed)
    assert isinstance(good, Completion)


@with_vllm
def test_a_structure_that_bans_leave_nothing_of_fails_alone(
    engine: ChildEngine, prompt: Tokens, tokenizer: Any
) -> None:
    (letter,) = tokenizer.encode("g", add_special_tokens=False)
    nothing = Request(prompt, SAMPLED, banned=(letter,), structure=Choice(("g",)))
    bad, good = ask(engine, [nothing, Request(prompt, GREEDY)])
    assert isinstance(bad, RequestFailed)
    assert "nothing that fits its structure" in str(bad)
    assert isinstance(good, Completion)


@with_vllm
def test_logprobs_are_the_models_own_whatever_the_sampling(engine: ChildEngine, prompt: Tokens) -> None:
    plain = one(engine, Request(prompt, GREEDY, logprobs=4)).logprobs[0]
    banned = tuple(place.token_id for place in plain[:2])
    other = one(engine, Request(prompt, replace(SAMPLED, temperature=0.3, top_p=0.5), banned=banned, logprobs=4))
    assert [place.token_id for place in other.logprobs[0]] == [place.token_id for place in plain]
    assert [place.logprob for place in other.logprobs[0]] == pytest.approx([p.logprob for p in plain], abs=1e-4)


@with_vllm
def test_logprobs_are_as_many_as_asked_for_likeliest_first(engine: ChildEngine, prompt: Tokens) -> None:
    got = one(engine, Request(prompt, replace(SAMPLED, temperature=2.0, stop_token_ids=(2,)), seed=3, logprobs=5))
    assert len(got.logprobs) == len(got.token_ids) > 0
    for place in got.logprobs:
        told = [token.logprob for token in place]
        assert len(place) == 5
        assert told == sorted(told, reverse=True)
        assert sum(map(math.exp, told)) <= 1.001


@with_vllm
def test_greedy_logprobs_name_what_was_sampled_first(engine: ChildEngine, prompt: Tokens) -> None:
    got = one(engine, Request(prompt, GREEDY, logprobs=1))
    assert tuple(place[0].token_id for place in got.logprobs) == got.token_ids
    assert "".join(place[0].text for place in got.logprobs) == got.text


@with_vllm
def test_a_temperature_that_vllm_does_not_take_fails_alone(engine: ChildEngine, prompt: Tokens) -> None:
    hot, good = ask(engine, [Request(prompt, replace(SAMPLED, temperature=3.0)), Request(prompt, GREEDY)])
    assert "temperature must be in [0, 2]" in str(hot)
    assert isinstance(good, Completion)


@with_vllm
def test_special_tokens_are_written_out_and_broken_characters_marked(tokenizer: Any) -> None:
    reader = Reader(tokenizer)
    marker = tokenizer.encode("<|im_start|>", add_special_tokens=False)
    euro = tokenizer.encode("\u20ac\u20ad", add_special_tokens=False)
    assert reader.text(marker) == "<|im_start|>"
    assert reader.text([*marker, *marker]) == "<|im_start|><|im_start|>"
    assert reader.text(euro) == "\u20ac\u20ad"
    assert reader.text(euro[:-1]).endswith(BROKEN)
    assert reader.text(tokenizer.encode(" a", add_special_tokens=False)) == " a"
    assert reader.text(()) == ""


@with_vllm
def test_greedy_texts_are_those_of_llama_cpp(engine: ChildEngine, package: Path, tokenizer: Any) -> None:
    asked = ["What is", "Write a", "How do I", "Can you", "I have", "The", "List", "Solve"]
    texts = [f"<|im_start|>user\n{start}" for start in asked]
    requests = [Request(Tokens(tuple(tokenizer.encode(text, add_special_tokens=False))), GREEDY) for text in texts]
    with open_llamacpp(
        package / "weights/fledgling/fledgling-f16.gguf", LlamaCppSettings(slots=8, context=256)
    ) as other:
        theirs = completions(other, requests)
    pairs = zip(completions(engine, requests), theirs, strict=True)
    assert sum(ours.token_ids == those.token_ids for ours, those in pairs) >= 6  # 16 bits there, 32 here


@with_vllm
def test_closing_ends_the_process_and_so_returns_its_memory(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with open_vllm(model, VllmSettings(slots=2, context=64)) as opened:
        pid = opened.pid
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


OPEN_EACH = """
import json, sys
from magpie.engines.vllm.engine import open_in_process
from magpie.errors import UserError
for arguments in json.loads(sys.argv[1]):
    try:
        with open_in_process(*arguments):
            told = "opened"
    except UserError as error:
        told = f"{type(error).__name__}: {error}"
    print("told:", json.dumps(told))
"""


@with_vllm
def test_what_cannot_be_opened_is_told_in_one_line(model: Path, tmp_path: Path) -> None:
    unknown, empty = tmp_path / "unknown", tmp_path / "empty"
    shutil.copytree(model, unknown)
    empty.mkdir()
    config = json.loads((unknown / "config.json").read_text())
    (unknown / "config.json").write_text(json.dumps({**config, "architectures": ["NonesuchForCausalLM"]}))
    cases: list[tuple[str, dict[str, Any], str]] = [
        (str(unknown), {}, "['NonesuchForCausalLM'] are not supported"),
        (str(empty), {}, "expected a Hugging Face folder"),
        ("nobody/nothing", {}, "expected a Hugging Face folder"),
        (str(model), {"dtype": "float12"}, "set dtype to"),
        (str(model), {"quantization": "none"}, "set quantization to"),
        (str(model), {"tensor_parallel": 4}, "lower tensor_parallel"),
        (str(model), {"engine_kwargs": {"enforce_eage": True}}, "did you mean enforce_eager?"),
        (str(model), {"engine_kwargs": {"block_size": "many"}}, "block_size: "),
        (str(model), {"engine_kwargs": {"kv_cache_memory_bytes": 1 << 44}}, "does not fit into memory"),
    ]
    command = [sys.executable, "-c", OPEN_EACH, json.dumps([(name, None, settings) for name, settings, _ in cases])]
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **OFFLINE}, timeout=240)
    told = [json.loads(line[6:]) for line in ran.stdout.splitlines() if line.startswith("told: ")]
    assert len(told) == len(cases), ran.stderr[-2000:]
    for line, (*arguments, expected) in zip(told, cases, strict=True):
        assert expected in line, arguments
        assert "\n" not in line


def test_the_opener_that_the_child_is_told_of_is_there() -> None:
    assert open_in_process.__module__ == "magpie.engines.vllm.engine"
