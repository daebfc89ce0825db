"""Writes a trained model as a Hugging Face folder and as a GGUF file, both fp16, both complete; a base as GGUF only.

`python -m fledgling.export` writes what a checkpoint holds, so that a model can be looked at while it is trained. Knows
file formats; knows nothing of how the weights came to be.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np

from fledgling.chat import CHAT_TEMPLATE, END, END_ID, END_OF_TEXT, END_OF_TEXT_ID
from fledgling.model_shape import Shape

if TYPE_CHECKING:
    from fledgling.model import Fledgling

BASE = "-base"  # how the names of models end that have no chat format


def gguf_name(name: str) -> str:
    return f"{name}-f16.gguf"


def export(model: "Fledgling", tokenizer_json: Path, folder: Path, origin: dict[str, Any]) -> None:
    """Replaces `folder`, which is named like the model, whole: it is written next to its place and then moved there."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    write_hugging_face(model, tokenizer_json, part, origin)
    write_gguf(part, part / gguf_name(folder.name), folder.name)
    if folder.name.endswith(BASE):
        keep_only(part, gguf_name(folder.name))
    shutil.rmtree(folder, ignore_errors=True)
    part.replace(folder)


def keep_only(folder: Path, name: str) -> None:
    for path in folder.iterdir():
        if path.name != name:
            path.unlink()


# -- the Hugging Face folder -------------------------------------------------------------------------------------------


def write_hugging_face(model: "Fledgling", tokenizer_json: Path, folder: Path, origin: dict[str, Any]) -> None:
    from safetensors.numpy import save_file  # not needed for GGUF files, which tests read

    weights = {name: tensor.detach().cpu().numpy().astype(np.float16) for name, tensor in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)  # safetensors makes it private
    shutil.copyfile(tokenizer_json, folder / "tokenizer.json")
    write_json(folder / "config.json", config(model.shape) | {"fledgling": origin})
    write_json(folder / "generation_config.json", {"eos_token_id": END_ID, "pad_token_id": END_OF_TEXT_ID})
    write_json(folder / "tokenizer_config.json", tokenizer_config(model.shape))


def config(shape: Shape) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "intermediate_size": shape.inner,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.heads,
        "head_dim": shape.head_width,
        "max_position_embeddings": shape.positions,
        "rope_theta": shape.theta,
        "rms_norm_eps": 1e-5,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": END_ID,
        "pad_token_id": END_OF_TEXT_ID,
        "torch_dtype": "float16",
    }


def tokenizer_config(shape: Shape) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": None,
        "eos_token": END,
        "pad_token": END_OF_TEXT,
        "add_bos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": shape.positions,
        "chat_template": CHAT_TEMPLATE,
    }


def write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


# -- the GGUF file -----------------------------------------------------------------------------------------------------


def write_gguf(folder: Path, path: Path, name: str) -> None:
    """Converts the Hugging Face folder; llama.cpp reads the result."""
    from safetensors.numpy import load_file

    shape = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    add_shape(writer, shape)
    if not name.endswith(BASE):
        writer.add_chat_template(CHAT_TEMPLATE)
    add_tokenizer(writer, json.loads((folder / "tokenizer.json").read_text(encoding="utf-8")), shape["vocab_size"])
    add_tensors(writer, load_file(folder / "model.safetensors"), shape)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_shape(
    writer: gguf.GGUFWriter, shape: dict[str, Any], kind: gguf.LlamaFileType = gguf.LlamaFileType.MOSTLY_F16
) -> None:
    writer.add_file_type(kind)
    writer.add_vocab_size(shape["vocab_size"])
    writer.add_context_length(shape["max_position_embeddings"])
    writer.add_embedding_length(shape["hidden_size"])
    writer.add_block_count(shape["num_hidden_layers"])
    writer.add_feed_forward_length(shape["intermediate_size"])
    writer.add_head_count(shape["num_attention_heads"])
    writer.add_head_count_kv(shape["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(shape["rms_norm_eps"])
    writer.add_rope_freq_base(shape["rope_theta"])
    writer.add_rope_dimension_count(shape["head_dim"])


def add_tokenizer(writer: gguf.GGUFWriter, tokenizer: dict[str, Any], size: int) -> None:
    tokens, types = [f"[unused {i}]" for i in range(size)], [gguf.TokenType.UNUSED] * size
    for token, index in tokenizer["model"]["vocab"].items():
        tokens[index], types[index] = token, gguf.TokenType.NORMAL
    for added in tokenizer["added_tokens"]:
        tokens[added["id"]], types[added["id"]] = added["content"], gguf.TokenType.CONTROL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(merge) for merge in tokenizer["model"]["merges"]])
    writer.add_eos_token_id(END_ID)
    writer.add_eot_token_id(END_ID)
    writer.add_pad_token_id(END_OF_TEXT_ID)
    writer.add_add_bos_token(False)


def add_tensors(writer: gguf.GGUFWriter, weights: dict[str, np.ndarray], shape: dict[str, Any]) -> None:
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, shape["num_hidden_layers"])
    for name, tensor in weights.items():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            tensor = interleave(tensor, shape["num_attention_heads"])
        kept = tensor if tensor.ndim == 2 else tensor.astype(np.float32)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)) or name, kept)


def interleave(matrix: np.ndarray, heads: int) -> np.ndarray:
    """Rows as llama.cpp rotates them: the two halves of each head, one row of each in turn."""
    rows, columns = matrix.shape
    halves = matrix.reshape(heads, 2, rows // heads // 2, columns)
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(rows, columns))


# -- a checkpoint ------------------------------------------------------------------------------------------------------


def main() -> None:
    import torch  # the rest needs only what it is given

    from fledgling.model import Fledgling

    parser = argparse.ArgumentParser(prog="python -m fledgling.export", description=__doc__)
    parser.add_argument("checkpoint", type=Path, help="such as build/fledgling/fledgling/checkpoint.pt")
    parser.add_argument("folder", type=Path, help="named like the model; replaced whole")
    arguments = parser.parse_args()
    state = torch.load(arguments.checkpoint, map_location="cpu")
    model = Fledgling(Shape(**state["identity"]["shape"]))
    model.load_state_dict(state["model"])
    tokenizer_json = arguments.checkpoint.parents[1] / "tokenizer.json"
    export(model, tokenizer_json, arguments.folder, state["origin"] | {"step": state["step"]})


if __name__ == "__main__":
    main()
