"""Reward models through transformers: what is refused, and that a score is the model's own, in any batch.

The models are fledgling's body with a head that nobody trained: what they say is arithmetic, and enough. How well one
can judge that was trained is for `test_small_models`.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import pytest

from magpie.errors import MissingExtra, ModelError, RequestFailed
from magpie.install import install_hint
from magpie.scorers.classifier import is_classifier, labels_of, open_classifier, unfit
from magpie.scorers.labels import ScorerTemplate
from magpie.seams import Message
from magpie.settings.scorers import RewardClassifier
from tests.scorers.small_models import FLEDGLING, conversation, make_untrained

HERE = find_spec("transformers") is not None and find_spec("torch") is not None
Test = TypeVar("Test", bound=Callable[..., None])
CONVERSATIONS = [
    conversation("What is 2 + 2?", "It is 4."),
    conversation("Name a color.", "Blue. " * 30),
    conversation("Name a color.", "Blue."),
    (*conversation("What is 2 + 2?", "It is 4."), Message("user", "And 3 + 3?"), Message("assistant", "It is 6.")),
]


def opens_transformers(test: Test) -> Test:
    """A test that needs the library."""
    skip = pytest.mark.skipif(not HERE, reason="transformers is not installed here (scripts/env-engines.sh)")
    marked: Test = pytest.mark.transformers(skip(test))
    return marked


# -- without the library ----------------------------------------------------------------------------------------------


def folder(path: Path, config: Mapping[str, Any], template: str | None = "{{ messages }}") -> Path:
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps({"architectures": ["LlamaForSequenceClassification"]} | dict(config)))
    (path / "tokenizer_config.json").write_text(json.dumps({} if template is None else {"chat_template": template}))
    (path / "model.safetensors").write_bytes(b"")
    return path


def why(path: Path, config: Mapping[str, Any], template: str | None = "{{ messages }}", **settings: Any) -> str | None:
    return unfit(folder(path, config, template), *split(settings))


def split(settings: Mapping[str, Any]) -> tuple[RewardClassifier, ScorerTemplate]:
    """What is said of the model, and what of its template."""
    template = {name: settings[name] for name in ("system", "chat_template", "kwargs") if name in settings}
    others = {name: value for name, value in settings.items() if name not in template}
    return RewardClassifier(**others), ScorerTemplate(**template)


def test_a_model_of_one_label_may_score(tmp_path: Path) -> None:
    assert why(tmp_path, {"id2label": {"0": "LABEL_0"}}) is None
    assert why(tmp_path, {"num_labels": 1}) is None


def test_what_is_no_model_folder_is_told(tmp_path: Path) -> None:
    assert "no config.json" in (unfit(tmp_path, RewardClassifier()) or "")
    folder(tmp_path, {"num_labels": 1})
    (tmp_path / "model.safetensors").unlink()
    assert "no weights" in (unfit(tmp_path, RewardClassifier()) or "")
    assert unfit(tmp_path, RewardClassifier(), weights=False) is None


def test_a_model_that_writes_is_no_scorer_and_a_scorer_does_not_write(tmp_path: Path) -> None:
    assert "LlamaForCausalLM and not a sequence classifier" in (unfit(FLEDGLING, RewardClassifier()) or "")
    assert not is_classifier(FLEDGLING)
    assert is_classifier(folder(tmp_path, {}))


def test_a_model_with_code_of_its_own_is_run_only_when_it_is_trusted(tmp_path: Path) -> None:
    own = {"auto_map": {"AutoModelForSequenceClassification": "modeling.Evil"}}
    assert "several objectives" in (why(tmp_path, own) or "")
    assert "trust_remote_code" in (why(tmp_path, own) or "")
    assert why(tmp_path, own, trust_remote_code=True) is None


def test_of_several_labels_one_must_be_named(tmp_path: Path) -> None:
    several = {"id2label": {"0": "safe", "1": "unsafe"}}
    assert "it has 2 labels (safe, unsafe)" in (why(tmp_path, several) or "")
    assert why(tmp_path, several, label="unsafe") is None
    assert why(tmp_path, several, label=1) is None
    assert "did you mean 'unsafe'?" in (why(tmp_path, several, label="unsave") or "")
    assert "none at place 2" in (why(tmp_path, several, label=2) or "")


def test_labels_stand_in_their_places_and_without_any_there_are_two() -> None:
    assert labels_of({"id2label": {"10": "c", "2": "b", "0": "a"}}) == ("a", "b", "c")
    assert labels_of({}) == ("LABEL_0", "LABEL_1")


def test_a_tokenizer_without_a_chat_template_is_refused_unless_it_is_given_one(tmp_path: Path) -> None:
    assert "no chat template" in (why(tmp_path, {"num_labels": 1}, template=None) or "")
    assert why(tmp_path, {"num_labels": 1}, template=None, chat_template="{{ messages }}") is None
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    assert why(tmp_path, {"num_labels": 1}, template=None) is None


@pytest.mark.skipif(HERE, reason="transformers is installed here")
def test_a_missing_library_is_told_with_the_command_that_installs_it(tmp_path: Path) -> None:
    with (
        pytest.raises(MissingExtra, match=re.escape(install_hint("transformers"))),
        open_classifier(folder(tmp_path, {"num_labels": 1})),
    ):
        pass


# -- with it ----------------------------------------------------------------------------------------------------------


def scores(path: Path, some: Sequence[Sequence[Message]] = CONVERSATIONS, **settings: Any) -> list[Any]:
    with open_classifier(path, *split({"device": "cpu", **settings})) as scorer:
        return scorer.score(some)


def changed(path: Path, to: Path, file: str, **values: Any) -> Path:
    shutil.copytree(path, to)
    told = json.loads((to / file).read_text())
    (to / file).write_text(json.dumps({name: value for name, value in (told | values).items() if value is not None}))
    return to


@pytest.fixture(scope="module")
def reward_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_untrained(tmp_path_factory.mktemp("models") / "reward", 1)


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_untrained(tmp_path_factory.mktemp("models") / "guard", 2)


@opens_transformers
def test_a_score_is_the_logit_that_transformers_gives_in_any_batch(reward_model: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    network = AutoModelForSequenceClassification.from_pretrained(reward_model, dtype="float32").eval()
    tokenizer, by_hand = AutoTokenizer.from_pretrained(reward_model), []
    for one in CONVERSATIONS:
        text = tokenizer.apply_chat_template([message._asdict() for message in one], tokenize=False)
        by_hand.append(network(**tokenizer(text, return_tensors="pt", add_special_tokens=False)).logits.item())
    assert len(set(by_hand)) == len(by_hand)
    for tokens in (1, 64, 4096):
        assert scores(reward_model, batch_tokens=tokens) == pytest.approx(by_hand, abs=1e-4)
    assert scores(reward_model, CONVERSATIONS[::-1]) == pytest.approx(by_hand[::-1], abs=1e-4)
    assert scores(reward_model, []) == []


@opens_transformers
def test_without_a_padding_token_texts_are_read_one_by_one(reward_model: Path, tmp_path: Path) -> None:
    bare = changed(reward_model, tmp_path / "bare", "config.json", pad_token_id=None)
    assert scores(bare) == pytest.approx(scores(reward_model), abs=1e-4)


@opens_transformers
def test_a_conversation_that_is_too_long_has_no_score_and_the_others_have(reward_model: Path) -> None:
    found, whole = scores(reward_model, context=40), scores(reward_model)
    assert [one is None for one in found] == [False, True, False, True]
    assert [found[0], found[2]] == pytest.approx([whole[0], whole[2]], abs=1e-4)
    with open_classifier(reward_model) as scorer:
        assert scorer.context == 512


@opens_transformers
def test_the_score_is_of_the_label_that_was_named(guard: Path) -> None:
    safe, unsafe = scores(guard, label="safe"), scores(guard, label="unsafe")
    assert unsafe == pytest.approx(scores(guard, label=1))
    assert safe != pytest.approx(unsafe)
    with pytest.raises(ModelError, match=r"2 labels \(safe, unsafe\)"):
        scores(guard)


@opens_transformers
def test_a_template_and_a_system_prompt_of_ones_own_are_heeded(reward_model: Path) -> None:
    template = "{% for m in messages %}{{ m.content }}{{ end }}{% endfor %}"
    plain = scores(reward_model, chat_template=template, kwargs={"end": ""})
    assert plain != pytest.approx(scores(reward_model))
    assert plain != pytest.approx(scores(reward_model, chat_template=template, kwargs={"end": "\n"}))
    assert scores(reward_model, system="Be brief.") != pytest.approx(scores(reward_model))


@opens_transformers
def test_a_conversation_that_the_template_refuses_fails_alone(reward_model: Path) -> None:
    template = (
        "{% for m in messages %}{% if '4' in m.content %}{{ raise_exception('no fours') }}{% endif %}"
        "{{ m.content }}{% endfor %}"
    )
    found = scores(reward_model, chat_template=template)
    assert [isinstance(one, float) for one in found] == [False, True, True, False]
    assert isinstance(found[0], RequestFailed)
    assert "no fours" in str(found[0])


@opens_transformers
def test_a_score_that_is_no_number_fails_alone(reward_model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer

    broken = tmp_path / "broken"
    shutil.copytree(reward_model, broken)
    weights = load_file(broken / "model.safetensors")
    encode = AutoTokenizer.from_pretrained(broken).encode
    word = next(iter(set(encode("Name a color.")) - set(encode("What is 2 + 2? And 3 + 3? It is 4. It is 6."))))
    weights["model.embed_tokens.weight"][word] = float("nan")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    found = scores(broken)
    assert [isinstance(one, float) for one in found] == [True, False, False, True]
    assert "nan, no number" in str(found[2])


@opens_transformers
def test_a_head_that_is_not_in_the_files_is_refused(reward_model: Path, tmp_path: Path) -> None:
    headless = changed(
        FLEDGLING, tmp_path / "headless", "config.json", architectures=["LlamaForSequenceClassification"]
    )
    with pytest.raises(ModelError, match=r"lack score.weight; expected a trained classifier"):
        scores(changed(headless, tmp_path / "one", "config.json", num_labels=1))
    with pytest.raises(ModelError, match="cannot be loaded"):
        scores(changed(reward_model, tmp_path / "other", "config.json", hidden_size=128))


@opens_transformers
def test_a_device_that_is_not_here_is_told(reward_model: Path) -> None:
    import torch

    if torch.backends.mps.is_available():
        pytest.skip("there is an MPS device here")
    with (
        pytest.raises(ModelError, match=r"device is mps, and PyTorch finds .*cpu here"),
        open_classifier(reward_model, RewardClassifier(device="mps")),
    ):
        pass
