"""What runs in a process of its own: TRL's trainers, on ids that magpie made. Started with a job file, by `process`.

It writes what it does, line by line, into `log.jsonl`, and at its end `result.json`. Knows torch, transformers, peft
and TRL; knows no run, no chat template and no card. With several processes (`accelerate launch`) each runs this file,
and the first of them writes.
"""

from __future__ import annotations

import contextlib
import copy
import math
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from magpie.errors import MagpieError, ModelError, UserError
from magpie.runs.files import write_whole
from magpie.safe.redaction import one_line
from magpie.train.choices import Chosen, Facts, checkpoint_every, choose, log_every, warmup_steps
from magpie.train.layout import Layout
from magpie.train.settings import Train

PARENT_CHECK = 1.0
"""Seconds between two looks whether the parent is still there."""
WHOLE = "whole"
"""A file in a checkpoint that is written last: a checkpoint without it is not gone on from."""


class NotFinite(UserError):
    """The loss, or its gradient, is no number any more."""


def main() -> None:
    """Run the job that the first argument names."""
    layout = Layout(Path(sys.argv[1]))
    job = orjson.loads(layout.job.read_bytes())
    _follow(job["parent"])
    try:
        found = run(job, layout)
    except BaseException as error:
        traceback.print_exc()
        _tell(layout, {"error": told(error, job)})
        _leave(1)
    _tell(layout, found)
    _leave(0)


def run(job: Mapping[str, Any], layout: Layout) -> dict[str, Any] | None:
    """Train, and put the model into `layout.model`; what there is to say of it, in the first process."""
    import torch

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    torch.set_flush_denormal(True)
    settings = Train.model_validate_json(orjson.dumps(job["settings"]), strict=False)
    prepare_base(job, layout, settings)
    network = open_network(job, layout, settings)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    if job["highest"] >= (tokens := network.get_input_embeddings().weight.shape[0]):
        raise ModelError(
            f"{job['base']}: has {tokens:,} tokens, and the tokenizer wrote the token {job['highest']:,}, so it has "
            "another vocabulary; expected the tokenizer that the model was made with"
        )
    chosen = choose(settings, job["method"], _facts(job, parameters), job["max_length"])
    trainer = make_trainer(job, layout, settings, chosen, network)
    return train(trainer, job, layout, settings, chosen, parameters)


# -- the model ---------------------------------------------------------------------------------------------------------


def prepare_base(job: Mapping[str, Any], layout: Layout, settings: Train) -> None:
    """A GGUF file as a folder. transformers cannot save what it loads of one, so the numbers go into a fresh model."""
    import torch
    import transformers
    from accelerate import PartialState

    if "gguf" not in job["weights"]:
        return
    with PartialState().local_main_process_first():
        if (layout.base / "config.json").exists():
            return
        path = Path(job["weights"]["gguf"])
        kind = getattr(transformers, "GgufConfig", None)
        quantization = {} if kind is None else {"quantization_config": kind(dequantize=True)}
        read = transformers.AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32, **quantization
        )
        config = copy.deepcopy(read.config)
        if hasattr(config, "quantization_config"):
            del config.quantization_config
        fresh = transformers.AutoModelForCausalLM.from_config(config, trust_remote_code=settings.trust_remote_code)
        fresh = fresh.float()
        fresh.load_state_dict(read.state_dict())
        part = layout.base.with_name("base.part")
        shutil.rmtree(part, ignore_errors=True)
        fresh.to(_stored(read.config, torch.float16)).save_pretrained(part)
        part.replace(layout.base)


def open_network(job: Mapping[str, Any], layout: Layout, settings: Train) -> Any:
    """The model to be trained, in full precision on the CPU; the trainer moves it."""
    import torch
    import transformers

    weights = job["weights"]
    place, revision = (layout.base, None) if "gguf" in weights else (weights["model"], weights.get("revision"))
    reward = job["method"] == "rm"
    kind = transformers.AutoModelForSequenceClassification if reward else transformers.AutoModelForCausalLM
    gpu, bf16, flash = _hardware()
    facts = Facts(1, 1, 1, gpu, bf16, flash)  # what decides how a model is opened hangs on the hardware alone
    first = choose(settings, job["method"], facts, job["max_length"])
    transformers.set_seed(settings.seed)
    network = kind.from_pretrained(
        place,
        revision=revision,
        dtype=getattr(torch, first.dtype),
        trust_remote_code=settings.trust_remote_code,
        **({"num_labels": 1} if reward else {}),
        **({"attn_implementation": "flash_attention_2"} if first.packing else {}),
    )
    _settle_tokens(network, job)
    return network


def _settle_tokens(network: Any, job: Mapping[str, Any]) -> None:
    """The ids that begin and end a text, as the tokenizer has them: a GGUF file without a first token says 1."""
    tokens = job["tokens"]
    configs = [network.config.get_text_config()]
    if getattr(network, "generation_config", None) is not None:
        configs.append(network.generation_config)
    for config in configs:
        config.bos_token_id = tokens["bos"]
        config.eos_token_id = tokens["ends"] if len(tokens["ends"]) > 1 else tokens["ends"][0]
        config.pad_token_id = tokens["pad"]


def _stored(config: Any, otherwise: Any) -> Any:
    """How the model's files hold its weights."""
    import torch

    found = getattr(config, "dtype", None)
    return found if found in (torch.float16, torch.bfloat16) else otherwise


def _hardware() -> tuple[bool, bool, bool]:
    """Whether there is a GPU, whether it computes in bfloat16, and whether attention keeps packed rows apart on it."""
    import torch
    from transformers.utils import is_flash_attn_2_available

    gpu = torch.cuda.is_available()
    return gpu, gpu and torch.cuda.is_bf16_supported(), gpu and bool(is_flash_attn_2_available())


def _facts(job: Mapping[str, Any], parameters: int) -> Facts:
    gpu, bf16, flash = _hardware()
    return Facts(job["rows"], job["tokens_in_all"], parameters, gpu, bf16, flash, job["devices"])


# -- the trainer -------------------------------------------------------------------------------------------------------


def make_trainer(job: Mapping[str, Any], layout: Layout, settings: Train, chosen: Chosen, network: Any) -> Any:
    """TRL's trainer for the method. The rows are tokenized already, so it is not given a chat template to use."""
    import datasets
    import transformers
    import trl

    gpu = _hardware()[0]
    steps = chosen.max_steps or math.ceil(job["rows"] / chosen.batch) * math.ceil(chosen.epochs)
    given: dict[str, Any] = {
        "output_dir": str(layout.checkpoints),
        "per_device_train_batch_size": chosen.device_batch,
        "gradient_accumulation_steps": chosen.accumulation,
        "learning_rate": chosen.lr,
        "lr_scheduler_type": chosen.schedule if chosen.schedule != "constant" else "constant_with_warmup",
        "num_train_epochs": chosen.epochs,
        "max_steps": chosen.max_steps or -1,
        "weight_decay": chosen.weight_decay,
        "bf16": chosen.bf16,  # TRL turns it on by default, also where a CPU makes it slow
        "use_cpu": not gpu,
        "dataloader_pin_memory": gpu,
        "gradient_checkpointing": chosen.gradient_checkpointing,
        "logging_steps": log_every(settings, steps),
        "logging_first_step": True,
        "logging_nan_inf_filter": False,  # by default a loss that is no number is left out of the loss curve
        "save_strategy": "steps",
        "save_steps": checkpoint_every(settings, steps),
        "save_total_limit": settings.keep_checkpoints,
        "report_to": "none",
        "disable_tqdm": True,
        "seed": chosen.seed,
        "max_length": chosen.max_length if chosen.packing else None,
    }
    if job["method"] == "sft":
        given |= {"packing": chosen.packing}
    if job["method"] == "dpo":
        given |= {"beta": chosen.beta}
    kinds = {"sft": ("SFTConfig", _sft), "dpo": ("DPOConfig", _dpo), "rm": ("RewardConfig", _reward)}
    config, trainer = kinds[job["method"]]
    arguments = getattr(trl, config)(**given)
    made = trainer()(
        model=network,
        args=arguments,
        train_dataset=datasets.Dataset.from_file(str(layout.rows)),
        processing_class=transformers.AutoTokenizer.from_pretrained(layout.tokenizer),
        peft_config=_lora(job, settings),
        callbacks=[_watch(layout, settings)],
    )
    made.remove_callback(transformers.PrinterCallback)
    return made


def _sft() -> Any:
    from trl import SFTTrainer

    return SFTTrainer


def _reward() -> Any:
    from trl import RewardTrainer

    return RewardTrainer


def _dpo() -> Any:
    from trl import DPOTrainer

    class OnIds(DPOTrainer):  # type: ignore[misc, unused-ignore]
        """Takes `prompt_ids`, `chosen_ids` and `rejected_ids` as they are, where DPOTrainer would tokenize texts."""

        def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
            return dataset

    return OnIds


def _lora(job: Mapping[str, Any], settings: Train) -> Any:
    if settings.lora is None:
        return None
    from peft import LoraConfig

    targets = settings.lora.targets
    return LoraConfig(
        r=settings.lora.rank,
        lora_alpha=settings.lora.alpha,
        lora_dropout=settings.lora.dropout,
        target_modules=targets if isinstance(targets, str) else list(targets),
        task_type="SEQ_CLS" if job["method"] == "rm" else "CAUSAL_LM",
    )


def train(
    trainer: Any, job: Mapping[str, Any], layout: Layout, settings: Train, chosen: Chosen, parameters: int
) -> dict[str, Any] | None:
    """Train from the last complete checkpoint, or from the start, and save the model."""
    import torch

    per_epoch = max(1, math.ceil(len(trainer.get_train_dataloader()) / chosen.accumulation))
    steps = chosen.max_steps or math.ceil(per_epoch * chosen.epochs)
    trainer.args.warmup_steps = warmup_steps(chosen.warmup, steps, chosen=settings.warmup is None)
    last = last_checkpoint(layout)
    trainable = sum(parameter.numel() for parameter in trainer.model.parameters() if parameter.requires_grad)
    if trainer.is_world_process_zero():
        session = {"event": "session", "steps": steps, "from": _step(last), "warmup_steps": trainer.args.warmup_steps}
        _append(layout, {**session, "chosen": chosen.plain(), "parameters": parameters, "trainable": trainable})
    signal.signal(signal.SIGTERM, lambda *_: _Watch.stop.set())
    trainer.train(resume_from_checkpoint=None if last is None else str(last))
    if _Watch.stop.is_set():
        return {"stopped": trainer.state.global_step, "steps": steps}
    if not trainer.is_world_process_zero():
        return None
    network = trainer.accelerator.unwrap_model(trainer.model)
    if settings.lora is not None:
        network = network.merge_and_unload()
    _settle_tokens(network, job)
    network.config.use_cache = True
    network = network.to(_stored_of(job, layout, settings))
    shutil.rmtree(layout.model, ignore_errors=True)
    network.save_pretrained(layout.model)
    return {
        "steps": trainer.state.global_step,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
        "versions": _versions(),
    }


def _stored_of(job: Mapping[str, Any], layout: Layout, settings: Train) -> Any:
    import torch
    import transformers

    weights = job["weights"]
    place, revision = (layout.base, None) if "gguf" in weights else (weights["model"], weights.get("revision"))
    config = transformers.AutoConfig.from_pretrained(
        place, revision=revision, trust_remote_code=settings.trust_remote_code
    )
    return _stored(config, torch.float32)


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("torch", "transformers", "trl", "peft", "accelerate", "datasets")}


# -- checkpoints and the log -------------------------------------------------------------------------------------------


def last_checkpoint(layout: Layout) -> Path | None:
    """The last checkpoint that was written whole."""
    whole = [path.parent for path in layout.checkpoints.glob(f"checkpoint-*/{WHOLE}")]
    return max(whole, key=_step, default=None)


def _step(checkpoint: Path | None) -> int:
    return 0 if checkpoint is None else int(checkpoint.name.rpartition("-")[2])


class _Watch:
    """Whether somebody asked to stop."""

    stop = threading.Event()


def _watch(layout: Layout, settings: Train) -> Any:
    """A callback for each step: it writes the log, marks checkpoints as complete, and checks each loss."""
    from transformers import TrainerCallback

    began = time.monotonic()

    class Watch(TrainerCallback):  # type: ignore[misc, unused-ignore]
        """Of one session."""

        def on_log(self, _: Any, state: Any, __: Any, logs: Mapping[str, Any] | None = None, **___: Any) -> None:
            numbers = {key: float(value) for key, value in (logs or {}).items() if isinstance(value, int | float)}
            if "loss" not in numbers:
                return
            for name in ("loss", "grad_norm"):
                if not math.isfinite(numbers.get(name, 0.0)):
                    raise NotFinite(_not_finite(name, numbers[name], state.global_step, layout, settings))
            if state.is_world_process_zero:
                line = {"event": "step", "step": state.global_step, "steps": state.max_steps, **numbers}
                _append(layout, {**line, "seconds": time.monotonic() - began})

        def on_step_end(self, args: Any, _: Any, control: Any, **__: Any) -> None:
            if _Watch.stop.is_set() and args.world_size == 1:  # others might be a step ahead, and wait forever
                control.should_save = control.should_training_stop = True

        def on_save(self, args: Any, state: Any, _: Any, **__: Any) -> None:
            if state.is_world_process_zero:
                folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
                write_whole(folder / WHOLE, b"")
                _append(layout, {"event": "checkpoint", "step": state.global_step})

    return Watch()


def _not_finite(name: str, value: float, step: int, layout: Layout, settings: Train) -> str:
    what = "the loss" if name == "loss" else "the gradient"
    kept = last_checkpoint(layout)
    there = f"the last good checkpoint is {kept}" if kept else "there is no checkpoint yet"
    lower = "lower train.lr" + ("" if settings.bf16 == "off" else ", or try train.bf16=off")
    return f"{what} is {value} at step {step:,}, so training was stopped; {there}: {lower}, with another --to"


def _append(layout: Layout, line: Mapping[str, Any]) -> None:
    with layout.log.open("ab") as file:
        file.write(orjson.dumps(line) + b"\n")


# -- how it ends -------------------------------------------------------------------------------------------------------


def told(error: BaseException, job: Mapping[str, Any]) -> str:
    """What went wrong, in one line, and which setting helps."""
    if isinstance(error, MagpieError):
        return str(error)
    said = one_line(next((line for line in str(error).splitlines() if line.strip()), "it gives no reason"))
    name = type(error).__name__
    if isinstance(error, MemoryError) or "OutOfMemory" in name or "memory" in said.lower():
        return out_of_memory(said)
    return f"{job['base']} cannot be trained: {name}: {said}"


def out_of_memory(said: str) -> str:
    return (
        f"out of memory ({said}): lower train.device_batch, which leaves a step as it is, or train.max_length, or "
        "train a low-rank adaptation by --set train.lora.rank=16"
    )


def _tell(layout: Layout, found: Mapping[str, Any] | None) -> None:
    """The first word counts: of several processes that fail, one knows why, and the others that it is gone."""
    if found is None or layout.result.exists():
        return
    with contextlib.suppress(OSError):
        write_whole(layout.result, orjson.dumps(found))


def _follow(parent: int) -> None:
    """End this process when magpie ends, however that ends: there may be a launcher in between."""

    def watch() -> None:
        while True:
            try:
                os.kill(parent, 0)
            except OSError:
                os._exit(1)
            time.sleep(PARENT_CHECK)

    threading.Thread(target=watch, daemon=True).start()


def _leave(code: int) -> None:
    """Without Python's own end, in which native libraries are known to hang and to crash."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
