"""The map of a run: which rows lie on it, that it is the same again, and that nothing moves when a run grows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("faiss")

from magpie.errors import UserError  # noqa: E402
from magpie.layout import Layout, layout_of  # noqa: E402
from magpie.layout import landmarks as layout_landmarks  # noqa: E402
from magpie.runs import Run  # noqa: E402
from tests.report.made import made_run  # noqa: E402

TOPICS = ("cooking", "algebra", "travel", "painting", "sailing", "gardens")


def topical(count: int, seed: int = 0, dimension: int = 32) -> tuple[Any, Any]:
    """Vectors of some topics, in none of which all are alike, and the topic of each."""
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(99).standard_normal((len(TOPICS), dimension))
    topics = rng.integers(0, len(TOPICS), count)
    return (centers[topics] + 0.5 * rng.standard_normal((count, dimension))).astype(np.float32), topics


def run_of(folder: Path, vectors: Any, topics: Sequence[int], size: int | None = None) -> Run:
    texts = [{"instruction": f"tell me about {TOPICS[topic]} {row}"} for row, topic in enumerate(topics)]
    return made_run(folder, {"instruct": texts, "embed": [{"embedding": vector} for vector in vectors]}, size=size)


def rows_of(vectors: Any) -> list[list[float] | None]:
    return [None if vector is None else [float(number) for number in vector] for vector in vectors]


def same_topic(xy: Any, topics: Any, k: int = 15) -> float:
    """Of the `k` rows nearest to each on the map, the share of its own topic."""
    distances = ((xy[:, None] - xy[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    near = np.argsort(distances, axis=1)[:, :k]
    return float(np.mean(topics[near] == topics[:, None]))


def equal(one: Layout, other: Layout) -> bool:
    pairs = (
        (one.run, other.run),
        (one.row, other.row),
        (one.xy, other.xy),
        (one.cluster, other.cluster),
        (one.neighbors, other.neighbors),
    )
    return one.names == other.names and all(bool(np.array_equal(first, second)) for first, second in pairs)


def test_rows_of_one_topic_lie_together_and_it_is_named_by_their_words(tmp_path: Path) -> None:
    vectors, topics = topical(600)
    run = run_of(tmp_path / "air", rows_of(vectors), topics.tolist())
    layout = layout_of([run], folder=tmp_path / "cache")
    assert layout.row.tolist() == list(range(600))
    assert (layout.xy.dtype, layout.xy.shape, layout.cluster.dtype) == (np.float32, (600, 2), np.int32)
    assert same_topic(layout.xy, topics) > 0.95
    for topic, word in enumerate(TOPICS):
        assert word in layout.names[int(np.bincount(layout.cluster[topics == topic]).argmax())]


def test_a_map_is_the_same_again_from_the_cache_and_without_it(tmp_path: Path) -> None:
    vectors, topics = topical(300)
    run = run_of(tmp_path / "air", rows_of(vectors), topics.tolist())
    told: list[str] = []
    first = layout_of([run], folder=tmp_path / "one", progress=told.append)
    assert told
    told.clear()
    assert equal(first, layout_of([run], folder=tmp_path / "one", progress=told.append))
    assert told == []
    assert equal(first, layout_of([run], folder=tmp_path / "other"))


def test_a_cache_that_cannot_be_read_is_made_anew(tmp_path: Path) -> None:
    vectors, topics = topical(100)
    run = run_of(tmp_path / "air", rows_of(vectors), topics.tolist())
    first = layout_of([run], folder=tmp_path / "cache")
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert equal(first, layout_of([run], folder=tmp_path / "cache"))


def test_no_row_moves_when_a_run_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_landmarks, "LANDMARKS", 200)
    vectors, topics = topical(600)
    small = run_of(tmp_path / "small", rows_of(vectors[:300]), topics[:300].tolist())
    large = run_of(tmp_path / "large", rows_of(vectors), topics.tolist())
    before = layout_of([small], folder=tmp_path / "cache")
    after = layout_of([large], folder=tmp_path / "cache")
    assert np.array_equal(before.xy, after.xy[:300])
    assert np.array_equal(before.cluster, after.cluster[:300])
    assert before.names == after.names
    assert same_topic(after.xy, topics) > 0.95


def test_several_runs_share_a_map_and_rows_can_be_chosen(tmp_path: Path) -> None:
    vectors, topics = topical(400)
    vectors[200:] = vectors[:200]
    air = run_of(tmp_path / "air", rows_of(vectors[:200]), topics[:200].tolist())
    rain = run_of(tmp_path / "rain", rows_of(vectors[200:]), topics[:200].tolist())
    layout = layout_of([air, rain], folder=tmp_path / "cache")
    assert layout.run.tolist() == [0] * 200 + [1] * 200
    assert np.array_equal(layout.cluster[:200], layout.cluster[200:])
    some = layout_of([air, rain], rows={str(rain.path): [3, 17]}, folder=tmp_path / "cache")
    assert some.row[some.run == 1].tolist() == [3, 17]
    assert np.array_equal(some.xy[:200], layout.xy[:200])
    assert np.array_equal(some.xy[200:], layout.xy[[203, 217]])
    assert some.neighbors is not None
    assert layout.neighbors is not None
    assert layout.neighbors[3, 0] == 203  # the same vector in the other run
    assert some.neighbors[3, 0] == 200
    assert layout.neighbors[4, 0] == 204
    assert some.neighbors[4, 0] == -1


def test_the_nearest_rows_are_named_without_the_row_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, topics = topical(600)
    run = run_of(tmp_path / "air", rows_of(vectors), topics.tolist())
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    likeness = units @ units.T
    np.fill_diagonal(likeness, -np.inf)
    expected = np.argsort(-likeness, axis=1)[:, :8]
    for landmarks, share in ((1000, 0.999), (200, 0.8)):
        monkeypatch.setattr(layout_landmarks, "LANDMARKS", landmarks)
        near = layout_of([run], folder=tmp_path / str(landmarks)).neighbors
        assert near is not None
        assert not (near == np.arange(600)[:, None]).any()
        shared = [len(set(one) & set(other)) / 8 for one, other in zip(near.tolist(), expected.tolist(), strict=True)]
        assert np.mean(shared) >= share


def test_rows_without_a_vector_are_not_on_the_map(tmp_path: Path) -> None:
    vectors, topics = topical(30)
    given = rows_of(vectors)
    given[4] = None
    run = run_of(tmp_path / "air", given, topics.tolist())
    assert layout_of([run], folder=tmp_path / "cache").row.tolist() == [row for row in range(30) if row != 4]


@pytest.mark.parametrize("count", [1, 2, 3, 17])
def test_a_run_of_few_rows_has_a_map(tmp_path: Path, count: int) -> None:
    vectors, topics = topical(count)
    run = run_of(tmp_path / "air", rows_of(vectors), topics.tolist())
    layout = layout_of([run], folder=tmp_path / "cache")
    assert np.isfinite(layout.xy).all()
    assert len(layout.xy) == count


def test_equal_vectors_have_a_map(tmp_path: Path) -> None:
    run = run_of(tmp_path / "air", rows_of(np.ones((50, 8), np.float32)), [0] * 50)
    assert np.isfinite(layout_of([run], folder=tmp_path / "cache").xy).all()


def test_a_run_without_embeddings_is_refused_in_words(tmp_path: Path) -> None:
    run = made_run(tmp_path / "air", {"instruct": [{"instruction": "a"}]})
    with pytest.raises(UserError, match="magpie embed"):
        layout_of([run], folder=tmp_path / "cache")
    none = run_of(tmp_path / "none", [None, None], [0, 0])
    with pytest.raises(UserError, match="no row has an embedding"):
        layout_of([none], folder=tmp_path / "cache")
    with pytest.raises(UserError, match="no run"):
        layout_of([], folder=tmp_path / "cache")


_DIGEST = """
import sys
from hashlib import blake2b
from pathlib import Path
from magpie.layout import layout_of
from magpie.runs import open_run
layout = layout_of([open_run(sys.argv[1])], folder=Path(sys.argv[2]))
arrays = (layout.xy, layout.cluster, layout.neighbors)
print(layout.names, *(blake2b(array.tobytes()).hexdigest() for array in arrays))
"""


def test_a_map_does_not_depend_on_the_number_of_threads(tmp_path: Path) -> None:
    vectors, topics = topical(1500, dimension=64)
    run_of(tmp_path / "air", rows_of(vectors), topics.tolist())
    digests = set[str]()
    for threads in ("1", "2", "5"):
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        environment["PYTHONPATH"] = os.pathsep.join(sys.path)
        command = [sys.executable, "-c", _DIGEST, str(tmp_path / "air"), str(tmp_path / threads)]
        digests.add(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    assert len(digests) == 1
