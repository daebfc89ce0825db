"""What every engine does, whatever runs beneath it. One suite; an engine joins it with a line in `CASES`."""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from importlib.util import find_spec
from math import exp
from pathlib import Path
from typing import Any

import pytest

from magpie.engines.child.engine import ChildEngine, ChildSpec, open_child
from magpie.engines.llamacpp.engine import child_spec as llamacpp_spec
from magpie.engines.llamacpp.engine import open_llamacpp
from magpie.engines.replicas.engine import Replicas, open_replicas
from magpie.engines.scripted import child_spec as scripted_spec
from magpie.engines.scripted import open_scripted
from magpie.engines.server.engine import open_server
from magpie.errors import RequestFailed
from magpie.modelfiles.model import open_model
from magpie.seams import (
    Capability,
    Choice,
    Completion,
    Engine,
    JsonSchema,
    Message,
    Messages,
    Request,
    SamplingParams,
    Text,
    Tokens,
)
from magpie.settings.engines import LlamaCpp as LlamaCppSettings
from magpie.settings.engines import Scripted as ScriptedSettings
from magpie.settings.engines import Server as ServerSettings
from tests.engines.asking import ask, completions, new_tickets
from tests.engines.local_servers import llama_server, shared_vllm_server

FLEDGLING = Path(str(files("magpie"))) / "weights" / "fledgling"


@dataclass(frozen=True)
class Opened:
    """An engine as the suite sees it."""

    again: Callable[[], AbstractContextManager[Engine]]
    """Opens another like it."""
    engine: Engine
    prompt: tuple[int, ...]
    """A prompt that greedy sampling continues by more than 16 characters and 8 tokens."""
    vocab_size: int
    same_text: float
    """The least share of sampled texts that must not depend on what else is in flight."""
    has_model: bool = True
    """False of the scripted engine, whose log-probabilities follow from what it says."""


@contextmanager
def scripted(steps: int = 0, seconds: float = 0.0) -> Iterator[Opened]:
    settings = ScriptedSettings(window=16, steps=steps, seconds=seconds, empty_rate=0.0, length_rate=0.0)

    def open_it() -> AbstractContextManager[Engine]:
        return open_scripted(settings, context=256)

    with open_scripted(settings, context=256) as engine:
        yield Opened(open_it, engine, (1, 2, 3), engine.vocab_size, same_text=1.0, has_model=False)


@contextmanager
def llamacpp(settings: LlamaCppSettings) -> Iterator[Opened]:
    """The model inside the package. Sampled texts: how many are the same is measured by `bench/same.py`."""
    with as_file(files("magpie")) as package:
        model = Path(package, "weights", "fledgling", "fledgling-f16.gguf")
        with open_llamacpp(model, settings) as engine:
            prompt = tuple(engine.tokenize("<|im_start|>user\n"))
            yield Opened(lambda: open_llamacpp(model, settings), engine, prompt, engine.vocab_size, same_text=0.8)


@contextmanager
def in_a_child() -> Iterator[Opened]:
    settings = ScriptedSettings(window=16, steps=5, empty_rate=0.0, length_rate=0.0)

    def open_it() -> AbstractContextManager[ChildEngine]:
        return open_child(
            "magpie.engines.scripted:open_in_process", {"settings": settings.model_dump(), "context": 256}
        )

    with open_it() as engine:
        yield Opened(open_it, engine, (1, 2, 3), engine.vocab_size, same_text=1.0, has_model=False)


@contextmanager
def in_replicas(specs: Sequence[ChildSpec], prompt: tuple[int, ...], *, has_model: bool) -> Iterator[Opened]:
    def open_it() -> AbstractContextManager[Replicas]:
        return open_replicas(specs)

    with open_it() as engine:
        same_text = 0.8 if has_model else 1.0
        yield Opened(open_it, engine, prompt, engine.vocab_size, same_text, has_model=has_model)


def scripted_replicas() -> AbstractContextManager[Opened]:
    settings = ScriptedSettings(window=8, steps=5, empty_rate=0.0, length_rate=0.0)
    return in_replicas([scripted_spec(settings, context=256)] * 2, (1, 2, 3), has_model=False)


def llamacpp_replicas() -> AbstractContextManager[Opened]:
    spec = llamacpp_spec(FLEDGLING / "fledgling-f16.gguf", LlamaCppSettings(slots=8, context=256, threads=1))
    prompt = tuple(open_model(FLEDGLING).tokenizer.encode("<|im_start|>user\n"))
    return in_replicas([spec] * 2, prompt, has_model=True)


@contextmanager
def on_fledgling(open_it: Callable[[], AbstractContextManager[Engine]], same_text: float) -> Iterator[Opened]:
    with open_it() as engine:
        prompt = tuple(open_model(FLEDGLING).tokenizer.encode("<|im_start|>user\n"))
        yield Opened(open_it, engine, prompt, open_model(FLEDGLING).tokenizer.vocab_size, same_text)


def openvino() -> AbstractContextManager[Opened]:
    from magpie.engines.openvino.engine import open_openvino
    from magpie.settings.engines import OpenVino as OpenVinoSettings

    settings = OpenVinoSettings(slots=16, context=256)
    return on_fledgling(lambda: open_openvino(FLEDGLING / "fledgling-f16.gguf", settings), same_text=0.9)


def vllm() -> AbstractContextManager[Opened]:
    from magpie.engines.vllm.engine import open_vllm
    from magpie.settings.engines import Vllm as VllmSettings

    settings = VllmSettings(slots=16, context=256, dtype="float32")
    return on_fledgling(lambda: open_vllm(FLEDGLING, settings), same_text=0.9)


@contextmanager
def behind(server: AbstractContextManager[str]) -> Iterator[Opened]:
    """A real server of fledgling, over HTTP."""
    vocabulary = open_model(FLEDGLING).tokenizer
    with server as url:
        settings = ServerSettings(url=url, concurrency=16)
        with on_fledgling(lambda: open_server(settings, vocabulary=vocabulary), same_text=0.8) as opened:
            yield opened


def transformers() -> AbstractContextManager[Opened]:
    from magpie.engines.transformers.engine import open_transformers
    from magpie.settings.engines import Transformers as TransformersSettings

    device = os.environ.get("MAGPIE_TEST_DEVICE", "cpu")  # scripts/gpu.sh
    settings = TransformersSettings.model_validate({"slots": 16, "context": 256, "device": device, "dtype": "float32"})
    return on_fledgling(lambda: open_transformers(FLEDGLING, settings), same_text=0.9)


CASES: dict[str, Callable[[], AbstractContextManager[Opened]]] = {
    "scripted": scripted,
    "scripted-out-of-order": lambda: scripted(steps=5),
    "scripted-in-time": lambda: scripted(seconds=0.002),
    "scripted-in-a-child": in_a_child,
    "scripted-replicas": scripted_replicas,
    "llamacpp": lambda: llamacpp(LlamaCppSettings(slots=16, context=256, threads=1)),
    "llamacpp-replicas": llamacpp_replicas,
    "server-llamacpp": lambda: behind(llama_server(FLEDGLING / "fledgling-f16.gguf", slots=16, context=256)),
    "openvino": openvino,
    "transformers": transformers,
    "vllm": vllm,
    "server-vllm": lambda: behind(nullcontext(shared_vllm_server(FLEDGLING, context=256))),
}
HEAVY = {"openvino": "openvino_genai", "transformers": "transformers", "vllm": "vllm", "server-vllm": "vllm"}
"""Cases behind a marker of the engine's name, and the library without which they are skipped."""


def is_here(name: str) -> bool:
    return name not in HEAVY or find_spec(HEAVY[name]) is not None


def marked(name: str) -> Any:
    return pytest.param(name, marks=getattr(pytest.mark, name.removeprefix("server-"))) if name in HEAVY else name


@pytest.mark.parametrize("name", [marked(name) for name in HEAVY])
def test_what_is_not_installed_here_is_told(name: str) -> None:
    if not is_here(name):
        pytest.skip(f"{name} is not tested: {HEAVY[name]} is not installed here (scripts/)")


@pytest.fixture(scope="module", params=[marked(name) for name in CASES if is_here(name)])
def case(request: pytest.FixtureRequest) -> Iterator[Opened]:
    with CASES[request.param]() as opened:
        yield opened


@pytest.fixture
def engine(case: Opened) -> Engine:
    return case.engine


GREEDY = SamplingParams(temperature=0.0, max_tokens=60)
SAMPLED = SamplingParams(temperature=1.0, max_tokens=60)


def request_for(case: Opened, sampling: SamplingParams = SAMPLED, seed: int = 0) -> Request:
    return Request(Tokens(case.prompt), sampling, seed=seed)


def long_request(case: Opened, engine: Engine, seed: int = 0) -> Request:
    """One that takes as long as the engine allows."""
    return request_for(case, replace(SAMPLED, max_tokens=engine.context), seed)


def one(engine: Engine, request: Request) -> Completion:
    return completions(engine, [request])[0]


def test_every_ticket_is_answered_once(case: Opened, engine: Engine) -> None:
    completions(engine, [request_for(case, seed=i) for i in range(5 * engine.window)])
    assert not engine.poll(0.05)


def test_an_answer_comes_under_its_own_ticket(case: Opened, engine: Engine) -> None:
    prompts = [Tokens(case.prompt * (1 + i % 7)) for i in range(70)]
    requests = [Request(prompt, replace(SAMPLED, max_tokens=1 + i % 5)) for i, prompt in enumerate(prompts)]
    for prompt, request, completion in zip(prompts, requests, completions(engine, requests), strict=True):
        assert completion.prompt_tokens == len(prompt.ids)
        assert completion.completion_tokens <= request.sampling.max_tokens


def test_a_whole_window_can_be_submitted_before_the_first_poll(case: Opened, engine: Engine) -> None:
    requests = [request_for(case, replace(SAMPLED, max_tokens=2), seed=i) for i in range(engine.window)]
    assert len(completions(engine, requests, window=engine.window)) == engine.window


def bad_requests(case: Opened, engine: Engine) -> dict[str, Request]:
    filling = case.prompt * engine.context
    prompts = {
        "empty": (),
        f"{engine.context} tokens": filling[: engine.context],
        f"{engine.context + 1} tokens": filling[: engine.context + 1],
        "token id -1": (*case.prompt, -1),
        f"token id {case.vocab_size}": (case.vocab_size, *case.prompt),
        f"token id {2**40}": (2**40,),
    }
    return {told: Request(Tokens(ids), SAMPLED) for told, ids in prompts.items()}


def test_a_bad_request_fails_alone_and_says_what_is_wrong(case: Opened, engine: Engine) -> None:
    for told, bad in bad_requests(case, engine).items():
        before, failed, after = ask(engine, [request_for(case), bad, request_for(case, seed=1)])
        assert isinstance(failed, RequestFailed)
        assert told in str(failed)
        assert isinstance(before, Completion)
        assert isinstance(after, Completion)


def test_max_tokens_below_one_fails(case: Opened, engine: Engine) -> None:
    (failed,) = ask(engine, [request_for(case, replace(SAMPLED, max_tokens=0))])
    assert "max_tokens is 0" in str(failed)


def test_a_prompt_one_token_short_of_the_context_is_continued_by_one(case: Opened, engine: Engine) -> None:
    prompt = Tokens((case.prompt * engine.context)[: engine.context - 1])
    assert one(engine, Request(prompt, SAMPLED)).completion_tokens == 1


@pytest.mark.parametrize("most", [1, 2, 5])
def test_max_tokens_is_exact(case: Opened, engine: Engine, most: int) -> None:
    got = one(engine, request_for(case, replace(GREEDY, max_tokens=most)))
    assert (len(got.token_ids), got.completion_tokens, got.finish_reason) == (most, most, "length")


def test_max_tokens_is_lowered_to_what_the_context_has_left(case: Opened, engine: Engine) -> None:
    prompt = Tokens((case.prompt * engine.context)[: engine.context - 3])
    got = one(engine, Request(prompt, replace(GREEDY, max_tokens=10**6)))
    assert got.completion_tokens == 3 or (got.completion_tokens < 3 and got.finish_reason == "stop")


def test_a_text_that_ends_by_itself_counts_its_end(case: Opened, engine: Engine) -> None:
    got = [c for c in completions(engine, [request_for(case, seed=i) for i in range(32)]) if c.finish_reason == "stop"]
    assert got
    assert all(c.completion_tokens == len(c.token_ids) + 1 and c.wasted_tokens == 0 for c in got)


def test_a_stop_id_ends_a_text_before_itself(case: Opened, engine: Engine) -> None:
    whole = one(engine, request_for(case, GREEDY))
    for stop in sorted(set(whole.token_ids[1:8])):
        place = whole.token_ids.index(stop)
        cut = one(engine, request_for(case, replace(GREEDY, stop_token_ids=(7, stop))))
        assert cut.token_ids == whole.token_ids[:place]
        assert cut.finish_reason == "stop"
        assert cut.completion_tokens == place + 1
        assert whole.text.startswith(cut.text.rstrip("\ufffd"))
        assert len(cut.text) < len(whole.text)


def test_tokens_past_a_stop_id_are_counted_as_waste(case: Opened, engine: Engine) -> None:
    whole = one(engine, request_for(case, GREEDY))
    cut = one(engine, request_for(case, replace(GREEDY, stop_token_ids=(whole.token_ids[2],))))
    assert cut.wasted_tokens in (0, whole.completion_tokens - cut.completion_tokens)


def test_a_stop_id_that_never_comes_changes_nothing(case: Opened, engine: Engine) -> None:
    whole = one(engine, request_for(case, GREEDY))
    unused = next(i for i in range(200) if i not in whole.token_ids)
    assert one(engine, request_for(case, replace(GREEDY, stop_token_ids=(unused, 10**9)))) == whole


def test_a_stop_string_cuts_the_text_before_itself(case: Opened, engine: Engine) -> None:
    whole = one(engine, request_for(case, GREEDY))
    for start in range(1, 8):
        stop = whole.text[start : start + 4]
        cut = one(engine, request_for(case, replace(GREEDY, stop=(stop,))))
        assert cut.text == whole.text.partition(stop)[0]
        assert cut.finish_reason == "stop"
        assert cut.completion_tokens == len(cut.token_ids) < whole.completion_tokens


def test_the_first_of_several_stop_strings_counts(case: Opened, engine: Engine) -> None:
    whole = one(engine, request_for(case, GREEDY))
    late, early = whole.text[12:16], whole.text[4:8]
    assert one(engine, request_for(case, replace(GREEDY, stop=(late, early, "\x00")))).text == whole.text[:4]


def test_the_same_seed_gives_the_same_text(case: Opened, engine: Engine) -> None:
    requests = [request_for(case, seed=2**62 + 12345)] * 3
    alone = [one(engine, request) for request in requests]
    assert alone[0] == alone[1] == alone[2]


def test_different_seeds_give_different_texts(case: Opened, engine: Engine) -> None:
    seeds = [0, 1, 2, 3, 2**32, 2**33, 2**63 - 1, 2**31]
    assert len({c.text for c in completions(engine, [request_for(case, seed=s) for s in seeds])}) >= 6


def test_a_text_does_not_depend_on_what_else_is_in_flight_or_on_the_order(case: Opened, engine: Engine) -> None:
    requests = [request_for(case, seed=1000 + i) for i in range(48)]
    others = [Request(Tokens(case.prompt * 5), SAMPLED, seed=i) for i in range(48)]
    mixed = [*requests, *others]
    random.Random(0).shuffle(mixed)
    first = completions(engine, requests)
    again = dict(zip(mixed, completions(engine, mixed), strict=True))
    assert sum(a.text == again[r].text for r, a in zip(requests, first, strict=True)) >= case.same_text * len(requests)


def test_greedy_does_not_depend_on_the_seed(case: Opened, engine: Engine) -> None:
    assert len({c.text for c in completions(engine, [request_for(case, GREEDY, seed=i) for i in range(8)])}) == 1


def test_greedy_gives_the_same_in_any_order(case: Opened, engine: Engine) -> None:
    requests = [Request(Tokens((*case.prompt, 40 + i)), replace(GREEDY, max_tokens=24)) for i in range(32)]
    pairs = zip(completions(engine, requests), completions(engine, requests[::-1])[::-1], strict=True)
    assert sum(there == back for there, back in pairs) >= case.same_text * len(requests)


@pytest.fixture(scope="module")
def by_llamacpp() -> list[tuple[int, ...]]:
    """What llama.cpp writes to `beginnings`, in f16."""
    with llamacpp(LlamaCppSettings(slots=16, context=256, threads=1)) as case:
        return [said.token_ids for said in completions(case.engine, beginnings(case))]


def beginnings(case: Opened) -> list[Request]:
    return [Request(Tokens((*case.prompt, 40 + i)), replace(GREEDY, max_tokens=20)) for i in range(60)]


def test_greedy_is_nearly_the_same_on_every_engine(
    case: Opened, engine: Engine, by_llamacpp: list[tuple[int, ...]]
) -> None:
    """Nine of ten texts: in the others two tokens are so close that the arithmetic, of 32 bits or 16, decides."""
    if not case.has_model:
        pytest.skip("the scripted engine has no model")
    pairs = zip(completions(engine, beginnings(case)), by_llamacpp, strict=True)
    assert sum(said.token_ids == expected for said, expected in pairs) >= 54


def test_cancelled_tickets_are_never_polled_and_the_others_are(case: Opened, engine: Engine) -> None:
    tickets = new_tickets(engine.window)
    for seed, ticket in enumerate(tickets):
        engine.submit(ticket, long_request(case, engine, seed))
    polled = [ticket for ticket, _ in engine.poll(0.0)]
    gone = [ticket for ticket in tickets[::2] if ticket not in polled]
    engine.cancel(gone)
    until = time.monotonic() + 60
    while len(polled) < len(tickets) - len(gone) and time.monotonic() < until:
        polled += [ticket for ticket, _ in engine.poll(0.5)]
    assert sorted(polled) == sorted(set(tickets) - set(gone))
    assert not engine.poll(0.05)


def test_a_cancelled_bad_request_is_not_polled_either(case: Opened, engine: Engine) -> None:
    (ticket,) = new_tickets(1)
    engine.submit(ticket, Request(Tokens(()), SAMPLED))
    engine.cancel([ticket])
    assert not engine.poll(0.0)


def test_cancelling_makes_room_for_new_requests(case: Opened, engine: Engine) -> None:
    for _ in range(3):
        tickets = new_tickets(engine.window)
        for seed, ticket in enumerate(tickets):
            engine.submit(ticket, long_request(case, engine, seed))
        engine.cancel(tickets)
    assert one(engine, request_for(case, replace(GREEDY, max_tokens=2))).completion_tokens == 2


def test_cancelling_what_is_not_there_does_nothing(case: Opened, engine: Engine) -> None:
    engine.cancel([10**15])
    engine.cancel([])
    assert one(engine, request_for(case, replace(GREEDY, max_tokens=2))).completion_tokens == 2


def test_submit_and_poll_with_no_wait_do_not_block(case: Opened, engine: Engine) -> None:
    tickets = new_tickets(engine.window)
    started = time.monotonic()
    for seed, ticket in enumerate(tickets):
        engine.submit(ticket, long_request(case, engine, seed))
    for _ in range(10):
        engine.poll(0.0)
    assert time.monotonic() - started < 3.0
    engine.cancel(tickets)


def test_poll_returns_within_its_wait(case: Opened, engine: Engine) -> None:
    tickets = new_tickets(1)
    engine.submit(tickets[0], long_request(case, engine))
    started = time.monotonic()
    engine.poll(0.1)
    assert time.monotonic() - started < 3.0
    engine.cancel(tickets)


def test_text_is_unicode_and_a_broken_end_is_marked(case: Opened, engine: Engine) -> None:
    got = completions(engine, [request_for(case, replace(GREEDY, max_tokens=most)) for most in range(1, 60)])
    for completion in got:
        completion.text.encode()
        assert "\ufffd" not in completion.text.rstrip("\ufffd")
        assert got[-1].text.startswith(completion.text.rstrip("\ufffd"))


def memory(engine: Engine) -> int:
    """What this process holds, and the one in which the engine runs. In bytes."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pids = {os.getpid(), getattr(engine, "pid", os.getpid()), *getattr(engine, "pids", ())}
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * resource.getpagesize()


def test_ten_thousand_requests_in_a_row_leave_memory_flat(case: Opened, engine: Engine) -> None:
    requests = [request_for(case, replace(SAMPLED, max_tokens=1), seed=i) for i in range(2500)]
    ask(engine, requests)
    before = memory(engine)
    for _ in range(3):
        ask(engine, requests)
    assert memory(engine) - before < 16 << 20


def test_closing_with_requests_in_flight_is_prompt(case: Opened) -> None:
    with case.again() as engine:
        for seed, ticket in enumerate(new_tickets(engine.window)):
            engine.submit(ticket, long_request(case, engine, seed))
        engine.poll(0.0)
        started = time.monotonic()
    assert time.monotonic() - started < 30.0


def test_an_error_inside_the_block_closes_the_engine(case: Opened) -> None:
    def interrupted() -> None:
        with case.again() as engine:
            engine.submit(0, long_request(case, engine))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


def test_cancelling_in_the_middle_changes_nothing_for_the_others(case: Opened, engine: Engine) -> None:
    requests = [request_for(case, seed=2000 + i) for i in range(engine.window)]
    alone = completions(engine, requests[::2])
    tickets = new_tickets(engine.window)
    for ticket, request in zip(tickets, requests, strict=True):
        engine.submit(ticket, request)
    got = dict(engine.poll(0.0))
    engine.cancel(tickets[1::2])
    until = time.monotonic() + 60
    while len(got.keys() & set(tickets[::2])) < len(alone) and time.monotonic() < until:
        got |= dict(engine.poll(0.5))
    same = sum(
        getattr(got[ticket], "text", None) == said.text for ticket, said in zip(tickets[::2], alone, strict=True)
    )
    assert same >= case.same_text * len(alone)
    assert not engine.poll(0.05)


# -- what an engine may offer -----------------------------------------------------------------------------------------


def need(engine: Engine, capability: Capability) -> None:
    if capability not in engine.capabilities.can:
        pytest.skip(f"the engine does not offer {capability}")


ASKING: dict[Capability, Any] = {
    Capability.LOGIT_BIAS: {"banned": (3,)},
    Capability.STRUCTURE: {"structure": Choice(("yes", "no"))},
    Capability.LOGPROBS: {"logprobs": 2},
}


@pytest.mark.parametrize("capability", ASKING)
def test_asking_for_what_an_engine_does_not_offer_fails_alone(
    case: Opened, engine: Engine, capability: Capability
) -> None:
    plain = request_for(case, replace(GREEDY, max_tokens=4))
    before, asked, after = ask(engine, [plain, replace(plain, **ASKING[capability]), plain])
    assert isinstance(before, Completion)
    assert isinstance(after, Completion)
    if capability not in engine.capabilities.can:
        assert isinstance(asked, RequestFailed)
        assert f"needs {capability}" in str(asked)


@pytest.mark.parametrize("prompt", [Text("Hello"), Messages((Message("user", "Hello"),))])
def test_a_prompt_of_a_kind_that_an_engine_does_not_take_fails_alone(
    case: Opened, engine: Engine, prompt: Text | Messages
) -> None:
    plain = request_for(case, replace(GREEDY, max_tokens=4))
    before, asked, after = ask(engine, [plain, replace(plain, prompt=prompt), plain])
    assert isinstance(before, Completion)
    assert isinstance(after, Completion)
    if (kind := type(prompt).__name__.lower()) not in engine.capabilities.prompts:
        assert isinstance(asked, RequestFailed)
        assert f"the prompt is {kind}" in str(asked)


def test_a_banned_token_is_never_sampled_and_the_others_are(case: Opened, engine: Engine) -> None:
    need(engine, Capability.LOGIT_BIAS)
    plain = completions(engine, [request_for(case, seed=seed) for seed in range(16)])
    banned = tuple({completion.token_ids[0] for completion in plain if completion.token_ids})
    without = completions(engine, [replace(request_for(case, seed=seed), banned=banned) for seed in range(16)])
    assert not any(set(banned) & set(completion.token_ids) for completion in without)
    assert any(completion.token_ids for completion in without)


def test_a_choice_is_one_of_its_options_whole(case: Opened, engine: Engine) -> None:
    need(engine, Capability.STRUCTURE)
    options = ("good", "good enough", "très bien 東京", 'a "b"\\')
    requests = [replace(request_for(case, seed=seed), structure=Choice(options)) for seed in range(24)]
    got = completions(engine, requests)
    assert {one.text for one in got} <= set(options)
    assert {one.finish_reason for one in got} == {"stop"}
    (alone,) = completions(engine, [replace(request_for(case), structure=Choice(("Say 東京!",)))])
    assert alone.text == "Say 東京!"


SCHEMA = {
    "type": "object",
    "properties": {
        "quality": {"enum": ["very poor", "good", "très bon"]},
        "stars": {"type": "integer"},
        "fair": {"type": "boolean"},
    },
    "required": ["quality", "stars", "fair"],
    "additionalProperties": False,
}


def test_a_json_schema_is_followed(case: Opened, engine: Engine) -> None:
    need(engine, Capability.STRUCTURE)
    sampling = replace(SAMPLED, max_tokens=150)
    structure = JsonSchema(json.dumps(SCHEMA))
    got = completions(engine, [replace(request_for(case, sampling, seed), structure=structure) for seed in range(12)])
    assert {one.finish_reason for one in got} == {"stop"}
    for one in got:
        said = json.loads(one.text)
        assert list(said) == ["quality", "stars", "fair"]
        assert said["quality"] in ("very poor", "good", "très bon")
        assert (type(said["stars"]), type(said["fair"])) == (int, bool)


def test_a_structured_request_changes_nothing_for_the_others(case: Opened, engine: Engine) -> None:
    need(engine, Capability.STRUCTURE)
    plain = [request_for(case, seed=3000 + i) for i in range(8)]
    structured = [replace(request, structure=Choice(("yes", "no"))) for request in plain]
    alone, mixed = completions(engine, plain), completions(engine, [*structured, *plain])
    assert sum(a.text == b.text for a, b in zip(alone, mixed[8:], strict=True)) >= case.same_text * 8
    assert {one.text for one in mixed[:8]} <= {"yes", "no"}


@pytest.mark.parametrize("structure", [JsonSchema("{"), JsonSchema("[1]"), Choice(()), Choice(("a", ""))])
def test_a_structure_that_is_none_fails_alone(case: Opened, engine: Engine, structure: JsonSchema | Choice) -> None:
    need(engine, Capability.STRUCTURE)
    plain = request_for(case, replace(GREEDY, max_tokens=4))
    before, failed, after = ask(engine, [plain, replace(plain, structure=structure), plain])
    assert isinstance(failed, RequestFailed)
    assert "schema" in str(failed) or "choice" in str(failed)
    assert isinstance(before, Completion)
    assert before == after


@pytest.mark.parametrize("count", [1, 5])
def test_logprobs_are_as_many_as_asked_likeliest_first(case: Opened, engine: Engine, count: int) -> None:
    need(engine, Capability.LOGPROBS)
    requests = [replace(request_for(case, seed=seed), logprobs=count) for seed in range(8)]
    for said in completions(engine, requests):
        assert len(said.logprobs) == len(said.token_ids)
        for place in said.logprobs:
            told = [one.logprob for one in place]
            assert len(told) == len({one.token_id for one in place}) == count
            assert told == sorted(told, reverse=True)
            assert sum(map(exp, told)) <= 1.001


def test_greedy_samples_the_likeliest_token(case: Opened, engine: Engine) -> None:
    need(engine, Capability.LOGPROBS)
    said = one(engine, replace(request_for(case, GREEDY), logprobs=3))
    assert said.token_ids
    assert [place[0].token_id for place in said.logprobs] == list(said.token_ids)
    assert said.text == one(engine, request_for(case, GREEDY)).text


def test_logprobs_are_the_models_own_whatever_the_temperature(case: Opened, engine: Engine) -> None:
    need(engine, Capability.LOGPROBS)
    asked = [replace(SAMPLED, temperature=t, top_p=p, max_tokens=1) for t, p in ((0.0, 1.0), (0.3, 1.0), (1.5, 0.5))]
    got = completions(engine, [replace(request_for(case, sampling), logprobs=4) for sampling in asked])
    firsts = [[one.logprob for one in said.logprobs[0]] for said in got if said.logprobs]
    if case.has_model:
        assert all(first == pytest.approx(firsts[0], abs=0.05) for first in firsts)


def test_logprobs_change_nothing_of_what_is_said(case: Opened, engine: Engine) -> None:
    need(engine, Capability.LOGPROBS)
    plain = [request_for(case, seed=4000 + i) for i in range(16)]
    told = completions(engine, [replace(request, logprobs=2) for request in plain])
    same = sum(a.text == b.text for a, b in zip(completions(engine, plain), told, strict=True))
    assert same >= case.same_text * 16
