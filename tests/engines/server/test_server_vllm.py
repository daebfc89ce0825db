"""The engine server and a real vLLM one, beyond the conformance suite: streams, and a model that it does not serve."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pytest

from magpie.engines.server.engine import Facts, detect, open_server
from magpie.engines.server.openai import STREAM_ABOVE
from magpie.errors import ModelError
from magpie.modelfiles.model import open_model
from magpie.seams import Request, SamplingParams, Tokens
from magpie.settings.engines import Server as ServerSettings
from tests.engines.asking import completions
from tests.engines.local_servers import shared_vllm_server

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed here (scripts/env-vllm.sh)"),
]

FLEDGLING = Path(str(files("magpie"))) / "weights" / "fledgling"


@pytest.fixture(scope="module")
def url() -> str:
    return shared_vllm_server(FLEDGLING, context=256)


def test_it_says_what_it_is(url: str) -> None:
    assert detect(ServerSettings(url=url)) == Facts("vllm", "tiny", 256)
    with pytest.raises(ModelError, match="it serves tiny"):
        detect(ServerSettings(url=url, served_model="huge"))


def test_a_streamed_answer_is_the_whole_one(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vocabulary = open_model(FLEDGLING).tokenizer
    prompt = Tokens(tuple(vocabulary.encode("<|im_start|>user\n")))
    sampling = SamplingParams(temperature=0.0, max_tokens=STREAM_ABOVE + 100)
    requests = [Request(prompt, sampling, logprobs=n, banned=(43,) * (n % 2)) for n in range(3)]
    requests += [replace(one, sampling=replace(sampling, stop=(" a ", "the"))) for one in requests]
    with open_server(ServerSettings(url=url), vocabulary=vocabulary) as engine:
        streamed = completions(engine, requests)
        monkeypatch.setattr("magpie.engines.server.openai.STREAM_ABOVE", 10**9)
        whole = completions(engine, requests)
    for one, other in zip(streamed, whole, strict=True):
        assert replace(one, logprobs=()) == replace(other, logprobs=())
        assert [[name[:2] for name in place] for place in one.logprobs] == [
            [name[:2] for name in place] for place in other.logprobs
        ]
