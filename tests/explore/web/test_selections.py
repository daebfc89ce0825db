"""The commands that a selection prints find the same rows, and `export` and `select` take its ids."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numpy")

from magpie.cli import main
from magpie.explore.web.explorer import Asked, Explorer
from magpie.explore.web.selections import ids, selection
from magpie.runs import open_run
from tests.explore.web.served import command, explorer_of, judged_run
from tests.explore.web.test_explorer import FILTERS, asked, between, labels, text
from tests.report.made import imported

Magpie = Callable[..., tuple[int, str, str]]


@pytest.fixture
def magpie(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Magpie:
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        code = ended.value.code
        return int(code or 0) if not isinstance(code, str) else 1, *capsys.readouterr()

    return call


@pytest.fixture(scope="module")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return explorer_of([judged_run(tmp_path_factory.mktemp("judged") / "air", 120)])


@pytest.mark.parametrize(
    "filters",
    [
        FILTERS[1],
        FILTERS[5],
        FILTERS[7],
        [labels("status", "kept"), between("instruct_reward", 0.5, 4)],
        [labels("status", "dropped"), text("o'brien")],
    ],
    ids=str,
)
def test_the_command_that_is_printed_shows_the_same_rows(
    explorer: Explorer, magpie: Magpie, filters: list[dict[str, Any]]
) -> None:
    found = selection(explorer, asked(*filters), command)
    words = shlex.split(found["runs"][0]["commands"]["show"])
    code, out, _ = magpie(*words[1:], "-n", 1000, "--json", "--column", "row")
    assert code == 0
    told = [json.loads(line)["id"] for line in out.splitlines()]
    assert sorted(told) == b"".join(ids(explorer, asked(*filters), 0)).decode().split()


def written(explorer: Explorer, filters: Asked, place: Path) -> list[str]:
    place.write_bytes(b"".join(ids(explorer, filters, 0)))
    return place.read_text().split()


def test_export_takes_the_ids_and_writes_the_kept_ones(explorer: Explorer, magpie: Magpie, tmp_path: Path) -> None:
    filters = asked(labels("difficulty", "hard"))
    listed = written(explorer, filters, tmp_path / "air-ids.txt")
    words = shlex.split(selection(explorer, filters, command)["runs"][0]["commands"]["export"])
    code, out, error = magpie(*words[1:])
    assert code == 0, error
    exported = [json.loads(line)["id"] for line in (tmp_path / "air.jsonl").read_text().splitlines()]
    kept = explorer.runs[0].sql("SELECT id FROM kept WHERE response IS NOT NULL").column("id").to_pylist()
    assert sorted(exported) == sorted(set(listed) & set(kept)) != []
    assert out.startswith(f"{len(exported):,} rows written")


def test_export_takes_conditions_too(explorer: Explorer, magpie: Magpie, tmp_path: Path) -> None:
    run = explorer.runs[0]
    code, _, error = magpie(
        "export",
        run.path,
        "--where",
        "difficulty = 'hard'",
        "--where",
        "instruct_reward >= 1",
        "--to",
        "data",
        "--no-pictures",
    )
    assert code == 0, error
    count = run.sql("SELECT count(*) AS n FROM kept WHERE difficulty = 'hard' AND instruct_reward >= 1").to_pylist()[0][
        "n"
    ]
    import pyarrow.dataset as ds

    assert ds.dataset(tmp_path / "data" / "data").count_rows() == count > 0
    code, _, error = magpie("export", run.path, "--where", "difficulty = 'very hard'", "--to", "none.jsonl")
    assert (code, "no kept row" in error) == (2, True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("air-00000001\nrain-00000002\n", "line 2"),
        ("air-99999999\n", "line 1"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_ids_that_are_none_are_refused(
    explorer: Explorer, magpie: Magpie, tmp_path: Path, content: str | bytes, said: str
) -> None:
    (tmp_path / "ids.txt").write_bytes(content if isinstance(content, bytes) else content.encode())
    code, _, error = magpie("export", explorer.runs[0].path, "--ids", "ids.txt", "--to", "out.jsonl")
    assert code == 2
    assert said in error
    assert not (tmp_path / "out.jsonl").exists()
    assert magpie("export", explorer.runs[0].path, "--ids", "nothing.txt", "--to", "out.jsonl")[0] == 2


def test_kept_rows_among_given_ones_are_those_everywhere(explorer: Explorer) -> None:
    run = open_run(explorer.runs[0].path)
    kept = run.row_numbers().to_pylist()
    few = run.among([*kept[:5], 10**6, 3])
    assert few.kept() == 5
    assert few.row_numbers().to_pylist() == kept[:5]
    assert few.sql("SELECT row FROM kept ORDER BY row").column("row").to_pylist() == kept[:5]
    assert [row["row"] for row in few.rows()] == kept[:5]
    assert few.row_numbers("all").to_pylist() == run.row_numbers("all").to_pylist()
    assert run.among([]).kept() == 0


def test_the_command_that_selects_takes_its_conditions(magpie: Magpie, tmp_path: Path) -> None:
    """An imported run has no selection that they could stand beside, and then has one."""
    rows = [{"instruction": f"Say {n}", "response": "Yes.", "difficulty": ("easy", "hard")[n % 2]} for n in range(20)]
    run = imported(tmp_path, rows)
    filters = asked(labels("difficulty", "hard"), text("say 1"))
    for option in ("--with", "--where"):
        words = shlex.split(
            selection(explorer_of([run], with_map=False), filters, command)["runs"][0]["commands"]["select"]
        )
        assert words[3] == option
        code, _, error = magpie(*words[1:])
        assert code == 0, error
        run = open_run(run.path)
        assert run.row_numbers().to_pylist() == [1, 11, 13, 15, 17, 19]
