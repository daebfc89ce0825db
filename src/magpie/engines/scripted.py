"""An engine without a model: answers come from a function. For tests, crash tests and measuring what magpie costs.

It obeys the same conformance suite as the others. Everything it does follows from the requests and its settings:
answers, delays, faults and the order in which it completes. Its tokens are the bytes of UTF-8, and it takes every kind
of prompt. It knows no roles.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from math import log
from typing import Any

import orjson

from magpie.engines.checks import refusal
from magpie.engines.child.engine import ChildSpec
from magpie.errors import EngineDied, RequestFailed
from magpie.seams import Capabilities, Choice, Completion, JsonSchema, Logprob, Messages, Request, Text, Tokens
from magpie.settings.engines import Scripted as ScriptedSettings

CAPABILITIES = Capabilities(prompts=("tokens", "text", "messages"))

Answer = Completion | RequestFailed
Script = Callable[[Request], str | Answer]
"""What to say to a request. A `str` is cut at the request's stops and at `max_tokens`, and its tokens are counted."""


@contextmanager
def open_scripted(
    settings: ScriptedSettings | None = None,
    script: Script | None = None,
    *,
    context: int = 4096,
    vocab_size: int = 1 << 18,
    hang_after_polls: int | None = None,
) -> Iterator[Scripted]:
    """The engine with `script`, or with small talk: sentences that follow from prompt, sampling and seed alone.

    context: tokens that a prompt and its continuation have together. hang_after_polls: polls after which `poll` waits
    and gives nothing.

        with open_scripted(script=lambda request: "hello") as engine: ...
    """
    settings = settings or ScriptedSettings()
    yield Scripted(settings, script or small_talk(settings), context, vocab_size, hang_after_polls)


def open_in_process(settings: Mapping[str, Any] | None = None, **more: Any) -> AbstractContextManager[Scripted]:
    """What a child process opens."""
    return open_scripted(ScriptedSettings(**(settings or {})), **more)


def child_spec(settings: ScriptedSettings, **more: Any) -> ChildSpec:
    """What a child process opens for a replica."""
    arguments = {"settings": settings.model_dump(), **more}
    return ChildSpec("magpie.engines.scripted:open_in_process", arguments, "the scripted engine")


@dataclass(frozen=True, slots=True)
class _Held:
    ticket: int
    request: Request
    ready_at: float
    """On the monotonic clock, in seconds; 0 is at once."""


class Scripted:
    """Holds requests until the poll at which they are due, then says what the script says."""

    def __init__(
        self, settings: ScriptedSettings, script: Script, context: int, vocab_size: int, hang_after_polls: int | None
    ) -> None:
        self.window, self.context, self.vocab_size = settings.window, context, vocab_size
        self.capabilities = CAPABILITIES
        self._settings, self._script, self._hang_after_polls = settings, script, hang_after_polls
        self._due: dict[int, list[_Held]] = {}
        """By the number of the poll."""
        self._polls = 0

    def submit(self, ticket: int, request: Request) -> None:
        settings = self._settings
        step = int(luck(request.seed, 1) * (settings.steps + 1)) if settings.steps else 0
        ready_at = time.monotonic() + luck(request.seed, 2) * settings.seconds if settings.seconds else 0.0
        self._due.setdefault(self._polls + 1 + step, []).append(_Held(ticket, request, ready_at))

    def poll(self, wait: float) -> Sequence[tuple[int, Answer]]:
        """One step. Sleeps only where `seconds` or `hang_after_polls` ask for it."""
        self._polls += 1
        if _past(self._settings.die_after_polls, self._polls):
            raise EngineDied(
                f"the scripted engine dies after {self._settings.die_after_polls} polls, as it was told to"
            )
        if _past(self._hang_after_polls, self._polls):
            self._due.setdefault(self._polls + 1, []).extend(self._due.pop(self._polls, []))
            time.sleep(wait)
            return []
        held = self._due.pop(self._polls, [])
        if self._settings.seconds:
            held = self._waited(held, wait)
        return [(one.ticket, self._answer(one.request)) for one in held]

    def cancel(self, tickets: Sequence[int]) -> None:
        gone = set(tickets)
        self._due = {step: [one for one in held if one.ticket not in gone] for step, held in self._due.items()}

    def _waited(self, held: list[_Held], wait: float) -> list[_Held]:
        """Those whose time has come, after waiting for the first of them; the others are due at the next poll."""
        if held:
            time.sleep(max(0.0, min(wait, min(one.ready_at for one in held) - time.monotonic())))
        now = time.monotonic()
        if late := [one for one in held if one.ready_at > now]:
            self._due.setdefault(self._polls + 1, []).extend(late)
        return [one for one in held if one.ready_at <= now]

    def _answer(self, request: Request) -> Answer:
        if failed := refusal(request, self.context, self.vocab_size, self.capabilities):
            return failed
        if self._settings.fail_rate and luck(request.seed, 3) < self._settings.fail_rate:
            return RequestFailed("the scripted engine fails this request, as it was told to")
        try:
            said = self._script(request) if request.structure is None else structured(request)
        except UnfitSchema as error:
            return RequestFailed(f"the scripted engine does not know this JSON schema: {error}")
        return complete(request, _without(said, request.banned), self.context) if isinstance(said, str) else said


def _without(text: str, banned: Sequence[int]) -> str:
    """The text without the bytes that may not be said."""
    if not banned:
        return text
    return text.encode().translate(None, bytes(i for i in banned if i < 256)).decode(errors="replace")


def complete(request: Request, text: str, context: int) -> Completion:
    """A completion that says `text`, ended by whatever comes first: a stop, `max_tokens`, or the text's own end."""
    ids, asked = text.encode(), prompt_ids(request)
    most = min(request.sampling.max_tokens, max(1, context - len(asked)))
    stops = [*_stop_tokens(ids, request.sampling.stop_token_ids), *_stop_strings(text, request.sampling.stop)]
    if len(ids) < most:
        stops.append((len(ids) + 1, len(ids), len(ids)))
    counted, kept, written = min(stops, default=(most + 1, 0, 0))
    ended = counted <= most
    if not ended:
        counted = kept = written = most
    return Completion(
        text=text if written == len(ids) else ids[:written].decode(errors="replace"),
        token_ids=tuple(ids[:kept]),
        finish_reason="stop" if ended else "length",
        prompt_tokens=len(asked),
        completion_tokens=counted,
        logprobs=tuple(_likeliest(token, request.logprobs) for token in ids[:kept]) if request.logprobs else (),
    )


def prompt_ids(request: Request) -> Sequence[int]:
    """The prompt as this engine's tokens: bytes, where it is no ids already."""
    match request.prompt:
        case Tokens(ids):
            return ids
        case Text(text):
            return text.encode()
        case Messages(messages):
            return "\n".join(f"{message.role}: {message.content}" for message in messages).encode()


class UnfitSchema(ValueError):
    """An invalid schema."""


def structured(request: Request) -> str:
    """A text that fits the request's structure, chosen by its seed. Raises `UnfitSchema`."""
    match request.structure:
        case Choice(options):
            return options[int(luck(request.seed, 5) * len(options))]
        case JsonSchema(schema):
            try:
                return orjson.dumps(_instance(orjson.loads(schema), request.seed)).decode()
            except (AttributeError, TypeError, RecursionError) as error:  # a list of properties, a number for a schema
                raise UnfitSchema(str(error)) from error
        case None:
            return ""


def _instance(schema: Any, seed: int) -> Any:
    """The plainest value that fits a JSON schema of objects, lists, choices, texts, numbers and truth values."""
    if schema.get("enum"):
        return schema["enum"][int(luck(seed, 7) * len(schema["enum"]))]
    if schema.get("type") == "object":
        return {
            name: _instance(below, seed + n) for n, (name, below) in enumerate(schema.get("properties", {}).items())
        }
    plain: dict[Any, Any] = {"array": [], "integer": seed % 10, "number": seed % 10, "boolean": bool(seed & 1)}
    return plain.get(schema.get("type"), f"Small talk {seed % 1000}.")


def _likeliest(token: int, count: int) -> tuple[Logprob, ...]:
    """What was said at one half, the bytes after it at a quarter, an eighth, and so on."""
    ids = [(token + n) % 256 for n in range(count)]
    texts = [bytes([i]).decode(errors="replace") for i in ids]
    return tuple(Logprob(i, text, -log(2) * (n + 1)) for n, (i, text) in enumerate(zip(ids, texts, strict=True)))


_End = tuple[int, int, int]
"""One way for a text to end, in tokens: how many are counted, how many are returned, how many are in the text."""


def _stop_tokens(ids: bytes, stop_ids: Sequence[int]) -> list[_End]:
    places = [ids.find(stop) for stop in stop_ids if stop < 256]
    return [(place + 1, place, place) for place in places if place >= 0]


def _stop_strings(text: str, stops: Sequence[str]) -> list[_End]:
    ends = []
    for stop in stops:
        before, found, _ = text.partition(stop)
        if found:
            counted = len((before + found).encode())
            ends.append((counted, counted, len(before.encode())))
    return ends


VERBS = ("Explain", "Describe", "Summarize", "Compare", "Name", "Translate", "List", "Outline")
QUALITIES = ("early", "modern", "quiet", "naïve", "famous", "rural", "costly", "simple")
THINGS = ("bridges", "recipes", "cafés", "proofs", "poems", "engines", "rivers", "markets")
PLACES = ("in Norway", "near 東京", "for children", "at night", "in Python", "by letter", "under stress", "since 1900")


def small_talk(settings: ScriptedSettings) -> Script:
    """One to four short sentences that follow from prompt, temperature, top_p and seed; greedy ignores the seed."""

    def say(request: Request) -> str:
        sampling = request.sampling
        seed = 0 if sampling.temperature == 0 else request.seed
        key = (
            array("q", [*prompt_ids(request), seed]).tobytes()
            + array("d", [sampling.temperature, sampling.top_p]).tobytes()
        )
        bits = int.from_bytes(blake2b(key, digest_size=16).digest(), "little")
        if bits % 1000 < settings.empty_rate * 1000:
            return ""
        if (bits >> 10) % 1000 < settings.length_rate * 1000:
            return " ".join([_sentence(bits >> 24)] * (sampling.max_tokens // 16 + 1))
        return " ".join(_sentence(bits >> shift) for shift in range(24, 24 * (2 + (bits >> 20) % 4), 24))

    return say


def _sentence(bits: int) -> str:
    verb, quality, thing, place = bits & 7, bits >> 3 & 7, bits >> 6 & 7, bits >> 9 & 7
    return f"{VERBS[verb]} {bits >> 12 & 4095} {QUALITIES[quality]} {THINGS[thing]} {PLACES[place]}."


def luck(seed: int, salt: int) -> float:
    """A number in [0, 1) that follows from the seed alone: a multiplicative hash (Knuth 6.4), salted."""
    mixed = (seed + salt * 0x632BE59BD9B4E019) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    mixed = (mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    return (mixed >> 11) / 2**53


def _past(limit: int | None, polls: int) -> bool:
    return limit is not None and polls > limit
