"""The landmarks of a map: a sample of the rows, laid out, divided into topics and stored, so that they never move."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from magpie.layout.cache import load, store
from magpie.layout.clusters import clusters
from magpie.layout.naming import label_topics
from magpie.layout.placing import Landmarks, nearest
from magpie.layout.springs import laid_out
from magpie.layout.vectors import Embeddings
from magpie.runs import Run

LANDMARKS = 20_000
"""The most rows that are laid out by themselves."""
NEIGHBORS = 15
"""Landmarks that each one is drawn to."""
MOST_TOPICS = 40
NAMED_BY = 4000
"""Landmarks whose texts are read for the names of the topics."""
_LINEAGE = 8
_SEED = 20240612


def landmarks_of(embeddings: Embeddings, runs: Sequence[Run], folder: Path, version: int, watch: Any) -> Landmarks:
    """Those that are stored for these runs, or new ones. A run is known again by the embeddings of its first rows,
    which stay when it grows."""
    path = folder / f"{_lineage(embeddings, len(runs), version)}-landmarks.npz"
    if (found := load(path)) is not None:
        names = [str(name) for name in found.pop("names").tolist()]
        return Landmarks(**found, names=names)
    made = _made(embeddings, runs, watch)
    arrays = {"values": made.values, "xy": made.xy, "cluster": made.cluster, "names": np.array(made.names, np.str_)}
    store(path, arrays)
    return made


def _lineage(embeddings: Embeddings, runs: int, version: int) -> str:
    digest = blake2b(f"{version} {runs} {embeddings.values.shape[1]}".encode(), digest_size=16)
    for place in range(runs):
        start, end = np.searchsorted(embeddings.run, [place, place + 1]).tolist()
        digest.update(b"|" + np.ascontiguousarray(embeddings.values[start : min(end, start + _LINEAGE)]).tobytes())
    return digest.hexdigest()


def _made(embeddings: Embeddings, runs: Sequence[Run], watch: Any) -> Landmarks:
    count = len(embeddings.row)
    chosen = np.arange(count)
    if count > LANDMARKS:
        chosen = np.sort(np.random.default_rng(_SEED).choice(count, LANDMARKS, replace=False))
    values = np.ascontiguousarray(embeddings.values[chosen])
    watch(f"laying out {len(chosen):,} rows")
    near = nearest(values, values, min(NEIGHBORS + 1, len(values)))[0]
    xy = laid_out(values, near)
    topics = min(MOST_TOPICS, max(1, len(values) // 20))
    watch(f"finding {topics} topics")
    cluster = clusters(values, topics).astype(np.int32)
    return Landmarks(values, xy, cluster, _names(embeddings, runs, chosen, cluster))


def _names(
    embeddings: Embeddings, runs: Sequence[Run], chosen: NDArray[np.int64], cluster: NDArray[np.int32]
) -> list[str]:
    """Of each topic the words that set it apart, by the texts of evenly spaced landmarks."""
    read = chosen[:: max(1, len(chosen) // NAMED_BY)]
    topics = cluster[:: max(1, len(chosen) // NAMED_BY)]
    texts = ["" for _ in read]
    for place, run in enumerate(runs):
        own = np.flatnonzero(embeddings.run[read] == place)
        at = dict(zip(embeddings.row[read[own]].tolist(), own.tolist(), strict=True))
        for row, text in _instructions(run, list(at)):
            texts[at[row]] = text
    named = label_topics(texts, topics.tolist())
    return [", ".join(words) for words in named] + [""] * (int(cluster.max(initial=-1)) + 1 - len(named))


def _instructions(run: Run, rows: Sequence[int]) -> list[tuple[int, str]]:
    makers = [stage.stage for stage in run.stages if any(column.name == "instruction" for column in stage.columns)]
    if not makers or not rows:
        return []
    stage, listed = makers[-1].replace('"', '""'), ", ".join(map(str, rows))
    shards = {row // run.shard_rows for row in rows}
    with run.connected(shards, (makers[-1],)) as connection:
        query = f'SELECT row, instruction FROM "{stage}" WHERE instruction IS NOT NULL AND row IN ({listed})'
        return connection.execute(query).fetchall()
