"""The file for embedding-atlas: each kept row with its place, and neighbors that count the rows of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

np = pytest.importorskip("numpy")

from magpie.cli import main  # noqa: E402
from magpie.errors import UserError  # noqa: E402
from magpie.export.atlas import Places, export_atlas  # noqa: E402
from magpie.export.options import Options  # noqa: E402
from magpie.runs import Run  # noqa: E402
from tests.report.made import made_run  # noqa: E402


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """40 rows of two kinds of embeddings; every fifth is dropped, row 7 has no embedding."""
    rng = np.random.default_rng(0)
    instruct, embed, select = [], [], []
    for row in range(40):
        vector = np.array([1.0, 0, 0, 0] if row % 2 else [0, 1.0, 0, 0]) + rng.normal(0, 0.1, 4)
        vector /= np.linalg.norm(vector)
        instruct.append({"instruction": f"Task {row}"})
        embed.append({"embedding": None if row == 7 else vector.tolist()})
        select.append({"drop_reason": "not_selected" if row % 5 == 0 else None})
    return made_run(tmp_path / "air", {"instruct": instruct, "embed": embed, "select": select})


def places(rows: list[int]) -> Places:
    count = len(rows)
    neighbors = np.array([[(n + 1) % count, (n + 2) % count, -1] for n in range(count)], np.int32)
    distances = np.array([[0.5, 1.0, 0.0]] * count, np.float32)
    xy = np.array([[row, -row] for row in rows], np.float32)
    return Places(np.array(rows), xy, [f"topic {row % 3}" for row in rows], neighbors, distances)


def test_neighbors_count_the_rows_of_the_file(run: Run, tmp_path: Path) -> None:
    mapped = [row for row in range(40) if row != 7]
    made = export_atlas(run, tmp_path / "map.parquet", Options(), places(mapped))
    rows = pq.read_table(tmp_path / "map.parquet").to_pylist()
    kept = [row for row in run.row_numbers().to_pylist() if row != 7]
    assert [row["row"] for row in rows] == kept
    assert (made.rows, made.left_out) == (len(kept), 1)
    for row in rows:
        own = row["row"]
        assert (row["x"], row["y"], row["topic"]) == (own, -own, f"topic {own % 3}")
        near = [mapped[(mapped.index(own) + step) % len(mapped)] for step in (1, 2)]
        wanted = [(each, apart) for each, apart in zip(near, (0.5, 1.0), strict=True) if each in kept]
        told = row["neighbors"]
        assert [rows[place]["row"] for place in told["ids"]] == [each for each, _ in wanted]
        assert told["distances"] == [apart for _, apart in wanted]
    assert "messages" in rows[0]
    assert "embedding" not in rows[0]


def test_the_command_lays_out_the_map_and_says_how_to_open_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("faiss")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def magpie(*words: Any) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out + printed.err

    code, said = magpie("export", run.path, "--format", "atlas", "--to", "my map.parquet")
    assert code == 0, said
    table = pq.read_table(tmp_path / "my map.parquet")
    assert "embedding-atlas 'my map.parquet' --text instruction --x x --y y --neighbors neighbors" in said
    rows = table.to_pylist()
    assert all(np.isfinite([row["x"], row["y"]]).all() for row in rows)
    near = [(row, rows[place], apart) for row in rows for place, apart in zip(*row["neighbors"].values(), strict=True)]
    vectors = {row["row"]: np.array(row["embedding"]) for row in run.sql("SELECT row, embedding FROM rows").to_pylist()}
    assert len(near) > len(rows)
    for one, other, apart in near:
        assert apart == pytest.approx(((vectors[one["row"]] - vectors[other["row"]]) ** 2).sum(), abs=1e-5)
    assert magpie("export", run.path, "--format", "atlas", "--to", "my map.parquet")[0] == 2
    assert magpie("export", run.path, "--format", "atlas", "--to", "folder")[0] == 2


def test_a_run_without_kept_rows_on_the_map_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no kept row has an embedding"):
        export_atlas(run, tmp_path / "map.parquet", Options(), places([0, 5]))
