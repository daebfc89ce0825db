"""What is imported: files, folders, runs and datasets of the Hub, each as documents, with a digest of what it holds.

Knows where rows come from; knows nothing of what they say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from magpie.errors import MissingExtra, RunError, UserError
from magpie.imports.containers import documents
from magpie.imports.documents import Document, Read
from magpie.imports.folders import passed_over, splits_of
from magpie.install import install_hint_for
from magpie.runs import Run, RunFolder, located, open_run
from magpie.runs.shards import content_digest
from magpie.safe.paths import expanded
from magpie.safe.terminal import brief

ALL = "all"
_HUB = re.compile(r"(?:hf://datasets/|https://huggingface\.co/datasets/)?([\w.-]+/[\w.-]+)(?::([\w.-]+))?")


@dataclass(frozen=True, slots=True)
class Input:
    """One dataset to read."""

    name: str
    """What `source` says of its rows, where there are several inputs."""
    place: str
    """As the recipe names it."""
    read: Callable[[], Read]
    digest: Callable[[], str]
    notes: tuple[str, ...] = field(default=())
    """What a reader should know, such as splits that are not read."""
    is_run: bool = False
    """Whether its documents are rows of a run, which need no shape."""


def inputs_of(given: Sequence[str], split: str | None) -> list[Input]:
    """The inputs that are named. Raises `UserError` for one that is not there or cannot be told apart.

    inputs_of(["runs/air", "theirs.jsonl"], None)
    """
    found = [_input(one, split) for one in given]
    names = [one.name for one in found]
    if len(set(names)) == len(names):
        return found
    return [Input(one.place, one.place, one.read, one.digest, one.notes, one.is_run) for one in found]


def _input(given: str, split: str | None) -> Input:
    path = expanded(given) if given.startswith("hf://") else located(given)
    if path.is_dir() and RunFolder(path).is_run():
        return _of_run(path, split)
    if path.is_dir():
        return _of_folder(path, split)
    if path.exists():
        if split is not None:
            raise UserError(f"--split {split}: {path} is one file, which has no splits; expected no --split")
        return _of_files(path, [(None, path)], ())
    if match := _HUB.fullmatch(given):
        return _of_hub(match[1], match[2], split)
    raise UserError(f"{path}: no such file or folder; expected a file, a folder, a run, or OWNER/NAME of the Hub")


# -- files -------------------------------------------------------------------------------------------------------------


def _of_folder(folder: Path, split: str | None) -> Input:
    splits = splits_of(folder)
    chosen, notes = _chosen(str(folder), list(splits), split)
    files = [(name if len(chosen) > 1 else None, path) for name in chosen for path in splits[name]]
    if others := [path.relative_to(folder) for path in passed_over(folder, splits)]:
        shown = ", ".join(map(str, others[:5])) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
        notes = (*notes, f"not read, since other files are this folder's dataset: {shown}")
    return _of_files(folder, files, notes)


def _of_files(path: Path, files: Sequence[tuple[str | None, Path]], notes: tuple[str, ...]) -> Input:
    def read() -> Read:
        for split, file in files:
            for document in documents(file):
                if split is not None and isinstance(document, Document):
                    yield Document(document.place, {"split": split, **document.values})
                else:
                    yield document

    def digest() -> str:
        return _digest([file for _, file in files])

    return Input(path.name.split(".")[0] or path.name, str(path.resolve()), read, digest, notes)


def _digest(files: Sequence[Path]) -> str:
    found = blake2b(digest_size=16)
    for path in files:
        try:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    found.update(block)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    return found.hexdigest()


def _chosen(place: str, splits: Sequence[str], split: str | None) -> tuple[list[str], tuple[str, ...]]:
    """The splits to read, and what to say of the others. Raises `UserError` for one that is not there, and where none
    of several is `train`."""
    listed = ", ".join(splits)
    if split is not None:
        wanted = list(splits) if split == ALL else split.split("+")
        if lost := next((name for name in wanted if name not in splits), None):
            raise UserError(f"--split {brief(split)}: {place} has no split {lost}; expected {listed}, or {ALL}")
        return wanted, ()
    if len(splits) == 1:
        return list(splits), ()
    if "train" not in splits:
        raise UserError(f"{place}: has the splits {listed}; say which with --split, --split {ALL} for all")
    others = ", ".join(name for name in splits if name != "train")
    return ["train"], (f"the split train was read, {others} not: --split {ALL} reads all, --split NAME another",)


# -- runs --------------------------------------------------------------------------------------------------------------

_OF_RUNS = frozenset(
    {"row", "messages", "drop_reason", "dropped_by", "error", "embedding", "duplicate_of", "nearest_row"}
    | {"selection_rank", "response_choice", "source", "unusable"}
)
"""Columns of a run that mean nothing in another one."""


def _of_run(path: Path, split: str | None) -> Input:
    if split is not None:
        raise UserError(f"--split {split}: {path} is a run, which has no splits; expected no --split")
    run = open_run(path)

    def read() -> Read:
        for row in run.rows(kept=True):
            yield Document(f"{path} row {row['row']}", _own_columns(row))

    return Input(run.name, str(path.resolve()), read, lambda: _digest_of_run(run), is_run=True)


def _own_columns(row: dict[str, Any]) -> dict[str, Any]:
    """A row as another run takes it: with the id that it has here, and what it had from elsewhere."""
    meta = row.pop("meta", None) or {}
    before = {"source_id": row.pop("source_id", None), "source": row.get("source")}
    kept = {key: value for key, value in row.items() if key not in _OF_RUNS and not key.endswith("_tokens")}
    kept["source_id"] = kept.pop("id")
    extra = {**{key: value for key, value in before.items() if value is not None}, **meta}
    return {**kept, "meta": {key: value for key, value in extra.items() if value is not None}}


def _digest_of_run(run: Run) -> str:
    """Of the rows that it has now."""
    found = blake2b(repr((run.name, run.size)).encode(), digest_size=16)
    for stage in run.stages:
        for number in stage.shards():
            shard = stage.shard(number)
            found.update(f"{stage.path.name}/{number}/{content_digest(shard)}".encode())
            if shard.journal.exists():
                raise RunError(
                    f"{run.path}: is not finished ({stage.stage}); finish it with `magpie run --out`, then import it"
                )
    return found.hexdigest()


# -- the Hub -----------------------------------------------------------------------------------------------------------


def _of_hub(dataset: str, config: str | None, split: str | None) -> Input:
    """A dataset of the Hub, streamed by `datasets` at the revision that it has now."""
    try:
        import datasets
    except ImportError as error:
        raise MissingExtra(
            f"{dataset}: no such file or folder; as a dataset of the Hub it needs the library datasets ({error}): "
            f"{install_hint_for('datasets')}"
        ) from error
    try:
        revision = _revision(dataset)
        splits = [str(name) for name in datasets.get_dataset_split_names(dataset, config, revision=revision)]
    except Exception as error:  # of many kinds: no such dataset, no network, no access
        raise UserError(f"{dataset}: the Hub has no such dataset that can be read ({brief(str(error), 200)})") from None
    chosen, notes = _chosen(dataset, splits, split)

    def read() -> Read:
        for name in chosen:
            rows = datasets.load_dataset(dataset, config, split=name, revision=revision, streaming=True)
            for number, row in enumerate(rows):
                values = dict(row) if len(chosen) == 1 else {"split": name, **row}
                yield Document(f"{dataset} {name}[{number}]", values)

    told = f"{dataset}:{config}" if config else dataset
    digest = blake2b(repr((told, revision, chosen)).encode(), digest_size=16).hexdigest()
    return Input(dataset.split("/")[1], told, read, lambda: digest, notes)


def _revision(dataset: str) -> str | None:
    """The commit that the dataset is at."""
    from huggingface_hub import HfApi

    sha: str | None = HfApi().dataset_info(dataset).sha
    return sha
