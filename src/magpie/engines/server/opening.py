"""Opens servers: verifies that each has the right model, key and tokenizer, and makes one engine of them all.

The dialects encode the requests; `server_loop` decides on retries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from magpie.engines.server.dialects import make_dialect
from magpie.engines.server.facts import Found, Unreached, ask, detect, facts_of, message_of, request
from magpie.engines.server.info import Facts
from magpie.engines.server.loop import Server, Site
from magpie.engines.server.patience import Patience
from magpie.engines.server.quirks import MOST_STOPS, REFUSALS, WARNINGS, Adapting, Agreed, negotiation
from magpie.engines.server.wire import Asked, Dialect, Garbled
from magpie.errors import ModelError, RequestFailed, UserError
from magpie.http.answers import READING_ERRORS, as_object, json_or_none, shown
from magpie.http.blocking import open_blocking
from magpie.http.endpoints import Endpoint, endpoint_to, read_key, read_url
from magpie.http.exchange import Response
from magpie.log import logger
from magpie.modelfiles.probe import probe_texts
from magpie.modelfiles.tokenizer import Vocabulary
from magpie.safe.redaction import one_line, redact
from magpie.seams import Completion, Message, Messages, Prompt, Request, SamplingParams, Text, Tokens
from magpie.settings.engines import Server as ServerSettings

UNKNOWN_VOCABULARY = 1 << 31
"""Where no tokenizer is on this side, ids are left to the server."""
SPARE = 4
"""One request in so many waits at a server that says how many it works on, so that it never runs dry."""
_TRIAL_STOPS = tuple(f"<|{number}|>" for number in range(MOST_STOPS + 1))
"""One more than every server takes."""
PROBES = 3
"""Texts by whose length in tokens a server without `/tokenize` is compared: each costs a request."""

_log = logger(__name__)


@contextmanager
def opened(settings: ServerSettings, facts: Facts | None, vocabulary: Vocabulary | None) -> Iterator[Server]:
    """As `server.open_server` says."""
    key, given = read_key(settings.api_key_env, settings.urls), [read_url(url) for url in settings.urls]
    facts = facts or detect(settings)
    settings = settings.model_copy(update={"api": facts.api, "served_model": facts.served_model})
    dialect = make_dialect(facts, vocabulary)
    asked = [endpoint_to(address, key) for address in given]
    endpoints, dialect, warnings = _prove(asked, settings, facts, dialect, vocabulary)
    waits = Patience(
        settings.connect_seconds, settings.first_token_seconds, settings.idle_seconds, settings.answer_seconds
    )
    most = _most(settings.concurrency, facts.slots)
    engine = Server(
        dialect,
        [Site(endpoint, most) for endpoint in endpoints],
        waits,
        context=facts.context,
        vocab_size=UNKNOWN_VOCABULARY if vocabulary is None else vocabulary.vocab_size,
        retries=settings.retries,
        patience=settings.patience,
        warnings=[*facts.warnings, *warnings],
    )
    servers = ", ".join(endpoint.address.told for endpoint in endpoints)
    _log.info(
        "%s on %s: API %s, context %d, at most %d requests at each server",
        facts.served_model,
        servers,
        facts.api,
        facts.context,
        most,
    )
    engine.start()
    try:
        yield engine
    finally:
        engine.close()


def _most(concurrency: int, slots: int | None) -> int:
    """Requests in flight at one server; beyond its slots a few, as what waits longer there may wait here."""
    return concurrency if slots is None else min(concurrency, slots + max(1, slots // SPARE))


# -- proving ----------------------------------------------------------------------------------------------------------


def _prove(
    endpoints: Sequence[Endpoint],
    settings: ServerSettings,
    facts: Facts,
    dialect: Dialect,
    vocabulary: Vocabulary | None,
) -> tuple[list[Endpoint], Dialect, list[str]]:
    """Every server with what it was found to be, the dialect that all of them take, and what a reader should know. One
    that takes no connection is left to come back, as long as another does."""
    proved, warnings, lost = [], _risks(endpoints), list[Unreached]()
    for endpoint in endpoints:
        try:
            found = ask(endpoint, settings)
        except Unreached as error:
            proved.append(endpoint)
            lost.append(error)
            continue
        _same(found, settings, facts)
        if vocabulary is not None and dialect.capabilities.prompts[0] == "tokens":
            _compare_ids(found.endpoint, settings, facts, vocabulary)
        dialect = _try(found.endpoint, settings, dialect, vocabulary)
        if vocabulary is not None and dialect.capabilities.prompts[0] == "text":
            _compare_lengths(found.endpoint, settings, dialect, vocabulary)
        proved.append(found.endpoint)
    if len(lost) == len(endpoints):
        raise lost[0]
    refused = getattr(dialect, "refused", ())
    warnings += [told for quirk, told in WARNINGS.items() if quirk in refused]
    return proved, dialect, [*warnings, *(f"{error}; going on without it until it does" for error in lost)]


def _risks(endpoints: Sequence[Endpoint]) -> list[str]:
    return [
        f"{endpoint.address.told}: the API key is sent without encryption; use https"
        for endpoint in endpoints
        if endpoint.key.value and endpoint.address.scheme == "http" and not endpoint.address.is_loopback
    ]


def _same(found: Found, settings: ServerSettings, facts: Facts) -> None:
    """Raises `ModelError` where this server does not serve what the first one does."""
    if facts.api == "llamacpp" and len(found.models or ()) == 1:
        return  # it serves one model, by whatever name
    own = facts_of(found, settings)
    if own.context < facts.context:
        raise UserError(
            f"{found.endpoint.address.told} has a context of {own.context} tokens, and {facts.context} are expected of "
            "every server: set engine.context to the least"
        )


def _try(endpoint: Endpoint, settings: ServerSettings, dialect: Dialect, vocabulary: Vocabulary | None) -> Dialect:
    """One token, asked for as a run asks: the model's name, the key and the fields are then known to be right. The
    dialect, without what this server refuses."""
    adapting = dialect if isinstance(dialect, Adapting) else None
    stops = () if adapting is None else _TRIAL_STOPS
    sampling = SamplingParams(temperature=0.0, max_tokens=1, stop=stops)
    trial = Request(_prompt(dialect, vocabulary, "Hello"), sampling)
    answer = _post(endpoint, settings, (adapting.streaming() if adapting else dialect).ask(trial))
    if answer.status in REFUSALS and adapting is not None:
        agreed = _negotiate(endpoint, settings, adapting.streaming(), trial, answer)
        if agreed is not None:
            dialect, answer = adapting.without(agreed.refused), agreed.reply
    where = endpoint.address.told
    if answer.status == 404:
        raise ModelError(
            f"{where} does not serve {one_line(str(settings.served_model))!r} this way: {message_of(answer)}"
        )
    if answer.status != 200:
        raise UserError(f"{where} answers {answer.status} to a first request: {message_of(answer)}")
    _read(endpoint, settings, dialect, trial, answer)
    return dialect


def _negotiate(
    endpoint: Endpoint, settings: ServerSettings, dialect: Adapting, trial: Request, refusal: Response
) -> Agreed | None:
    steps = negotiation(dialect, trial, refusal.body, thorough=True)
    try:
        asked = next(steps)
        while True:
            asked = steps.send(_post(endpoint, settings, asked))
    except StopIteration as end:
        agreed: Agreed | None = end.value
        return agreed


def _read(
    endpoint: Endpoint, settings: ServerSettings, dialect: Dialect, trial: Request, answer: Response
) -> Completion:
    """Decode an answer of status 200. Raises `UserError` for an answer that is not of this API."""
    try:
        return dialect.read(trial, answer.body)
    except (Garbled, RequestFailed) as error:
        problem = str(error)
    except READING_ERRORS:
        problem = f"it is no answer of {settings.api}"
    where = endpoint.address.told
    raise UserError(f"{where}, asked as {settings.api}: {redact(problem)}; set engine.api to what it is")


def _prompt(dialect: Dialect, vocabulary: Vocabulary | None, text: str) -> Prompt:
    match dialect.capabilities.prompts[0]:
        case "tokens":
            return Tokens(tuple(vocabulary.encode(text)) if vocabulary else (1,))
        case "text":
            return Text(text)
        case "messages":
            return Messages((Message("user", text),))


def _post(endpoint: Endpoint, settings: ServerSettings, asked: Asked) -> Response:
    seconds = settings.answer_seconds or settings.first_token_seconds
    with open_blocking(endpoint, settings.connect_seconds) as client:
        return request(client, endpoint, "POST", asked.route, asked.body, seconds)


def _compare_ids(endpoint: Endpoint, settings: ServerSettings, facts: Facts, vocabulary: Vocabulary) -> None:
    """Raises `ModelError` where the server's tokenizer is another than the one that writes the prompts."""
    with open_blocking(endpoint, settings.connect_seconds) as client:
        for text in probe_texts:
            asked = {"content": text, "add_special": False, "parse_special": True}
            if facts.api != "llamacpp":
                asked = {"model": facts.served_model, "prompt": text, "add_special_tokens": False}
            answer = request(client, endpoint, "POST", "/tokenize", asked)
            theirs = as_object(json_or_none(answer.body)).get("tokens")
            if answer.status != 200 or not isinstance(theirs, list):
                return  # an older server, or one that does not tell
            if (ours := vocabulary.encode(text)) != theirs:
                raise _another(
                    endpoint, f"on {text!r} it gives {shown(theirs, 200)}, and the tokenizer here gives {ours}"
                )


def _compare_lengths(endpoint: Endpoint, settings: ServerSettings, dialect: Dialect, vocabulary: Vocabulary) -> None:
    """Compare the prompt lengths that the server counts with those here: equal, or one more for a BOS token."""
    beyond: set[int] = set()
    for text in sorted(probe_texts, key=len)[-PROBES:]:
        trial = Request(Text(text), SamplingParams(temperature=0.0, max_tokens=1))
        answer = _post(endpoint, settings, dialect.ask(trial))
        counted = _read(endpoint, settings, dialect, trial, answer).prompt_tokens if answer.status == 200 else 0
        if counted == 0:
            return  # it does not count
        beyond.add(counted - len(vocabulary.encode(text)))
    if beyond not in ({0}, {1}):
        raise _another(
            endpoint, f"its prompts are longer than here by {sorted(beyond)} tokens, expected 0, or 1 throughout"
        )


def _another(endpoint: Endpoint, told: str) -> ModelError:
    return ModelError(
        f"{endpoint.address.told} does not have this model's tokenizer: {told}; give the recipe's `model` the folder "
        "or file of the model that is served there"
    )
