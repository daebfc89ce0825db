"""The models that judge, as they are shipped: what they say of a few cases that nobody trained them on."""

import json
import zlib
from itertools import islice
from pathlib import Path

import gguf
import numpy as np
import pytest

from fledgling import guarded, quantized, scoring
from fledgling.family import Family
from fledgling.responses import LEARNED, UNSEEN
from magpie.modelfiles.locate import find_model

REWARD, GUARD, TOKENIZER = "fledgling-reward", "fledgling-guard", find_model("fledgling").parent / "tokenizer.json"


@pytest.mark.parametrize(("families", "least"), [(LEARNED, 0.75), (UNSEEN, 0.58)], ids=["learned", "unseen"])
def test_right_responses_have_the_higher_reward(families: tuple[Family, ...], least: float) -> None:
    """More often than by chance: the card has the figures, of many more pairs."""
    right, wrong = scoring.scored(REWARD, scoring.drawn(families, 100, ()))
    assert sum(a > b for a, b in zip(right, wrong, strict=True)) > 100 * least


def test_unsafe_conversations_are_the_likelier_harm() -> None:
    cases = list(islice((case for case in guarded.cases(5) if case.is_held_out), 40))
    assert scoring.separated(cases, scoring.judged(GUARD, cases), [True] * 40).value > 0.95


@pytest.mark.parametrize("name", [REWARD, GUARD])
def test_a_shipped_model_unpacks_to_the_same_numbers(name: str, tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    from fledgling import unpack

    unpack.unpacked(find_model(name), TOKENIZER, tmp_path / name)
    weights = safetensors.load_file(tmp_path / name / "model.safetensors")
    told = json.loads((tmp_path / name / "config.json").read_text())
    reader = gguf.GGUFReader(find_model(name))
    by_name = {tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}
    assert np.array_equal(weights["model.embed_tokens.weight"], by_name["token_embd.weight"])
    assert np.array_equal(weights["model.layers.0.mlp.up_proj.weight"], by_name["blk.0.ffn_up.weight"])
    assert told["num_hidden_layers"] * 9 + 2 + (name == REWARD) == len(weights)
    assert told["architectures"][0].endswith("SequenceClassification") == (name == REWARD)


def test_eight_bits_are_the_same_in_both_formats() -> None:
    matrix = np.random.default_rng(0).normal(size=(3, 64)).astype(np.float32) * [[1], [1e-3], [0]]
    whole, scales = quantized.eight_bits(matrix)
    back = gguf.quants.dequantize(quantized.packed(matrix), gguf.GGMLQuantizationType.Q8_0)
    assert np.array_equal(back, (whole * scales).reshape(3, 64))
    assert np.array_equal(back, back.astype(np.float16))
    assert np.abs(back - matrix).max() <= scales.max() / 2


def test_smaller_whole_numbers_are_as_exact_in_both_formats_and_pack_into_less() -> None:
    matrix = np.random.default_rng(0).normal(size=(64, 512)).astype(np.float32)
    back = gguf.quants.dequantize(quantized.packed(matrix, 63), gguf.GGMLQuantizationType.Q8_0)
    assert np.array_equal(back, back.astype(np.float16))
    whole, scales = quantized.eight_bits(matrix, 63)
    assert np.abs(whole).max() <= 63
    assert np.abs(back - matrix).max() <= scales.max() / 2
    sizes = [len(zlib.compress(quantized.packed(matrix, largest).tobytes())) for largest in (63, 127)]
    assert sizes[0] < 0.9 * sizes[1]


def test_rows_of_heads_are_put_back() -> None:
    pytest.importorskip("safetensors.numpy")
    from fledgling import unpack
    from fledgling.export import interleave

    matrix = np.arange(16 * 3).reshape(16, 3)
    assert np.array_equal(unpack.halves(interleave(matrix, 2), 2), matrix)
