"""A worker answers each request with its own answer, whatever became of the requests before."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from magpie.safe.workers import Worker, WorkerGone

SCRIPT = """
import json, os, signal, sys, time
for line in sys.stdin:
    request = json.loads(line)
    if request.get("do") == "end":
        os._exit(3)
    if "interrupt" in request:
        os.kill(request["interrupt"], signal.SIGINT)
        time.sleep(0.2)
    if "sleep" in request:
        time.sleep(request["sleep"])
    print(json.dumps({"answer": request.get("number")}), flush=True)
"""


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    return Worker(script, {}, seconds=1.0)


def test_a_worker_answers_and_is_started_again_when_it_has_ended(worker: Worker) -> None:
    assert worker.ask({"number": 1}) == {"answer": 1}
    with pytest.raises(WorkerGone):
        worker.ask({"do": "end"})
    assert worker.ask({"number": 2}) == {"answer": 2}
    worker.stop()
    assert worker.process is None


def test_a_worker_that_does_not_answer_in_time_is_ended(worker: Worker) -> None:
    with pytest.raises(WorkerGone):
        worker.ask({"sleep": 60})
    assert worker.process is None
    assert worker.ask({"number": 3}) == {"answer": 3}
    worker.stop()


def test_the_answer_to_a_request_that_was_interrupted_answers_no_other(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    assert threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            worker.ask({"interrupt": os.getpid(), "number": 4})
    finally:
        signal.signal(signal.SIGINT, before)
    assert worker.ask({"number": 5}) == {"answer": 5}
    worker.stop()


def test_a_script_that_does_not_start_is_said(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise SystemExit(1)")
    with pytest.raises(WorkerGone):
        Worker(tmp_path / "broken.py", {}, seconds=1.0).ask({})
