"""The process that selections are read and run in: its deadline, its memory, its end, and what it costs nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from magpie.errors import RecipeError, UserError
from magpie.plan.plan import make_plan
from magpie.plan.resolve import resolve
from magpie.stages.select import chunks as chunking
from magpie.stages.select import process as processes
from magpie.stages.select.chunks import chunks
from magpie.stages.select.client import SandboxedRows, check_selection, read_selection
from magpie.stages.select.costs import costs
from magpie.stages.select.process import SECONDS, SandboxProcess, sandbox_process
from magpie.stages.select.reading import read_selection as read_here
from magpie.stages.select.rows import Judged
from magpie.stages.select.selection import Asked, Quota, Selection

SCHEMA = pa.schema({"row": pa.int64(), "response": pa.string(), "language": pa.string()})
SLOW = "regexp_matches(response, '(a?){900}(a?){900}b')"
"""Within every limit, and takes seconds for each of `slow_rows`."""
BOMB = "CASE " * 7 + "language" + (" WHEN 1 THEN 1" * 8 + " END") * 7
"""The parser writes out what stands behind CASE once for each WHEN: 8 to the power of 7."""


def slow_rows() -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [{"row": n, "response": "a" * 20_000, "language": "en"} for n in range(20)], SCHEMA
    )


def rows(count: int) -> Iterator[pa.RecordBatch]:
    for at in range(0, count, 100):
        found = [{"row": row, "response": "x" * (row % 37), "language": "end"[row % 3]} for row in range(at, at + 100)]
        yield pa.RecordBatch.from_pylist(found, SCHEMA)


def where(*clauses: str, **more: object) -> Selection:
    return read_here(Asked("SELECT row FROM rows", also=clauses, **more))  # type: ignore[arg-type]


def runs(pid: int) -> bool:
    """Whether a process is there and not merely unburied."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < until:
        time.sleep(0.05)
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")


@pytest.fixture(autouse=True)
def _no_spare_from_before() -> Iterator[None]:
    processes._end_all()
    yield
    processes._end_all()


def test_a_selection_is_read_there_as_it_is_here() -> None:
    asked = Asked(
        "SELECT row FROM rows WHERE difficulty >= 'easy' QUALIFY count(*) OVER () > 1 ORDER BY row DESC LIMIT 7",
        also=("response <> 'ä'",),
        quotas=(Quota("language", 3),),
    )
    with sandbox_process() as process:
        assert read_selection(process, asked, ("difficulty",)) == read_here(asked, ("difficulty",))
        with pytest.raises(RecipeError, match="pg_sleep may not be used"):
            read_selection(process, Asked("SELECT row FROM rows WHERE pg_sleep(20) IS NULL"), ())
        with pytest.raises(RecipeError, match=r"response \+ 1 > 3: No function matches"):
            check_selection(process, where("response + 1 > 3"), SCHEMA)
        assert process.idle


def test_rows_have_the_fates_there_that_they_have_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunking, "ROWS", 250)
    selection = where(
        "length(response) > 3", "language <> 'n'", order="response DESC", quotas=(Quota("language", 200),)
    )
    with Judged(selection) as here:
        here.take(rows(2000))
        here.settle()
        with SandboxedRows(selection) as there:
            there.take(rows(2000))
            there.settle()
            assert there.costs() == costs(here)
            fates = pa.concat_tables(there.fates("not_selected"))
        assert fates.equals(pa.concat_tables(here.fates("not_selected")))
    assert fates["row"].to_pylist() == list(range(2000))


def test_no_rows_and_no_clauses_are_fine_too() -> None:
    with SandboxedRows(where()) as judged:
        judged.take([pa.RecordBatch.from_pylist([], SCHEMA)])
        judged.settle()
        assert sum(table.num_rows for table in judged.fates("no")) == 0
        assert judged.costs().kept == 0


def test_the_process_serves_one_selection_after_another() -> None:
    with sandbox_process() as process:
        first = process.pid
    with SandboxedRows(where("length(response) > 3")) as judged:
        assert judged.process.pid == first
        judged.take(rows(100))
        judged.settle()
    with SandboxedRows(where("CAST(response AS INT) > 3")) as judged, pytest.raises(UserError, match="CAST"):
        judged.take(rows(100))
    with sandbox_process() as process, sandbox_process() as other:
        assert process.pid == first
        assert other.pid != first


def test_a_clause_that_takes_too_long_is_stopped_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECONDS, "1")
    started = time.monotonic()
    with SandboxedRows(where("length(response) > 3", SLOW)) as judged:
        pid = judged.process.pid
        with pytest.raises(UserError) as raised:
            judged.take([slow_rows()])
    assert str(raised.value).startswith(f"{SLOW}: no result after 1 s, and the selection was stopped")
    assert f"{SECONDS}=600" in str(raised.value)
    assert time.monotonic() - started < 20
    assert not runs(pid)
    with SandboxedRows(where("length(response) > 3")) as judged:
        judged.take(rows(100))


def test_text_that_the_parser_blows_up_is_stopped_while_a_plan_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECONDS, "1")
    (tmp_path / "bomb.sql").write_text(f"SELECT row FROM rows WHERE {BOMB} = 1")
    recipe = resolve(None, tmp_path / "run", ("engine=scripted", f"select={{file: {tmp_path / 'bomb.sql'}}}"))
    with pytest.raises(RecipeError, match="select: the selection: no result after 1 s"):
        make_plan(recipe)


@needs_proc
def test_memory_without_end_is_stopped_and_the_clause_named(monkeypatch: pytest.MonkeyPatch) -> None:
    limited = "import magpie.stages.select.child as c; c.MEMORY = 100 << 20; c.main()"
    monkeypatch.setattr(processes, "COMMAND", (sys.executable, "-P", "-c", limited))
    greedy = f"length(concat({', '.join(['response'] * 60)})) > 0"
    found = [{"row": row, "response": "x" * 4000, "language": "en"} for row in range(16_000)]
    with SandboxedRows(where("language = 'en'", greedy)) as judged, pytest.raises(UserError) as raised:
        judged.take([pa.RecordBatch.from_pylist(found, SCHEMA)])
    assert str(raised.value).startswith("length(concat(response, response")
    assert "GiB of memory, and the selection was stopped" in str(raised.value)


@needs_proc
def test_one_huge_allocation_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    limited = "import magpie.stages.select.child as c; c.ADDRESSES = 900 << 20; c.main()"
    monkeypatch.setattr(processes, "COMMAND", (sys.executable, "-P", "-c", limited))
    found = [{"row": 0, "response": "x" * 8_000_000, "language": "en"}]
    greedy = where(f"length(concat({', '.join(['response'] * 60)})) > 0")
    with SandboxedRows(greedy) as judged, pytest.raises(UserError, match=r"length\(concat\(.*(memory|allocat)"):
        judged.take([pa.RecordBatch.from_pylist(found, SCHEMA)])


@needs_proc
def test_it_ends_when_whoever_waits_for_it_is_interrupted() -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with SandboxedRows(where(SLOW)) as judged:
            pid = judged.process.pid
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            with pytest.raises(KeyboardInterrupt):
                judged.take([slow_rows()])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not runs(pid)


@needs_proc
def test_it_ends_when_its_parent_is_killed() -> None:
    program = (
        "from tests.stages.select.test_process import *\n"
        "with SandboxedRows(where(SLOW)) as judged:\n"
        "    print(judged.process.pid, flush=True)\n"
        "    judged.take([slow_rows()])\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert within(10, lambda: runs(pid))
        parent.kill()
    assert within(10, lambda: not runs(pid))


@needs_proc
def test_it_holds_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("MAGPIE_ANYTHING", "secret")
    with sandbox_process() as process:
        assert b"secret" not in Path(f"/proc/{process.pid}/environ").read_bytes()


def test_a_spare_process_that_has_ended_is_replaced() -> None:
    with sandbox_process() as process:
        os.kill(process.pid, signal.SIGKILL)
        assert within(10, lambda: not process.idle)
    with sandbox_process() as spare:
        pass
    os.kill(spare.pid, signal.SIGKILL)
    with sandbox_process() as other:
        assert other.pid != spare.pid


def test_a_process_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "COMMAND", (sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(UserError, match="ended with exit code 3"):
        SandboxProcess()


@pytest.mark.parametrize("given", ["", "0", "-3", "soon", "nan"])
def test_a_deadline_that_is_none_is_told(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECONDS, given)
    with pytest.raises(UserError, match=f"{SECONDS}={given}: expected a number of seconds"):
        processes.patience(10)


def test_chunks_hold_every_row_once_and_large_batches_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunking, "BYTES", 10_000)
    large = pa.RecordBatch.from_pylist([{"row": n, "response": "x" * 3000, "language": ""} for n in range(50)], SCHEMA)
    found = list(chunks([*rows(300), large, *rows(100)]))
    assert all(sum(batch.nbytes for batch in chunk) < 25_000 for chunk in found)
    together = [row for chunk in found for batch in chunk for row in batch.column("row").to_pylist()]
    assert together == [*range(300), *range(50), *range(100)]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda path: os.mkfifo(path), "not a regular file; expected a file of SQL"),
        (lambda path: path.symlink_to("/dev/zero"), "not a regular file"),
        (lambda path: path.write_text("-- long\n" * 700_000), "more than 65,536 bytes; expected a file of SQL"),
        (lambda path: path.mkdir(), "not a regular file"),
        (lambda path: path.write_bytes(b"\xff"), "not a file of SQL that can be read"),
    ],
)
def test_a_file_that_is_no_selection_is_not_read_through(
    make: Callable[[Path], object], told: str, tmp_path: Path
) -> None:
    make(tmp_path / "mine.sql")
    recipe = resolve(None, tmp_path / "run", ("engine=scripted", f"select={{file: {tmp_path / 'mine.sql'}}}"))
    with pytest.raises(RecipeError, match=told):
        make_plan(recipe)
