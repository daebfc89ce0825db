"""Requests to a server and its answers, apart from any one API: bodies, events, counts.

Knows JSON and server-sent events; no connection, no retry and no API.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from magpie.errors import ContextFull, RequestFailed
from magpie.http.answers import Garbled as Garbled
from magpie.http.answers import (
    count_of,
    decode_json,
    error_message,
    error_object,
    error_text,
    names_the_length,
    shown,
    text_of,
)
from magpie.modelfiles.tokenizer import Vocabulary
from magpie.seams import Capabilities, Completion, FinishReason, Logprob, Request, Tokens

MOST_ID = 1 << 31


@dataclass(frozen=True, slots=True)
class Asked:
    """A POST: `route` is relative to the server's root; `/v1` in it is replaced by the path of the server's OpenAI
    API."""

    route: str
    body: bytes
    streamed: bool
    """Whether the answer is streamed, so that a stall in its middle is noticed."""


class Dialect(Protocol):
    """One API: requests into bodies, bodies into completions."""

    capabilities: Capabilities

    def ask(self, request: Request) -> Asked:
        """What to send. The request was checked."""

    def read(self, request: Request, body: bytes) -> Completion:
        """What a body of status 200 says. Raises `Garbled` or, where trying again is no use, `RequestFailed`."""


def events(body: bytes) -> Iterable[Any]:
    """The values of server-sent events, or of one JSON document where the server does not stream. Raises `Garbled`."""
    if body.lstrip()[:1] in (b"{", b"["):
        return [document(body)]
    lines = [line[5:].strip() for line in body.splitlines() if line.startswith(b"data:")]
    return [document(line) for line in lines if line != b"[DONE]"]


def json_lines(body: bytes) -> list[Any]:
    """One JSON value a line."""
    return [document(line) for line in body.splitlines() if line.strip()]


document = decode_json
error_body = error_message


def error_of(said: Any) -> tuple[int, str] | None:
    """The status and message of an error inside an answer whose own status was 200."""
    if not isinstance(said, dict) or ("error" not in said and said.get("object") != "error"):
        return None
    error = said.get("error", said)
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) else 500, error_text(said)


def refuse_errors(said: Any) -> None:
    """Raises what an error inside an answer means: `RequestFailed` for the asker's, `Garbled` for the server's."""
    if found := error_of(said):
        status, told = found
        if names_the_length(said) or (400 <= status < 500 and status not in (408, 409, 425, 429)):
            raise refused(status, said, f"the server refuses the request: {told}")
        raise Garbled(f"the server broke off: {told}")


_VLLM_LENGTH = "This model's maximum context length is"


def refused(status: int, said: Any, told: str) -> RequestFailed:
    """What a refusal that does not pass means: `ContextFull` where it says that the prompt leaves no room.

    said: the body's value. told: the message for the row.
    """
    # Only here do words decide anything. vLLM has no code for this, and before it named `param` nothing but its message
    # tells. A message that quotes a prompt does not begin with it, so the first words are the server's own.
    message = error_object(said).get("message")
    by_words = status == 400 and isinstance(message, str) and message.startswith(_VLLM_LENGTH)
    return (ContextFull if by_words or names_the_length(said) else RequestFailed)(told)


def finish(said: Any) -> FinishReason:
    """OpenAI's finish reason as the seam has it."""
    if said == "length":
        return "length"
    if said in ("stop", "eos_token", "stop_sequence", "tool_calls", "content_filter"):
        return "stop"
    raise Garbled(f"the answer ended with finish_reason {shown(said)!r}: expected stop or length")


def prompt_length(request: Request, told: Any) -> int:
    """In tokens: counted where the prompt is ids, else as the server says."""
    return len(request.prompt.ids) if isinstance(request.prompt, Tokens) else count_of(told, "the number of tokens")


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
    if not all(type(token_id) is int and 0 <= token_id < MOST_ID for token_id in ids):
        raise Garbled("the answer holds what are no token ids")
    if len(ids) > request.sampling.max_tokens:
        raise RequestFailed(
            f"the server wrote {len(ids)} tokens, and {request.sampling.max_tokens} were asked for: it does not obey "
            "max_tokens"
        )
    end = _stop_place(ids, request.sampling.stop_token_ids, by_token)
    kept = tuple(ids[:end])
    text = text_of(text, "the text") if vocabulary is None else vocabulary.decode(kept)
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
    """The index, in the sampled ids, of the token that ended the text."""
    place = next((n for n, token_id in enumerate(ids) if token_id in stop_ids), None) if stop_ids else None
    return len(ids) - 1 if place is None and by_token and ids else place


def cut(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """The text before the first of the stops, and whether there was one."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


def likeliest(told: Iterable[Logprob], most: int) -> tuple[Logprob, ...]:
    """The likeliest first; a server may add the sampled one to those that were asked for."""
    return tuple(sorted(told, key=lambda one: -one.logprob)[:most])
