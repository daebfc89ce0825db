"""A journal keeps every whole line, and loses only what a kill tore."""

import errno
import os
from pathlib import Path
from zlib import crc32

import pytest

from magpie.errors import StorageError
from magpie.runs.journal import Journal, read_lines

LINES = {n: b'{"row":%d}\t%08x\n' % (n, crc32(b'{"row":%d}' % n)) for n in (1, 2, 3)}
"""As they stand in the file: JSON, a tab, its CRC-32."""


def test_lines_come_back_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "00000.part")
    journal.append([{"row": 1, "text": "ü\n"}, {"row": 2}])
    journal.append([{"row": 3}])
    journal.close()
    assert list(read_lines(tmp_path / "00000.part")) == [{"row": 1, "text": "ü\n"}, {"row": 2}, {"row": 3}]


def test_a_journal_that_nothing_is_written_to_leaves_no_file(tmp_path: Path) -> None:
    Journal(tmp_path / "00000.part").close()
    assert list(tmp_path.iterdir()) == []


def test_lines_are_with_the_operating_system_before_append_returns(tmp_path: Path) -> None:
    path = tmp_path / "00000.part"
    journal = Journal(path)
    journal.append([{"row": 1}])
    assert path.read_bytes() == LINES[1]
    journal.close()


@pytest.mark.parametrize("cut", range(1, 19))
def test_a_torn_last_line_is_passed_over_and_cut_before_the_next_write(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "00000.part"
    path.write_bytes(LINES[1] + LINES[2][:-cut])
    assert [line["row"] for line in read_lines(path)] == [1]
    journal = Journal(path)
    journal.append([{"row": 3}])
    journal.close()
    assert path.read_bytes() == LINES[1] + LINES[3]


def test_a_journal_that_is_one_torn_line_longer_than_a_block_becomes_empty(tmp_path: Path) -> None:
    path = tmp_path / "00000.part"
    path.write_bytes(b'{"row":1,"text":"' + b"x" * 200_000)
    journal = Journal(path)
    journal.append([{"row": 2}])
    journal.close()
    assert path.read_bytes() == LINES[2]


def test_a_flipped_bit_costs_its_lines_and_changes_none(tmp_path: Path) -> None:
    written = [{"row": row, "text": "\t a\u00fc", "count": 10 * row} for row in range(3)]
    path = tmp_path / "00000.part"
    journal = Journal(path)
    journal.append(written)
    journal.close()
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        read = list(read_lines(path))
        assert [line for line in read if line not in written] == []
        assert len(read) >= 1


def test_lines_without_checksums_are_read(tmp_path: Path) -> None:
    """Of a run that an earlier magpie left."""
    path = tmp_path / "00000.part"
    path.write_bytes(b'{"row":1,"text":"a"}\n')
    journal = Journal(path)
    journal.append([{"row": 2}])
    journal.close()
    assert list(read_lines(path)) == [{"row": 1, "text": "a"}, {"row": 2}]


def test_a_damaged_line_in_the_middle_costs_its_row_alone(tmp_path: Path) -> None:
    path = tmp_path / "00000.part"
    path.write_bytes(b'{"row":1}\n\0\0\0\0\n[]\n{"text":"no row"}\n{"row":2}\n')
    assert [line["row"] for line in read_lines(path)] == [1, 2]


def test_a_full_disk_tears_at_most_one_line_and_the_same_lines_can_be_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "00000.part"
    journal = Journal(path)
    journal.append([{"row": 1}])
    real_write, room = os.write, iter([4])

    def write_until_full(handle: int, data: memoryview) -> int:
        left = next(room, None)
        if left is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(handle, data[:left])

    monkeypatch.setattr(os, "write", write_until_full)
    with pytest.raises(StorageError, match="the disk is full: free some space"):
        journal.append([{"row": 2}])
    monkeypatch.undo()
    journal.append([{"row": 2}])
    journal.close()
    assert path.read_bytes() == LINES[1] + LINES[2]
