"""`python -m fledgling.unpack fledgling-reward FOLDER`: a shipped model of eight bits as a Hugging Face folder.

The same numbers, in fp16 safetensors with a tokenizer, for transformers: a reward model as
`LlamaForSequenceClassification`, the guard as `LlamaForCausalLM`. Needs no torch.
"""

import argparse
import shutil
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf.quants import dequantize
from safetensors.numpy import save_file

from fledgling.chat import END_ID, END_OF_TEXT_ID
from fledgling.export import config, tokenizer_config, write_json
from fledgling.model_shape import Shape
from fledgling.quantized import HEAD, LABEL, emptied, moved

MODELS = Path("src/magpie/weights")
TOKENIZER = MODELS / "fledgling" / "tokenizer.json"  # one for all models


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fledgling.unpack", description=__doc__)
    parser.add_argument("model", help="a name such as fledgling-reward, or a GGUF file that this package wrote")
    parser.add_argument("folder", type=Path, help="is replaced whole")
    arguments = parser.parse_args()
    shipped = sorted((MODELS / arguments.model).glob("*.gguf")) if "/" not in arguments.model else []
    unpacked(shipped[0] if shipped else Path(arguments.model), TOKENIZER, arguments.folder)


def unpacked(path: Path, tokenizer_json: Path, folder: Path) -> None:
    """Replaces `folder` by one that transformers opens."""
    reader = gguf.GGUFReader(path)
    shape, head = shape_of(reader), value(reader, HEAD)
    weights = {name: tensor.astype(np.float16) for name, tensor in tensors(reader, shape).items()}
    told = config(shape)
    if head is not None:
        weights["score.weight"] = np.array(head, np.float16)[None]
        told |= {
            "architectures": ["LlamaForSequenceClassification"],
            "id2label": {"0": LABEL},
            "label2id": {LABEL: 0},
        }
    part = emptied(folder)
    save_file(weights, part / "model.safetensors", metadata={"format": "pt"})
    (part / "model.safetensors").chmod(0o644)  # safetensors makes it private
    shutil.copyfile(tokenizer_json, part / "tokenizer.json")
    write_json(part / "config.json", told)
    template = {"chat_template": value(reader, "tokenizer.chat_template")}
    write_json(part / "tokenizer_config.json", tokenizer_config(shape) | template)
    if head is None:
        write_json(part / "generation_config.json", {"eos_token_id": END_ID, "pad_token_id": END_OF_TEXT_ID})
    moved(part, folder)


def shape_of(reader: gguf.GGUFReader) -> Shape:
    keys = {
        "vocabulary": "vocab_size", "width": "embedding_length", "layers": "block_count",
        "heads": "attention.head_count", "inner": "feed_forward_length", "positions": "context_length",
        "theta": "rope.freq_base",
    }  # fmt: skip
    return Shape(**{name: value(reader, f"llama.{key}") for name, key in keys.items()})


def value(reader: gguf.GGUFReader, key: str) -> Any:
    found = reader.get_field(key)
    return None if found is None else found.contents()


def tensors(reader: gguf.GGUFReader, shape: Shape) -> dict[str, np.ndarray]:
    """The weights by Hugging Face's names, as fp32."""
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, shape.layers)
    found = {tensor.name: dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}
    made = {}
    for name in hugging_face_names(shape):
        tensor = found[names.get_name(name, try_suffixes=(".weight",)) or name]
        made[name] = halves(tensor, shape.heads) if name.endswith(("q_proj.weight", "k_proj.weight")) else tensor
    return made


def hugging_face_names(shape: Shape) -> list[str]:
    parts = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj",
             "mlp.up_proj", "mlp.down_proj", "input_layernorm", "post_attention_layernorm")  # fmt: skip
    layers = [f"model.layers.{layer}.{part}.weight" for layer in range(shape.layers) for part in parts]
    return ["model.embed_tokens.weight", "model.norm.weight", *layers]


def halves(matrix: np.ndarray, heads: int) -> np.ndarray:
    """Rows as Hugging Face rotates them: the inverse of `export.interleave`."""
    rows, columns = matrix.shape
    pairs = matrix.reshape(heads, rows // heads // 2, 2, columns)
    return np.ascontiguousarray(pairs.swapaxes(1, 2).reshape(rows, columns))


if __name__ == "__main__":
    main()
