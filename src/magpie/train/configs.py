"""Whole configurations for Axolotl and LLaMA-Factory, with the paper's hyperparameters, for those who train there.

What `--set train...` says goes in; what it leaves open is the paper's, not `choices`'. The data lies beside the file,
as `magpie export --format axolotl` and its like write it. Their keys as documented in 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from magpie.errors import UserError
from magpie.export.trainers import dataset_name
from magpie.train.choices import BATCHES, BETA, EPOCHS, LORA_RATES, RATES, WARMUP_SHARE, WARMUP_STEPS, length
from magpie.train.settings import Method, Train

TRAINERS = ("axolotl", "llamafactory")
FORMATS: Mapping[tuple[str, Method], str] = {
    ("axolotl", "sft"): "axolotl",
    ("axolotl", "dpo"): "axolotl-dpo",
    ("llamafactory", "sft"): "llama-factory",
    ("llamafactory", "dpo"): "llama-factory-dpo",
    ("llamafactory", "rm"): "llama-factory-dpo",
}
"""The format of the export that a configuration is of."""
FILES = {"axolotl": "config.yaml", "llamafactory": "train.yaml"}
COMMANDS = {"axolotl": "axolotl train config.yaml", "llamafactory": "llamafactory-cli train train.yaml"}
"""Run in the folder."""
PAPER_DEVICES = 4
_DEVICE_BATCH = {"sft": 1, "dpo": 2, "rm": 2}


def check(trainer: str, method: Method) -> None:
    """Raise `UserError` for a trainer that is not known, or a method that is not written for it."""
    if trainer not in TRAINERS:
        raise UserError(f"--print-config {trainer!r}: expected one of {', '.join(TRAINERS)}")
    if (trainer, method) not in FORMATS:
        raise UserError(f"--print-config {trainer}: writes sft and dpo; expected llamafactory for --method {method}")


def config(
    trainer: str,
    base: str,
    method: Method,
    settings: Train,
    run: str,
    *,
    context: int | None = None,
    template: str | None = None,
) -> str:
    """The configuration file of a trainer, as YAML.

    base: the model, as the trainer finds it. run: the run's name. context: tokens that the base was trained with.
    template: a chat template to use in place of the tokenizer's, where the base has none.

    Example: `config("axolotl", "meta-llama/Meta-Llama-3-8B", "sft", Train(), "air")`.
    """
    check(trainer, method)
    make = _axolotl if trainer == "axolotl" else _llamafactory
    settings = settings.model_copy(update={"max_length": length(settings, method, context)})
    document = make(base, method, settings, dataset_name(run, "train"), template)
    devices = settings.devices or PAPER_DEVICES
    batch = settings.batch or BATCHES[method]
    head = [
        f"# {_plain(base)} on the run {_plain(run)}, for {trainer}: `{COMMANDS[trainer]}` in this folder.",
        f"# What was not set is as in the paper (arXiv 2406.08464). {batch} rows a step, on",
        f"# {devices} GPUs; with another number of them change gradient_accumulation_steps.",
    ]
    body = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return "\n".join(head) + "\n" + body


def _accumulation(method: Method, settings: Train) -> tuple[int, int]:
    """Rows that a GPU takes at once, and how often in a step."""
    devices = settings.devices or PAPER_DEVICES
    batch = settings.batch or BATCHES[method]
    at_once = min(settings.device_batch or _DEVICE_BATCH[method], max(1, batch // devices))
    return at_once, max(1, round(batch / (at_once * devices)))


def _rate(method: Method, settings: Train) -> float:
    return settings.lr or (LORA_RATES if settings.lora is not None else RATES)[method]


def _warmup(method: Method, settings: Train) -> tuple[str, float]:
    """100 steps for sft, a tenth for the others."""
    warmup = settings.warmup
    if warmup is None:
        return ("warmup_steps", WARMUP_STEPS) if method == "sft" else ("warmup_ratio", WARMUP_SHARE)
    return ("warmup_steps", round(warmup)) if warmup >= 1 or warmup == 0 else ("warmup_ratio", warmup)


def _whole(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _axolotl(base: str, method: Method, settings: Train, _: str, template: str | None) -> dict[str, Any]:
    at_once, accumulation = _accumulation(method, settings)
    packed = method == "sft" and settings.packing != "off"
    turns: dict[str, Any] = {
        "field_messages": "messages",
        "message_property_mappings": {"role": "role", "content": "content"},
    }
    document: dict[str, Any] = {"base_model": base}
    if method == "dpo":
        fields = {"field_chosen": "chosen", "field_rejected": "rejected"}
        kind: dict[str, Any] = {"split": "train", "type": "chat_template.default", **turns, **fields}
        document |= {"rl": "dpo", "rl_beta": settings.beta or BETA}
    else:
        kind = {"type": "chat_template", **turns, "roles_to_train": ["assistant"]}
    document |= {"chat_template": "tokenizer_default"} if template is None else _jinja(template)
    document |= {
        "datasets": [{"path": "train.jsonl", "ds_type": "json", **kind}],
        "dataset_prepared_path": "prepared",
        "output_dir": "output",
        "train_on_inputs": False,
        "sequence_len": settings.max_length,
        "sample_packing": packed,
        "pad_to_sequence_len": packed,
        **_axolotl_lora(settings),
        "micro_batch_size": at_once,
        "gradient_accumulation_steps": accumulation,
        "num_epochs": _whole(settings.epochs or EPOCHS[method]),
        **({"max_steps": settings.max_steps} if settings.max_steps else {}),
        "optimizer": "adamw_torch",
        "weight_decay": settings.weight_decay,
        "learning_rate": _rate(method, settings),
        "lr_scheduler": settings.schedule,
    }
    name, value = _warmup(method, settings)
    return document | {
        name: value,
        "bf16": {"auto": "auto", "on": True, "off": False}[settings.bf16],
        "gradient_checkpointing": settings.gradient_checkpointing != "off",
        "flash_attention": True,
        "logging_steps": settings.log_every or 1,
        "saves_per_epoch": 1,
        "seed": settings.seed,
    }


def _jinja(template: str) -> dict[str, Any]:
    return {"chat_template": "jinja", "chat_template_jinja": template}


def _axolotl_lora(settings: Train) -> dict[str, Any]:
    lora = settings.lora
    if lora is None:
        return {}
    named: dict[str, Any] = {"lora_r": lora.rank, "lora_alpha": lora.alpha, "lora_dropout": lora.dropout}
    if lora.targets == "all-linear":
        return {"adapter": "lora", **named, "lora_target_linear": True}
    return {"adapter": "lora", **named, "lora_target_modules": _listed(lora.targets)}


def _listed(targets: str | tuple[str, ...]) -> list[str]:
    return [targets] if isinstance(targets, str) else list(targets)


def _llamafactory(base: str, method: Method, settings: Train, dataset: str, template: str | None) -> dict[str, Any]:
    if template is not None:
        raise UserError(
            f"--print-config llamafactory: {base} has no chat template, and LLaMA-Factory takes none from a file; "
            "give a base whose tokenizer has one, or use axolotl"
        )
    at_once, accumulation = _accumulation(method, settings)
    packed = method == "sft" and settings.packing != "off"
    lora = settings.lora
    document: dict[str, Any] = {
        "model_name_or_path": base,
        "trust_remote_code": settings.trust_remote_code,
        "stage": method,
        "do_train": True,
        "finetuning_type": "full" if lora is None else "lora",
    }
    if lora is not None:
        targets = "all" if lora.targets == "all-linear" else ",".join(_listed(lora.targets))
        named = {"lora_rank": lora.rank, "lora_alpha": lora.alpha, "lora_dropout": lora.dropout}
        document |= {**named, "lora_target": targets}
    if method == "dpo":
        document |= {"pref_beta": settings.beta or BETA, "pref_loss": "sigmoid"}
    document |= {
        "dataset_dir": ".",
        "dataset": dataset,
        "cutoff_len": settings.max_length,
        "train_on_prompt": False,
        "mask_history": False,
        **({"packing": True, "neat_packing": True} if packed else {}),
        "output_dir": "output",
        "per_device_train_batch_size": at_once,
        "gradient_accumulation_steps": accumulation,
        "num_train_epochs": settings.epochs or EPOCHS[method],
        **({"max_steps": settings.max_steps} if settings.max_steps else {}),
        "learning_rate": _rate(method, settings),
        "lr_scheduler_type": settings.schedule,
    }
    name, value = _warmup(method, settings)
    return document | {
        name: value,
        "optim": "adamw_torch",
        "weight_decay": settings.weight_decay,
        "bf16": settings.bf16 != "off",
        "flash_attn": "fa2" if packed else "auto",
        "logging_steps": settings.log_every or 1,
        "save_strategy": "epoch",
        "plot_loss": True,
        "seed": settings.seed,
        "report_to": "none",
    }


def _plain(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
