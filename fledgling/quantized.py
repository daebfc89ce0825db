"""Writes models of eight bits a weight: a chat model with a chat template of its own, and a classifier.

Blocks of 32 weights share a power of two, so that fp16 holds the same numbers as the GGUF file's Q8_0: a classifier is
one model in both formats, and its fp16 file, half of whose bits are zero, is packed to half its size in a wheel.

llama.cpp pools a classifier's last token only in the architecture `qwen3`, and tells its labels as probabilities; so
the one logit of a reward model is written as two labels, of which the second is always 0, and the log-odds of the first
are the logit again. The classifier's template for rerankers adds nothing: a whole conversation is its document.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import save_file

from fledgling.chat import CHAT_TEMPLATE
from fledgling.classifier import Classifier
from fledgling.export import add_shape, add_tokenizer, config, interleave, tokenizer_config, write_json
from fledgling.model import Fledgling, Shape

LABELS = ("right", "wrong")
RERANK = "{query}{document}"
BLOCK = 32  # weights with one scale

Weights = Mapping[str, np.ndarray]


def gguf_name(name: str) -> str:
    return f"{name}-q8_0.gguf"


def export_chat(model: Fledgling, tokenizer_json: Path, folder: Path, chat_template: str) -> None:
    """Replaces `folder`, which is named like the model, by one with its GGUF file."""
    part = emptied(folder)
    writer = opened(part / gguf_name(folder.name), "llama", model.shape, tokenizer_json, folder.name)
    writer.add_chat_template(chat_template)
    closed(writer, weights_of(model), "llama", model.shape)
    moved(part, folder)


def export_classifier(model: Classifier, tokenizer_json: Path, folder: Path, origin: dict[str, Any]) -> None:
    """Replaces `folder` by one with a Hugging Face model in fp16 and the same model as GGUF."""
    part, shape = emptied(folder), model.body.shape
    halves = {name: in_half(tensor) for name, tensor in weights_of(model.body).items()}
    halves["score.weight"] = score = model.score.weight.detach().numpy().astype(np.float16)
    save_file(halves, part / "model.safetensors", metadata={"format": "pt"})
    (part / "model.safetensors").chmod(0o644)  # safetensors makes it private
    shutil.copyfile(tokenizer_json, part / "tokenizer.json")
    write_json(part / "config.json", classifier_config(shape) | {"fledgling": origin})
    write_json(part / "tokenizer_config.json", tokenizer_config(shape))
    writer = opened(part / gguf_name(folder.name), "qwen3", shape, tokenizer_json, folder.name)
    writer.add_chat_template([{"name": "default", "template": CHAT_TEMPLATE}, {"name": "rerank", "template": RERANK}])
    writer.add_pooling_type(gguf.PoolingType.RANK)
    writer.add_classifier_output_labels(LABELS)
    writer.add_tensor("cls.output.weight", np.concatenate([score, np.zeros_like(score)]).astype(np.float32))
    closed(writer, weights_of(model.body), "qwen3", shape)
    moved(part, folder)


def classifier_config(shape: Shape) -> dict[str, Any]:
    return config(shape) | {
        "architectures": ["Qwen3ForSequenceClassification"],
        "model_type": "qwen3",
        "id2label": {"0": LABELS[0]},
        "label2id": {LABELS[0]: 0},
        "use_sliding_window": False,
    }


def weights_of(model: Fledgling) -> dict[str, np.ndarray]:
    return {name: tensor.detach().cpu().float().numpy() for name, tensor in model.state_dict().items()}


# -- eight bits --------------------------------------------------------------------------------------------------------


def eight_bits(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers [rows, blocks, 32] from -127 to 127, and the power of two of each block [rows, blocks, 1]."""
    blocks = matrix.astype(np.float32).reshape(len(matrix), -1, BLOCK)
    largest = np.maximum(np.abs(blocks).max(-1, keepdims=True), 2.0**-14 * 127)  # fp16 has no smaller power in full
    scales = np.exp2(np.ceil(np.log2(largest / 127))).astype(np.float32)
    return np.rint(blocks / scales).astype(np.int8), scales


def in_half(tensor: np.ndarray) -> np.ndarray:
    """What `packed` holds, as fp16; vectors as they are."""
    if tensor.ndim != 2:
        return tensor.astype(np.float16)
    whole, scales = eight_bits(tensor)
    return (whole * scales).reshape(tensor.shape).astype(np.float16)


def packed(matrix: np.ndarray) -> np.ndarray:
    """The bytes of Q8_0, [rows, bytes]: for each block its scale as fp16, then the numbers."""
    whole, scales = eight_bits(matrix)
    blocks = np.concatenate([scales.astype(np.float16).view(np.uint8), whole.view(np.uint8)], axis=-1)
    return blocks.reshape(len(matrix), -1)


# -- the GGUF file -----------------------------------------------------------------------------------------------------


def opened(path: Path, architecture: str, shape: Shape, tokenizer_json: Path, name: str) -> gguf.GGUFWriter:
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name(name)
    add_shape(writer, config(shape), gguf.LlamaFileType.MOSTLY_Q8_0)
    add_tokenizer(writer, json.loads(tokenizer_json.read_text(encoding="utf-8")), shape.vocabulary)
    return writer


def closed(writer: gguf.GGUFWriter, weights: Weights, architecture: str, shape: Shape) -> None:
    """Adds the weights, matrices in eight bits, and writes the file. Only `llama` wants heads interleaved."""
    kind = {"llama": gguf.MODEL_ARCH.LLAMA, "qwen3": gguf.MODEL_ARCH.QWEN3}[architecture]
    names = gguf.get_tensor_name_map(kind, shape.layers)
    for name, tensor in weights.items():
        if architecture == "llama" and name.endswith(("q_proj.weight", "k_proj.weight")):
            tensor = interleave(tensor, shape.heads)
        called = names.get_name(name, try_suffixes=(".weight",)) or name
        if tensor.ndim == 2:
            writer.add_tensor(called, packed(tensor), raw_dtype=gguf.GGMLQuantizationType.Q8_0)
        else:
            writer.add_tensor(called, tensor.astype(np.float16).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# -- the folder --------------------------------------------------------------------------------------------------------


def emptied(folder: Path) -> Path:
    """A new folder beside the model's, to be moved there when it is whole."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    return part


def moved(part: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)


