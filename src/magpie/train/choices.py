"""What settings leave open, decided from the method, the data, the model and the hardware.

The paper's hyperparameters are for 300,000 rows and models of 8 billion parameters. Two things do not carry over to
less. Of a few hundred rows there are some dozen steps of 32, and 100 warm-up steps never end in them: so the warm-up
is never more than a tenth, and a batch shrinks where there are hardly any steps, but no further: small ones are
noisy. Small models need higher rates: the paper's hold from a billion parameters on, and below they rise with the
power of 3/4, which gives 1e-3 at five million: a rule of thumb between two points. `docs/train.md` has measurements
of batch and warm-up.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from magpie.errors import UserError
from magpie.train.settings import Method, Train

RATES = {"sft": 2e-5, "dpo": 5e-7, "rm": 1e-5}
LORA_RATES = {"sft": 2e-4, "dpo": 5e-6, "rm": 1e-4}
BATCHES = {"sft": 32, "dpo": 128, "rm": 64}
EPOCHS = {"sft": 2.0, "dpo": 1.0, "rm": 1.0}
LENGTHS = {"sft": 8192, "dpo": 2048, "rm": 2048}
WARMUP_STEPS = 100
WARMUP_SHARE = 0.1
BETA = 0.01
"""The paper's rates, batches, epochs, lengths, warm-up and beta; of `rm`, which it does not train, usual ones."""

LEAST_BATCH = 4
FEWEST_STEPS = 30
"""A batch shrinks until there are so many steps, down to `LEAST_BATCH`."""
LARGE, MEDIUM = 1_000_000_000, 100_000_000
"""Parameters from which the paper's rates hold, and from which memory is short."""
_SMALL_MODELS = 0.75
_LOGGED, _CHECKPOINTS = 1000, 10
"""Entries of a loss curve, and checkpoints, that a training makes at most."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of the data, the model and the hardware."""

    rows: int
    """Rows, or pairs, that are learned from."""
    tokens: int
    """Of all of them."""
    parameters: int
    gpu: bool = False
    bf16: bool = False
    """Whether the GPU computes in bfloat16."""
    flash: bool = False
    """Whether attention can keep packed rows apart."""
    devices: int = 1


@dataclass(frozen=True, slots=True)
class Chosen:
    """Hyperparameters, none of them open."""

    method: Method
    lr: float
    schedule: str
    warmup: float
    """As the setting has it: steps, or below 1 a share."""
    epochs: float
    max_steps: int | None
    batch: int
    device_batch: int
    accumulation: int
    """Parts of a step that a device takes one after the other."""
    devices: int
    max_length: int
    weight_decay: float
    beta: float | None
    packing: bool
    bf16: bool
    dtype: str
    gradient_checkpointing: bool
    seed: int

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def choose(settings: Train, method: Method, facts: Facts, max_length: int) -> Chosen:
    """Every hyperparameter of a training. Raises `UserError` where a setting asks for what is not here.

    Example: `choose(Train(), "sft", Facts(rows=2000, tokens=140_000, parameters=5_131_520), 512).lr`.
    """
    packing = _packing(settings, method, facts)
    bf16 = _bf16(settings, facts)
    epochs = settings.epochs or EPOCHS[method]
    sequences = ceil(facts.tokens / max_length) if packing else facts.rows
    batch = settings.batch or _batch(method, sequences * epochs)
    device_batch = min(settings.device_batch or _device_batch(facts, method), ceil(batch / facts.devices))
    accumulation = max(1, round(batch / (device_batch * facts.devices)))
    held = settings.dtype
    if held == "auto":
        held = "bfloat16" if settings.lora is not None and bf16 else "float32"
    checkpointing = settings.gradient_checkpointing
    return Chosen(
        method=method,
        lr=settings.lr or rate(method, facts.parameters, lora=settings.lora is not None),
        schedule=settings.schedule,
        warmup=WARMUP_SHARE if settings.warmup is None else settings.warmup,
        epochs=epochs,
        max_steps=settings.max_steps,
        batch=device_batch * accumulation * facts.devices,
        device_batch=device_batch,
        accumulation=accumulation,
        devices=facts.devices,
        max_length=max_length,
        weight_decay=settings.weight_decay,
        beta=(settings.beta or BETA) if method == "dpo" else None,
        packing=packing,
        bf16=bf16,
        dtype=held,
        gradient_checkpointing=checkpointing == "on"
        or (checkpointing == "auto" and facts.gpu and facts.parameters >= LARGE),
        seed=settings.seed,
    )


def rate(method: Method, parameters: int, *, lora: bool) -> float:
    """The learning rate for a model of this size, to two digits.

    >>> rate("sft", 8_000_000_000, lora=False), rate("sft", 5_131_520, lora=False)
    (2e-05, 0.001)
    """
    rates = LORA_RATES if lora else RATES
    return float(f"{rates[method] * max(1.0, LARGE / max(1, parameters)) ** _SMALL_MODELS:.1e}")


def warmup_steps(warmup: float, steps: int, *, chosen: bool) -> int:
    """Steps of warm-up. warmup: as the setting has it. chosen: whether nobody asked for it, so that the paper's 100
    steps are the most."""
    found = round(warmup * steps) if warmup < 1 else round(warmup)
    return min(found, WARMUP_STEPS) if chosen else found


def length(settings: Train, method: Method, context: int | None) -> int:
    """Tokens that a row may have: the paper's, as far as the model was trained with so many."""
    return settings.max_length or min(LENGTHS[method], context or LENGTHS[method])


def log_every(settings: Train, steps: int) -> int:
    return settings.log_every or max(1, ceil(steps / _LOGGED))


def checkpoint_every(settings: Train, steps: int) -> int:
    """A multiple of `log_every`: each loss is looked at before a checkpoint is written."""
    every = log_every(settings, steps)
    asked = settings.checkpoint_every or max(20, ceil(steps / _CHECKPOINTS))
    return ceil(asked / every) * every


def _batch(method: Method, sequences: float) -> int:
    """The paper's, halved until there are steps enough."""
    batch = BATCHES[method]
    while batch > LEAST_BATCH and sequences / batch < FEWEST_STEPS:
        batch //= 2
    return batch


def _device_batch(facts: Facts, method: Method) -> int:
    """A pair is two rows. A CPU gains nothing by more rows at once, and pads them to the longest."""
    small = 32 if facts.gpu else 8
    rows = small if facts.parameters < MEDIUM else 8 if facts.parameters < LARGE else 2
    return rows if method == "sft" else max(1, rows // 2)


def _packing(settings: Train, method: Method, facts: Facts) -> bool:
    if settings.packing == "on" and (method != "sft" or not facts.flash):
        why = (
            f"{method} takes one row after the other"
            if method != "sft"
            else "attention cannot keep the rows of a sequence apart here: that needs a GPU and flash-attn"
        )
        raise UserError(f"train.packing=on: {why}; expected auto or off")
    return settings.packing != "off" and method == "sft" and facts.flash


def _bf16(settings: Train, facts: Facts) -> bool:
    if settings.bf16 == "on" and facts.gpu and not facts.bf16:
        raise UserError("train.bf16=on: this GPU does not compute in bfloat16; expected auto or off")
    return settings.bf16 == "on" or (settings.bf16 == "auto" and facts.bf16)
