"""Scores from a server that runs a reward model, such as vLLM: a conversation a request, many requests at once.

Knows connections, patience and keys; what is said over them is `server_answers`'s.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import orjson

from magpie.errors import ModelError, RequestFailed, ServerLost, UserError
from magpie.http.answers import (
    QUESTION_BYTES,
    Garbled,
    as_list,
    as_object,
    decode_json,
    error_message,
    json_or_none,
    names_the_length,
)
from magpie.http.blocking import BlockingClient, open_blocking
from magpie.http.endpoints import Address, open_endpoint
from magpie.http.exchange import Broken, Response, TooSlow, Unreachable
from magpie.http.waiting import Waiting
from magpie.safe.redaction import one_line
from magpie.scorers.server_answers import APIS, Api, WrongLabel, body, route, score, shortened
from magpie.seams import Message
from magpie.settings.scorers import RewardServer

_TRIAL = (Message("user", "Hello."), Message("assistant", "Hello! How can I help?"))

MOST_BYTES = 8 << 20
"""The longest answer that is taken, in bytes: `/pooling` may give some numbers for each token of a conversation."""

Scored = float | RequestFailed | None


@contextmanager
def open_server_scorer(settings: RewardServer) -> Iterator[ServerScorer]:
    """Find out what the server takes, with one trial. Raises `UserError` for what the user can mend."""
    endpoint = open_endpoint(settings.url, settings.api_key_env, "reward.server", "http://localhost:8000")
    with open_blocking(endpoint, settings.connect_seconds) as client:
        scorer = ServerScorer(client, settings, endpoint.address)
        try:
            scorer.prove()
            yield scorer
        finally:
            scorer.close()


class ServerScorer:
    """Implements a scorer."""

    def __init__(self, client: BlockingClient, settings: RewardServer, address: Address) -> None:
        self._client, self._settings = client, settings
        self._address, self._root = address, address.told.removesuffix("/v1")
        self._model = settings.served_model
        self._api: Api = "classify" if settings.api == "auto" else settings.api
        self._pool = ThreadPoolExecutor(settings.concurrency, "scorer")
        self._closing = threading.Event()
        self._waiting = Waiting(self._root, settings.patience, self._closing, "the scores so far are in the run")
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
            served = self._served()
        except (Unreachable, Broken, TooSlow) as error:
            raise UserError(f"{self._root} takes no connection ({error}): start the server, or mend the url") from None
        except Garbled as error:
            raise UserError(f"{self._root}/v1/models: {error}; expected a server of a reward model") from None
        if len(served) > 1:
            raise ModelError(f"{self._root} serves {_shown(served)}: name one by reward.server.served_model")
        return served[0] if served else None

    def _served(self) -> list[str]:
        """The names of the models; none where the server does not say them."""
        answer = self._fetch("GET", "/v1/models", QUESTION_BYTES)
        if answer.status in (401, 403):
            raise self._refused(answer)
        listed = as_list(as_object(json_or_none(answer.body)).get("data")) if answer.status == 200 else []
        return [name for one in listed if isinstance(name := as_object(one).get("id"), str) and name]

    def _fetch(self, method: str, route: str, most: int, asked: bytes | None = None) -> Response:
        path = self._address.path(route)
        return self._client.fetch(method, path, asked, seconds=self._settings.answer_seconds, most=most)

    # -- scoring -------------------------------------------------------------------------------------------------------

    def score(self, conversations: Sequence[Sequence[Message]]) -> list[Scored]:
        """A score for each; None for one that is longer than the model reads, `RequestFailed` for one that got none.

        Raises `ServerLost` where the server answers none of them, `UserError` where it refuses them all.
        """
        self._waiting.begin()
        self._lost = None
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
            answer = self._answered(asked)
            if answer.status == 200:
                return self._score(answer)
            return self._refusal(asked, answer)
        except RequestFailed as error:
            return error
        except orjson.JSONEncodeError as error:  # half of a surrogate pair
            return RequestFailed(f"the conversation cannot be sent to the server: {error}")

    def _answered(self, asked: Mapping[str, Any]) -> Response:
        """An answer that is a score, or a refusal that does not pass. Raises `RequestFailed` after the last try."""
        content = orjson.dumps(asked)

        def read(answer: Response) -> Response:
            if answer.status == 200:
                self._score(answer)
            return answer

        return self._waiting.answer(lambda: self._route(content), read, self._settings.retries, "score")

    def _route(self, asked: bytes) -> Response:
        return self._fetch("POST", route(self._api), MOST_BYTES, asked)

    def _score(self, answer: Response) -> float:
        try:
            return score(self._api, decode_json(answer.body), self._settings.label)
        except WrongLabel as error:
            raise ModelError(f"{self._root}: {error}") from None

    def _refusal(self, asked: Mapping[str, Any], answer: Response) -> Scored:
        """What a status that does not pass means for a conversation, or for all of them. Nothing of it rests on the
        words of the refusal, which may quote the conversation."""
        told = error_message(answer.body)
        if answer.status in (401, 403):
            raise self._refused(answer)
        if answer.status in (404, 405):
            self._check_model(told)
            raise _NoRoute
        if names_the_length(json_or_none(answer.body)):
            return None
        failed = RequestFailed(f"the server refuses the conversation: {told}")
        if answer.status not in (400, 413, 422) or self._post(orjson.dumps(shortened(asked))).status != 200:
            return failed
        # Shortened it is read. Unless it is read whole after all, its length is what was refused.
        again = self._answered(asked)
        return self._score(again) if again.status == 200 else None

    def _check_model(self, told: str) -> None:
        """Raise `ModelError` where the server serves other models than the one that is asked for."""
        try:
            served = self._served()
        except (Unreachable, Broken, TooSlow, Garbled):
            return
        if served and self._model not in (None, *served):
            raise ModelError(
                f"{self._root}: {told}; it serves {_shown(served)}: name the model by reward.server.served_model"
            )

    def _post(self, asked: bytes) -> Response:
        """An answer, of whatever status, see `Waiting.ask`."""
        return self._waiting.ask(lambda: self._route(asked))

    def _refused(self, answer: Response) -> UserError:
        variable = self._settings.api_key_env
        hint = f"check the key in {variable}" if variable else "name the variable with its API key by api_key_env"
        return UserError(f"{self._root} answers {answer.status} {error_message(answer.body)}: {hint}")


class _NoRoute(Exception):
    """The server has no such route."""


def _shown(served: Sequence[str]) -> str:
    return ", ".join(one_line(name, 100) for name in served[:12])
