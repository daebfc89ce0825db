"""Kept rows as files that trainers read: messages, ShareGPT, Alpaca, Parquet. Written whole or not at all.

Reads a run; knows no engine and no stage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any, Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from magpie.errors import RunError
from magpie.runs import Run, make_folder, storage, whole_file

Format = Literal["messages", "sharegpt", "alpaca", "parquet"]

_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt"}


def export(run: Run, form: Format, to: Path | IO[bytes]) -> int:
    """Write the kept rows of `run` to the file `to`, or to an open one; how many they were.

    A `.json` file holds one array, any other one JSON object a line. What is no plain file (a pipe, a device) is
    written to as it is. Raises `RunError` when no row is kept (an empty dataset is a mistake found late) or when the
    run has no responses to show, `StorageError` when the disk refuses.
    """
    made = {column.name for stage in run.stages for column in stage.columns}
    if form != "parquet" and "response" not in made:
        raise RunError(f"{run.path}: the run makes instructions only, and {form} needs responses: use parquet")
    if run.kept() == 0:
        raise RunError(f"{run.path}: no row has come through every stage, so there is nothing to export; see `status`")
    with _opened(to) if isinstance(to, Path) else nullcontext(to) as file:
        if form == "parquet":
            return _write_parquet(file, run.batches())
        array = isinstance(to, Path) and to.suffix == ".json"
        return _write_json(file, (_SHAPES[form](row) for row in run.rows()), array=array)


@contextmanager
def _opened(to: Path) -> Iterator[IO[bytes]]:
    with ExitStack() as opened, storage(to):
        if to.exists() and not to.is_file() and not to.is_dir():
            yield opened.enter_context(to.open("wb"))
            return
        target = to.resolve()
        make_folder(target.parent)
        yield opened.enter_context(whole_file(target))


def _messages(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": row["id"], "messages": row["messages"]}


def _sharegpt(row: Mapping[str, Any]) -> dict[str, Any]:
    turns = [{"from": _SPEAKERS[turn["role"]], "value": turn["content"]} for turn in row["messages"]]
    return {"id": row["id"], "conversations": turns}


def _alpaca(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": row["id"], "instruction": row["instruction"], "input": "", "output": row["response"]}


_SHAPES: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "messages": _messages,
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
}


def _write_json(file: IO[bytes], documents: Iterator[dict[str, Any]], *, array: bool) -> int:
    before, between, after = (b"[\n", b",\n", b"\n]\n") if array else (b"", b"\n", b"\n")
    count = 0
    for document in documents:
        file.write(between if count else before)
        file.write(orjson.dumps(document))
        count += 1
    file.write(after)
    return count


def _write_parquet(file: IO[bytes], batches: Iterator[pa.RecordBatch]) -> int:
    """Every column of a kept row but those that say why a row was dropped."""
    count = 0
    with ExitStack() as opened:
        writer: pq.ParquetWriter | None = None
        for batch in batches:
            shown = batch.drop_columns(["drop_reason", "dropped_by", "error"])
            if writer is None:
                writer = opened.enter_context(pq.ParquetWriter(file, shown.schema, compression="zstd"))
            writer.write_batch(shown)
            count += shown.num_rows
    return count
