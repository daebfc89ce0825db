"""The models as they are shipped: complete, small, the same in both formats, one tokenisation for all."""

import json
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path

import gguf
import pytest
import xllamacpp
from tokenizers import Tokenizer

from fledgling.chat import CHAT_TEMPLATE, END, END_ID, SPECIALS

FOLDER = Path(__file__).parents[2] / "src" / "magpie" / "weights" / "fledgling"
GGUF = FOLDER / "fledgling-f16.gguf"
BASE = FOLDER.parent / "fledgling-base" / "fledgling-base-f16.gguf"
TEXTS = (
    "Hello world", "What's 12345 + 67,890?", "I'm, he'll, THEY'RE, we've 'S", "a  b   c    d", "  leading, trailing  ",
    "line\n\n\nnew\r\n\ttab \t mix\n  x", "emoji \U0001f600\U0001f469\u200d\U0001f467 ok", "中文字符 和 English。",
    "üñíçødé naïve Ça É e\u0301", "١٢٣ ४५६ ⅷ ²³", "def f(x):\n    return x ** 2\n", "!!!...???\n\n--__",
    "a\u00a0b\u2003c\u200bd \u2028 \u0085", "Здравствуйте, мир", "مرحبا بالعالم", "한국어 テスト",
    "<|im_start|>user\nhi<|im_end|>\n",
)  # fmt: skip


@pytest.fixture(scope="module")
def llama_tokens() -> Callable[[str], list[int]]:
    """llama.cpp's own tokenisation, over its server's HTTP door."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(GGUF)
    parameters.n_parallel, parameters.n_ctx, parameters.port = 1, 256, 0
    parameters.verbosity, parameters.warmup = 0, False
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(parameters)

    def tokens(text: str) -> list[int]:
        body = json.dumps({"content": text, "add_special": False, "parse_special": True}).encode()
        request = urllib.request.Request(
            f"{server.listening_address}/tokenize", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            found: list[int] = json.loads(answer.read())["tokens"]
        return found

    return tokens


def value(reader: gguf.GGUFReader, key: str) -> object:
    field = reader.get_field(key)
    assert field is not None, key
    return field.contents()


def test_the_models_are_complete() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors",
        GGUF.name,
    }  # fmt: skip
    assert [path.name for path in BASE.parent.iterdir()] == [BASE.name]
    for name in ("fledgling-reward", "fledgling-guard", "fledgling-think"):
        assert [path.name for path in (FOLDER.parent / name).iterdir()] == [f"{name}-q8_0.gguf"]
    assert not (FOLDER.parent / "__init__.py").exists()


def test_a_wheel_has_at_most_45_mb() -> None:
    """As a wheel packs the package: each file deflated by itself, and a name for each."""
    package = FOLDER.parents[1]
    files = [path for path in package.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    packed = sum(len(zlib.compress(path.read_bytes(), 6)) + 2 * len(str(path)) + 200 for path in files)
    assert packed <= 45_000_000


def test_the_base_has_the_same_shape_and_vocabulary_and_no_chat_template() -> None:
    chat, base = gguf.GGUFReader(GGUF), gguf.GGUFReader(BASE)
    assert base.get_field("tokenizer.chat_template") is None
    told = {name for name in chat.fields if not name.startswith("GGUF.")} - {"tokenizer.chat_template", "general.name"}
    for name in told:
        assert value(base, name) == value(chat, name), name
    shapes = [{tensor.name: tensor.shape.tolist() for tensor in reader.tensors} for reader in (chat, base)]
    assert shapes[0] == shapes[1]


def test_both_formats_carry_the_same_template_vocabulary_and_end_tokens() -> None:
    reader = gguf.GGUFReader(GGUF)
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    settings = json.loads((FOLDER / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert settings["chat_template"] == value(reader, "tokenizer.chat_template") == CHAT_TEMPLATE
    assert settings["eos_token"] == END
    assert [tokenizer.id_to_token(index) for index in range(len(SPECIALS))] == list(SPECIALS)
    assert value(reader, "tokenizer.ggml.eos_token_id") == value(reader, "tokenizer.ggml.eot_token_id") == END_ID
    assert value(reader, "tokenizer.ggml.add_bos_token") is False
    vocabulary = value(reader, "tokenizer.ggml.tokens")
    assert vocabulary == [tokenizer.id_to_token(index) for index in range(tokenizer.get_vocab_size())]


@pytest.mark.parametrize("text", TEXTS)
def test_llama_cpp_splits_text_as_the_tokenizer_file_does(text: str, llama_tokens: Callable[[str], list[int]]) -> None:
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    assert llama_tokens(text) == tokenizer.encode(text, add_special_tokens=False).ids
