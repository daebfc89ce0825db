"""Writes GGUF files of eight bits a weight: a chat model with a chat template of its own, and a classifier.

Blocks of 32 weights share a power of two, so that fp16 holds the same numbers as Q8_0: what `unpacked` writes for
transformers is the same model. A classifier's head stands under a key of magpie's (`magpie.engines.llamacpp.scores`),
since llama.cpp's rank pooling has none in the architecture `llama`.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import gguf
import numpy as np

from fledgling.chat import CHAT_TEMPLATE
from fledgling.export import add_shape, add_tokenizer, config, interleave
from fledgling.model_shape import Shape

if TYPE_CHECKING:
    from fledgling.model import Fledgling

HEAD = "magpie.score.weight"
LABEL = "right"
BLOCK = 32  # weights with one scale
LARGEST = 127  # whole number in eight bits


def gguf_name(name: str) -> str:
    return f"{name}-q8_0.gguf"


def export_chat(
    model: "Fledgling", tokenizer_json: Path, folder: Path, chat_template: str, largest: int = LARGEST
) -> None:
    """Replaces `folder`, which is named like the model, by one with its GGUF file.

    largest: whole number that stands for a weight. With half of it a weight has one bit less to say: the file is as
    long, and some eighth shorter where it is compressed, as in a wheel.
    """
    part = emptied(folder)
    writer = opened(part / gguf_name(folder.name), model.shape, tokenizer_json, folder.name)
    writer.add_chat_template(chat_template)
    closed(writer, model, largest)
    moved(part, folder)


def export_classifier(
    model: "Fledgling", head: np.ndarray, tokenizer_json: Path, folder: Path, metadata: Mapping[str, str]
) -> None:
    """The same for a classifier, with its head [1, width] and one label. metadata: further keys of the file."""
    part = emptied(folder)
    writer = opened(part / gguf_name(folder.name), model.shape, tokenizer_json, folder.name)
    writer.add_chat_template(CHAT_TEMPLATE)
    writer.add_pooling_type(gguf.PoolingType.LAST)
    writer.add_classifier_output_labels([LABEL])
    writer.add_array(HEAD, [float(value) for value in head.reshape(-1).astype(np.float16)])
    for key, text in metadata.items():
        writer.add_string(key, text)
    closed(writer, model)
    moved(part, folder)


# -- eight bits --------------------------------------------------------------------------------------------------------


def eight_bits(matrix: np.ndarray, largest: int = LARGEST) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers [rows, blocks, 32] up to `largest`, and the power of two of each block [rows, blocks, 1]."""
    blocks = matrix.astype(np.float32).reshape(len(matrix), -1, BLOCK)
    top = np.maximum(np.abs(blocks).max(-1, keepdims=True), 2.0**-14 * largest)  # fp16 has no smaller power in full
    scales = np.exp2(np.ceil(np.log2(top / largest))).astype(np.float32)
    return np.rint(blocks / scales).astype(np.int8), scales


def packed(matrix: np.ndarray, largest: int = LARGEST) -> np.ndarray:
    """The bytes of Q8_0, [rows, bytes]: for each block its scale as fp16, then the numbers."""
    whole, scales = eight_bits(matrix, largest)
    blocks = np.concatenate([scales.astype(np.float16).view(np.uint8), whole.view(np.uint8)], axis=-1)
    return blocks.reshape(len(matrix), -1)


# -- the GGUF file -----------------------------------------------------------------------------------------------------


def opened(path: Path, shape: Shape, tokenizer_json: Path, name: str) -> gguf.GGUFWriter:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    add_shape(writer, config(shape), gguf.LlamaFileType.MOSTLY_Q8_0)
    add_tokenizer(writer, json.loads(tokenizer_json.read_text(encoding="utf-8")), shape.vocabulary)
    return writer


def closed(writer: gguf.GGUFWriter, model: "Fledgling", largest: int = LARGEST) -> None:
    """Adds the weights, matrices in eight bits, and writes the file."""
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, model.shape.layers)
    for name, value in model.state_dict().items():
        tensor = value.detach().cpu().float().numpy()
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            tensor = interleave(tensor, model.shape.heads)
        called = names.get_name(name, try_suffixes=(".weight",)) or name
        if tensor.ndim == 2:
            writer.add_tensor(called, packed(tensor, largest), raw_dtype=gguf.GGMLQuantizationType.Q8_0)
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
