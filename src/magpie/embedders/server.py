"""Embeds texts by a server with OpenAI's `/v1/embeddings`: many texts per request, many requests at once.

A text that the server refuses costs its own vector only: the texts of a refused request are asked for again in halves.
Knows connections, retries and keys; the content of requests and answers belongs to `server_answers`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from magpie.embedders.server_answers import body, most_bytes, served_models, vectors
from magpie.errors import ModelError, RequestFailed, UserError
from magpie.http.answers import QUESTION_BYTES, Garbled, error_message
from magpie.http.blocking import BlockingClient, open_blocking
from magpie.http.endpoints import Address, open_endpoint
from magpie.http.exchange import Broken, Response, TooSlow, Unreachable
from magpie.http.retries import may_pass
from magpie.http.waiting import Waiting
from magpie.safe.keys import WITHHELD, are_withheld
from magpie.safe.redaction import one_line
from magpie.settings.embedders import EmbeddingServer

_TRIAL = "Hello."


@contextmanager
def open_server(settings: EmbeddingServer) -> Iterator[ServerEmbedder]:
    """Find out what the server is, with one trial request. Raises `UserError` for what the user can correct."""
    endpoint = open_endpoint(settings.url, settings.api_key_env, "embed.embedder", "http://localhost:8000/v1")
    with open_blocking(endpoint, settings.connect_seconds) as client:
        embedder = ServerEmbedder(client, settings, endpoint.address)
        try:
            embedder.prove()
            yield embedder
        finally:
            embedder.close()


class ServerEmbedder:
    """Implements `Embedder`, and gives a reason for each text that got no vector."""

    def __init__(self, client: BlockingClient, settings: EmbeddingServer, address: Address) -> None:
        self._client, self._settings = client, settings
        self._address, self._root = address, address.told.removesuffix("/v1")
        self._model = settings.served_model
        self._dimension = settings.dimension
        self._pool = ThreadPoolExecutor(settings.concurrency, "embedder")
        self._closing = threading.Event()
        self._waiting = Waiting(self._root, settings.patience, self._closing, "the rows so far are in the run")

    def close(self) -> None:
        self._closing.set()
        self._pool.shutdown(cancel_futures=True)

    @property
    def dimension(self) -> int:
        assert self._dimension is not None, "it was proved"
        return self._dimension

    @property
    def served_model(self) -> str | None:
        """None where the server does not say what it serves."""
        return self._model

    # -- opening -------------------------------------------------------------------------------------------------------

    def prove(self) -> None:
        """Find the model's name, and the dimension, with one text."""
        self._model = self._model or self._only_model()
        asked = body(self._model, [_TRIAL], self._settings.request)
        answer = self._first("POST", "/v1/embeddings", most_bytes(1, self._dimension), asked)
        if answer.status != 200:
            raise self._no_use(answer)
        try:
            (vector,) = vectors(answer.body, 1)
        except Garbled as error:
            raise ModelError(f"{self._root} does not embed by /v1/embeddings: {error}") from None
        self._check(vector)
        self._dimension = len(vector)

    def _only_model(self) -> str | None:
        answer = self._first("GET", "/v1/models", QUESTION_BYTES)
        if answer.status in (401, 403):
            raise self._no_use(answer)
        served = served_models(answer.body) if answer.status == 200 else []
        if len(served) > 1:
            shown = ", ".join(one_line(name, 100) for name in served[:12])
            raise ModelError(f"{self._root} serves {shown}: name one by embed.embedder.served_model")
        return served[0] if served else None

    def _first(self, method: str, route: str, most: int, asked: bytes | None = None) -> Response:
        """An answer at opening, when nothing was made yet and nobody should have to wait."""
        try:
            return self._fetch(method, route, most, asked)
        except (Unreachable, Broken, TooSlow) as error:
            raise UserError(f"{self._root} gives no answer ({error}): start the server, or mend the url") from None
        except Garbled as error:
            raise UserError(f"{self._root}{route}: {error}; expected a server with /v1/embeddings") from None

    def _fetch(self, method: str, route: str, most: int, asked: bytes | None = None) -> Response:
        path = self._address.path(route)
        return self._client.fetch(method, path, asked, seconds=self._settings.answer_seconds, most=most)

    def _no_use(self, answer: Response) -> UserError:
        """What a status means for all texts."""
        told = f"{self._root} answers {answer.status} {error_message(answer.body)}"
        if answer.status in (401, 403):
            variable = self._settings.api_key_env
            hint = f"check the key in {variable}" if variable else "name the variable with its API key by api_key_env"
            if variable and are_withheld():
                hint = f"{WITHHELD}: say embed.embedder.served_model and dimension, or leave --dry-run out"
            return UserError(f"{told}: {hint}")
        if may_pass(answer.status):
            return UserError(f"{told}: it is not ready; run the same command again when it is")
        return ModelError(f"{told}: expected a server with /v1/embeddings, and in served_model a model that embeds")

    def _check(self, vector: Any) -> None:
        """Raise `ModelError` if the server now gives vectors of another length."""
        if self._dimension is not None and len(vector) != self._dimension:
            raise ModelError(
                f"{self._root} gives vectors of {len(vector)} numbers, and {self._dimension} were expected: it serves "
                "another model than before; serve the former one again, or change embed.embedder.dimension, which "
                "embeds all rows again"
            )

    # -- embedding -----------------------------------------------------------------------------------------------------

    def embed(self, texts: Sequence[str]) -> list[Any]:
        """A vector for each, or `RequestFailed` for one that got none this time.

        Raises `ServerLost` where the server has gone, `UserError` where it refuses all of them.
        """
        self._waiting.begin()
        size = self._settings.batch
        futures = [self._pool.submit(self._some, texts[start : start + size]) for start in range(0, len(texts), size)]
        try:
            return [one for future in futures for one in future.result()]
        finally:
            for future in futures:
                future.cancel()

    def _some(self, texts: Sequence[str]) -> list[Any]:
        """The vectors of one request; where the server refuses it, of both halves."""
        try:
            return self._asked(texts)
        except _Refused as error:
            if len(texts) == 1:
                return [RequestFailed(f"the server refuses the text: {error}")]
            half = len(texts) // 2
            return [*self._some(texts[:half]), *self._some(texts[half:])]
        except RequestFailed as error:
            return [error] * len(texts)

    def _asked(self, texts: Sequence[str]) -> list[Any]:
        asked = body(self._model, texts, self._settings.request)
        most = most_bytes(len(texts), self._dimension)

        def read(answer: Response) -> list[Any]:
            if answer.status != 200:
                raise self._refusal(answer)
            return list(vectors(answer.body, len(texts)))

        found = self._waiting.answer(
            lambda: self._fetch("POST", "/v1/embeddings", most, asked), read, self._settings.retries, "vectors"
        )
        for vector in found:
            self._check(vector)
        return found

    def _refusal(self, answer: Response) -> Exception:
        if answer.status in (400, 413, 422):
            return _Refused(f"{answer.status} {error_message(answer.body)}")
        return self._no_use(answer)


class _Refused(Exception):
    """The server refuses a request for what is in it."""
