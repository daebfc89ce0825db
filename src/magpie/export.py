"""Kept rows as files that trainers read: messages, ShareGPT, Alpaca, Parquet. Written whole or not at all.

Reads a run; knows no engine and no stage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from magpie.errors import RunError
from magpie.runs import Run, make_folder, whole_file

Format = Literal["messages", "sharegpt", "alpaca", "parquet"]

_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt"}


def export(run: Run, form: Format, to: Path) -> int:
    """Write the kept rows of `run` to the file `to`; how many they were.

    A `.json` file holds one array, any other one JSON object a line. Raises `RunError` when no row is kept (an empty
    dataset is a mistake found late), `StorageError` when the disk refuses.
    """
    count = run.kept()
    if count == 0:
        raise RunError(f"{run.path}: no row has come through every stage, so there is nothing to export; see `status`")
    make_folder(to.absolute().parent)
    with whole_file(to) as file:
        if form == "parquet":
            _write_parquet(file, run.batches())
        else:
            _write_json(file, (_SHAPES[form](row) for row in run.rows()), array=to.suffix == ".json")
    return count


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


def _write_json(file: IO[bytes], documents: Iterator[dict[str, Any]], *, array: bool) -> None:
    before, between, after = (b"[\n", b",\n", b"\n]\n") if array else (b"", b"\n", b"\n")
    for number, document in enumerate(documents):
        file.write(between if number else before)
        file.write(orjson.dumps(document))
    file.write(after)


def _write_parquet(file: IO[bytes], batches: Iterator[pa.RecordBatch]) -> None:
    """Every column of a kept row but those that say why a row was dropped."""
    with ExitStack() as opened:
        writer: pq.ParquetWriter | None = None
        for batch in batches:
            shown = batch.drop_columns(["drop_reason", "dropped_by", "error"])
            if writer is None:
                writer = opened.enter_context(pq.ParquetWriter(file, shown.schema, compression="zstd"))
            writer.write_batch(shown)
