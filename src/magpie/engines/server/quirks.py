"""What a server turns out to refuse, though OpenAI documents it, and how that is found out.

A refusal may quote the prompt, so that no word of its message decides anything. What decides is a field of the error
that names a field of the request (`error.param`, `detail[].loc`, `fieldViolations[].field`), or an experiment: the same
request without everything that it can do without, and if that is answered, with each of these again. Either way only
an answer is learned from: what a request does without is left out for good once such a request was answered.

What servers send for a field that they do not take, as of 2026:
    OpenAI, Azure     400 {"error": {"message", "type": "invalid_request_error", "param": "seed", "code"}}
    vLLM              ignores unknown fields; 400 with `error.param` for values that it checks itself, else null
    SGLang            ignores unknown fields; 400 {"object": "error", "message", "type", "param": null, "code"}
    llama.cpp         400 {"error": {"code": 400, "message", "type": "invalid_request_error"}}
    Ollama            ignores unknown fields; 400 {"error": {"message", "type", "param": null, "code": null}}
    Mistral           422 {"object": "Error", "detail" or "message": [{"type", "loc": ["body", "seed"], "msg"}]}
    FastAPI           422 {"detail": [{"loc": ["body", "seed"], "msg", "type"}]}
    Google            400 [{"error": {"code", "message", "details": [{"fieldViolations": [{"field"}]}]}}]

Knows no connection: whoever sends drives `negotiation`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, runtime_checkable

from magpie.engines.server.wire import Asked, Dialect
from magpie.errors import RequestFailed
from magpie.http.answers import READING_ERRORS, Garbled, as_list, as_object, json_or_none
from magpie.seams import Request

REFUSALS = frozenset({400, 422})
"""Statuses that may be about a field of the request."""
MOST_STOPS = 4
"""OpenAI's limit. What a server does not stop at is cut here, at the price of tokens."""


class Quirk(Enum):
    """What requests do without. In the order in which it is given back in an experiment: of two of one field, the one
    that takes more away comes first."""

    NO_SEED = "no seed"
    NO_PENALTIES = "no penalties"
    """They are 0, which is what every server does without them."""
    NEW_MAX_TOKENS = "max_completion_tokens in the place of max_tokens"
    """As OpenAI's newer models have it."""
    NO_STREAM = "no stream"
    NO_STREAM_OPTIONS = "no stream_options"
    NO_STOPS = "no stops"
    FEW_STOPS = "no more than four stops"


_FIELDS = {
    Quirk.NO_SEED: ("seed", "random_seed"),
    Quirk.NO_PENALTIES: ("presence_penalty", "frequency_penalty"),
    Quirk.NEW_MAX_TOKENS: ("max_tokens",),
    Quirk.NO_STREAM: ("stream",),
    Quirk.NO_STREAM_OPTIONS: ("stream_options",),
    Quirk.NO_STOPS: ("stop", "stop_sequences"),
    Quirk.FEW_STOPS: ("stop", "stop_sequences"),
}
"""The fields of the request that each concerns, as errors name them."""
WARNINGS = {
    Quirk.NO_SEED: "the server takes no seed: the same run made again will give other texts",
    Quirk.NO_STREAM: "the server does not stream: a silence in the middle of an answer cannot be noticed",
    Quirk.NO_STREAM_OPTIONS: "the server does not count the tokens of long answers, which are streamed",
    Quirk.NO_STOPS: "the server takes no stops: texts are cut at them here, at the price of tokens",
    Quirk.FEW_STOPS: f"the server takes {MOST_STOPS} stops: texts are cut at the others here, at the price of tokens",
}
"""What a reader should know of it."""


@runtime_checkable
class Adapting(Dialect, Protocol):
    """A dialect whose requests can do without some fields."""

    def optional(self, request: Request) -> tuple[Quirk, ...]:
        """What this request, as it is asked now, can do without."""

    def without(self, quirks: Collection[Quirk]) -> Adapting:
        """The same dialect, whose requests do without these too."""

    def streaming(self) -> Adapting:
        """The same dialect, which streams every answer: so one short request tries all fields."""


class Reply(Protocol):
    @property
    def status(self) -> int: ...
    @property
    def body(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a server takes."""

    refused: frozenset[Quirk]
    """What requests must do without; nothing where the refusal was a passing one."""
    asked: Asked
    reply: Any
    """The answer to the request."""


Negotiation = Generator[Asked, Any, Agreed | None]


def negotiation(dialect: Adapting, request: Request, refusal: bytes, *, thorough: bool) -> Negotiation:
    """Find out what a server refuses of a request that it refused: yields what to send next, is sent the reply, and
    returns what was found, or None where nothing was: then the refusal is the request's own.

    refusal: its body. thorough: also try `max_completion_tokens` where nothing is named. A server that knows neither
    name writes until its context ends, so that is for the short request at opening.
    """
    dropped: frozenset[Quirk] = frozenset()
    while named := blamed(refusal):
        # Of two quirks of one field the milder comes last, and is what stands here.
        found = {_FIELDS[quirk]: quirk for quirk in dialect.without(dropped).optional(request)}
        more = frozenset(quirk for fields, quirk in found.items() if named.intersection(fields))
        if not more:
            return None
        dropped |= more
        asked = dialect.without(dropped).ask(request)
        reply = yield asked
        if _is_answered(dialect, request, reply):
            return Agreed(dropped, asked, reply)
        if reply.status not in REFUSALS:
            return None
        refusal = reply.body
    found_out = yield from _experiment(dialect.without(dropped), request, thorough)
    return None if found_out is None else Agreed(found_out.refused | dropped, found_out.asked, found_out.reply)


def _experiment(dialect: Adapting, request: Request, thorough: bool) -> Negotiation:
    """Without everything, and then with one thing after the other again: what is refused with it, and answered without
    it, is what the server does not take."""
    optional = frozenset(dialect.optional(request))
    for without in dict.fromkeys((optional - {Quirk.NEW_MAX_TOKENS}, *((optional,) if thorough else ()))):
        if not without:
            continue
        asked = dialect.without(without).ask(request)
        reply = yield asked
        if _is_answered(dialect, request, reply):
            break
        if reply.status not in REFUSALS:
            return None
    else:
        return None
    for quirk in Quirk:
        again = dialect.without(without - {quirk}).ask(request)
        if quirk in without and again != asked:
            reply_again = yield again
            if reply_again.status in REFUSALS:
                continue
            if not _is_answered(dialect, request, reply_again):
                return None
            asked, reply = again, reply_again
        without -= {quirk}
    return Agreed(without, asked, reply)


def _is_answered(dialect: Adapting, request: Request, reply: Reply) -> bool:
    if reply.status != 200:
        return False
    try:
        dialect.read(request, reply.body)
    except (Garbled, RequestFailed, *READING_ERRORS):
        return False
    return True


# -- what an error names ----------------------------------------------------------------------------------------------

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PATH = re.compile(r"[.\[\]/]+")
_WRAPPERS = ("body", "json", "query", "$")
"""What a path to a field of the request may begin with."""


def blamed(body: bytes) -> frozenset[str]:
    """The fields of the request that an error names, where it has a place for such names; never from a message.

    >>> sorted(blamed(b'{"error": {"message": "no seed, no stop", "param": "seed"}}'))
    ['seed']
    >>> sorted(blamed(b'{"error": {"message": "no seed, no stop"}}'))
    []
    """
    said = json_or_none(body)
    errors = [as_object(one) for one in (said if isinstance(said, list) else [said])]
    errors += [as_object(error.get("error")) for error in errors]
    return frozenset(name for error in errors for name in _named(error))


def _named(error: Any) -> Iterator[str]:
    yield from _first(error.get("param"))
    for place in ("detail", "message", "errors"):
        inner = error.get(place)
        inner = as_object(inner).get("detail", inner)  # Mistral's `message` may be what FastAPI answers
        for one in as_list(inner):
            yield from _first(as_object(one).get("loc"))
    for detail in as_list(error.get("details")):
        for violation in as_list(as_object(detail).get("fieldViolations")):
            yield from _first(as_object(violation).get("field"))


def _first(path: Any) -> Iterator[str]:
    """The name of the request's own field in a path to something inside of it: `body.stop[4]`, or a list of parts."""
    parts = _PATH.split(path) if isinstance(path, str) else as_list(path)
    names = [part for part in parts if isinstance(part, str) and part not in ("", *_WRAPPERS)]
    if names and _NAME.fullmatch(names[0]):
        yield re.sub(r"(?<=[a-z])([A-Z])", r"_\1", names[0]).lower()
