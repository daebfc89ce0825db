"""A flipped bit in a sealed file is an error and never another value."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import magpie
from magpie.cli import main
from magpie.errors import RunError
from magpie.runs import RunFolder, open_run
from magpie.runs import sums as sums_module
from magpie.runs.files import write_whole
from magpie.runs.sums import check_sum, known_sums, sums_of, write_summed
from magpie.runs.verify import verify
from tests.runs.kept import kept_run


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    path.write_bytes(data)


def test_no_flipped_bit_is_read_as_a_value(tmp_path: Path) -> None:
    run = magpie.run(size=30, out=tmp_path, settings=("engine=scripted",))
    dice = random.Random(0)
    files = [stage.path / "00000.parquet" for stage in run.stages]
    for _ in range(40):
        path = dice.choice(files)
        whole = path.read_bytes()
        flip(path, dice.randrange(8 * len(whole)))
        with pytest.raises(RunError, match=r"damaged|cannot be read"):
            open_run(tmp_path).table()
        path.write_bytes(whole)
    assert open_run(tmp_path).table().num_rows == 30


def test_a_damaged_input_stops_the_stage_that_would_read_it(tmp_path: Path) -> None:
    run = magpie.run(size=30, out=tmp_path, settings=("engine=scripted", "respond=null"))
    path = run.stages[0].path / "00000.parquet"
    flip(path, 8 * 40)
    with pytest.raises(RunError, match=r"damaged|cannot be read"):
        magpie.run(out=tmp_path, settings=("respond={}",))


def test_verify_finds_each_damaged_file_and_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = magpie.run(size=30, out=tmp_path, settings=("engine=scripted", "shard_rows=10"))
    bad = run.stages[1].path / "00001.parquet"
    flip(bad, 4000)
    assert [each.path for each in verify(RunFolder(tmp_path)) if each.state == "damaged"] == [bad]
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tmp_path)])
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert f"damaged  {bad.relative_to(tmp_path)}" in said
    assert "5 files are as they were written, 1 are damaged" in said
    bad.unlink()
    magpie.run(out=tmp_path)
    assert not [each for each in verify(RunFolder(tmp_path)) if each.state != "whole"]


def test_runs_of_earlier_code_are_read_without_digests(tmp_path: Path) -> None:
    path = kept_run("basic", tmp_path)
    assert {each.state for each in verify(RunFolder(path))} == {"unknown"}
    assert open_run(path).table().num_rows == 60


@pytest.mark.parametrize("writes", [1, 2, 3])
def test_a_kill_between_two_writes_leaves_a_file_that_is_believed(
    writes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "00000.parquet"
    write_summed(path, b"old")
    left = writes

    class Killed(Exception):
        pass

    real = write_whole

    def dying(place: Path, data: bytes) -> None:
        nonlocal left
        if left == 0:
            raise Killed
        left -= 1
        real(place, data)

    monkeypatch.setattr(sums_module, "write_whole", dying)
    try:
        write_summed(path, b"new")
    except Killed:
        assert writes < 3
    check_sum(path)
    assert path.read_bytes() == (b"old" if writes == 1 else b"new")
    assert len(known_sums(path)) == (1 if writes == 3 else 2)
    assert sums_of(path).name == "00000.sum"
