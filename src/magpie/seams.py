"""The seams: the protocols and values that the layers of magpie meet at.

An `Engine` continues token ids. A `Chat` turns messages into token ids. A `Stage` asks; a `TableStage` and a
`CorpusStage` compute. Nothing here knows how a model is run, what a template looks like, or where rows are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from struct import pack
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from magpie.columns import Column
    from magpie.errors import RequestFailed

FinishReason = Literal["stop", "length"]
"""`stop`: the model ended by itself or met a stop. `length`: `max_tokens` or the context cut it."""

Role = Literal["system", "user", "assistant"]


class Message(NamedTuple):
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """A prompt as token ids, complete: an engine adds nothing, no beginning-of-sequence token either."""

    ids: tuple[int, ...]

    def __add__(self, said: Completion) -> Tokens:
        """The prompt with what was said, to be continued further."""
        return Tokens(self.ids + said.token_ids)


@dataclass(frozen=True, slots=True)
class Text:
    """A prompt as text, for servers that take no ids: complete but for a beginning-of-sequence token, where the server
    adds that itself. It is tokenized server-side, so it is exact only as far as the server's tokenizer is."""

    text: str

    def __add__(self, said: Completion) -> Text:
        """The prompt with what was said, to be continued further."""
        return Text(self.text + said.text)


@dataclass(frozen=True, slots=True)
class Messages:
    """A prompt as a conversation, for servers that take nothing else: their template, not ours, writes it out."""

    messages: tuple[Message, ...]

    def __add__(self, said: Completion) -> Messages:
        raise TypeError("a conversation's last message cannot be continued: a stage that does so needs Tokens or Text")


Prompt = Tokens | Text | Messages
PromptKind = Literal["tokens", "text", "messages"]


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The text must be JSON that fits a schema."""

    schema: str
    """The JSON schema itself, as JSON text."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The text must be one of these, whole."""

    options: tuple[str, ...]


Structure = JsonSchema | Choice


class Capability(StrEnum):
    """What an engine can do beyond sampling from a prompt, and a stage may need."""

    LOGIT_BIAS = "logit_bias"
    """`Request.banned`: ids that are never sampled."""
    STRUCTURE = "structure"
    """`Request.structure`: text that must fit a JSON schema, or be one of some choices."""
    LOGPROBS = "logprobs"
    """`Request.logprobs`: the likeliest tokens at each position, with their log-probabilities."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine takes and can do: known from its settings, before a model is loaded."""

    prompts: tuple[PromptKind, ...] = ("tokens",)
    """What it takes, best first."""
    can: frozenset[Capability] = frozenset(Capability)


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How to continue a prompt. The defaults sample the model's own distribution, as Magpie does."""

    temperature: float = 1.0
    """0 is greedy."""
    top_p: float = 1.0
    max_tokens: int = 1024
    """The most tokens to sample, in tokens. An engine lowers it to what its context has left."""
    stop_token_ids: tuple[int, ...] = ()
    """Sampling ends at any of these; the id is counted but is not in the text."""
    stop: tuple[str, ...] = ()
    """Sampling ends when the text holds any of these; the text is cut before it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt to continue once: k responses are k requests with k seeds."""

    prompt: Prompt
    sampling: SamplingParams
    model: str = "model"
    """Which of the stage's engines continues it, by the name that the stage gave it."""
    seed: int = 0
    """63 bits. The runner sets it from the row; what a stage puts here is overwritten."""
    banned: tuple[int, ...] = ()
    """Token ids that are never sampled, anywhere in the continuation. Needs `Capability.LOGIT_BIAS`."""
    structure: Structure | None = None
    """What the text must be. Needs `Capability.STRUCTURE`."""
    logprobs: int = 0
    """How many of the likeliest tokens to return at each position. Needs `Capability.LOGPROBS`."""

    def with_seed(self, seed: int) -> Request:
        """The same request with another seed. Every request passes here, so it is copied slot by slot: the constructor
        of a frozen class takes three times as long."""
        copy = object.__new__(Request)
        _put_prompt(copy, self.prompt)
        _put_sampling(copy, self.sampling)
        _put_model(copy, self.model)
        _put_seed(copy, seed)
        _put_banned(copy, self.banned)
        _put_structure(copy, self.structure)
        _put_logprobs(copy, self.logprobs)
        return copy

    def digest(self) -> str:
        """A stable name for the request, the same in every process: what a journal matches a completion on.

        It packs token ids and names of its own, so that a renamed class or field orphans no completion. A field that is
        added later joins it only where it is not at its default.
        """
        digest = _EMPTY_DIGEST.copy()
        digest.update(_packed(self.prompt))
        rest = _named(self.sampling, self.model, self.banned, self.structure, self.logprobs)
        digest.update(rest + b"%d" % self.seed)
        return "2" + digest.hexdigest()


_EMPTY_DIGEST = blake2b(digest_size=12)
"""Copied for each request: that is faster than a new one."""

(_put_prompt, _put_sampling, _put_model, _put_seed, _put_banned, _put_structure, _put_logprobs) = (
    getattr(Request, field.name).__set__ for field in fields(Request)
)


@lru_cache(256)
def _named(
    sampling: SamplingParams, model: str, banned: tuple[int, ...], structure: Structure | None, logprobs: int
) -> bytes:
    """All of a request but its prompt and its seed: the same for thousands of requests, so it is kept."""
    named: dict[str, Any] = {
        "model": model,
        "temperature": float(sampling.temperature),  # 0 and 0.0 are equal as keys of the cache
        "top_p": float(sampling.top_p),
        "max_tokens": sampling.max_tokens,
        "stop_token_ids": sampling.stop_token_ids,
        "stop": sampling.stop,
    }
    if banned:
        named["banned"] = banned
    if isinstance(structure, JsonSchema):
        named["schema"] = structure.schema
    elif isinstance(structure, Choice):
        named["choice"] = structure.options
    if logprobs:
        named["logprobs"] = logprobs
    return json.dumps(named, separators=(",", ":")).encode()


def _packed(prompt: Prompt) -> bytes:
    """A prompt as bytes, another for each kind and content; token ids as 32 bits each, little-endian."""
    if isinstance(prompt, Tokens):
        return pack(f"<c{len(prompt.ids)}i", b"t", *prompt.ids)
    if isinstance(prompt, Text):
        return b"x" + prompt.text.encode("utf-8", "surrogatepass")
    return b"m" + json.dumps([list(message) for message in prompt.messages]).encode()


BROKEN = "\ufffd"
"""The replacement in a text for bytes that are not a character."""


class Logprob(NamedTuple):
    """A token that might have been sampled, and the natural logarithm of its probability under the model itself:
    before temperature, top_p and bans."""

    token_id: int
    """-1 where a server returns only the text."""
    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Completion:
    """What an engine wrote."""

    text: str
    """Valid Unicode: bytes that are no character come back as `BROKEN`."""
    token_ids: tuple[int, ...]
    """What was sampled, without the stop token and what came after it; empty where a server returns only the text."""
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    """Sampled tokens that count: `token_ids` and the stop token."""
    wasted_tokens: int = 0
    """Tokens sampled past a stop, because the engine cannot stop there itself."""
    logprobs: tuple[tuple[Logprob, ...], ...] = ()
    """For each of `token_ids`, as many of the likeliest tokens as were asked for, likeliest first."""


class Engine(Protocol):
    """Continues prompts. Adds no special tokens; knows no roles, templates or rows."""

    @property
    def window(self) -> int:
        """The most requests it holds at once."""

    @property
    def context(self) -> int:
        """The most tokens a prompt and its continuation have together."""

    @property
    def capabilities(self) -> Capabilities:
        """What it takes and can do. A request for anything else fails in `poll`, alone."""

    def submit(self, ticket: int, request: Request) -> None:
        """Take a request. Never blocks, never raises: a bad request fails in `poll`, alone."""

    def poll(self, wait: float) -> Sequence[tuple[int, Completion | RequestFailed]]:
        """Run one step, or wait up to `wait` seconds for something to end. Any order. Raises `EngineDied` only."""

    def cancel(self, tickets: Sequence[int]) -> None:
        """Forget these: they are never polled again."""


class Tokenizer(Protocol):
    """Text to token ids and back, adding nothing."""

    @property
    def vocab_size(self) -> int:
        """Ids are below this."""

    def encode(self, text: str) -> list[int]:
        """The ids of `text`; special tokens written out in it become their ids; nothing is added."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, special tokens written out."""

    def token(self, token_id: int) -> str:
        """One id as a reader may see it: special tokens by name, bytes of a broken character escaped."""


class Chat(Protocol):
    """Turns messages into prompts, as one model's chat template writes them."""

    def leaks(self, token_ids: Sequence[int], text: str) -> bool:
        """Whether a model wrote what only the template may write, such as `<|im_start|>`, as a token or as text."""

    def user_text(self, sampled: str) -> str:
        """The user message in what the model wrote as the user: without outer white space, and without what the
        template puts between the user's words and the end of the turn."""

    def assistant_text(self, sampled: str) -> str:
        """The same for what the model wrote as the assistant."""

    def text(self, token_ids: Sequence[int]) -> str:
        """The text of token ids, special tokens written out."""

    def next_user(self, messages: Sequence[Message]) -> Prompt:
        """The prompt for the next user message: the pre-query, or the follow-up when there are turns."""

    def next_assistant(self, messages: Sequence[Message]) -> Prompt:
        """The whole conversation up to where the assistant writes."""


Row = Mapping[str, Any]
"""The columns that a stage reads, and `row`."""
Columns = Mapping[str, Any]
"""The columns that a stage writes."""


@dataclass(frozen=True, slots=True)
class Drop:
    """A row that later stages skip. It stays in the run, with its reason and the columns that it has so far."""

    reason: str
    columns: Columns


Outcome = Columns | Drop
Asking = Generator[Request | Sequence[Request], Any, Outcome]
"""A row's conversation with a model: yields requests, is sent completions, returns columns or a drop."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A row stage, bound to its settings and its chats: all that the layers above need to know of it."""

    name: str
    reads: tuple[str, ...]
    """The columns it reads; empty for a stage that makes rows."""
    writes: tuple[Column, ...]
    ask: Callable[[Row], Asking]
    models: tuple[str, ...] = ("model",)
    """The names that its requests give to their engines."""
    needs: frozenset[Capability] = frozenset()
    """What its requests ask of those engines."""


@dataclass(frozen=True, slots=True)
class TableStage:
    """A pure function over rows of one shard: rules, embeddings, rewards."""

    name: str
    reads: tuple[str, ...]
    writes: tuple[Column, ...]
    open: Callable[[], AbstractContextManager[Callable[[pa.Table], pa.Table]]]
    """Loads what it needs, once, when a row is missing, and gives the function. In: `row` and the columns read, sorted
    by row, of the rows that are missing. Out: the same rows in the same order: `row`, the columns written, and, where
    it drops rows or fails at some, `drop_reason` or `error`, null for the others."""
    loads_model: bool = False
    """Whether opening it loads a model: engines are then closed first, so that they never share memory."""


class Corpus(Protocol):
    """All rows of a run that reach a stage, to be read as a stream."""

    @property
    def count(self) -> int:
        """How many they are."""

    @property
    def scratch(self) -> Path:
        """An empty folder for what does not fit into memory; it is removed afterwards."""

    def batches(self) -> Iterator[pa.RecordBatch]:
        """`row` and the columns read, in row order. May be called again."""

    def report(self, figures: Mapping[str, Any]) -> None:
        """What a reader of the run should know of how it went, such as a measured recall; plain values."""


@dataclass(frozen=True, slots=True)
class CorpusStage:
    """Computes from all rows of a run at once: duplicates, neighbors, selection. All its rows are made again when its
    input has changed."""

    name: str
    reads: tuple[str, ...]
    writes: tuple[Column, ...]
    make: Callable[[Corpus], Iterator[pa.Table]]
    """Gives tables in row order, of any sizes, that together hold every row of the corpus once: `row`, the columns
    written, and `drop_reason` where it drops rows."""


AnyStage = Stage | TableStage | CorpusStage


class Embedder(Protocol):
    """Turns texts into vectors."""

    def embed(self, texts: Sequence[str]) -> Any:
        """A vector for each text, as a NumPy array [texts, dimension], or as a list with `RequestFailed` for each text
        that got none."""


class Scorer(Protocol):
    """Judges conversations by a number, such as a reward model does."""

    def score(self, conversations: Sequence[Sequence[Message]]) -> Sequence[float | RequestFailed | None]:
        """A score for each, higher is better. None: no score is possible, such as for a conversation that is too long
        for the scorer. `RequestFailed` or NaN: there was none this time, and another try may give one."""


def derive_seed(run_seed: int, stage: str, row: int, n: int) -> int:
    """The seed of a row's n-th request: 63 bits that depend on nothing else, never on the position in a batch."""
    digest = _stage_seeds(run_seed, stage).copy()
    digest.update(b"%d/%d" % (row, n))
    return int.from_bytes(digest.digest(), "little") >> 1


@lru_cache(64)
def _stage_seeds(run_seed: int, stage: str) -> blake2b:
    """What the digests of all seeds of a stage begin with."""
    return blake2b(f"{run_seed}/{stage}/".encode(), digest_size=8)
