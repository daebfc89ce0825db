"""What a server is, what it serves and how long a context it has: as the settings say, and where they are silent as the
server answers.

Asks before anything is run, so that a wrong address, model or key is one clear line. Knows the questions of each API;
no request of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx
import orjson

from magpie.engines.server.address import Way, read_key, read_url, way_to
from magpie.engines.server.info import Facts
from magpie.engines.server.wire import error_body, one_line
from magpie.errors import ModelError, UserError
from magpie.settings.engines import Server as ServerSettings

DEFAULT_CONTEXT = 4096
"""Where nobody says, in tokens."""
QUESTION_SECONDS = 30.0
"""The longest wait for an answer to a question at opening: none of them makes the server run its model."""
SHOWN = 12
"""Served models that an error names."""

NO_IDS: Final = "the server tells no token ids: what a model wrote is known as text only, and counted by the server"
NO_SEEDS: Final = (
    "SGLang heeds a request's seed only when started with --enable-deterministic-inference: the same run made again "
    "will give other texts"
)
NO_SPECIAL: Final = "Ollama does not write special tokens out: a marker that leaks into a text cannot be seen"


@dataclass(frozen=True)
class Found:
    """One server's word on itself."""

    way: Way
    models: Mapping[str, Mapping[str, Any]] | None = None
    """Served models by name; None where it has no list of them."""
    api: str | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    """llama.cpp's properties, SGLang's arguments, or Ollama's running models."""


def detect(settings: ServerSettings) -> Facts:
    """What the servers are. Asks the first that can be reached, or none where the settings say all.

    Raises `UserError` for an address, a key or an answer that will not do, `ModelError` for a model not served there.
    """
    key = read_key(settings.api_key_env)
    addresses = [read_url(url) for url in settings.urls]
    if settings.api != "auto" and settings.served_model and settings.context:
        return Facts(settings.api, settings.served_model, settings.context, None, warnings_of(settings.api))
    problem: UserError | None = None
    for address in addresses:
        try:
            return facts_of(ask(way_to(address, key), settings), settings)
        except Unreached as error:
            problem = problem or error
    assert problem is not None, "no address was given"
    raise problem


class Unreached(UserError):
    """A server takes no connection: another one may."""


def ask(way: Way, settings: ServerSettings) -> Found:
    """One server's word on itself. Raises `UserError`, and `Unreached` of it where there is no connection."""
    with way.client(settings.connect_seconds, QUESTION_SECONDS) as client:
        way, answer = _models(client, way)
        models = _by_name(answer)
        api = settings.api if settings.api != "auto" else _api(client, way, models, settings)
        return Found(way, models, api, _said(client, way, api))


def _models(client: httpx.Client, way: Way) -> tuple[Way, httpx.Response]:
    """The list of models, from `/v1/models`, or from `/models` where OpenAI's API begins at another place."""
    answer = get(client, way, way.address.url("/v1/models"))
    if answer.status_code == 404:
        elsewhere = replace(way, address=replace(way.address, v1=way.address.root))
        other = get(client, elsewhere, elsewhere.address.url("/v1/models"))
        if other.status_code == 200 and _by_name(other) is not None:
            return elsewhere, other
    _check(way, answer)
    return way, answer


def _by_name(answer: httpx.Response) -> dict[str, Mapping[str, Any]] | None:
    """None where the answer is no list of models. llama.cpp serves a model by its aliases too."""
    listed = as_json(answer)
    if answer.status_code != 200 or not isinstance(listed, dict) or not isinstance(listed.get("data"), list):
        return None
    models = [one for one in listed["data"] if isinstance(one, dict) and isinstance(one.get("id"), str)]
    return {one["id"]: one for one in models}


def _api(
    client: httpx.Client, way: Way, models: Mapping[str, Mapping[str, Any]] | None, settings: ServerSettings
) -> str:
    """Which API this is: by who owns the models, by Ollama's version, else by what it completes."""
    owners = {str(one.get("owned_by")).lower() for one in (models or {}).values()}
    for owner in ("vllm", "sglang", "llamacpp"):
        if owner in owners:
            return owner
    if isinstance(quiet(client, way, "/api/version").get("version"), str):
        return "ollama"
    name = settings.served_model or next(iter(models or {}), "")
    return "text" if _completes(client, way, name) else _chats(client, way, name)


def _completes(client: httpx.Client, way: Way, model: str) -> bool:
    """Whether there is a `/v1/completions` for this model: one token is the price of knowing."""
    body = {"model": model, "prompt": "Hello", "max_tokens": 1}
    answer = request(client, way, "POST", way.address.url("/v1/completions"), body)
    if answer.status_code == 200:
        said = as_json(answer)
        return isinstance(said, dict) and "text" in ((said.get("choices") or [{}])[0] or {})
    _check_key(way, answer)
    if answer.status_code in (404, 405, 400, 501):
        return False
    raise UserError(f"{way.address.told} answers {answer.status_code} to /v1/completions: {words(way, answer)}")


def _chats(client: httpx.Client, way: Way, model: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    answer = request(client, way, "POST", way.address.url("/v1/chat/completions"), {**body, "max_tokens": 1})
    if answer.status_code in (404, 405):
        raise UserError(
            f"{way.address.told} has no /v1/completions and no /v1/chat/completions for this model: it answers "
            f"{answer.status_code}: {words(way, answer)}; expected the address of an API, up to /v1"
        )
    return "chat"


def _said(client: httpx.Client, way: Way, api: str) -> Mapping[str, Any]:
    if api == "llamacpp":
        return quiet(client, way, "/props")
    if api == "sglang":
        return quiet(client, way, "/server_info") or quiet(client, way, "/get_server_info")
    if api == "ollama":
        return quiet(client, way, "/api/ps")
    return {}


def facts_of(found: Found, settings: ServerSettings) -> Facts:
    """Raises `ModelError` where the model is not served, or where there are several and none is named."""
    assert found.api is not None
    model = _served(found, settings.served_model)
    told = dict((found.models or {}).get(model, {}))
    context = settings.context or _context(found, model, told) or DEFAULT_CONTEXT
    slots = found.said.get("total_slots") if found.api == "llamacpp" else None
    warnings = warnings_of(found.api)
    if found.api == "sglang" and found.said and not found.said.get("enable_deterministic_inference"):
        warnings = (*warnings, NO_SEEDS)
    return Facts(found.api, model, context, slots if isinstance(slots, int) else None, warnings)


def _served(found: Found, wanted: str | None) -> str:
    where, names = found.way.address.told, list(found.models or ())
    aliases = [alias for one in (found.models or {}).values() for alias in one.get("aliases") or ()]
    shown = ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    if wanted is None:
        if len(names) == 1:
            return names[0]
        told = f"serves {shown}: name one of them" if names else "does not say what it serves: name its model"
        raise ModelError(f"{where} {told} by engine.served_model")
    if names and not {wanted, f"{wanted}:latest"} & {*names, *aliases}:
        raise ModelError(
            f"{where} does not serve {wanted!r}; it serves {shown}: name one of them by engine.served_model"
        )
    return wanted


def _context(found: Found, model: str, told: Mapping[str, Any]) -> int | None:
    """In tokens, wherever this API keeps it."""
    places: list[Any] = [told.get("max_model_len"), told.get("context_length"), told.get("context_window")]
    if found.api == "llamacpp":
        settings = found.said.get("default_generation_settings") or {}
        places = [settings.get("n_ctx"), (told.get("meta") or {}).get("n_ctx"), *places]
    if found.api == "ollama":
        running = [one for one in found.said.get("models") or () if one.get("name") in (model, f"{model}:latest")]
        places += [one.get("context_length") for one in running]
    return next((one for one in places if isinstance(one, int) and one > 0), None)


def warnings_of(api: str) -> tuple[str, ...]:
    return {"ollama": (NO_IDS, NO_SPECIAL), "text": (NO_IDS,), "chat": (NO_IDS,)}.get(api, ())


# -- questions --------------------------------------------------------------------------------------------------------


def get(client: httpx.Client, way: Way, url: str) -> httpx.Response:
    return request(client, way, "GET", url)


def quiet(client: httpx.Client, way: Way, route: str) -> Mapping[str, Any]:
    """What an optional question is answered with; nothing where it is not known."""
    answer = request(client, way, "GET", way.address.url(route))
    said = as_json(answer) if answer.status_code == 200 else None
    return said if isinstance(said, dict) else {}


def request(client: httpx.Client, way: Way, method: str, url: str, body: Any = None) -> httpx.Response:
    """Raises `Unreached` and `UserError`. Not from httpx's errors: they know the request, and so the key."""
    problem: UserError
    try:
        content = body if isinstance(body, bytes) else None if body is None else orjson.dumps(body)
        return client.request(method, url, content=content, headers={"Content-Type": "application/json"})
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        told = one_line(str(error)) or "no connection in time"
        problem = Unreached(
            f"{way.address.told} takes no connection: {told}; is the server running, and the port right?"
        )
    except httpx.TimeoutException:
        problem = UserError(f"{way.address.told} does not answer: {url} was silent for {QUESTION_SECONDS:g} seconds")
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        problem = UserError(f"{way.address.told} does not speak HTTP as expected: {one_line(str(error))}")
    raise problem


def as_json(answer: httpx.Response) -> Any:
    """None for what is no JSON: brackets in brackets without end too, and half a surrogate pair in a text."""
    try:
        return orjson.loads(answer.content.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return None


def words(way: Way, answer: httpx.Response) -> str:
    return way.key.redact(error_body(answer.content)) or "nothing else"


def _check(way: Way, answer: httpx.Response) -> None:
    """Raises `UserError` for what cannot be the answer of such a server; one without a list of models passes."""
    where = way.address.told
    _check_key(way, answer)
    if 300 <= answer.status_code < 400:
        raise UserError(f"{where} sends requests elsewhere, to {answer.headers.get('location')!r}: give that address")
    if answer.status_code == 200 and as_json(answer) is None:
        kind = answer.headers.get("content-type", "something without a type")
        raise UserError(
            f"{where}/models answers with {kind} and not with JSON: expected the address of an API, up to /v1"
        )
    if answer.status_code in (404, 405) and as_json(answer) is None:
        raise UserError(
            f"{where} answers {answer.status_code} to {way.address.path('/v1/models')}: there is no such API; expected "
            "the address up to /v1, as in http://localhost:8000/v1"
        )
    if answer.status_code >= 500:
        raise UserError(
            f"{where} answers {answer.status_code} to a question: {words(way, answer)}; is it still loading?"
        )


def _check_key(way: Way, answer: httpx.Response) -> None:
    if answer.status_code not in (401, 403):
        return
    where, variable = way.address.told, way.key.variable
    told = f"{where} answers {answer.status_code}: {words(way, answer)}; "
    if variable is None:
        raise UserError(
            f"{told}it wants an API key: put it into an environment variable and name that one by engine.api_key_env"
        )
    raise UserError(f"{told}it does not take the API key in the environment variable {variable}")
