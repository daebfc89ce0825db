"""Texts to vectors by a server with OpenAI's `/v1/embeddings`: many texts a request, many requests at once.

A text that the server refuses costs its own vector only: the texts of a refused request are asked for again in halves.
Knows connections, patience and keys; what is said over them is `server_answers`'s.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic
from typing import Any

import httpx

from magpie.embedders.server_answers import Garbled, body, served_models, vectors, words
from magpie.errors import ModelError, RequestFailed, ServerLost, UserError
from magpie.http import connections
from magpie.http.connections import MAY_PASS, api_key, backoff, server_root
from magpie.settings.embedders import EmbeddingServer

MOST_RETRY_AFTER = 120.0
"""Seconds: a server that asks for more is asked again then."""
GONE = frozenset({502, 503, 504})
"""Statuses of whatever stands before a server that is not there, or of one that is still loading."""
_TRIAL = "Hello."


@contextmanager
def open_server(settings: EmbeddingServer) -> Iterator[ServerEmbedder]:
    """Find out what the server is, with one trial. Raises `UserError` for what the user can mend."""
    root = server_root(settings.url, "embed.embedder.url", "http://localhost:8000/v1")
    key = api_key(settings.api_key_env, "embed.embedder.api_key_env")
    with connections.client(
        root, key, settings.concurrency, settings.connect_seconds, settings.answer_seconds
    ) as client:
        embedder = ServerEmbedder(client, settings, root, key)
        try:
            embedder.prove()
            yield embedder
        finally:
            embedder.close()


class ServerEmbedder:
    """Implements `Embedder`, and says of each text that got no vector why."""

    def __init__(self, client: httpx.Client, settings: EmbeddingServer, root: str, key: str | None) -> None:
        self._client, self._settings, self._root, self._key = client, settings, root, key
        self._model = settings.served_model
        self._dimension = settings.dimension
        self._pool = ThreadPoolExecutor(settings.concurrency, "embedder")
        self._closing = threading.Event()
        self._reached = monotonic()

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
        answer = self._first("POST", "/v1/embeddings", body(self._model, [_TRIAL], self._settings.request))
        if answer.status_code != 200:
            raise self._no_use(answer)
        try:
            (vector,) = vectors(answer.content, 1)
        except Garbled as error:
            raise ModelError(f"{self._root} does not embed by /v1/embeddings: {error}") from None
        self._check(vector)
        self._dimension = len(vector)

    def _only_model(self) -> str | None:
        answer = self._first("GET", "/v1/models")
        if answer.status_code in (401, 403):
            raise self._no_use(answer)
        served = served_models(answer.content) if answer.status_code == 200 else []
        if len(served) > 1:
            shown = ", ".join(served[:12])
            raise ModelError(f"{self._root} serves {shown}: name one by embed.embedder.served_model")
        return served[0] if served else None

    def _first(self, method: str, route: str, asked: bytes | None = None) -> httpx.Response:
        """An answer at opening, when nothing was made yet and nobody should have to wait."""
        try:
            return self._client.request(method, route, content=asked, headers=_JSON)
        except httpx.TransportError as error:
            told = str(error) or type(error).__name__
            raise UserError(f"{self._root} gives no answer ({told}): start the server, or mend the url") from None

    def _no_use(self, answer: httpx.Response) -> UserError:
        """What a status means for all texts."""
        told = f"{self._root} answers {answer.status_code} {self._words(answer)}"
        if answer.status_code in (401, 403):
            variable = self._settings.api_key_env
            hint = f"check the key in {variable}" if variable else "name the variable with its API key by api_key_env"
            return UserError(f"{told}: {hint}")
        if answer.status_code in MAY_PASS:
            return UserError(f"{told}: it is not ready; run the same command again when it is")
        return ModelError(f"{told}: expected a server with /v1/embeddings, and in served_model a model that embeds")

    def _check(self, vector: Any) -> None:
        """Raise `ModelError` where the server has come to give vectors of another length."""
        if self._dimension is not None and len(vector) != self._dimension:
            raise ModelError(
                f"{self._root} gives vectors of {len(vector)} numbers, and {self._dimension} were expected: it serves "
                "another model than before; serve the former one again, or change embed.embedder.dimension, which "
                "embeds all rows anew"
            )

    # -- embedding -----------------------------------------------------------------------------------------------------

    def embed(self, texts: Sequence[str]) -> list[Any]:
        """A vector for each, or `RequestFailed` for one that got none this time.

        Raises `ServerLost` where the server has gone, `UserError` where it refuses all of them.
        """
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
        asked, problem = body(self._model, texts, self._settings.request), ""
        wait = 0.0
        for tries in range(self._settings.retries + 1):
            if tries:
                self._closing.wait(max(wait, backoff(tries)))
            answer = self._post(asked)
            if answer.status_code == 200:
                try:
                    found = vectors(answer.content, len(texts))
                except Garbled as error:
                    problem, wait = str(error), 0.0
                    continue
                for vector in found:
                    self._check(vector)
                return list(found)
            if answer.status_code not in MAY_PASS:
                raise self._refusal(answer)
            problem, wait = f"{answer.status_code} {self._words(answer)}", _retry_after(answer)
        raise RequestFailed(f"the server gave no vectors in {self._settings.retries + 1} tries: {problem}")

    def _refusal(self, answer: httpx.Response) -> Exception:
        if answer.status_code in (400, 413, 422):
            return _Refused(f"{answer.status_code} {self._words(answer)}")
        return self._no_use(answer)

    def _post(self, asked: bytes) -> httpx.Response:
        """An answer, of whatever status: a server without a connection is waited for. Raises `ServerLost`."""
        tries = 0
        while True:
            try:
                answer = self._client.post("/v1/embeddings", content=asked, headers=_JSON)
            except httpx.TransportError as error:
                told = str(error) or type(error).__name__
            else:
                if answer.status_code not in GONE:
                    self._reached = monotonic()
                    return answer
                told = f"{answer.status_code} {self._words(answer)}"
            if self._closing.is_set() or monotonic() - self._reached > self._settings.patience:
                raise ServerLost(
                    f"{self._root} has not answered for {self._settings.patience:g} s ({told}): start it again, then "
                    "run the same command; the rows so far are in the run"
                )
            tries += 1
            self._closing.wait(backoff(tries))

    def _words(self, answer: httpx.Response) -> str:
        """The server's own, without the key, which it may repeat."""
        told = words(answer.content)
        return told.replace(self._key, "***") if self._key else told


_JSON = {"Content-Type": "application/json"}


class _Refused(Exception):
    """The server refuses a request for what is in it."""


def _retry_after(answer: httpx.Response) -> float:
    """Seconds that the server asks for, where it says a number; it may say a date, which the backoff stands in for."""
    try:
        return min(MOST_RETRY_AFTER, max(0.0, float(answer.headers.get("retry-after", ""))))
    except ValueError:
        return 0.0
