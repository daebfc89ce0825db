"""Vectors from a server: what it is asked, what its answers mean, and what is said when it does not answer.

The server here answers as OpenAI's reference has it, or fails on purpose; a real one, llama.cpp's, is asked at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from magpie.embedders.server import open_server
from magpie.embedders.server_answers import Garbled, body, vectors
from magpie.engines.llamacpp.engine import import_llamacpp
from magpie.errors import ModelError, RequestFailed, ServerLost, UserError
from magpie.http import retries
from magpie.modelfiles.locate import find_model
from magpie.settings.embedders import EmbeddingServer
from tests.engines.fault_server import Action, Ask, Body, FaultServer, Say, fault_server, half_close, vanish
from tests.engines.hostile_answers import LARGE, ODDLY_PACKED, SLOW, TEXTS
from tests.engines.local_servers import free_port

Answers = Callable[[Ask], Action]


def embedded(some: list[list[Any]]) -> Body:
    """As OpenAI's reference has it, in another order than the texts': the number tells."""
    data = [{"object": "embedding", "index": place, "embedding": vector} for place, vector in enumerate(some)]
    return {"object": "list", "model": "m", "data": data[::-1], "usage": {"prompt_tokens": 8, "total_tokens": 8}}


def by_length(ask: Ask) -> Action:
    """A vector that tells the length of its text."""
    return Say(embedded([[float(len(text)), 1.0, 0.0] for text in ask.body["input"]]))


def error(message: str, code: int = 400) -> Say:
    return Say({"error": {"message": message, "type": "BadRequestError", "param": None, "code": code}}, code)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Answers], FaultServer]]:
    """A server with one model, `m`, and no waits between tries."""
    monkeypatch.setattr(retries, "FIRST_BACKOFF", 0.01)
    running: list[Any] = []

    def begin(answers: Answers) -> FaultServer:
        context = fault_server(answers)
        running.append(context)
        return context.__enter__()

    yield begin
    for context in running:
        context.__exit__(None, None, None)


def embed(url: str, texts: list[str], **settings: Any) -> list[Any]:
    """The first number of each vector, or what was said in place of it."""
    with open_server(EmbeddingServer(url=url, **settings)) as embedder:
        return [str(one) if isinstance(one, RequestFailed) else float(one[0]) for one in embedder.embed(texts)]


# -- what is asked and what is read -----------------------------------------------------------------------------------


def test_every_vector_goes_to_its_text_over_many_requests(serve: Callable[[Answers], FaultServer]) -> None:
    stub = serve(by_length)
    texts = ["x" * n for n in range(1, 100)]
    assert embed(f"{stub.url}/v1/", texts, batch=7, concurrency=5) == [float(n) for n in range(1, 100)]
    assert len(stub.asked) == 1 + 15


def test_a_request_is_as_openai_has_it_with_what_the_recipe_adds(serve: Callable[[Answers], FaultServer]) -> None:
    stub = serve(by_length)
    embed(stub.url, ["one", "two"], request={"dimensions": 3})
    assert stub.asked[-1].path == "/v1/embeddings"
    assert stub.asked[-1].body == {
        "model": "m",
        "input": ["one", "two"],
        "encoding_format": "float",
        "dimensions": 3,
    }


def test_half_a_surrogate_pair_is_no_reason_to_fail() -> None:
    assert b'"input":["a?"]' in body("m", ["a\ud800"], {})


def test_no_texts_are_not_asked_for(serve: Callable[[Answers], FaultServer]) -> None:
    stub = serve(by_length)
    assert embed(stub.url, []) == []
    assert len(stub.asked) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"data": []}',
        b'{"data": [{"embedding": "YmFzZTY0"}]}',
        b'{"data": [{"embedding": []}]}',
        b'{"data": [{"embedding": [[1, 2]]}]}',
        b'{"data": [{"embedding": [1, "two"]}]}',
        b'{"data": [{"index": 1, "embedding": [1, 2]}]}',
        b'{"data": [{"embedding": [1, 2]}, {"embedding": [1, 2]}]}',
        b'{"data": [null]}',
    ],
)
def test_what_is_no_vector_is_garbled(content: bytes) -> None:
    with pytest.raises(Garbled):
        vectors(content, 1)


def test_vectors_of_two_lengths_in_one_answer_are_garbled() -> None:
    with pytest.raises(Garbled, match="of 2 lengths"):
        vectors(b'{"data": [{"index": 0, "embedding": [1, 2]}, {"index": 1, "embedding": [1]}]}', 2)


# -- finding out what the server is -----------------------------------------------------------------------------------


def test_the_dimension_and_the_model_are_asked_for(serve: Callable[[Answers], FaultServer]) -> None:
    with open_server(EmbeddingServer(url=serve(by_length).url)) as embedder:
        assert (embedder.dimension, embedder.served_model) == (3, "m")


def test_a_server_of_several_models_must_be_told_which(serve: Callable[[Answers], FaultServer]) -> None:
    stub = serve(by_length)
    stub.pages["/v1/models"] = Say({"data": [{"id": "a"}, {"id": "b"}]})
    with pytest.raises(ModelError, match=r"serves a, b: name one by embed.embedder.served_model"):
        embed(stub.url, ["x"])
    assert embed(stub.url, ["x"], served_model="b") == [1.0]
    stub.pages["/v1/models"] = Say({"detail": "Not Found"}, 404)
    assert embed(stub.url, ["x"]) == [1.0]
    assert "model" not in stub.asked[-1].body


def test_a_server_that_does_not_embed_is_told_in_its_own_words(serve: Callable[[Answers], FaultServer]) -> None:
    stub = serve(lambda _: error("The model does not support Embeddings API", 400))
    with pytest.raises(ModelError, match=r"400 The model does not support Embeddings API: expected a server with /v1/"):
        embed(stub.url, ["x"])
    stub = serve(lambda _: Say({"error": "loading model"}, 503))
    with pytest.raises(UserError, match=r"503 loading model: it is not ready"):
        embed(stub.url, ["x"])


def test_another_dimension_than_the_recipe_says_is_one_clear_line(serve: Callable[[Answers], FaultServer]) -> None:
    with pytest.raises(ModelError, match=r"vectors of 3 numbers, and 768 were expected: it serves another model"):
        embed(serve(by_length).url, ["x"], dimension=768)


def test_a_model_that_changes_under_the_run_is_one_clear_line(serve: Callable[[Answers], FaultServer]) -> None:
    def changing(ask: Ask) -> Action:
        return by_length(ask) if ask.number < 2 else Say(embedded([[0.0] * 5 for _ in ask.body["input"]]))

    with pytest.raises(ModelError, match=r"vectors of 5 numbers, and 3 were expected"):
        embed(serve(changing).url, ["x", "y", "z"], batch=1, concurrency=1)


def test_a_model_of_much_longer_vectors_is_told_by_their_length(serve: Callable[[Answers], FaultServer]) -> None:
    def changing(ask: Ask) -> Action:
        size = 3 if ask.number == 0 else 4096
        return Say(embedded([[0.123456789] * size for _ in ask.body["input"]]))

    with pytest.raises(ModelError, match=r"vectors of 4096 numbers, and 3 were expected"):
        embed(serve(changing).url, ["x"] * 64)


def test_the_key_is_sent_and_stands_in_no_error(
    serve: Callable[[Answers], FaultServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBED_KEY", "sesame")

    def guarded(ask: Ask) -> Action:
        sent = ask.headers.get("Authorization", "")
        return by_length(ask) if sent == "Bearer sesame" else Say({"error": f"not for {sent}"}, 401)

    stub = serve(guarded)
    assert embed(stub.url, ["x"], api_key_env="EMBED_KEY") == [1.0]
    with pytest.raises(UserError, match="401 not for: name the variable with its API key"):
        embed(stub.url, ["x"])
    monkeypatch.setenv("EMBED_KEY", "guess")
    with pytest.raises(UserError, match=r"401 not for Bearer \*\*\*: check the key in EMBED_KEY"):
        embed(stub.url, ["x"], api_key_env="EMBED_KEY")
    monkeypatch.delenv("EMBED_KEY")
    with pytest.raises(UserError, match=r"EMBED_KEY, named by embed.embedder.api_key_env, is not set"):
        embed(stub.url, ["x"], api_key_env="EMBED_KEY")


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://x", "http://user:word@host"])
def test_what_is_no_address_is_told_without_the_secrets_in_it(url: str) -> None:
    with pytest.raises((UserError, ValidationError), match=r"embed.embedder.url|holds a name or a password") as told:
        embed(url, ["x"])
    assert "word" not in str(told.value).replace("password", "")


# -- faults -----------------------------------------------------------------------------------------------------------


def test_what_may_pass_is_tried_again(serve: Callable[[Answers], FaultServer]) -> None:
    faults: list[Action] = [Say({}, 503), vanish, half_close, Say(b"<html>"), Say(embedded([])), Say({}, 429)]

    def recovering(ask: Ask) -> Action:
        return faults[ask.number - 1] if 0 < ask.number <= len(faults) else by_length(ask)

    assert embed(serve(recovering).url, ["x"]) == [1.0]


def test_a_text_that_is_refused_costs_its_own_vector_only(serve: Callable[[Answers], FaultServer]) -> None:
    def choosy(ask: Ask) -> Action:
        longest = max(len(text) for text in ask.body["input"])
        return error("This model's maximum context length is 8 tokens") if longest > 8 else by_length(ask)

    texts = ["x" * (20 if n in (3, 11) else 1 + n % 8) for n in range(16)]
    found = embed(serve(choosy).url, texts)
    assert [n for n, one in enumerate(found) if isinstance(one, str)] == [3, 11]
    assert found[3] == "the server refuses the text: 400 This model's maximum context length is 8 tokens"
    assert [one for one in found if not isinstance(one, str)] == [float(len(t)) for t in texts if len(t) <= 8]


def test_texts_that_keep_failing_are_left_for_the_next_run(serve: Callable[[Answers], FaultServer]) -> None:
    def burning(ask: Ask) -> Action:
        return Say({"error": "on fire"}, 500) if "bad" in ask.body["input"] else by_length(ask)

    found = embed(serve(burning).url, ["a", "bad", "ccc"], batch=1, retries=2)
    assert (found[0], found[2]) == (1.0, 3.0)
    assert found[1] == "the server gave no vectors in 3 tries: 500 on fire"


def test_a_server_that_is_gone_is_waited_for(serve: Callable[[Answers], FaultServer]) -> None:
    stub = serve(by_length)
    with open_server(EmbeddingServer(url=stub.url)) as embedder:
        stub.stop()
        Timer(0.3, stub.start).start()
        assert [len(one) for one in embedder.embed(["x"])] == [3]


def test_a_server_that_stays_away_ends_the_run(serve: Callable[[Answers], FaultServer]) -> None:
    stub = serve(by_length)
    with open_server(EmbeddingServer(url=stub.url, patience=0.3)) as embedder:
        stub.stop()
        with pytest.raises(ServerLost, match=r"has not answered for 0.3 s .*start it again"):
            embedder.embed(["x"] * 200)
    with pytest.raises(UserError, match="gives no answer"):
        embed(stub.url, ["x"])
    stub.start()


ODD_VECTORS: dict[str, Any] = {
    "texts for numbers": [["1.0", "2.0", "3.0"]],
    "a text for a vector": ["abc"],
    "null for a number": [[1.0, None, 0.0]],
    "truth values": [[True, False, True]],
    "a number beyond all bounds": [[1e300, 0.0, 0.0]],
    "lists in a list": [[[1.0], [2.0], [3.0]]],
    "an object": [{"a": 1.0}],
    "null": [None],
    "none": [[]],
}
ODD_INDEXES: tuple[Any, ...] = ("0", -1, 5, 0.5, True, None, [], 1 << 60)
ODD_ANSWERS: dict[str, Action] = {
    **{name: Say(embedded(vector)) for name, vector in ODD_VECTORS.items()},
    **{
        f"the index {index!r}": Say({"data": [{"index": index, "embedding": [1.0, 2.0, 3.0]}]}) for index in ODD_INDEXES
    },
    **{name: Say(text) for name, text in TEXTS.items()},
    "an object for the list": Say({"data": {"0": {"embedding": [1.0]}}}),
    **ODDLY_PACKED,
    **LARGE,
}


@pytest.mark.parametrize("fault", ODD_ANSWERS)
def test_whatever_the_server_answers_a_request_fails_alone_and_in_one_line(
    serve: Callable[[Answers], FaultServer], fault: str
) -> None:
    stub = serve(lambda ask: ODD_ANSWERS[fault] if ask.body["input"] == ["bad"] else by_length(ask))
    found = embed(stub.url, ["a", "bad", "ccc"], batch=1, retries=1)
    assert (found[0], found[2]) == (1.0, 3.0)
    assert "in 2 tries" in found[1]
    assert "\n" not in found[1]
    assert len(found[1]) < 500


@pytest.mark.parametrize("fault", SLOW)
def test_an_answer_that_never_ends_fails_alone_at_its_deadline(
    serve: Callable[[Answers], FaultServer], fault: str
) -> None:
    stub = serve(lambda ask: SLOW[fault] if ask.body["input"] == ["bad"] else by_length(ask))
    found = embed(stub.url, ["a", "bad", "ccc"], batch=1, retries=1, answer_seconds=0.4)
    assert (found[0], found[2]) == (1.0, 3.0)
    assert found[1] == "the server gave no vectors in 2 tries: no whole answer in 0.4 seconds"


@pytest.mark.parametrize("fault", [*ODD_ANSWERS, *SLOW])
@pytest.mark.parametrize("route", ["/v1/models", "/v1/embeddings"])
def test_whatever_the_server_answers_at_opening_is_one_line(
    serve: Callable[[Answers], FaultServer], route: str, fault: str
) -> None:
    action = {**ODD_ANSWERS, **SLOW}[fault]
    stub = serve(by_length)
    stub.pages[route] = action
    settings = EmbeddingServer(url=stub.url, answer_seconds=0.4, retries=0)
    told = ""
    started = time.monotonic()
    try:
        with open_server(settings):
            pass
    except UserError as error:
        told = str(error)
    assert time.monotonic() - started < 20
    assert told or route == "/v1/models", "a server that does not say what it serves may embed"
    assert "\n" not in told
    assert len(told) < 1000


def test_a_refusal_without_end_is_told_by_its_beginning(serve: Callable[[Answers], FaultServer]) -> None:
    stub = serve(lambda ask: Say(b"no! " * (4 << 20), 400) if ask.body["input"] == ["bad"] else by_length(ask))
    found = embed(stub.url, ["bad"], retries=0)
    assert found[0].startswith("the server refuses the text: 400 no! no!")
    assert len(found[0]) < 400


# -- a real one -------------------------------------------------------------------------------------------------------


@contextmanager
def llama_embeddings() -> Iterator[str]:
    """llama.cpp's server with the model inside the package, which was not made for it, as an embedder."""
    library = import_llamacpp()
    params = library.CommonParams()
    params.model.path = str(find_model("fledgling"))
    params.hostnames, params.port = ["127.0.0.1"], free_port()
    params.verbosity, params.embedding = 0, True
    params.pooling_type = library.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    params.n_parallel, params.n_ctx, params.kv_unified = 4, 4 * 256, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.warmup = params.ui = False
    running = library.Server(params)
    try:
        yield f"http://127.0.0.1:{params.port}"
    finally:
        del running


def test_llamacpp_embeds_each_text_as_it_would_alone() -> None:
    texts = ["What is a fox?", "How many legs has a spider?", "What is a fox?"]
    with llama_embeddings() as url, open_server(EmbeddingServer(url=url, batch=3)) as embedder:
        together = np.stack(embedder.embed(texts))
        alone = np.stack([embedder.embed([text])[0] for text in texts])
        assert together.shape == (3, embedder.dimension)
    assert together == pytest.approx(alone, abs=1e-3)
    assert np.abs(together[0] - together[1]).max() > 1e-2
