"""Several engines as one: which gets a request, and what becomes of it when a process ends."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from magpie.engines.child import handle as child_handle
from magpie.engines.replicas.engine import MOST_DEATHS, Replicas, open_replicas
from magpie.engines.replicas.places import Place, on_cores, on_gpus
from magpie.engines.scripted import child_spec
from magpie.errors import EngineCrashed, ModelError, RecipeError, RequestFailed
from magpie.models import replicas as model_replicas
from magpie.seams import Completion, Request, SamplingParams, Tokens
from magpie.settings.engines import LlamaCpp, OpenVino, Scripted, Transformers, Vllm
from tests.engines.asking import ask, completions

SECONDS = 60.0


def request(seed: int = 0, prompt: tuple[int, ...] = (1, 2, 3)) -> Request:
    return Request(Tokens(prompt), SamplingParams(max_tokens=16), seed=seed)


@contextmanager
def opened(*settings: dict[str, Any]) -> Iterator[Replicas]:
    specs = [child_spec(Scripted(empty_rate=0.0, **one), context=256) for one in settings]
    with open_replicas(specs) as engine:
        yield engine


def poll_all(engine: Replicas, number: int) -> dict[int, Completion | RequestFailed]:
    found: dict[int, Completion | RequestFailed] = {}
    until = time.monotonic() + SECONDS
    while len(found) < number and time.monotonic() < until:
        for ticket, answer in engine.poll(0.2):
            assert ticket not in found
            found[ticket] = answer
    return found


def test_the_window_is_that_of_all_and_every_replica_works() -> None:
    with opened({"window": 4}, {"window": 6}) as engine:
        assert engine.window == 10
        assert len(set(engine.pids)) == 2
        assert len(completions(engine, [request(n) for n in range(100)])) == 100


def test_answers_are_those_of_one_engine() -> None:
    requests = [request(n) for n in range(60)]
    with opened({"window": 4}) as one, opened({"window": 4}, {"window": 4}, {"window": 2}) as three:
        assert completions(one, requests) == completions(three, requests)


def test_a_slow_replica_holds_up_no_other() -> None:
    """The slow one takes up to half a minute for an answer: it must not get a third of them."""
    with opened({"window": 2, "seconds": 30.0}, {"window": 2}, {"window": 2}) as engine:
        for ticket in range(60):
            engine.submit(ticket, request(ticket))
        found = poll_all(engine, 58)
        assert len(found) >= 58


def test_what_a_killed_replica_held_goes_to_the_others_and_it_comes_back() -> None:
    with opened({"window": 8, "seconds": 1.0}, {"window": 8, "seconds": 1.0}) as engine:
        for ticket in range(16):
            engine.submit(ticket, request(ticket))
        engine.poll(0.0)
        killed = engine.pids[0]
        os.kill(killed, signal.SIGKILL)
        found = poll_all(engine, 16)
        assert sorted(found) == list(range(16))
        assert all(isinstance(answer, Completion) for answer in found.values())
        until = time.monotonic() + SECONDS
        while len(engine.pids) < 2 and time.monotonic() < until:
            engine.poll(0.1)
        assert len(engine.pids) == 2
        assert killed not in engine.pids
        assert engine.window == 16


POISON = 200
"""The child ends by itself when it is given a prompt with this token."""
FRAGILE = f"""
import os
from magpie.engines import scripted
from magpie.engines.child import process

def submit(self, ticket, request, submit=scripted.Scripted.submit):
    if {POISON} in request.prompt.ids:
        os._exit(9)
    submit(self, ticket, request)

scripted.Scripted.submit = submit
process.main()
"""


@pytest.fixture
def fragile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "fragile.py"
    script.write_text(FRAGILE)
    python, *_ = child_handle.COMMAND
    monkeypatch.setattr(child_handle, "COMMAND", (python, "-u", "-P", str(script)))


@pytest.mark.usefixtures("fragile")
def test_a_request_that_ends_every_replica_fails_alone() -> None:
    with opened({"window": 4}, {"window": 4}) as engine:
        requests = [request(n) for n in range(20)]
        requests[7] = request(7, prompt=(1, POISON))
        answers = ask(engine, requests)
        assert isinstance(answers[7], RequestFailed)
        assert "a replica ends with it each time" in str(answers[7])
        assert [n for n, answer in enumerate(answers) if not isinstance(answer, Completion)] == [7]
        assert len(completions(engine, [request(n) for n in range(20)])) == 20


@pytest.mark.usefixtures("fragile")
def test_the_last_end_of_all_is_a_crash_as_a_run_knows_it() -> None:
    with opened({"window": 1}) as engine:
        for ticket in range(MOST_DEATHS):
            engine.submit(ticket, request(ticket, prompt=(1, POISON)))
        with pytest.raises(EngineCrashed, match="all 1 replicas are gone"):
            poll_all(engine, MOST_DEATHS)
        with pytest.raises(EngineCrashed):
            engine.poll(0.0)


def test_one_that_does_not_open_is_told() -> None:
    specs = [child_spec(Scripted()), child_spec(Scripted(), color=1)]
    with pytest.raises(ModelError, match="unexpected keyword argument 'color'"), open_replicas(specs):
        pass


# -- places -----------------------------------------------------------------------------------------------------------


def test_gpus_are_shared_out_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7,GPU-8")
    monkeypatch.setattr(model_replicas, "vllm_wants_gpu", lambda: True)
    assert model_replicas.places(Vllm(replicas="auto", tensor_parallel=2)) == on_gpus(2, 2, ("4", "5", "6", "7"))
    assert model_replicas.places(Transformers(replicas=2)) == [Place(devices=("4",)), Place(devices=("5",))]
    with pytest.raises(
        RecipeError, match=r"replicas is 3, each on 2 of the GPUs, and 5 are visible: expected at most 2"
    ):
        model_replicas.places(Vllm(replicas=3, tensor_parallel=2))
    assert on_gpus(1, 2, ("GPU-a", "1"))[0].environment() == {"CUDA_VISIBLE_DEVICES": "GPU-a,1"}


def test_cores_are_shared_out_where_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(model_replicas, "usable_cores", lambda: [0, 1, 2, 3, 8, 9])
    monkeypatch.setattr(sys, "platform", "linux")
    assert [place.cores for place in model_replicas.places(OpenVino(replicas="auto", threads=2))] == [
        (0, 1),
        (2, 3),
        (8, 9),
    ]
    assert len(model_replicas.places(LlamaCpp(replicas="auto", threads=1))) == 6
    assert model_replicas.places(LlamaCpp(replicas="auto")) == model_replicas.places(LlamaCpp()) == [Place()]
    assert [place.cores for place in on_cores(4, range(6))] == [(0,), (1, 2), (3,), (4, 5)]
    with pytest.raises(RecipeError, match="replicas is 7, and this machine has 6 cores"):
        model_replicas.places(LlamaCpp(replicas=7))


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity on this system")
def test_a_replica_runs_on_its_own_cores() -> None:
    cores = sorted(os.sched_getaffinity(0))
    specs = [
        replace(child_spec(Scripted()), cores=place.cores, environment=place.environment())
        for place in on_cores(min(2, len(cores)), cores)
    ]
    with open_replicas(specs) as engine:
        assert [sorted(os.sched_getaffinity(pid)) for pid in engine.pids] == [sorted(spec.cores) for spec in specs]
