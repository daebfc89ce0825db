"""What is said to a server and what it says back, apart from any one API: bodies, events, counts, seeds.

Knows JSON and server-sent events; no connection, no retry and no API.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from magpie.errors import RequestFailed
from magpie.seams import Capabilities, Completion, FinishReason, Logprob, Request, Tokens
from magpie.templates.tokenizer import Vocabulary

MOST_TOLD = 300
"""The longest part of a server's own words that an error repeats, in characters."""

_MOST_READ = 100 * MOST_TOLD
"""Of those words, in characters: an answer may have 64 million."""
_DEEPEST_ERROR = 8
"""Objects in which an error may keep its words."""

MOST_ID = 1 << 31


@dataclass(frozen=True, slots=True)
class Asked:
    """A POST: `route` is below the server's root, and `/v1` in it stands for wherever OpenAI's API begins."""

    route: str
    body: bytes
    streamed: bool
    """Whether the answer comes in pieces, so that silence in its middle can be told."""


class Garbled(Exception):
    """An answer that cannot be used. It may be whole the next time."""


class Dialect(Protocol):
    """One API: requests into bodies, bodies into completions."""

    capabilities: Capabilities

    def ask(self, request: Request) -> Asked:
        """What to send. The request was checked."""

    def read(self, request: Request, body: bytes) -> Completion:
        """What a body of status 200 says. Raises `Garbled` or, where trying again is no use, `RequestFailed`."""

    def learn(self, refusal: str) -> None:
        """Take note of what this server refuses, from its words: `ask` may then do without."""


def seed63(seed: int) -> int:
    """63 bits for 63 bits, one for one, with all of them mixed into the lowest 31: vLLM on a CPU uses no more than 32.

    A multiplicative hash (Knuth 6.4), which carries upwards only, and its upper half over its lower.
    """
    mixed = seed * 0x9E3779B97F4A7C15 & 0x7FFFFFFFFFFFFFFF
    return mixed ^ mixed >> 32


def seed31(seed: int) -> int:
    """For servers whose seeds are 32 bits with a sign."""
    return seed63(seed) & 0x7FFFFFFF


def events(body: bytes) -> Iterable[Any]:
    """The values of server-sent events, or of one JSON document where the server does not stream. Raises `Garbled`."""
    if body.lstrip()[:1] in (b"{", b"["):
        return [document(body)]
    lines = [line[5:].strip() for line in body.splitlines() if line.startswith(b"data:")]
    return [document(line) for line in lines if line != b"[DONE]"]


def json_lines(body: bytes) -> list[Any]:
    """One JSON value a line."""
    return [document(line) for line in body.splitlines() if line.strip()]


def document(body: bytes) -> Any:
    """JSON. Raises `Garbled` with the beginning of what is none."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        shown = body[:80].decode(errors="replace")
    raise Garbled(f"the answer is not JSON: {one_line(shown)!r}")


def error_of(said: Any) -> tuple[int, str] | None:
    """The status and words of an error inside an answer whose own status was 200."""
    if not isinstance(said, dict) or ("error" not in said and said.get("object") != "error"):
        return None
    error = said.get("error", said)
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) else 500, error_text(said)


def error_text(said: Any) -> str:
    """What a server's error says, wherever it keeps it: `error.message`, `error`, `message` or `detail`."""
    for _ in range(_DEEPEST_ERROR):
        if isinstance(said, dict):
            said = next((said[key] for key in ("error", "message", "detail") if said.get(key)), said)
    return one_line(said if isinstance(said, str) else _json_text(said))


def _json_text(said: Any) -> str:
    """A value as JSON, or what it is where JSON cannot be written so deep."""
    try:
        return orjson.dumps(said).decode()
    except orjson.JSONEncodeError as error:
        return f"{type(said).__name__} ({error})"


def error_body(body: bytes) -> str:
    """The same of a body that need not be JSON."""
    try:
        return error_text(orjson.loads(body))
    except orjson.JSONDecodeError:
        return one_line(body[: 4 * MOST_TOLD].decode(errors="replace"))


def one_line(text: str) -> str:
    joined = " ".join(text[:_MOST_READ].split())
    return joined if len(joined) <= MOST_TOLD else joined[:MOST_TOLD] + "..."


def refuse_errors(said: Any) -> None:
    """Raises what an error inside an answer means: `RequestFailed` for the asker's, `Garbled` for the server's."""
    if found := error_of(said):
        status, told = found
        if 400 <= status < 500 and status not in (408, 409, 425, 429):
            raise RequestFailed(f"the server refuses the request: {told}")
        raise Garbled(f"the server broke off: {told}")


def finish(said: Any) -> FinishReason:
    """OpenAI's finish reason as the seam has it."""
    if said == "length":
        return "length"
    if said in ("stop", "eos_token", "stop_sequence", "tool_calls", "content_filter"):
        return "stop"
    raise Garbled(f"the answer ended with finish_reason {one_line(repr(said))}: expected stop or length")


def prompt_length(request: Request, told: Any) -> int:
    """In tokens: counted where the prompt is ids, else as the server says."""
    return len(request.prompt.ids) if isinstance(request.prompt, Tokens) else count(told)


def count(told: Any) -> int:
    """A number of tokens as a server tells it; 0 where it tells none."""
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else 0


def from_ids(
    request: Request,
    ids: Sequence[int],
    ended: FinishReason,
    by_token: bool,
    text: str,
    vocabulary: Vocabulary | None,
    logprobs: Sequence[tuple[Logprob, ...]] = (),
) -> Completion:
    """A completion counted from what was sampled, whatever the server says of its number.

    ids: all that was sampled, with the token that ended it where `by_token`. `text`, the server's, serves where there
    is no vocabulary: servers drop a character that is cut in its middle, and some do not write special tokens out.
    """
    if ids and not 0 <= min(ids) <= max(ids) < MOST_ID:
        raise Garbled("the answer holds what are no token ids")
    if len(ids) > request.sampling.max_tokens:
        raise RequestFailed(
            f"the server wrote {len(ids)} tokens, and {request.sampling.max_tokens} were asked for: it does not obey "
            "max_tokens"
        )
    end = _stop_place(ids, request.sampling.stop_token_ids, by_token)
    kept = tuple(ids[:end])
    if vocabulary is not None:
        text = vocabulary.decode(kept)
    text, was_cut = cut(text, request.sampling.stop)
    counted = len(ids) if end is None else end + 1
    return Completion(
        text=text,
        token_ids=kept,
        finish_reason="stop" if was_cut or end is not None else ended,
        prompt_tokens=prompt_length(request, 0),
        completion_tokens=counted,
        wasted_tokens=len(ids) - counted,
        logprobs=tuple(logprobs[: len(kept)]),
    )


def _stop_place(ids: Sequence[int], stop_ids: Sequence[int], by_token: bool) -> int | None:
    """Where the token that ended the text stands in what was sampled."""
    place = next((n for n, token_id in enumerate(ids) if token_id in stop_ids), None) if stop_ids else None
    return len(ids) - 1 if place is None and by_token and ids else place


def cut(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """The text before the first of the stops, and whether there was one."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


def likeliest(told: Iterable[Logprob], most: int) -> tuple[Logprob, ...]:
    """The likeliest first; a server may add the sampled one to those that were asked for."""
    return tuple(sorted(told, key=lambda one: -one.logprob)[:most])
