"""What is ours over transformers: slots, cohorts and dice, held against the library's own `generate`."""

from __future__ import annotations

import inspect
import json
import random
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from magpie.engines.transformers.engine import open_in_process, open_transformers, supports
from magpie.errors import MissingExtra, ModelError, RequestFailed
from magpie.install import install_hint
from magpie.seams import Choice, Engine, Request, SamplingParams, Tokens
from magpie.settings.engines import Transformers as TransformersSettings
from tests.engines.asking import ask, completions

FLEDGLING = Path(str(files("magpie"))) / "weights" / "fledgling"
SMALL = TransformersSettings(slots=5, context=96, device="cpu")
HERE = find_spec("transformers") is not None and find_spec("torch") is not None
needs_transformers = pytest.mark.skipif(not HERE, reason="transformers is not installed here")


def test_the_model_in_the_package_is_read() -> None:
    assert supports(FLEDGLING) is None


def test_what_is_no_model_folder_is_told(tmp_path: Path) -> None:
    assert "no config.json" in (supports(tmp_path) or "")
    (tmp_path / "config.json").write_text("{")
    assert "not readable as JSON" in (supports(tmp_path) or "")
    (tmp_path / "config.json").write_text("{}")
    assert "no weights" in (supports(tmp_path) or "")
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert supports(tmp_path) is None


def test_code_that_comes_with_a_model_is_run_only_when_it_is_trusted(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"auto_map": {"AutoModelForCausalLM": "modeling.Evil"}}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert "trust_remote_code" in (supports(tmp_path) or "")
    assert supports(tmp_path, trusted=True) is None


@pytest.mark.skipif(HERE, reason="transformers is installed here")
def test_a_missing_library_is_told_with_the_command_that_installs_it() -> None:
    with pytest.raises(MissingExtra, match=re.escape(install_hint("transformers"))), open_transformers(FLEDGLING):
        pass


SHAPE = {
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 12,
    "max_position_embeddings": 256,
    "tie_word_embeddings": False,
}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "full attention": ("Llama", {}),
    "sliding windows": ("Mistral", {"sliding_window": 8}),
    "sliding and full in turn": ("Gemma2", {"sliding_window": 8, "query_pre_attn_scalar": 12}),
    "absolute positions": ("GPT2", {"n_embd": 48, "n_layer": 3, "n_head": 4, "n_positions": 256}),
    "mixture of experts": ("Mixtral", {"num_local_experts": 4}),
    "states and attention": (
        "Jamba",
        {"attn_layer_period": 2, "attn_layer_offset": 1, "num_experts": 2, "use_mamba_kernels": False},
    ),
    "states alone": ("Mamba", {"num_hidden_layers": 3, "hidden_size": 48, "state_size": 8}),
}


def written(folder: Path, what: str) -> Path:
    """A folder with an untrained model of this kind, and fledgling's tokenizer."""
    import torch
    import transformers

    kind, more = MODELS[what]
    vocab = json.loads((FLEDGLING / "config.json").read_text())["vocab_size"]
    shape = {} if kind in ("GPT2", "Mamba") else SHAPE
    config = getattr(transformers, f"{kind}Config")(
        **{**shape, "vocab_size": vocab, "eos_token_id": 2, "bos_token_id": None, "pad_token_id": 0, **more}
    )
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config)
    for name, weight in model.named_parameters():
        if weight.ndim > 1 and "A_log" not in name:
            torch.nn.init.normal_(weight, std=0.3)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(FLEDGLING / name, folder / name)
    return folder


@contextmanager
def here(folder: Path, settings: TransformersSettings = SMALL) -> Iterator[Engine]:
    """The engine in this process, without a child."""
    with open_in_process(str(folder), str(folder), None, settings.model_dump()) as engine:
        yield engine


def by_generate(folder: Path, prompt: tuple[int, ...], most: int) -> tuple[int, ...]:
    """What the library itself writes, one text at a time."""
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()
    with torch.inference_mode():
        ids = model.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones((1, len(prompt)), dtype=torch.long),
            do_sample=False,
            max_new_tokens=most,
            eos_token_id=2,
            pad_token_id=0,
        )[0, len(prompt) :].tolist()
    return tuple(ids[:-1] if ids and ids[-1] == 2 else ids)


def renamed(name: str) -> Any:
    """A Llama whose forward pass takes and returns its cache as `name`."""
    import torch
    import transformers

    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(transformers.LlamaConfig(**SHAPE, vocab_size=64)).eval()
    inner = model.forward
    own = "cache" if "cache" in inspect.signature(inner).parameters else "past_key_values"  # since 5.24, before

    def forward(input_ids: Any, attention_mask: Any = None, use_cache: Any = None, **more: Any) -> Any:
        output = inner(input_ids, attention_mask, use_cache=use_cache, **{own: more.get(name)})
        return SimpleNamespace(**{"logits": output.logits, name: getattr(output, own)})

    names = ("input_ids", "attention_mask", "use_cache", name)
    keywords = [inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY, default=None) for each in names]
    forward.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    model.forward = forward
    return model


@pytest.mark.transformers
@needs_transformers
@pytest.mark.parametrize("name", ["past_key_values", "cache_params", "cache", "memory"])
def test_the_cache_is_found_whatever_a_release_calls_it(name: str) -> None:
    import torch
    from transformers import DynamicCache

    from magpie.engines.transformers.forward import Forward

    forward, cache = Forward(renamed(name)), DynamicCache()
    with torch.inference_mode():
        forward([[5, 6, 7]], None, [[0, 1, 2]], cache)
        step = forward([[8]], None, [[3]], cache)
        whole = forward([[5, 6, 7, 8]], None, [[0, 1, 2, 3]], None)
    assert torch.allclose(step, whole, atol=1e-5)


@pytest.mark.transformers
@needs_transformers
def test_a_model_without_a_cache_is_refused() -> None:
    import torch

    from magpie.engines.transformers.forward import Forward

    class Forgetful:
        device = torch.device("cpu")

        def forward(self, input_ids: Any, use_cache: bool = False) -> Any:
            return SimpleNamespace(logits=torch.zeros((*input_ids.shape, 8)))

        __call__ = forward

    with pytest.raises(ModelError, match="takes no cache"):
        Forward(Forgetful())


@pytest.mark.transformers
@needs_transformers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", MODELS)
def test_texts_that_join_and_leave_are_those_of_generate(tmp_path: Path, what: str) -> None:
    """Twenty prompts of many lengths through five slots: late comers longer than those that are there, and shorter."""
    folder, dice = written(tmp_path, what), random.Random(0)
    prompts = [tuple(dice.randrange(3, 500) for _ in range(dice.choice([1, 2, 7, 7, 30, 55]))) for _ in range(20)]
    most = [dice.choice([1, 5, 12, 30]) for _ in prompts]
    requests = [
        Request(Tokens(prompt), SamplingParams(temperature=0.0, max_tokens=n))
        for prompt, n in zip(prompts, most, strict=True)
    ]
    with here(folder) as engine:
        got = [said.token_ids for said in completions(engine, requests)]
    expected = [by_generate(folder, prompt, n) for prompt, n in zip(prompts, most, strict=True)]
    assert sum(a == b for a, b in zip(got, expected, strict=True)) >= 19


@pytest.mark.transformers
@needs_transformers
def test_long_texts_outgrow_their_room_and_stay_the_same() -> None:
    settings = SMALL.model_copy(update={"context": 480})
    requests = [Request(Tokens((1, 2, 3)), SamplingParams(max_tokens=400), seed=n, banned=(0, 2)) for n in range(2)]
    with here(FLEDGLING, settings) as engine:
        alone = [completions(engine, [request])[0] for request in requests]
        together = completions(engine, requests)
    assert [len(said.token_ids) for said in together] == [400] * 2
    assert sum(a.text == b.text for a, b in zip(alone, together, strict=True)) >= 1


@pytest.mark.transformers
@needs_transformers
def test_a_text_is_drawn_in_proportion_to_its_probability() -> None:
    """2,000 first tokens against the model's own distribution; top_p leaves what it should."""
    request = Request(Tokens((1, 2, 3)), SamplingParams(max_tokens=1), logprobs=20)
    with here(FLEDGLING, SMALL.model_copy(update={"slots": 64})) as engine:
        got = completions(engine, [replace(request, seed=n * 7919) for n in range(2000)])
        narrow = SamplingParams(max_tokens=1, top_p=0.3)
        few = completions(engine, [replace(request, sampling=narrow, seed=n) for n in range(200)])
    firsts = [said.token_ids[0] if said.token_ids else 2 for said in got]
    told = next(said.logprobs[0] for said in got if said.logprobs)
    for one in told[:3]:
        expected = 2.718281828**one.logprob
        assert abs(firsts.count(one.token_id) / 2000 - expected) < 4 * (expected * (1 - expected) / 2000) ** 0.5 + 1e-3
    reached, allowed = 0.0, set()
    for one in told:
        if reached < 0.3:
            allowed.add(one.token_id)
        reached += 2.718281828**one.logprob
    assert {said.token_ids[0] for said in few if said.token_ids} <= allowed


@pytest.mark.transformers
@needs_transformers
def test_when_every_token_is_banned_the_request_fails_alone() -> None:
    plain = Request(Tokens((1, 2, 3)), SamplingParams(max_tokens=2))
    with here(FLEDGLING) as engine:
        everything = tuple(range(engine.vocab_size))  # type: ignore[attr-defined]
        failed, fine = ask(engine, [replace(plain, banned=everything), plain])
        assert isinstance(failed, RequestFailed)
        assert not isinstance(fine, RequestFailed)


@pytest.mark.transformers
@needs_transformers
def test_structure_and_bans_work_where_nobody_joins_later(tmp_path: Path) -> None:
    folder = written(tmp_path, "states alone")
    plain = Request(Tokens((5, 6, 7)), SamplingParams(max_tokens=20))
    with here(folder) as engine:
        mixed = [replace(plain, seed=n, structure=Choice(("yes", "no"))) for n in range(8)]
        assert {said.text for said in completions(engine, mixed)} <= {"yes", "no"}
        assert len(completions(engine, [replace(plain, seed=n) for n in range(20)])) == 20


@pytest.mark.transformers
@needs_transformers
def test_what_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "nosuch"}')
    (tmp_path / "model.safetensors").write_bytes(b"")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(FLEDGLING / name, tmp_path / name)
    with pytest.raises(ModelError, match="nosuch") as raised, open_transformers(tmp_path, SMALL):
        pass
    assert "\n" not in str(raised.value)
    shutil.copy(FLEDGLING / "config.json", tmp_path / "config.json")
    with pytest.raises(ModelError, match="cannot be run"), open_transformers(tmp_path, SMALL):
        pass
    with (
        pytest.raises(ModelError, match=r"device is mps|cannot be run"),
        open_transformers(FLEDGLING, SMALL.model_copy(update={"device": "mps"})),
    ):
        pass
