"""The index of a run: a code of each row for each field, and its texts, as files that are mapped into memory.

Made once for a state of the run, in the user's cache; the run itself is only read.

    index.json          fields, counts, how long it took
    row.npy             the row number of each row that was made, in order
    code-N.npy          codes of field N; value-N.npy: its values, for numbers
    preview.arrow       the first characters of each instruction
    search.arrow        instructions and responses in lower case
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import pyarrow as pa

from magpie.explore.web.encoding import Encoded, Encoder, encoder_of
from magpie.explore.web.fields import STATUS, STATUSES, Field, sources
from magpie.explore.web.folder import SCRATCH, index_folder, remove_others
from magpie.runs import Run, make_folder, storage

PREVIEW = 280
"""Characters of an instruction that a table shows."""
SEARCHED = ("instruction", "response")
"""Columns that a text is searched in."""
Watch = Callable[[str], None]


@dataclass(frozen=True)
class Index:
    """A run's index, opened."""

    folder: Path
    rows: Any
    """int64[n], ascending."""
    fields: tuple[Encoded, ...]
    previews: pa.ChunkedArray
    search: pa.Table
    """`instruction` and `response`, as far as the run has them, in lower case."""
    seconds: float
    """What making it took."""
    bytes: int
    fresh: bool
    """Whether it was made just now."""


def open_index(run: Run, watch: Watch = lambda _: None) -> Index:
    """The index of a run as it is now, made where there is none yet.

    index = open_index(open_run("runs/mini"))
    """
    folder = index_folder(run)
    fresh = not (folder / "index.json").exists()
    if fresh:
        _make(run, folder, watch)
    return _opened(folder, fresh=fresh)


# -- making -----------------------------------------------------------------------------------------------------------


def _make(run: Run, folder: Path, watch: Watch) -> None:
    begun = time.monotonic()
    scratch = folder.with_name(f"{folder.name}.{os.getpid()}{SCRATCH}")
    with storage(scratch):
        make_folder(scratch)
        try:
            _fill(run, scratch, watch, begun)
            if not folder.exists():
                scratch.rename(folder)
        finally:
            rmtree(scratch, ignore_errors=True)
        remove_others(folder)


def _fill(run: Run, folder: Path, watch: Watch, begun: float) -> None:
    offered = sources(run.schema)
    names = run.schema.names
    searched = [column for column in SEARCHED if column in names]
    instruction = "instruction" if "instruction" in names else "NULL::VARCHAR"
    parts = [f"{source.sql} AS f{n}" for n, source in enumerate(offered)]
    parts += [f"lower({column}) AS s_{column}" for column in searched]
    query = (
        f"SELECT row, drop_reason IS NOT NULL AS dropped, error IS NOT NULL AS failed, "
        f"left({instruction}, {PREVIEW}) AS preview, {', '.join(parts)} FROM rows ORDER BY row"
    )
    encoders: list[Encoder] = []
    rows, fates = [np.zeros(0, np.int64)], [np.zeros(0, np.uint8)]
    done = 0
    with ExitStack() as opened:
        previews = _Texts(folder / "preview.arrow", ["instruction"], opened)
        search = _Texts(folder / "search.arrow", searched, opened)
        for batch in run.scan(query):
            if not encoders:
                encoders = [encoder_of(each, batch.schema.field(f"f{n}").type) for n, each in enumerate(offered)]
            for n, encoder in enumerate(encoders):
                encoder.add(batch.column(f"f{n}"))
            rows.append(batch.column("row").to_numpy())
            dropped, failed = (batch.column(name).to_numpy(zero_copy_only=False) for name in ("dropped", "failed"))
            fates.append(np.where(dropped, 1, np.where(failed, 2, 3)).astype(np.uint8))
            previews.add([batch.column("preview")])
            search.add([batch.column(f"s_{column}") for column in searched])
            done += batch.num_rows
            watch(f"indexing {run.name}: {done:,} of {run.size:,} rows")
    every = np.concatenate(rows)
    fate = np.concatenate(fates)
    fate[np.isin(every, run.row_numbers("kept").to_numpy(zero_copy_only=False), kind="sort")] = 0
    status = Field(STATUS, "Status", "", "labels", "what became of the row", STATUSES)
    found = [Encoded(status, fate), *(told for encoder in encoders if (told := encoder.finish()) is not None)]
    np.save(folder / "row.npy", every)
    for n, encoded in enumerate(found):
        np.save(folder / f"code-{n}.npy", encoded.codes)
        if encoded.values is not None:
            np.save(folder / f"value-{n}.npy", encoded.values)
    entries = [asdict(encoded.field) for encoded in found]
    index = {"fields": entries, "seconds": time.monotonic() - begun}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8", errors="surrogatepass")


class _Texts:
    """An Arrow file of texts, written as they come. Each record batch holds some thousand rows, so that threads can
    share a search."""

    def __init__(self, path: Path, columns: list[str], opened: ExitStack) -> None:
        self.schema = pa.schema([(column, pa.string()) for column in columns])
        self._writer = opened.enter_context(pa.OSFile(str(path), "wb"))
        self._file = opened.enter_context(pa.ipc.new_file(self._writer, self.schema))

    def add(self, columns: list[pa.Array]) -> None:
        if columns:
            self._file.write_batch(pa.record_batch([each.cast(pa.string()) for each in columns], schema=self.schema))


# -- opening ----------------------------------------------------------------------------------------------------------


def _opened(folder: Path, *, fresh: bool) -> Index:
    with storage(folder):
        told = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        found = []
        for n, entry in enumerate(told["fields"]):
            field = Field(**{**entry, "labels": tuple(entry["labels"]), "edges": tuple(entry["edges"])})
            values = folder / f"value-{n}.npy"
            found.append(
                Encoded(
                    field,
                    np.load(folder / f"code-{n}.npy", mmap_mode="r", allow_pickle=False),
                    np.load(values, mmap_mode="r", allow_pickle=False) if values.exists() else None,
                )
            )
        previews = pa.ipc.open_file(pa.memory_map(str(folder / "preview.arrow"))).read_all()
        search = pa.ipc.open_file(pa.memory_map(str(folder / "search.arrow"))).read_all()
        size = sum(path.stat().st_size for path in folder.iterdir())
        rows = np.load(folder / "row.npy", mmap_mode="r", allow_pickle=False)
    return Index(folder, rows, tuple(found), previews["instruction"], search, told["seconds"], size, fresh)
