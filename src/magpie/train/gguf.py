"""Writes a trained folder as a GGUF file of 16 bits, for Llama and what is built like it: Mistral, Qwen2 and Qwen3.

The vocabulary is copied from a GGUF file of the same tokenizer where there is one, else made from tokenizer.json, and
held against the tokenizer afterwards. A reward model's head goes where `magpie.engines.llamacpp.scores` looks for it.
The arithmetic is llama.cpp's: its rotary positions pair neighbors in Llama and halves in Qwen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from magpie.engines.llamacpp.scores import HEAD
from magpie.errors import ModelError, UserError
from magpie.modelfiles.gguf import read_metadata
from magpie.modelfiles.model import open_model
from magpie.modelfiles.tokenizer import FastTokenizer
from magpie.modelfiles.vocabulary import pretokenizer_of
from magpie.runs import storage
from magpie.train.bases import Base

if TYPE_CHECKING:
    import gguf
    import numpy as np

ARCHITECTURES = {"llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3"}
"""`model_type` of a config.json to the architecture of a GGUF file."""
INSTEAD = "leave --gguf out, and convert the folder by llama.cpp's own convert_hf_to_gguf.py"
_TRIED = (
    "Hello, world! It's 2024, isn't it?\n\n\tx = [1, 23, 456]  # naïve café\n",
    "Привет 你好 🙂🙂   trailing   \n\n\n",
)
"""Texts that both tokenizers must read as the same ids."""
_MOST_F16 = 65504.0


def check_can_write(base: Base, method: str) -> None:
    """Raise `UserError` for a model that is not written as GGUF, before it is trained."""
    kind = _kind(base)
    if kind is not None and kind not in ARCHITECTURES:
        raise UserError(f"--gguf: writes {', '.join(ARCHITECTURES)}, and {base.name} is {kind}: {INSTEAD}")
    if method == "rm" and kind not in (None, "llama"):
        raise UserError(f"--gguf: writes reward models of the architecture llama, and {base.name} is {kind}: {INSTEAD}")
    _vocabulary(base)


def _kind(base: Base) -> str | None:
    """`model_type` of the base; of a GGUF file, its architecture."""
    if base.place.folder is not None:
        path = base.place.folder / "config.json"
        config = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return str(config.get("model_type")) if config else None
    assert base.place.gguf is not None, "a place has a form"
    return str(
        read_metadata(base.place.gguf, until=lambda key, _: key.startswith("tokenizer."))["general.architecture"]
    )


def write_gguf(base: Base, folder: Path, path: Path, name: str) -> None:
    """Write the model in `folder`, which has `base`'s tokenizer, as the GGUF file `path`.

    Raises `UserError` for a model that is not written, and for one whose file would read texts otherwise.
    """
    import gguf

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kind = config.get("model_type")
    if kind not in ARCHITECTURES or config.get("attention_bias") or config.get("mlp_bias"):
        raise UserError(f"--gguf: {base.name} is {kind}, which is not written as GGUF: {INSTEAD}")
    part = path.with_name(f"{path.name}.part")
    with storage(path):
        writer = gguf.GGUFWriter(part, ARCHITECTURES[kind])
        writer.add_name(name)
        _add_shape(writer, config)
        _add_vocabulary(writer, base, config, _ends(config))
        writer.add_chat_template(base.chat_template)
        _add_weights(writer, folder, config)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        _check_reads(part, base)
        part.replace(path)


def _add_shape(writer: gguf.GGUFWriter, config: Mapping[str, Any]) -> None:
    import gguf

    heads = config["num_attention_heads"]
    width = config.get("head_dim") or config["hidden_size"] // heads
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_dimension_count(width)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(_rope(config)["rope_theta"])


def _rope(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Rotary positions, as config.json has had them since transformers 5 and before. Raises `UserError`."""
    found = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
    found.setdefault("rope_theta", config.get("rope_theta", 10000.0))
    kind = found.get("rope_type", found.get("type", "default"))
    if kind not in ("default", "llama3"):
        raise UserError(f"--gguf: rotary positions of kind {kind!r} are not written as GGUF: {INSTEAD}")
    return {**found, "rope_type": kind}


def rope_factors(rope: Mapping[str, Any], width: int) -> list[float]:
    """What Llama 3.1 divides each frequency of a head by: long waves by the whole factor, short ones by nothing."""
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    before = rope["original_max_position_embeddings"]
    found = []
    for place in range(0, width, 2):
        wave = 2 * math.pi * rope["rope_theta"] ** (place / width)
        if wave < before / high:
            found.append(1.0)
        elif wave > before / low:
            found.append(float(factor))
        else:
            smooth = (before / wave - low) / (high - low)
            found.append(1 / ((1 - smooth) / factor + smooth))
    return found


# -- the vocabulary ----------------------------------------------------------------------------------------------------


def _ends(config: Mapping[str, Any]) -> list[int]:
    """The tokens that end a generation, the commonest first."""
    found = config.get("eos_token_id")
    return [token for token in (found if isinstance(found, list) else [found]) if isinstance(token, int)]


def _vocabulary(base: Base) -> Mapping[str, Any]:
    """The keys `tokenizer.ggml.*`, without the ids. Raises `UserError` where they cannot be told."""
    for place in (base.speaker, base.place):
        if place.gguf is not None:
            metadata = read_metadata(place.gguf)
            kept = ("model", "pre", "tokens", "token_type", "merges", "scores", "add_space_prefix", "add_bos_token")
            named = {key: metadata.get(f"tokenizer.ggml.{key}") for key in kept}
            return {key: value for key, value in named.items() if value is not None}
    tokenizer = base.speaker_files.tokenizer
    state = json.loads(tokenizer.inner.to_str()) if isinstance(tokenizer, FastTokenizer) else {}
    pre = pretokenizer_of(state)
    if pre is None:
        raise UserError(f"--gguf: GGUF files have no name for the way in which {base.name} cuts text: {INSTEAD}")
    return _from_json(state, pre, base.speaker_files.adds_bos)


def _from_json(state: Mapping[str, Any], pre: str, adds_bos: bool) -> Mapping[str, Any]:
    """Of byte-level BPE, as tokenizer.json has it."""
    normal, control, unused = 1, 3, 5
    texts: dict[int, tuple[str, int]] = {index: (text, normal) for text, index in state["model"]["vocab"].items()}
    texts |= {added["id"]: (added["content"], control) for added in state["added_tokens"]}
    size = max(texts) + 1
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in state["model"]["merges"]]
    every = [texts.get(index, (f"[PAD{index}]", unused)) for index in range(size)]
    return {
        "model": "gpt2",
        "pre": pre,
        "tokens": [text for text, _ in every],
        "token_type": [kind for _, kind in every],
        "merges": merges,
        "add_bos_token": adds_bos,
    }


def _add_vocabulary(writer: gguf.GGUFWriter, base: Base, config: Mapping[str, Any], ends: Sequence[int]) -> None:
    found = _vocabulary(base)
    missing = range(len(found["tokens"]), config["vocab_size"])
    writer.add_tokenizer_model(found["model"])
    if "pre" in found:
        writer.add_tokenizer_pre(found["pre"])
    writer.add_token_list([*found["tokens"], *(f"[PAD{index}]" for index in missing)])
    writer.add_token_types([*(found.get("token_type") or [1] * len(found["tokens"])), *(5 for _ in missing)])
    if "scores" in found:
        writer.add_token_scores([*found["scores"], *(-1000.0 for _ in missing)])
    if "merges" in found:
        writer.add_token_merges(found["merges"])
    if "add_space_prefix" in found:
        writer.add_add_space_prefix(found["add_space_prefix"])
    writer.add_add_bos_token(bool(found.get("add_bos_token", base.speaker_files.adds_bos)))
    if ends:
        writer.add_eos_token_id(ends[0])
        writer.add_eot_token_id(ends[0])
    for key, add in (("bos_token_id", writer.add_bos_token_id), ("pad_token_id", writer.add_pad_token_id)):
        if isinstance(config.get(key), int):
            add(config[key])


def _check_reads(path: Path, base: Base) -> None:
    """Raise `ModelError` where the file's tokenizer reads a text otherwise."""
    files = open_model(path)
    for text in _TRIED:
        if files.tokenizer.encode(text) != base.speaker_files.tokenizer.encode(text):
            path.unlink()
            raise ModelError(f"--gguf: the file of {base.name} would cut texts otherwise than its tokenizer: {INSTEAD}")


# -- the weights -------------------------------------------------------------------------------------------------------


def _add_weights(writer: gguf.GGUFWriter, folder: Path, config: Mapping[str, Any]) -> None:
    import gguf
    import numpy as np

    architecture = ARCHITECTURES[config["model_type"]]
    kind = next(number for number, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    names = gguf.get_tensor_name_map(kind, config["num_hidden_layers"])
    heads = config["num_attention_heads"]
    shared = config.get("num_key_value_heads") or heads
    for name, tensor in _weights(folder):
        if name == "lm_head.weight" and config.get("tie_word_embeddings"):
            continue
        if name == "score.weight":
            _add_head(writer, tensor, config)
            continue
        if architecture == "llama" and name.endswith("q_proj.weight"):
            tensor = interleave(tensor, heads)
        if architecture == "llama" and name.endswith("k_proj.weight"):
            tensor = interleave(tensor, shared)
        called = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if called is None:
            raise UserError(f"--gguf: the weight {name} has no place in a GGUF file of {architecture}: {INSTEAD}")
        if tensor.ndim == 2 and float(np.abs(tensor).max(initial=0)) > _MOST_F16:
            raise ModelError(f"--gguf: the weight {name} is too large for 16 bits: {INSTEAD}")
        writer.add_tensor(called, tensor.astype(np.float16) if tensor.ndim == 2 else tensor)
    rope = _rope(config)
    if rope["rope_type"] == "llama3":
        width = config.get("head_dim") or config["hidden_size"] // heads
        writer.add_tensor("rope_freqs.weight", np.array(rope_factors(rope, width), np.float32))


def _add_head(writer: gguf.GGUFWriter, tensor: np.ndarray, config: Mapping[str, Any]) -> None:
    import gguf

    labels = config.get("id2label") or {}
    writer.add_pooling_type(gguf.PoolingType.LAST)
    writer.add_classifier_output_labels([str(labels.get("0", labels.get(0, "reward")))])
    writer.add_array(HEAD, [float(value) for value in tensor.reshape(-1)])


def _weights(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Names and numbers, in float32, one weight at a time."""
    from safetensors import safe_open

    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (it is no mapping)
                yield name, file.get_tensor(name).float().numpy()


def interleave(matrix: np.ndarray, heads: int) -> np.ndarray:
    """Rows as llama.cpp rotates Llama's: of the two halves of each head, one row of each in turn."""
    import numpy as np

    rows, columns = matrix.shape
    halves = matrix.reshape(heads, 2, rows // heads // 2, columns)
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(rows, columns))
