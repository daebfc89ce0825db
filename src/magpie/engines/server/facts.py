"""What a server is, what it serves and how long a context it has: as the settings say, and where they are silent as the
server answers.

Asks before anything is run, so that a wrong address, model or key is one clear line. Knows the questions of each API;
no request of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson

from magpie.engines.server.info import Facts
from magpie.errors import ModelError, NetworkError, UserError
from magpie.http.answers import (
    QUESTION_BYTES,
    Garbled,
    as_count,
    as_list,
    as_object,
    error_message,
    json_or_none,
)
from magpie.http.blocking import BlockingClient, open_blocking
from magpie.http.endpoints import Endpoint, endpoint_to, read_key, read_url
from magpie.http.exchange import Broken, Response, TooSlow, Unreachable
from magpie.safe.keys import WITHHELD, are_withheld
from magpie.safe.redaction import one_line
from magpie.settings.engines import Server as ServerSettings

DEFAULT_CONTEXT = 4096
"""Where nobody says, in tokens."""
QUESTION_SECONDS = 30.0
"""The longest wait for an answer to a question at opening: none of them makes the server run its model."""
SHOWN, NAME_CHARACTERS = 12, 100
"""Served models that an error names, and how much of each name."""
MOST_NAME = 1000
"""The longest name of a model, in characters."""

NO_IDS: Final = "the server tells no token ids: what a model wrote is known as text only, and counted by the server"
NO_SEEDS: Final = (
    "SGLang heeds a request's seed only when started with --enable-deterministic-inference: the same run made again "
    "will give other texts"
)
NO_SPECIAL: Final = "Ollama does not write special tokens out: a marker that leaks into a text cannot be seen"


@dataclass(frozen=True)
class Found:
    """One server's word on itself."""

    endpoint: Endpoint
    models: Mapping[str, Mapping[str, Any]] | None = None
    """Served models by name; None where it has no list of them."""
    api: str | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    """llama.cpp's properties, SGLang's arguments, or Ollama's running models."""


def detect(settings: ServerSettings) -> Facts:
    """What the servers are. Asks the first that can be reached, or none where the settings say all.

    Raises `UserError` for an address, a key or an answer that will not do, `ModelError` for a model not served there.
    """
    key = read_key(settings.api_key_env, settings.urls)
    addresses = [read_url(url) for url in settings.urls]
    if settings.api != "auto" and settings.served_model and settings.context:
        return Facts(settings.api, settings.served_model, settings.context, None, warnings_of(settings.api))
    problem: UserError | None = None
    for address in addresses:
        try:
            return facts_of(ask(endpoint_to(address, key), settings), settings)
        except Unreached as error:
            problem = problem or error
    assert problem is not None, "no address was given"
    raise problem


class Unreached(NetworkError):
    """A server takes no connection: another one may."""


def ask(endpoint: Endpoint, settings: ServerSettings) -> Found:
    """One server's word on itself. Raises `UserError`, and `Unreached` of it where there is no connection."""
    with open_blocking(endpoint, settings.connect_seconds) as client:
        endpoint, answer = _models(client, endpoint)
        models = _by_name(answer)
        _check_api(client, endpoint, models, settings)
        api = settings.api if settings.api != "auto" else _api(client, endpoint, models, settings)
        return Found(endpoint, models, api, _said(client, endpoint, api))


def _models(client: BlockingClient, endpoint: Endpoint) -> tuple[Endpoint, Response]:
    """The list of models, from `/v1/models`, or from `/models` where OpenAI's API has another prefix."""
    answer = get(client, endpoint, "/v1/models")
    if answer.status == 404:
        elsewhere = replace(endpoint, address=replace(endpoint.address, v1=endpoint.address.root))
        other = get(client, elsewhere, "/v1/models")
        if other.status == 200 and _by_name(other) is not None:
            return elsewhere, other
    _check(endpoint, answer)
    return endpoint, answer


def _by_name(answer: Response) -> dict[str, Mapping[str, Any]] | None:
    """None where the answer is no list of models. llama.cpp serves a model by its aliases too."""
    listed = as_object(json_or_none(answer.body)).get("data")
    if answer.status != 200 or not isinstance(listed, list):
        return None
    models = [as_object(one) for one in listed]
    return {one["id"]: one for one in models if _is_name(one.get("id"))}


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MOST_NAME


_KINDS = {"vllm": "vLLM", "sglang": "SGLang", "llamacpp": "llama.cpp", "ollama": "Ollama"}
"""APIs of one kind of server, and what it is called."""


def _check_api(
    client: BlockingClient, endpoint: Endpoint, models: Mapping[str, Mapping[str, Any]] | None, settings: ServerSettings
) -> None:
    """Raise `UserError` where the settings name one kind of server, and this is another."""
    if settings.api not in _KINDS:
        return  # auto, or what several kinds have
    named = (models or {}).get(settings.served_model or "")
    kinds = _owners({"": named} if named else models)
    with suppress(UserError):  # whoever says nothing of itself may be what the settings say
        if not kinds and settings.api != "ollama" and _is_ollama(client, endpoint):
            kinds = ["ollama"]
    if kinds and settings.api not in kinds:
        raise UserError(
            f"the server at {endpoint.address.told} answers like {_KINDS[kinds[0]]}; engine.api says {settings.api}; "
            f"set it to auto or {kinds[0]}, as in --set engine.api=auto"
        )


def _owners(models: Mapping[str, Mapping[str, Any]] | None) -> list[str]:
    """The kinds of server that say that they own these models."""
    owners = {owner.lower() for one in (models or {}).values() if isinstance(owner := one.get("owned_by"), str)}
    return [kind for kind in _KINDS if kind in owners]


def _is_ollama(client: BlockingClient, endpoint: Endpoint) -> bool:
    return isinstance(quiet(client, endpoint, "/api/version").get("version"), str)


def _api(
    client: BlockingClient, endpoint: Endpoint, models: Mapping[str, Mapping[str, Any]] | None, settings: ServerSettings
) -> str:
    """Which API this is: by who owns the models, by Ollama's version, else by what it completes."""
    if kinds := _owners(models):
        return kinds[0]
    if _is_ollama(client, endpoint):
        return "ollama"
    name = settings.served_model or next(iter(models or {}), "")
    return "text" if _completes(client, endpoint, name) else _chats(client, endpoint, name)


def _completes(client: BlockingClient, endpoint: Endpoint, model: str) -> bool:
    """Whether there is a `/v1/completions` for this model: one token is the price of knowing."""
    body = {"model": model, "prompt": "Hello", "max_tokens": 1}
    answer = request(client, endpoint, "POST", "/v1/completions", body)
    if answer.status == 200:
        choices = as_list(as_object(json_or_none(answer.body)).get("choices"))
        return bool(choices) and "text" in as_object(choices[0])
    _check_key(endpoint, answer)
    if answer.status in (404, 405, 400, 501):
        return False
    raise UserError(f"{endpoint.address.told} answers {answer.status} to /v1/completions: {message_of(answer)}")


def _chats(client: BlockingClient, endpoint: Endpoint, model: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    answer = request(client, endpoint, "POST", "/v1/chat/completions", {**body, "max_tokens": 1})
    if answer.status in (404, 405):
        raise UserError(
            f"{endpoint.address.told} has no /v1/completions and no /v1/chat/completions for this model: it answers "
            f"{answer.status}: {message_of(answer)}; expected the address of an API, up to /v1"
        )
    return "chat"


def _said(client: BlockingClient, endpoint: Endpoint, api: str) -> Mapping[str, Any]:
    if api == "llamacpp":
        return quiet(client, endpoint, "/props")
    if api == "sglang":
        return quiet(client, endpoint, "/server_info") or quiet(client, endpoint, "/get_server_info")
    if api == "ollama":
        return quiet(client, endpoint, "/api/ps")
    return {}


def facts_of(found: Found, settings: ServerSettings) -> Facts:
    """Raises `ModelError` where the model is not served, or where there are several and none is named."""
    assert found.api is not None
    model = _served(found, settings.served_model)
    told = (found.models or {}).get(model, {})
    context = settings.context or _context(found, model, told) or DEFAULT_CONTEXT
    slots = as_count(found.said.get("total_slots"), 1) if found.api == "llamacpp" else None
    warnings = warnings_of(found.api)
    if found.api == "sglang" and found.said and not found.said.get("enable_deterministic_inference"):
        warnings = (*warnings, NO_SEEDS)
    return Facts(found.api, model, context, slots, warnings)


def _served(found: Found, wanted: str | None) -> str:
    where, names = found.endpoint.address.told, list(found.models or ())
    aliases = [alias for one in (found.models or {}).values() for alias in as_list(one.get("aliases"))]
    shown = ", ".join(one_line(name, NAME_CHARACTERS) for name in names[:SHOWN])
    shown += f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    if wanted is None:
        if len(names) == 1:
            return names[0]
        told = f"serves {shown}: name one of them" if names else "does not say what it serves: name its model"
        raise ModelError(f"{where} {told} by engine.served_model")
    if names and not any(name in names or name in aliases for name in (wanted, f"{wanted}:latest")):
        raise ModelError(
            f"{where} does not serve {one_line(wanted)!r}; it serves {shown}: name one of them by engine.served_model"
        )
    return wanted


def _context(found: Found, model: str, told: Mapping[str, Any]) -> int | None:
    """In tokens, wherever this API keeps it."""
    places: list[Any] = [told.get("max_model_len"), told.get("context_length"), told.get("context_window")]
    if found.api == "llamacpp":
        settings = as_object(found.said.get("default_generation_settings"))
        places = [settings.get("n_ctx"), as_object(told.get("meta")).get("n_ctx"), *places]
    if found.api == "ollama":
        running = [as_object(one) for one in as_list(found.said.get("models"))]
        places += [one.get("context_length") for one in running if one.get("name") in (model, f"{model}:latest")]
    return next((one for one in places if as_count(one, 1) is not None), None)


def warnings_of(api: str) -> tuple[str, ...]:
    return {"ollama": (NO_IDS, NO_SPECIAL), "text": (NO_IDS,), "chat": (NO_IDS,)}.get(api, ())


# -- questions --------------------------------------------------------------------------------------------------------


def get(client: BlockingClient, endpoint: Endpoint, route: str) -> Response:
    return request(client, endpoint, "GET", route)


def quiet(client: BlockingClient, endpoint: Endpoint, route: str) -> Mapping[str, Any]:
    """What an optional question is answered with; nothing where it is not known."""
    answer = request(client, endpoint, "GET", route)
    return as_object(json_or_none(answer.body)) if answer.status == 200 else {}


def request(
    client: BlockingClient, endpoint: Endpoint, method: str, route: str, body: Any = None, seconds: float | None = None
) -> Response:
    """The whole answer, of whatever status. seconds: until when it must be there; None is `QUESTION_SECONDS`.

    Raises `Unreached` where there is no connection, and `UserError`.
    """
    limit = QUESTION_SECONDS if seconds is None else seconds
    content = body if isinstance(body, bytes) else None if body is None else orjson.dumps(body)
    where, url = endpoint.address.told, endpoint.address.url(route)
    try:
        return client.fetch(method, endpoint.address.path(route), content, seconds=limit, most=QUESTION_BYTES)
    except Unreachable as error:
        raise Unreached(f"{where} takes no connection: {error}; is the server running, and the port right?") from None
    except TooSlow:
        raise UserError(
            f"{where} does not answer: {url} gave no whole answer, or was silent for {limit:g} seconds"
        ) from None
    except Broken as error:
        raise UserError(f"{where} does not speak HTTP as expected: {error}") from None
    except Garbled as error:
        raise UserError(f"{where} does not answer as expected: to {url}, {error}") from None


def message_of(answer: Response) -> str:
    return error_message(answer.body) or "nothing else"


def _check(endpoint: Endpoint, answer: Response) -> None:
    """Raises `UserError` for what cannot be the answer of such a server; one without a list of models passes."""
    where = endpoint.address.told
    _check_key(endpoint, answer)
    if 300 <= answer.status < 400:
        location = one_line(answer.headers.get("location", ""))
        raise UserError(f"{where} sends requests elsewhere, to {location!r}: give that address")
    is_json = json_or_none(answer.body) is not None
    if answer.status == 200 and not is_json:
        kind = one_line(answer.headers.get("content-type", "something without a type"))
        raise UserError(
            f"{where}/models answers with {kind} and not with JSON: expected the address of an API, up to /v1"
        )
    if answer.status in (404, 405) and not is_json:
        raise UserError(
            f"{where} answers {answer.status} to {endpoint.address.path('/v1/models')}: there is no such API; expected "
            "the address up to /v1, as in http://localhost:8000/v1"
        )
    if answer.status >= 500:
        raise UserError(f"{where} answers {answer.status} to a question: {message_of(answer)}; is it still loading?")


def _check_key(endpoint: Endpoint, answer: Response) -> None:
    if answer.status not in (401, 403):
        return
    where, variable = endpoint.address.told, endpoint.key.variable
    problem = f"{where} answers {answer.status}: {message_of(answer)}; "
    if variable is None:
        raise UserError(
            f"{problem}it wants an API key: put it into an environment variable and name that one by engine.api_key_env"
        )
    if are_withheld():
        raise UserError(
            f"{problem}{WITHHELD}: say engine.api, engine.served_model and engine.context, or leave --dry-run out"
        )
    raise UserError(f"{problem}it does not take the API key in the environment variable {variable}")
