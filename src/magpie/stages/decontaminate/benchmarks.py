"""Reads the prompts of benchmarks, from files of the usual formats or from the Hub.

A prompt may be a text, a list of texts, or a list of messages, of which the user's count. The one file that opens
`datasets`. Knows nothing of what prompts are held against.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from pyarrow import csv, parquet

from magpie.errors import MissingExtra, RecipeError
from magpie.install import install_hint_for

Records = Sequence[Mapping[str, Any]]

USUAL_COLUMNS = (
    "prompt", "instruction", "question", "problem", "query", "turns", "messages", "conversation", "input", "text",
    "content", "sentence",
)  # fmt: skip
"""Where prompts are looked for when no column is named; the first that is there."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a benchmark's prompts are: `path` is a file, `hub` a data set with `config` and `split`."""

    name: str
    path: Path | None = None
    hub: str | None = None
    config: str | None = None
    split: str = "test"
    columns: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """What an error says."""
        return str(self.path) if self.path else f"{self.hub} ({self.split})"


def read_prompts(source: Source) -> list[str]:
    """The benchmark's prompts, each once, in order.

    Raises `RecipeError` for a file that is not there, cannot be read, or has no text where prompts should be;
    `MissingExtra` where the Hub is asked for without the library.
    """
    records = _read_hub(source) if source.path is None else _read_file(source.path)
    found = list(dict.fromkeys(prompt for column in _columns(source, records) for prompt in _texts(records, column)))
    if not found:
        raise RecipeError(f"{source.place}: no prompt in it; expected texts to hold instructions against")
    return found


def _columns(source: Source, records: Records) -> Sequence[str]:
    there = list(dict.fromkeys(name for record in records[:1000] for name in record))
    if source.columns:
        wanted: Sequence[str] = source.columns
        missing = [name for name in wanted if name not in there]
    else:
        wanted = [name for name in USUAL_COLUMNS if name in there and any(_texts(records[:1000], name))][:1]
        missing = [] if wanted else ["a column of prompts"]
    if missing or not any(any(_texts(records, name)) for name in wanted):
        raise RecipeError(
            f"{source.place}: no text in {missing[0] if missing else ', '.join(wanted)}; it has the columns "
            f"{', '.join(there) or '(none)'}: name those with the prompts in `columns` of the benchmark"
        )
    return wanted


def _texts(records: Records, column: str) -> Iterator[str]:
    for record in records:
        yield from _texts_in(record.get(column))


def _texts_in(value: Any) -> Iterator[str]:
    """Lists may be a thousand deep in each other: a file of somebody else's."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(text) if text.strip():
                yield text
            case {"role": str(role), "content": content} | {"from": str(role), "value": content}:
                if role in ("user", "human"):
                    waiting.append(content)
            case list(items) | tuple(items):
                waiting += reversed(items)


# -- files -------------------------------------------------------------------------------------------------------------


def _read_file(path: Path) -> Records:
    names = path.name.lower().removesuffix(".gz")
    read = next((read for end, read in _READERS.items() if names.endswith(end)), None)
    if read is None:
        raise RecipeError(f"{path}: not a file of a kind that is read; expected {', '.join(_READERS)}")
    try:
        return read(path)
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror or error})") from error
    except pa.ArrowInvalid as error:  # its message quotes the file, which may be any that a recipe names
        raise RecipeError(f"{path}: not what its name says; expected {path.suffix}") from error
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{path}: not what its name says ({str(error).splitlines()[0][:200]})") from error


def _bytes(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix.lower() == ".gz" else data


def _read_lines(path: Path) -> Records:
    return [_record(orjson.loads(line)) for line in _bytes(path).splitlines() if line.strip()]


def _read_json(path: Path) -> Records:
    """A list of records or texts, or one under the only key that holds a list."""
    found = orjson.loads(_bytes(path))
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list)]
        found = lists[0] if len(lists) == 1 else [found]
    return [_record(item) for item in found] if isinstance(found, list) else [_record(found)]


def _record(item: Any) -> Mapping[str, Any]:
    return item if isinstance(item, dict) else {"prompt": item}


def _read_text(path: Path) -> Records:
    return [{"prompt": line} for line in _bytes(path).decode("utf-8").splitlines()]


def _read_csv(path: Path, delimiter: str = ",") -> Records:
    parsing = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    return list(csv.read_csv(path, parse_options=parsing).to_pylist())


def _read_parquet(path: Path) -> Records:
    return list(parquet.read_table(path).to_pylist())


_READERS: dict[str, Callable[[Path], Records]] = {
    ".jsonl": _read_lines,
    ".json": _read_json,
    ".csv": _read_csv,
    ".tsv": lambda path: _read_csv(path, "\t"),
    ".parquet": _read_parquet,
    ".txt": _read_text,
}


# -- the Hub -----------------------------------------------------------------------------------------------------------


def _read_hub(source: Source) -> Records:
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise MissingExtra(
            f"{source.hub}: data sets of the Hub are read with datasets ({error}); give a file, or install it: "
            f"{install_hint_for('datasets')}"
        ) from error
    try:
        rows: Iterable[Mapping[str, Any]] = load_dataset(source.hub, source.config, split=source.split)
    except Exception as error:  # the library raises errors of many kinds: none is ours
        raise RecipeError(f"{source.place}: cannot be read from the Hub ({str(error).splitlines()[0]})") from error
    return list(rows)
