"""Turns what vLLM raises while it opens a model into one line: what was found, and what to do. Knows only vLLM's
messages."""

from __future__ import annotations

import os
import re
import stat

from magpie.engines.child.log import ChildLog, telling
from magpie.safe.redaction import redact

MOST_CHARACTERS = 240
"""Of vLLM's own words: some of its messages list every architecture that there is."""
_ADVICE = (
    (
        r"architectures? .*not supported|failed to be inspected|does not recognize this architecture",
        "vLLM does not know its architecture; use engine: transformers, or a newer vllm",
    ),
    (
        r"out ?of ?memory|allocate memory|no available memory|available memory on|KV cache is needed|free memory on|"
        r"not enough memory|MemoryError",
        "it does not fit into memory; lower context or slots, raise gpu_memory_utilization, share it among more GPUs "
        "with tensor_parallel, or use a smaller or quantized model",
    ),
    (
        r"infer device type|no CUDA GPUs|no NVIDIA driver|driver version is insufficient|no CUDA-capable",
        "vLLM finds no GPU that it can use; see nvidia-smi, or use engine: openvino, llamacpp or transformers",
    ),
    (
        r"world size|number of available GPUs|tensor parallel size|NUMA nodes to bind",
        "lower tensor_parallel or pipeline_parallel",
    ),
    (r"dtype|bfloat16 is only", "set dtype to auto, bfloat16, float16 or float32, as the model and the GPU allow"),
    (r"quantiz|config file for", "set quantization to what the model's files are in, or leave it out"),
    (r"custom code|trust_remote_code", "set trust_remote_code: true only if you trust its makers like your own shell"),
    (
        r"repo id must|repository not found|repository id|couldn't connect|outgoing traffic|revision not found|gated",
        "expected a Hugging Face folder, or owner/name of the Hub with network and, where asked for, an access token",
    ),
)
_WORKER_FAILED = re.compile(r"root cause|initialization failed|background process|stack trace", re.IGNORECASE)


def explained(model: str, error: BaseException) -> str:
    """One line for whatever vLLM raised while it opened `model`."""
    said = _said(error)
    words = f"{type(error).__name__} {said}"
    advice = next((told for pattern, told in _ADVICE if re.search(pattern, words, re.IGNORECASE)), None)
    return f"{model} cannot be run by vLLM: {said}" + (f" ({advice})" if advice else "")


def _said(error: BaseException) -> str:
    """The words that say most: of several settings the first; where a worker failed, those of its log."""
    if _WORKER_FAILED.search(str(error)) and (heard := _heard()):
        return heard
    wrong = error.errors() if hasattr(error, "errors") else None  # pydantic's, around most of what vLLM raises
    if not wrong:
        return _short(str(error)) or type(error).__name__
    field, said = wrong[0]["loc"][:1], _short(wrong[0]["msg"].removeprefix("Value error, "))
    return f"{field[0]}: {said}" if field else said


def _short(text: str) -> str:
    """The first paragraph's first sentences."""
    line = " ".join(redact(text).strip().partition("\n\n")[0].split())
    if len(line) <= MOST_CHARACTERS:
        return line
    ends = [match.start() for match in re.finditer(r"(?<=[.!?]) (?=[A-Z])", line[: MOST_CHARACTERS + 2])]
    return line[: ends[-1] if ends else MOST_CHARACTERS]


def _heard() -> str | None:
    """The line of this process's log that says most, where its terminal is a file, as a child's is."""
    if not stat.S_ISREG(os.fstat(2).st_mode):
        return None
    with os.fdopen(os.dup(2), "rb") as file:
        return telling([line for line in ChildLog(file).lines() if not _WORKER_FAILED.search(line)])
