"""Trainings by TRL on the models inside the package: the loss curve is a plain TRL script's, what is made runs in every
engine, and a training that is stopped or goes wrong leaves what it had."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
import pytest

from magpie.errors import RunError, UserError
from magpie.modelfiles.locate import find_model
from magpie.modelfiles.model import open_model
from magpie.runs import Run
from magpie.train import Lora, Train, Trained, train, training
from magpie.train.curve import read_curve
from magpie.train.layout import Layout
from magpie.train.process import See

pytestmark = [
    pytest.mark.train,
    pytest.mark.skipif(find_spec("trl") is None, reason="TRL is not installed here (scripts/env-engines.sh)"),
    pytest.mark.filterwarnings("default"),
]
SHORT = Train(max_steps=12, batch=4, checkpoint_every=4, tokenizer="fledgling", lr=1e-3)
BASE = "fledgling-base"


def here(layout: Layout, devices: int, see: See, *, downloads: bool) -> Mapping[str, Any]:
    """What `work` does, in this process: a process of its own imports PyTorch anew."""
    from magpie.train import worker

    found = worker.run(orjson.loads(layout.job.read_bytes()), layout)
    assert found is not None
    layout.result.write_bytes(orjson.dumps(found))
    return found


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "work", here)


@pytest.fixture(scope="module")
def trained(pairs: Run, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A base in a GGUF file, trained in a process of its own, with a GGUF file."""
    return train(pairs, BASE, "sft", tmp_path_factory.mktemp("models") / "short", SHORT, gguf=True)


def test_the_loss_curve_is_that_of_a_plain_trl_script_on_the_same_ids(
    trained: Trained, pairs: Run, tmp_path: Path
) -> None:
    import datasets
    import torch
    import transformers
    import trl

    from magpie.templates.supervised import TrainingTemplate, supervise

    gguf = find_model(BASE)
    read = transformers.AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float16)
    network = transformers.LlamaForCausalLM(transformers.AutoConfig.from_pretrained(find_model("fledgling").parent))
    network.load_state_dict({name: tensor.float() for name, tensor in read.state_dict().items()})
    template = TrainingTemplate.of(open_model(find_model("fledgling")))
    seen = [supervise(row["messages"], template) for row in pairs.rows()]
    rows = [{"input_ids": one.ids, "assistant_masks": [int(own) for own in one.mask]} for one in seen]
    arguments = trl.SFTConfig(
        output_dir=str(tmp_path),
        max_steps=12,
        per_device_train_batch_size=4,
        learning_rate=1e-3,
        lr_scheduler_type="cosine",
        warmup_steps=1,
        weight_decay=0.0,
        bf16=False,
        use_cpu=True,
        gradient_checkpointing=False,
        max_length=None,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        seed=0,
    )
    script = trl.SFTTrainer(
        model=network.float(),
        args=arguments,
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=transformers.AutoTokenizer.from_pretrained(find_model("fledgling").parent),
    )
    script.train()
    theirs = {entry["step"]: entry["loss"] for entry in script.state.log_history if "loss" in entry}
    ours = {step: entry["loss"] for step, entry in trained.curve.steps.items()}
    assert ours == pytest.approx(theirs, abs=1e-3)
    assert len(ours) == 12
    assert ours[12] < ours[1]


def test_the_folder_holds_a_model_its_card_and_the_curve_and_nothing_else(trained: Trained) -> None:
    files = {path.name for path in trained.folder.iterdir()}
    assert files >= {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "README.md",
        "training.json",
        "short-f16.gguf",
    }
    assert {path.name for path in (trained.folder / "training").iterdir()} <= {
        "job.json",
        "log.jsonl",
        "output.log",
        "lock",
    }
    config = json.loads((trained.folder / "config.json").read_text())
    assert (config["bos_token_id"], config["eos_token_id"], config["pad_token_id"]) == (None, 2, 0)
    assert open_model(trained.folder).eos_ids == (2,)
    assert open_model(trained.folder).chat_template == open_model(find_model("fledgling")).chat_template
    card = (trained.folder / "README.md").read_text()
    for words in ("fledgling-base", "| rows | 40 |", "| lr | 0.001 |", "TRL", "loss, last tenth"):
        assert words in card
    assert str(trained.folder) not in card
    told = json.loads((trained.folder / "training.json").read_text())
    assert told["hyperparameters"]["bf16"] is False
    assert told["figures"]["steps"] == 12


def test_the_gguf_file_gives_the_logits_of_the_folder(trained: Trained) -> None:
    assert trained.gguf is not None
    files = open_model(trained.gguf)
    assert files.chat_template == open_model(trained.folder).chat_template
    assert worst_difference(trained.folder, trained.gguf) < 0.02


def test_every_engine_that_is_here_runs_the_folder(trained: Trained, tmp_path: Path) -> None:
    import magpie

    greedy = ("instruct.sampling.temperature=0", "instruct.sampling.max_tokens=12", "respond.sampling.max_tokens=12")
    made = {}
    for engine, model in (
        ("llamacpp", trained.gguf),
        ("transformers", trained.folder),
        ("openvino", trained.gguf),
    ):
        settings = (f"model={model}", f"engine={engine}", *greedy)
        run = magpie.run(size=1, out=tmp_path / engine, settings=settings)
        made[engine] = run.sql("SELECT instruction FROM rows").column("instruction").to_pylist()
    assert made["llamacpp"] == made["transformers"] == made["openvino"]


def worst_difference(folder: Path, gguf: Path) -> float:
    """Of the log-probabilities of the likeliest next tokens, by llama.cpp and by transformers."""
    import torch
    import transformers

    from magpie.engines.llamacpp.engine import open_llamacpp
    from magpie.seams import Request, SamplingParams, Tokens

    network = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    worst = 0.0
    with open_llamacpp(gguf) as engine:
        for number, ids in enumerate(([1, 290, 201, 500, 600, 700], [9, 8, 7, 300, 301, 302, 303, 304])):
            engine.submit(
                number, Request(Tokens(tuple(ids)), SamplingParams(temperature=0.0, max_tokens=1), logprobs=8)
            )
            answers: list[Any] = []
            while not answers:
                answers = list(engine.poll(1.0))
            with torch.inference_mode():
                expected = torch.log_softmax(network(torch.tensor([ids])).logits[0, -1], -1)
            for one in answers[0][1].logprobs[0]:
                worst = max(worst, abs(float(expected[one.token_id]) - one.logprob))
    return worst


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_what_is_built_like_llama_is_written_as_gguf_too(pairs: Run, tmp_path: Path, kind: str) -> None:
    import torch
    import transformers

    from magpie.train.bases import open_base
    from magpie.train.gguf import check_can_write, write_gguf

    torch.manual_seed(0)
    llama3 = {
        "rope_type": "llama3",
        "rope_theta": 10000.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }
    config = transformers.AutoConfig.for_model(
        kind,
        vocab_size=4096,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=256,
        tie_word_embeddings=kind == "qwen2",
        initializer_range=0.2,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
        **({"rope_parameters": llama3} if kind == "llama" else {}),
    )
    folder = tmp_path / kind
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((find_model("fledgling").parent / name).read_bytes())
    base = open_base(str(folder), Train(), pairs)
    check_can_write(base, "sft")
    write_gguf(base, folder, tmp_path / "made.gguf", kind)
    assert worst_difference(folder, tmp_path / "made.gguf") < 0.05


def test_a_training_that_is_stopped_goes_on_and_comes_to_the_same(trained: Trained, pairs: Run, tmp_path: Path) -> None:
    def stop(line: Mapping[str, Any]) -> None:
        if line.get("step") == 5:
            raise KeyboardInterrupt

    out = tmp_path / "short"
    with pytest.raises(KeyboardInterrupt):
        train(pairs, BASE, "sft", out, SHORT, see=stop)
    layout = Layout(out / "training")
    assert list(layout.checkpoints.glob("checkpoint-*/whole"))
    assert not (out / "config.json").exists()
    with pytest.raises(RunError, match=r"begun with another train\.lr; expected the same command"):
        train(pairs, BASE, "sft", out, SHORT.model_copy(update={"lr": 0.5}))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(training, "work", here)
        again = train(pairs, BASE, "sft", out, SHORT)
    ours = {step: entry["loss"] for step, entry in again.curve.steps.items()}
    assert ours == pytest.approx({step: entry["loss"] for step, entry in trained.curve.steps.items()}, abs=1e-3)
    sessions = [orjson.loads(line) for line in layout.log.read_bytes().splitlines() if b'"session"' in line]
    assert [one["from"] > 0 for one in sessions] == [False, True]


@pytest.mark.usefixtures("in_process")
def test_preferences_are_trained_with_a_low_rank_adaptation(pairs: Run, tmp_path: Path) -> None:
    settings = Train(max_steps=3, batch=4, lora=Lora(rank=4), lr=1e-3)
    found = train(pairs, "fledgling", "dpo", tmp_path / "dpo", settings)
    assert found.curve.steps[1]["loss"] == pytest.approx(0.6931, abs=1e-3)  # before it departs from its base
    assert found.curve.steps[3]["loss"] < found.curve.steps[1]["loss"]
    assert found.told["figures"]["trainable_parameters"] < found.told["base"]["parameters"]
    assert not (found.folder / "adapter_config.json").exists()
    assert "rewards/accuracies" in (found.folder / "README.md").read_text().replace("\\", "")


@pytest.mark.usefixtures("in_process")
def test_a_reward_model_scores_the_same_from_its_folder_and_its_gguf_file(pairs: Run, tmp_path: Path) -> None:
    from magpie.engines.llamacpp.scores import open_gguf_scorer
    from magpie.scorers.classifier import open_classifier
    from magpie.seams import Message
    from magpie.settings.scorers import RewardClassifier

    found = train(pairs, "fledgling", "rm", tmp_path / "rm", Train(max_steps=4, batch=4, lr=5e-4), gguf=True)
    assert found.curve.steps[4]["loss"] < found.curve.steps[1]["loss"]
    asked = [(Message("user", "What is number 3?"), Message("assistant", text)) for text in ("3: Paris.", "No idea.")]
    assert found.gguf is not None
    with open_gguf_scorer(found.gguf) as one, open_classifier(str(found.folder), RewardClassifier()) as other:
        assert one.score(asked) == pytest.approx(other.score(asked), abs=0.05)


@pytest.mark.usefixtures("in_process")
def test_a_loss_that_is_no_number_stops_it_and_the_last_good_checkpoint_stays(
    pairs: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from magpie.train import worker

    out = tmp_path / "nan"
    settings = Train(max_steps=8, batch=4, checkpoint_every=2, log_every=1, lr=1e-3)

    networks: list[Any] = []
    opened, append = worker.open_network, worker._append

    def open_network(*given: Any) -> Any:
        networks.append(opened(*given))
        return networks[-1]

    def break_after_step_3(layout: Layout, line: Mapping[str, Any]) -> None:
        append(layout, line)
        if line["event"] == "step" and line["step"] == 3:
            networks[-1].model.norm.weight.data.fill_(float("nan"))

    monkeypatch.setattr(worker, "open_network", open_network)
    monkeypatch.setattr(worker, "_append", break_after_step_3)
    with pytest.raises(UserError, match=r"the loss is nan at step 4.*last good checkpoint is .*checkpoint-2: lower"):
        train(pairs, "fledgling", "sft", out, settings)
    assert max(read_curve(out / "training" / "log.jsonl").steps) == 3
    assert not (out / "config.json").exists()


def test_short_memory_names_the_setting_to_lower() -> None:
    import torch

    from magpie.train.worker import told

    for error in (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), MemoryError()):
        assert "lower train.device_batch" in told(error, {"base": "x"})
    assert told(ValueError("a\nb"), {"base": "x"}) == "x cannot be trained: ValueError: a"


def test_two_processes_train_one_model(pairs: Run, tmp_path: Path) -> None:
    settings = Train(max_steps=4, batch=4, devices=2, lr=1e-3)
    found = train(pairs, "fledgling", "sft", tmp_path / "two", settings)
    assert found.told["hyperparameters"]["devices"] == 2
    assert found.told["hyperparameters"]["batch"] == 4
    assert sorted(found.curve.steps) == [1, 2, 3, 4]
    assert (found.folder / "model.safetensors").exists()


def test_a_token_that_the_model_lacks_is_another_vocabulary(pairs: Run, tmp_path: Path) -> None:
    from magpie.train import worker

    layout = Layout(tmp_path)
    job = {
        "base": "fledgling",
        "weights": {"model": str(find_model("fledgling").parent)},
        "method": "sft",
        "settings": Train().model_dump(mode="json"),
        "max_length": 512,
        "highest": 9999,
        "tokens": {"bos": None, "ends": [2], "pad": 0},
    }
    with pytest.raises(UserError, match=r"has 4,096 tokens, and the tokenizer wrote the token 9,999"):
        worker.run(job, layout)
