"""Records without locks: one of several wins, and whoever slept does no harm. Ranges: every row has one owner."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magpie.runs.leases import FolderStore
from magpie.runs.ranges import ShardLeases, decode, merged, subtract

NAME = "4-respond-77ab02aa/00007"


def test_a_record_is_created_once_and_replaced_by_who_read_it_last(tmp_path: Path) -> None:
    store, other = FolderStore(tmp_path), FolderStore(tmp_path)
    assert store.read(NAME) is None
    first = store.create(NAME, b"one")
    assert first is not None
    assert other.create(NAME, b"two") is None
    second = other.replace(NAME, b"three", first)
    assert second is not None
    assert store.replace(NAME, b"four", first) is None
    assert store.read(NAME) == (b"three", second)


def test_who_slept_through_many_changes_replaces_nothing(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    stale = version = store.create(NAME, b"0")
    assert stale is not None
    for number in range(1, 30):
        version = store.replace(NAME, b"%d" % number, version or "")
    assert store.replace(NAME, b"zombie", stale) is None
    assert store.read(NAME) == (b"29", version)
    assert len(list((tmp_path / NAME).iterdir())) < 12


def test_what_a_power_loss_emptied_is_read_as_nothing_and_can_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("magpie.runs.leases._PAUSE", 0.0)
    store = FolderStore(tmp_path)
    store.create(NAME, b"one")
    (tmp_path / NAME / "1").write_bytes(b"")
    stored = store.read(NAME)
    assert stored == (b"", "1")
    assert store.replace(NAME, b"two", stored.version) == "2"


ADD = """
import sys
from pathlib import Path
from magpie.runs.leases import FolderStore
store, words = FolderStore(Path(sys.argv[1])), [f"{sys.argv[2]}{number}" for number in range(100)]
while words:
    stored = store.read("words")
    known = stored.data.decode().split()
    if words[0] in known:
        words.pop(0)
    else:
        store.replace("words", " ".join([*known, words[0]]).encode(), stored.version)
"""


def test_no_change_is_lost_where_four_processes_change_a_record_together(tmp_path: Path) -> None:
    FolderStore(tmp_path).create("words", b" ")
    others = [subprocess.Popen([sys.executable, "-c", ADD, tmp_path, name]) for name in "abcd"]
    assert [other.wait() for other in others] == [0] * 4
    stored = FolderStore(tmp_path).read("words")
    assert stored is not None
    assert sorted(stored.data.decode().split()) == sorted(f"{name}{number}" for name in "abcd" for number in range(100))


def test_a_file_system_without_hard_links_keeps_records_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", link)
    test_a_record_is_created_once_and_replaced_by_who_read_it_last(tmp_path / "records")


def test_a_link_whose_answer_was_lost_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = os.link

    def lost(source: Any, target: Any) -> None:
        link(source, target)
        raise FileExistsError(errno.EEXIST, "sent again by the client")

    monkeypatch.setattr(os, "link", lost)
    assert FolderStore(tmp_path).create(NAME, b"one") == "1"


# -- ranges -----------------------------------------------------------------------------------------------------------

SPAN = (0, 100)


def test_a_claimed_range_is_no_longer_free_and_a_finished_one_neither() -> None:
    leases, held = ShardLeases().claim(0, 40, "a")
    assert leases.free(SPAN) == [(40, 100)]
    assert leases.has(held)
    finished = leases.finish(held)
    assert finished.free(SPAN) == [(40, 100)]
    assert not finished.has(held)
    assert not finished.all_done(SPAN)


def test_what_is_given_back_from_a_row_on_is_free_and_was_not_begun() -> None:
    leases, held = ShardLeases().claim(0, 40, "a")
    leases, kept = leases.shorten(held, 25)
    assert leases.free(SPAN) == [(25, 100)]
    assert not leases.is_touched(25, 40)
    assert leases.finish(kept).done == ((0, 25),)


def test_an_owner_that_was_taken_for_lost_has_nothing_any_more() -> None:
    leases, held = ShardLeases().claim(0, 40, "a")
    leases, taken = leases.take(held, "b")
    assert not leases.has(held)
    assert leases.has(taken)
    assert (taken.losses, leases.is_touched(39, 50)) == (1, True)


def test_rows_that_turn_out_not_to_be_done_are_free_again() -> None:
    leases, held = ShardLeases().claim(0, 100, "a")
    leases = leases.finish(held).seal_by("a").reopened([7])
    assert leases.free(SPAN) == [(7, 8)]
    assert leases.sealer is None


def test_a_record_is_read_back_as_it_was_and_anything_else_is_refused() -> None:
    leases, held = ShardLeases(round=3).claim(0, 40, "a")
    leases = leases.finish(held).seal_by("b")
    assert decode(leases.encode()) == leases
    for data in (b"", b"{}", b"[]", b"7", b'{"held": 1}'):
        with pytest.raises(ValueError, match=r"\S"):
            decode(data)


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=6)


@given(spans, spans)
def test_spans_are_sets_of_rows(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    def rows(found: Any) -> set[int]:
        return {row for first, stop in found for row in range(first, stop)}

    assert rows(merged(some)) == rows(some)
    assert rows(subtract(some, others)) == rows(some) - rows(others)
