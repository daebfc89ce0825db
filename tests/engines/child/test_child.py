"""An engine in a process of its own: how it ends, whoever ends it, and what is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from magpie.engines.child import handle as child_handle
from magpie.engines.child import log as child_log
from magpie.engines.child.engine import ChildEngine, open_child
from magpie.errors import EngineCrashed, EngineDied, MissingExtra, ModelError, RequestFailed
from magpie.safe.redaction import register_variable
from magpie.seams import Logprob, Request, SamplingParams, Tokens
from tests.engines.asking import ask, completions, new_tickets

SCRIPTED = "magpie.engines.scripted:open_in_process"
REQUEST = Request(Tokens((1, 2, 3)), SamplingParams(max_tokens=60))

BEHAVING = """
import os, signal, sys, time
from contextlib import contextmanager
from magpie.engines.child import process as child_process
from magpie.engines.scripted import open_scripted
from magpie.errors import EngineDied, MissingExtra, ModelError

class OutOfMemoryError(RuntimeError): pass

class Behaving:
    window, context, vocab_size = 4, 256, 1000
    def __init__(self, inner): self.inner, self.capabilities = inner, inner.capabilities
    def submit(self, ticket, request): self.inner.submit(ticket, request)
    def cancel(self, tickets): self.inner.cancel(tickets)
    def poll(self, wait):
        {poll}
        return self.inner.poll(wait)

@contextmanager
def opener(**arguments):
    {opening}
    with open_scripted(**arguments) as inner:
        yield Behaving(inner)
        {closing}

PIPE = child_process.private_pipe()
child_process.private_pipe = lambda: PIPE
child_process.find_opener = lambda name: opener
child_process.main()
"""


@contextmanager
def child_that(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    poll: str = "pass",
    opening: str = "pass",
    closing: str = "pass",
    patience: float = 60.0,
) -> Iterator[ChildEngine]:
    """A scripted engine in a child that does these things of its own."""
    script = folder / "behaving.py"
    script.write_text(BEHAVING.format(poll=poll, opening=opening, closing=closing))
    monkeypatch.setattr(child_handle, "COMMAND", (sys.executable, "-u", "-P", str(script)))
    with open_child(SCRIPTED, {}, name="the test's engine", patience=patience) as engine:
        yield engine


def is_gone(pid: int) -> bool:
    """Whether the process ends within some seconds."""
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").is_file() and Path(f"/proc/{pid}/stat").read_text().split(")")[1][1] == "Z":
            return True
        time.sleep(0.05)
    return False


def await_end(engine: ChildEngine) -> EngineDied:
    for _ in range(60):
        try:
            engine.poll(0.5)
        except EngineDied as died:
            return died
    raise AssertionError("the engine did not die")


def test_a_child_that_is_killed_is_told_as_a_crash_and_every_poll_says_so() -> None:
    with open_child(SCRIPTED, {"hang_after_polls": 1}, name="the test's engine") as engine:
        engine.submit(0, REQUEST)
        engine.poll(0.0)
        os.kill(engine.pid, signal.SIGKILL)
        for _ in range(2):
            died = await_end(engine)
            assert isinstance(died, EngineCrashed)
            assert "the test's engine is gone" in str(died)
            assert "SIGKILL" in str(died)
        engine.submit(1, REQUEST)
        engine.cancel([0, 1])


def test_answers_that_came_before_the_end_are_given_before_the_error() -> None:
    with open_child(SCRIPTED, {}) as engine:
        for ticket in range(8):
            engine.submit(ticket, REQUEST)
        got = list(engine.poll(0.0))
        time.sleep(0.5)
        os.kill(engine.pid, signal.SIGKILL)
        while len(got) < 8:
            got += engine.poll(1.0)
        await_end(engine)


def test_native_code_that_aborts_is_told_with_the_line_that_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll = 'os.write(2, b"noise\\nGGML_ASSERT: a tensor failed\\n  \\n"); os.write(1, b"{}\\n"); os.abort()'
    with child_that(tmp_path, monkeypatch, poll=poll) as engine:
        engine.submit(0, REQUEST)
        died = await_end(engine)
    assert isinstance(died, EngineCrashed)
    assert "SIGABRT" in str(died)
    assert "GGML_ASSERT: a tensor failed" in str(died)


def test_an_exception_that_no_engine_should_raise_is_a_crash_with_its_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with child_that(tmp_path, monkeypatch, poll='raise RuntimeError("device lost")') as engine:
        engine.submit(0, REQUEST)
        assert "RuntimeError: device lost" in str(await_end(engine))


def test_an_engine_that_dies_in_the_child_dies_here_with_its_own_words() -> None:
    with open_child(SCRIPTED, {"settings": {"die_after_polls": 1}}) as engine:
        completions(engine, [REQUEST])
        engine.submit(0, REQUEST)
        died = await_end(engine)
    assert type(died) is EngineDied
    assert str(died) == "the scripted engine dies after 1 polls, as it was told to"


GARBAGE = {
    "no JSON": rb"\x00\xff garbage",
    "JSON of the wrong kind": b"[1, 2]",
    "an answer without its fields": b'{"answers": [[0, {"text": 1}]]}',
    "answers that are no list": b'{"answers": 5}',
}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_in_the_pipe_ends_the_engine_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    with child_that(tmp_path, monkeypatch, poll=f"PIPE.send({GARBAGE[what]!r}); time.sleep(0.5)") as engine:
        engine.submit(0, REQUEST)
        died = await_end(engine)
    assert "which is no message" in str(died) or "what is no answer" in str(died)


def test_what_libraries_print_does_not_reach_the_terminal_or_the_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    opening = (
        'print("loading"); os.write(1, b"{\\"answers\\": 5}\\n"); os.write(2, b"warning\\n"); os.system("echo sub")'
    )
    with child_that(tmp_path, monkeypatch, opening=opening) as engine:
        completions(engine, [REQUEST])
    assert capfd.readouterr() == ("", "")


def test_a_child_that_shows_no_sign_of_life_counts_as_dead() -> None:
    with open_child(SCRIPTED, {"hang_after_polls": 1}, name="the test's engine", patience=2.0) as engine:
        completions(engine, [REQUEST])
        engine.submit(0, REQUEST)
        engine.poll(0.0)
        os.kill(engine.pid, signal.SIGSTOP)
        assert "hangs: no sign of life for 2 seconds" in str(await_end(engine))
        assert is_gone(engine.pid)
        assert "hangs" in str(await_end(engine))


def test_a_slow_engine_that_goes_on_stepping_is_alive() -> None:
    with open_child(SCRIPTED, {"hang_after_polls": 1}, patience=2.0) as engine:
        completions(engine, [REQUEST])
        engine.submit(0, REQUEST)
        until = time.monotonic() + 4.0
        while time.monotonic() < until:
            assert not engine.poll(0.5)


def test_an_idle_child_is_never_missed() -> None:
    with open_child(SCRIPTED, {}, patience=0.3) as engine:
        engine.poll(1.0)
        completions(engine, [REQUEST])
        time.sleep(0.5)
        completions(engine, [REQUEST])


OPENING = {
    'raise MissingExtra("the engine needs more")': (MissingExtra, "the engine needs more"),
    'raise ModelError("no such model")': (ModelError, "no such model"),
    'raise EngineDied("gone at once")': (EngineDied, "gone at once"),
    'raise OutOfMemoryError("CUDA out of memory.\\nTried")': (
        ModelError,
        "does not fit into memory (CUDA out of memory.)",
    ),
    "raise MemoryError": (ModelError, "does not fit into memory"),
    'raise ValueError("bad\\nnews")': (ModelError, "cannot be run: ValueError: bad$"),
    'raise KeyError("\\udce9")': (ModelError, "KeyError"),
    'print("E: bad weights, error"); os.abort()': (ModelError, "SIGABRT: E: bad weights"),
    "os.kill(os.getpid(), signal.SIGKILL)": (ModelError, "memory runs out"),
    "sys.exit(3)": (ModelError, "exit code"),
}


@pytest.mark.parametrize("opening", OPENING)
def test_what_goes_wrong_while_opening_is_one_line_of_the_same_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opening: str
) -> None:
    kind, told = OPENING[opening]
    pattern = told.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(kind, match=pattern) as raised, child_that(tmp_path, monkeypatch, opening=opening):
        pass
    assert type(raised.value) is kind
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(sys.platform != "linux", reason="where the system shows the environment of a process")
def test_a_child_is_given_no_keys_and_the_hub_s_token_only_where_it_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "GITHUB_TOKEN", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "MY_SERVER"):
        monkeypatch.setenv(name, f"secret-of-{name}")
    register_variable("MY_SERVER")
    for downloads in (False, True):
        with open_child(SCRIPTED, {}, downloads=downloads) as engine:
            environment = Path(f"/proc/{engine.pid}/environ").read_text()
        assert "PATH=" in environment
        assert ("secret-of-HF_TOKEN" in environment) == downloads
        assert "secret-of" not in environment.replace("secret-of-HF_TOKEN", "")


def test_what_a_child_says_of_itself_holds_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_never-shown-to-anyone")
    long = "x" * 285
    said = f"sys.stderr.write('fatal error: {long} hf_never-shown-to-anyone'); sys.stderr.flush(); os.abort()"
    with child_that(tmp_path, monkeypatch, poll=said) as engine:
        engine.submit(0, REQUEST)
        crashed = str(await_end(engine))
    assert "fatal error" in crashed
    assert not any("hf_never-shown-to-anyone"[:n] in crashed for n in range(6, 25))
    raised = f"raise ModelError('{long} hf_never-shown-to-anyone')"
    with pytest.raises(ModelError) as refused, child_that(tmp_path, monkeypatch, opening=raised):
        pass
    assert "hf_never" not in str(refused.value)


def test_only_known_engines_are_opened() -> None:
    with pytest.raises(ValueError, match="not among the engines"), open_child("os:system", {"command": "true"}):
        pass


def test_a_bad_setting_is_told_in_one_line() -> None:
    with pytest.raises(ModelError, match="unexpected keyword argument 'color'"), open_child(SCRIPTED, {"color": 1}):
        pass


@pytest.mark.parametrize("bad", [Tokens((2**70,)), Tokens((1, -(2**64)))])
def test_a_request_that_cannot_cross_fails_alone(bad: Tokens) -> None:
    with open_child(SCRIPTED, {}) as engine:
        failed, fine = ask(engine, [Request(bad, SamplingParams()), REQUEST])
        assert isinstance(failed, RequestFailed)
        assert not isinstance(fine, RequestFailed)


def test_logprobs_and_failures_cross_as_they_are() -> None:
    with open_child(SCRIPTED, {"settings": {"fail_rate": 0.5}}) as engine:
        requests = [Request(REQUEST.prompt, REQUEST.sampling, seed=seed, logprobs=2) for seed in range(20)]
        got = ask(engine, requests)
    failed = [one for one in got if isinstance(one, RequestFailed)]
    assert 0 < len(failed) < 20
    assert all(str(one) == "the scripted engine fails this request, as it was told to" for one in failed)
    said = [one for one in got if not isinstance(one, RequestFailed)]
    assert all(len(place) == 2 and isinstance(place[0], Logprob) for one in said for place in one.logprobs)


def test_large_requests_neither_block_submit_nor_get_lost() -> None:
    prompt = Tokens(tuple(range(3000)))
    with open_child(SCRIPTED, {"settings": {"window": 2000}}) as engine:
        got = completions(engine, [Request(prompt, SamplingParams(max_tokens=4), seed=i) for i in range(2000)])
        assert {one.prompt_tokens for one in got} == {3000}


def test_a_child_that_does_not_read_blocks_nobody() -> None:
    with open_child(SCRIPTED, {"settings": {"window": 500}}) as engine:
        os.kill(engine.pid, signal.SIGSTOP)
        for ticket in new_tickets(500):
            engine.submit(ticket, Request(Tokens(tuple(range(3000))), SamplingParams()))
            engine.poll(0.0)
        os.kill(engine.pid, signal.SIGCONT)
        assert engine.poll(10.0)


def test_leaving_the_block_ends_the_process_and_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "grandchild"
    opening = f'import subprocess; open({str(note)!r}, "w").write(str(subprocess.Popen(["sleep", "600"]).pid))'
    with child_that(tmp_path, monkeypatch, opening=opening, closing="time.sleep(0.3)") as engine:
        for ticket in range(4):
            engine.submit(ticket, REQUEST)
    assert is_gone(engine.pid)
    assert is_gone(int(note.read_text()))
    with pytest.raises(EngineDied, match="is closed"):
        engine.poll(0.0)
    engine.submit(9, REQUEST)
    engine.cancel([9])


def test_a_child_that_does_not_want_to_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_handle, "CLOSE_SECONDS", 0.3)
    monkeypatch.setattr(child_handle, "TERMINATE_SECONDS", 0.3)
    stubborn = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    with child_that(tmp_path, monkeypatch, opening=stubborn, closing="time.sleep(600)") as engine:
        pass
    assert is_gone(engine.pid)


PARENT = """
import os, sys, threading, time
from magpie.engines.child.engine import open_child
from magpie.seams import Request, SamplingParams, Tokens

def hold():
    with open_child("magpie.engines.scripted:open_in_process", {"hang_after_polls": 1}) as engine:
        engine.submit(0, Request(Tokens((1,)), SamplingParams()))
        engine.poll(0.0)
        print(engine.pid, flush=True)
        time.sleep(600)

thread = threading.Thread(target=hold)
thread.start() if sys.argv[1] == "thread" else hold()
thread.join()
"""


@pytest.mark.parametrize("where", ["main", "thread"])
def test_a_parent_that_is_killed_takes_its_child_with_it(where: str) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, where], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert is_gone(pid)


def test_a_thread_that_ends_leaves_the_child_alone() -> None:
    opened = open_child(SCRIPTED, {})
    with ThreadPoolExecutor(1) as pool:
        engine = pool.submit(opened.__enter__).result()
    assert completions(engine, [REQUEST])
    opened.__exit__(None, None, None)


def test_a_log_that_grows_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_log, "MOST_BYTES", 10_000)
    with child_that(tmp_path, monkeypatch, poll='os.write(2, b"x" * 999 + b"\\n")') as engine:
        completions(engine, [REQUEST] * 100)
        assert os.fstat(engine._process._log.file.fileno()).st_size < 30_000
