"""The settings of `magpie train`: what `--set train.NAME=VALUE` takes. A setting that is left out is decided by
`choices`, from the method, the data and the model."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from magpie.settings.base import Count, FilePath, ModelName, OnOff, Settings

Method = Literal["sft", "dpo", "rm"]
METHODS: tuple[Method, ...] = ("sft", "dpo", "rm")


def _number(value: Any) -> Any:
    """YAML takes 1e-3, without a point, for text."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


Number = BeforeValidator(_number)
Positive = Annotated[float, Number, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Number, Field(ge=0, allow_inf_nan=False)]
Switch = Annotated[Literal["auto", "on", "off"], OnOff]


class Lora(Settings):
    """Low-rank adaptation (peft): small matrices beside the model's own are trained, and added to them at the end."""

    rank: Count = 16
    """The rank of the matrices."""
    alpha: Count = 32
    """What they are multiplied by, divided by the rank."""
    dropout: Annotated[float, Number, Field(ge=0, lt=1)] = 0.0
    """The share of their inputs that is left out at random."""
    targets: str | tuple[str, ...] = "all-linear"
    """The modules that they stand beside, by name; `all-linear` is all but the output layer."""


class Train(Settings):
    """How a model is trained. null is decided by method, data and model; what was decided stands in `training.json`."""

    lr: Positive | None = None
    """The highest learning rate."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the learning rate falls after the warm-up."""
    warmup: NotNegative | None = None
    """Steps in which the learning rate rises; below 1, their share of all steps."""
    epochs: Positive | None = None
    """How often each row is seen."""
    max_steps: Count | None = None
    """Stop after so many steps, whatever `epochs` says; the learning rate falls towards them."""
    batch: Count | None = None
    """Rows, or pairs, of one step, over all devices. With packing, packed sequences."""
    device_batch: Count | None = None
    """Rows, or pairs, that a device takes at once. Lower it where memory is short: a step stays the same."""
    max_length: Count | None = None
    """Tokens of a row. Longer rows are left out and counted, not cut: an answer without its end teaches not to stop."""
    weight_decay: NotNegative = 0.0
    """Weight decay of AdamW."""
    beta: Positive | None = None
    """dpo: how much a departure from the base costs."""
    packing: Switch = "auto"
    """sft: several rows in one sequence. auto: where attention keeps them apart (FlashAttention on a GPU)."""
    lora: Lora | None = None
    """Train a low-rank adaptation instead of all weights, as in `train.lora.rank=16`; it is merged at the end."""
    bf16: Switch = "auto"
    """Compute in bfloat16. auto: where the GPU can; never on a CPU."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """How weights are held while they are trained. auto: float32; bfloat16 under LoRA where `bf16` is on."""
    gradient_checkpointing: Switch = "auto"
    """Compute activations again instead of keeping them. auto: on a GPU, for models of a billion parameters or more."""
    devices: Count | None = None
    """Processes, one for each GPU, started by `accelerate launch`. By default one for each GPU; one on a CPU."""
    log_every: Count | None = None
    """Steps between two entries of the loss curve."""
    checkpoint_every: Count | None = None
    """Steps between two checkpoints, from which a training that was stopped goes on."""
    keep_checkpoints: Count = 2
    """Checkpoints that are kept while it trains. They are removed when the model is there."""
    seed: Annotated[int, Field(ge=0)] = 0
    """The seed of the order of the rows and of new weights."""
    system: bool = False
    """Whether the system prompt that an instruction was sampled under opens its conversation."""
    reasoning: Literal["none", "inside", "field"] = "none"
    """sft: where a response's reasoning goes: nowhere, into the content in think tags, or to the chat template as
    `reasoning_content`."""
    tokenizer: ModelName | None = None
    """The model whose tokenizer and chat template are used. By default the base's own; where it has no chat template,
    those of the model that wrote the run."""
    chat_template: FilePath | None = None
    """A Jinja file to use in place of that chat template."""
    trust_remote_code: bool = False
    """Whether code that comes with a model is run: trust its makers as you trust your own shell."""
