"""llama.cpp in this process, through xllamacpp: any GGUF file, many requests in one batch.

The only file that imports xllamacpp. It knows llama.cpp's server and its quirks; it knows no chat template and no row.

A request's text depends on its prompt, sampling and seed, and, in the last bits of the arithmetic, on how many others
are in the batch: llama.cpp multiplies one or two rows with other kernels than three and more. Greedy text hardly ever
shows it; sampled text can differ from the first near-tie on.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import orjson

from magpie.engines.checks import refusal, room
from magpie.engines.gguf_header import Shape, read_shape
from magpie.engines.loopback import Answered, ConnectionLost, Loopback
from magpie.engines.quiet import hear
from magpie.errors import EngineDied, MissingExtra, ModelError, RequestFailed
from magpie.seams import Completion, Request

FIELDS = ("content", "tokens", "stop_type", "stopping_word", "tokens_predicted", "tokens_evaluated")
CACHE_BUDGET = 2 << 30
"""The most that keys and values may take by default, in bytes: a quarter of a small laptop's memory."""
SMALL_MODEL = 64 << 20


@dataclass(frozen=True, slots=True)
class LlamaCppSettings:
    """How to run the model. What is None is chosen from the model file."""

    slots: int | None = None
    """Requests in one batch. By default 64, or as many as fit 2 GiB of keys and values."""
    context: int | None = None
    """Tokens that a prompt and its continuation have together. By default the model's trained context, at most 4096."""
    threads: int | None = None
    """By default 1 for a model file below 64 MiB (two threads halve its speed), else one for each core."""
    threads_batch: int | None = None
    """Threads that read prompts. By default the same."""
    gpu_layers: int = -1
    """Layers kept on the GPU; -1 is as many as fit. Without a GPU it means nothing."""
    patience: float = 300.0
    """Seconds without an answer, even to how it is doing, after which the engine counts as dead."""


@contextmanager
def open_llamacpp(path: Path | str, settings: LlamaCppSettings | None = None) -> Iterator[LlamaCpp]:
    """Load a GGUF file; leaving the block stops what is in flight and frees the model.

    Raises `ModelError` when the file cannot be run, `MissingExtra` when xllamacpp is not installed.
    """
    xllamacpp = import_llamacpp()
    model, settings = Path(path), settings or LlamaCppSettings()
    shape = read_shape(model)
    with tempfile.TemporaryDirectory(prefix="magpie-") as name:
        folder = Path(name)
        plan = _plan(shape, settings)
        server = _load(xllamacpp, model, plan, folder)
        engine = LlamaCpp(Loopback(_address(folder)), Loopback(_address(folder)), plan)
        try:
            engine.start()
            yield engine
        finally:
            engine.close()  # before the server: it waits for its open connections, forever
            del server


@dataclass(frozen=True, slots=True)
class Plan:
    """The settings with every choice made."""

    slots: int
    context: int
    threads: int
    threads_batch: int
    gpu_layers: int
    patience: float


def _plan(shape: Shape, settings: LlamaCppSettings) -> Plan:
    context = settings.context or min(shape.context or 4096, 4096)
    fitting = CACHE_BUDGET // max(1, context * shape.cache_bytes)
    threads = settings.threads or (1 if shape.file_bytes < SMALL_MODEL else os.cpu_count() or 1)
    return Plan(
        slots=settings.slots or max(1, min(64, fitting)),
        context=context,
        threads=threads,
        threads_batch=settings.threads_batch or threads,
        gpu_layers=settings.gpu_layers,
        patience=settings.patience,
    )


def import_llamacpp() -> ModuleType:
    """The xllamacpp module. Raises `MissingExtra` when it is not installed or does not load."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # two busy waiting threads stop a machine of two cores
    try:
        import xllamacpp
    except ImportError as error:
        raise MissingExtra(f"the engine llamacpp needs xllamacpp ({error}): pip install xllamacpp") from error
    return xllamacpp  # type: ignore[no-any-return]


def _address(folder: Path, name: str = "llama") -> str:
    """The server's socket. The folder has mode 700: no other user can reach it, as they could a port."""
    return str(folder / f"{name}.sock")


def _load(xllamacpp: ModuleType, model: Path, plan: Plan, folder: Path) -> Any:
    try:
        return xllamacpp.Server(_params(xllamacpp, model, plan, _address(folder), verbosity=0))
    except RuntimeError:
        # The reason is only in the log, which is off. Load again and listen.
        with hear() as heard, suppress(RuntimeError):
            xllamacpp.Server(_params(xllamacpp, model, plan, _address(folder, "again"), verbosity=1))
    raise ModelError(f"{model} cannot be run by llama.cpp: {_reason(heard.text)}")


def _params(xllamacpp: ModuleType, model: Path, plan: Plan, address: str, verbosity: int) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.hostnames = [address]
    params.verbosity = verbosity
    params.n_parallel, params.n_ctx = plan.slots, plan.slots * plan.context  # the slots share n_ctx equally
    params.kv_unified = False  # twice as fast with many slots
    params.cpuparams.n_threads, params.cpuparams_batch.n_threads = plan.threads, plan.threads_batch
    params.n_gpu_layers = plan.gpu_layers
    params.special = True  # special tokens are written out in the text, so that a leaked marker can be seen
    params.cache_prompt, params.cache_ram_mib = False, 0  # with a cache, one seed gives two texts
    params.warmup = params.ui = False
    return params


def _reason(log: str) -> str:
    """The line of llama.cpp's log that says why a model did not load."""
    errors: list[str] = re.findall(r"^[\d.]+ E (.*)$", log, re.MULTILINE)
    told = [line.partition("error loading model: ")[2] for line in errors]
    told = [line for line in told if line and "failed to load model from" not in line]
    return (told or errors or ["it gives no reason"])[0]


_ASK = 0
"""The ticket of a question on the side: there is never more than one."""
_PULSE = -1
"""The ticket of the question whether the engine still works. The runner's tickets are not negative."""


class LlamaCpp:
    """A loaded model. Use it from one thread; `open_llamacpp` makes it and closes it."""

    def __init__(self, wire: Loopback, side: Loopback, plan: Plan) -> None:
        self.window, self.context = plan.slots, plan.context
        self.vocab_size = self.trained_context = 0
        self._wire, self._side, self._patience = wire, side, plan.patience
        self._live: dict[int, Request] = {}
        self._refused: list[tuple[int, Completion | RequestFailed]] = []
        self._lost: ConnectionLost | None = None
        self._heard = time.monotonic()
        self._pulse_sent = False
        self._pieces: dict[int, _Piece] = {}

    def start(self) -> None:
        """Learn the model's sizes, and wait for its loop: a server closed before its loop runs never ends."""
        meta = self._ask("/v1/models")["data"][0]["meta"]
        self.vocab_size, self.trained_context = int(meta["n_vocab"]), int(meta["n_ctx_train"])
        self._ask("/completion", {"prompt": [0], "n_predict": 1})

    def close(self) -> None:
        self._wire.close()
        self._side.close()

    def submit(self, ticket: int, request: Request) -> None:
        if failed := refusal(request, self.context, self.vocab_size):
            self._refused.append((ticket, failed))
            return
        try:
            self._wire.post(ticket, "/completion", self._body(request))
        except ConnectionLost as error:
            self._lost = error
        if not self._live:
            self._heard = time.monotonic()
        self._live[ticket] = request

    def poll(self, wait: float) -> Sequence[tuple[int, Completion | RequestFailed]]:
        done, self._refused = self._refused, []
        try:
            if self._lost:
                raise self._lost
            answers = self._wire.ready(0.0 if done else wait)
            done += [(a.ticket, self._answer(a)) for a in answers if a.ticket != _PULSE]
            self._watch(bool(answers))
        except ConnectionLost as error:
            raise EngineDied(f"llama.cpp is gone: {error}; the rows so far are kept, run again to go on") from error
        return done

    def cancel(self, tickets: Sequence[int]) -> None:
        """Their slots are free within a second, when the server next looks whether anyone still listens."""
        self._wire.drop(tickets)
        for ticket in tickets:
            self._live.pop(ticket, None)
        self._refused = [(ticket, failed) for ticket, failed in self._refused if ticket not in set(tickets)]

    def tokenize(self, text: str) -> list[int]:
        """llama.cpp's own tokenizer: special tokens written out become their ids, nothing is added."""
        return self._tokenize(text, special=True)

    def detokenize(self, ids: Sequence[int]) -> str:
        """The text of `ids`, special tokens written out. Behind an anchor, because some vocabularies drop a space."""
        anchor = self._tokenize("a", special=False)
        before, whole = self._text(anchor), self._text([*anchor, *ids])
        return whole.removeprefix(before)

    def _body(self, request: Request) -> bytes:
        sampling = request.sampling
        pieces = [self._piece(i) for i in sampling.stop_token_ids if 0 <= i < self.vocab_size]
        return orjson.dumps(
            {
                "prompt": request.prompt.ids,
                "n_predict": room(request, self.context),
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "samplers": ["temperature", "top_p"] if sampling.top_p < 1.0 else ["temperature"],
                "seed": seed32(request.seed),
                "stop": [*sampling.stop, *(piece.text for piece in pieces if piece.special)],
                "cache_prompt": False,
                "return_tokens": True,
                "response_fields": FIELDS,
            }
        )

    def _answer(self, answered: Answered) -> Completion | RequestFailed:
        request = self._live.pop(answered.ticket)
        said = orjson.loads(answered.body)
        if answered.status != 200:
            return RequestFailed(f"llama.cpp refused the request: {said.get('error', said)}")
        ids, ended = said["tokens"], said["stop_type"] in ("eos", "word")
        end = _stop_place(ids, request.sampling.stop_token_ids, said["stop_type"] == "eos")
        if end is None:
            counted = len(ids)
            text, finish = said["content"], "stop" if ended else "length"
        else:
            counted = end + 1
            text, finish = self._text_before(end, ids, said["content"]), "stop"
        return Completion(
            text=text,
            token_ids=tuple(ids[:end]),
            finish_reason="stop" if finish == "stop" else "length",
            prompt_tokens=len(request.prompt.ids),
            completion_tokens=counted,
            wasted_tokens=len(ids) - counted,
        )

    def _text_before(self, end: int, ids: list[int], content: str) -> str:
        """The text of `ids[:end]`: nearly always all of it but the stop token's own piece."""
        if end == len(ids) - 1 and (piece := self._piece(ids[end])).special:
            return content.removesuffix(piece.text)
        return self.detokenize(ids[:end])

    def _piece(self, token_id: int) -> _Piece:
        """A token's text, asked for once: a fraction of a millisecond, and the model goes on working."""
        if token_id not in self._pieces:
            text = self._text([token_id])
            special = self._tokenize(text, special=True) == [token_id] != self._tokenize(text, special=False)
            self._pieces[token_id] = _Piece(text, special)
        return self._pieces[token_id]

    def _tokenize(self, text: str, special: bool) -> list[int]:
        asked = {"content": text, "add_special": False, "parse_special": special}
        return list(self._ask("/tokenize", asked)["tokens"])

    def _text(self, ids: Sequence[int]) -> str:
        return str(self._ask("/detokenize", {"tokens": list(ids)})["content"])

    def _ask(self, route: str, body: dict[str, Any] | None = None) -> Any:
        """Ask the server something and wait for the answer, beside what is in flight."""
        try:
            if body is None:
                self._side.get(_ASK, route)
            else:
                self._side.post(_ASK, route, orjson.dumps(body))
            answers = self._side.ready(self._patience)
        except ConnectionLost as error:
            raise EngineDied(f"llama.cpp is gone: {error}") from error
        if not answers:
            self._side.drop([_ASK])
            raise EngineDied(f"llama.cpp gives no answer to {route} for {self._patience:.0f} seconds")
        return orjson.loads(answers[0].body)

    def _watch(self, heard: bool) -> None:
        """Raise when the engine answers nothing, not even how it is, for twice its patience."""
        now = time.monotonic()
        if heard or not self._live:
            self._heard, self._pulse_sent = now, False
        elif now - self._heard > self._patience and not self._pulse_sent:
            self._wire.get(_PULSE, "/slots")  # answered between two steps of the batch
            self._pulse_sent = True
        elif now - self._heard > 2 * self._patience:
            raise ConnectionLost(f"no answer for {2 * self._patience:.0f} seconds")


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    special: bool
    """Only the template can write it: its text, tokenized with special tokens off, is other tokens."""


def seed32(seed: int) -> int:
    """llama.cpp's seeds have 32 bits, and the last of them means a random one.

    Two of n requests share a seed with a chance of n * n / 2**33: of 65,536 instructions sampled from one prompt, half
    of all runs have one pair that is equal for this reason alone.
    """
    return (seed ^ seed >> 32) % 0xFFFFFFFF


def _stop_place(ids: Sequence[int], stop_ids: Sequence[int], ends_at_last: bool) -> int | None:
    """Where the first stop token stands in what was sampled."""
    place = next((i for i, token_id in enumerate(ids) if token_id in stop_ids), None)
    return len(ids) - 1 if place is None and ends_at_last else place
