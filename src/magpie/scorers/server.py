"""Scores from a server that runs a reward model, such as vLLM: a conversation a request, many requests at once.

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

from magpie.errors import ModelError, RequestFailed, ServerLost, UserError
from magpie.http import connections
from magpie.http.connections import MAY_PASS, api_key, backoff, server_root
from magpie.scorers.server_answers import APIS, Api, Garbled, WrongLabel, body, is_too_long, route, score, words
from magpie.seams import Message
from magpie.settings.scorers import RewardServer

_TRIAL = (Message("user", "Hello."), Message("assistant", "Hello! How can I help?"))

Scored = float | RequestFailed | None


@contextmanager
def open_server_scorer(settings: RewardServer) -> Iterator[ServerScorer]:
    """Find out what the server takes, with one trial. Raises `UserError` for what the user can mend."""
    root = server_root(settings.url, "reward.server.url", "http://localhost:8000")
    key = api_key(settings.api_key_env, "reward.server.api_key_env")
    with connections.client(
        root, key, settings.concurrency, settings.connect_seconds, settings.answer_seconds
    ) as client:
        scorer = ServerScorer(client, settings, root, key)
        try:
            scorer.prove()
            yield scorer
        finally:
            scorer.close()


class ServerScorer:
    """Implements a scorer."""

    def __init__(self, client: httpx.Client, settings: RewardServer, root: str, key: str | None) -> None:
        self._client, self._settings, self._root, self._key = client, settings, root, key
        self._model = settings.served_model
        self._api: Api = "classify" if settings.api == "auto" else settings.api
        self._pool = ThreadPoolExecutor(settings.concurrency, "scorer")
        self._closing = threading.Event()
        self._reached = monotonic()
        self._lost: ServerLost | None = None

    def close(self) -> None:
        self._closing.set()
        self._pool.shutdown(cancel_futures=True)

    # -- opening -------------------------------------------------------------------------------------------------------

    def prove(self) -> None:
        """Find the model's name and the route, and score once."""
        self._model = self._model or self._only_model()
        apis = APIS if self._settings.api == "auto" else (self._settings.api,)
        for api in apis:
            self._api = api
            try:
                found = self._one(_TRIAL)
            except _NoRoute:
                continue
            if isinstance(found, RequestFailed):
                raise UserError(f"{self._root} does not score by {route(api)}: {found}")
            return
        tried = " or ".join(route(api) for api in apis)
        raise ModelError(
            f"{self._root} has no {tried}: expected a server that runs a reward model, as in `vllm serve MODEL`, where "
            "MODEL is a sequence classifier"
        )

    def _only_model(self) -> str | None:
        """None where the server does not say what it serves: then it needs no name."""
        try:
            answer = self._client.get("/v1/models")
        except httpx.TransportError as error:
            raise UserError(f"{self._root} takes no connection ({error}): start the server, or mend the url") from None
        if answer.status_code in (401, 403):
            raise self._refused(answer)
        try:
            served = [str(one["id"]) for one in answer.json()["data"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        if len(served) > 1:
            raise ModelError(f"{self._root} serves {', '.join(served)}: name one by reward.server.served_model")
        return served[0] if served else None

    # -- scoring -------------------------------------------------------------------------------------------------------

    def score(self, conversations: Sequence[Sequence[Message]]) -> list[Scored]:
        """A score for each; None for one that is longer than the model reads, `RequestFailed` for one that got none.

        Raises `ServerLost` where the server answers none of them, `UserError` where it refuses them all.
        """
        self._reached, self._lost = monotonic(), None
        futures = [self._pool.submit(self._one_or_lost, conversation) for conversation in conversations]
        try:
            found = [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
        lost = [one for one in found if isinstance(one, ServerLost)]
        if lost and len(lost) == len(found):
            raise lost[0]
        return [RequestFailed(str(one)) if isinstance(one, ServerLost) else one for one in found]

    def _one_or_lost(self, conversation: Sequence[Message]) -> Scored | ServerLost:
        if self._lost is not None:
            return self._lost
        try:
            return self._one(conversation)
        except ServerLost as error:
            self._lost = error
            return error
        except _NoRoute:
            return RequestFailed(f"{self._root} has no {route(self._api)} any more")

    def _one(self, conversation: Sequence[Message]) -> Scored:
        try:
            asked = body(self._api, self._model, conversation)
        except RequestFailed as error:
            return error
        problem = ""
        for tries in range(self._settings.retries + 1):
            if tries:
                self._closing.wait(backoff(tries))
            answer = self._post(asked)
            if answer.status_code == 200:
                try:
                    return score(self._api, answer.json(), self._settings.label)
                except RequestFailed as error:
                    return error
                except WrongLabel as error:
                    raise ModelError(f"{self._root}: {error}") from None
                except (Garbled, ValueError, RecursionError) as error:
                    problem = str(error)
                    continue
            told = self._words(answer)
            if answer.status_code not in MAY_PASS:
                return self._refusal(answer, told)
            problem = f"{answer.status_code} {told}"
        return RequestFailed(f"the server gave no score in {self._settings.retries + 1} tries: {problem}")

    def _refusal(self, answer: httpx.Response, told: str) -> Scored:
        """What a status that does not pass means for a conversation, or for all of them."""
        if answer.status_code in (401, 403):
            raise self._refused(answer)
        if answer.status_code in (404, 405):
            if "model" in told.lower() and "exist" in told.lower():
                raise ModelError(f"{self._root}: {told}; name the model by reward.server.served_model")
            raise _NoRoute
        return None if is_too_long(told) else RequestFailed(f"the server refuses the conversation: {told}")

    def _post(self, asked: dict[str, Any]) -> httpx.Response:
        """An answer, of whatever status: a server without a connection is waited for. Raises `ServerLost`."""
        tries = 0
        while True:
            try:
                answer = self._client.post(route(self._api), json=asked)
            except httpx.TransportError as error:
                if self._closing.is_set() or monotonic() - self._reached > self._settings.patience:
                    raise ServerLost(
                        f"{self._root} has not answered for {self._settings.patience:g} s ({_named(error)}): start it "
                        "again; the scores so far are in the run"
                    ) from None
                tries += 1
                self._closing.wait(backoff(tries))
                continue
            self._reached = monotonic()
            return answer

    def _refused(self, answer: httpx.Response) -> UserError:
        variable = self._settings.api_key_env
        hint = f"check the key in {variable}" if variable else "name the variable with its API key by api_key_env"
        return UserError(f"{self._root} answers {answer.status_code} {self._words(answer)}: {hint}")

    def _words(self, answer: httpx.Response) -> str:
        """The server's own, without the key, which it may repeat."""
        try:
            told = words(answer.json())
        except (ValueError, RecursionError):
            told = words(answer.text)
        return told.replace(self._key, "***") if self._key else told


class _NoRoute(Exception):
    """The server has no such route."""


def _named(error: httpx.TransportError) -> str:
    return str(error) or type(error).__name__
