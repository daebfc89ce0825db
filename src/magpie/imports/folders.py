"""Which files of a folder are data, and of which split: as `datasets` reads a folder.

The rules are those of `datasets` (https://huggingface.co/docs/datasets/repository_structure, and its `data_files.py`):
what the card's `configs` names; else what `save_to_disk` wrote; else names such as `train-00000-of-00001`; else words
such as `train`, `dev` or `test` in the name of a file or a folder; else all is `train`. Hidden files and those that
describe data are none. Knows names and endings; opens no data.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from magpie.errors import RecipeError, UserError
from magpie.imports.containers import EXPECTED, kind_of
from magpie.safe.documents import read_yaml
from magpie.safe.terminal import brief

Splits = Mapping[str, list[Path]]
"""Each split's files, in order."""

_DESCRIPTIONS = frozenset(
    {
        "dataset_info.json",
        "dataset_infos.json",
        "dataset_dict.json",
        "state.json",
        "config.json",
        "run.json",
        "metadata.json",
    }
)
"""Files that describe data, and hold none."""
_SHARDED = re.compile(r"(\w+(?:\.\w+)*)-\d{5}-of-\d{5}")
_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_NAMED = {
    split: re.compile(rf"(?:^|[^a-z0-9])(?:{'|'.join(words)})(?:$|[^a-z0-9])", re.IGNORECASE)
    for split, words in _WORDS.items()
}
_MOST_README = 1 << 20


def splits_of(folder: Path) -> Splits:
    """Each split of a folder, with its files. Raises `UserError` where there are none that can be read.

    splits_of(Path("ultrafeedback"))  # {"train_prefs": [...], "test_prefs": [...]}
    """
    found = _of_card(folder) or _of_save_to_disk(folder) or _of_names(folder)
    if not found:
        raise UserError(f"{folder}: holds no file that ends in {EXPECTED}")
    return found


# -- what the card says ------------------------------------------------------------------------------------------------


def _of_card(folder: Path) -> Splits:
    """What `configs` in the head of README.md names; nothing where it names nothing that is there."""
    configs = _head_of(folder / "README.md").get("configs")
    if not isinstance(configs, list):
        return {}
    usable = [one for one in configs if isinstance(one, dict) and one.get("data_files")]
    if len(usable) > 1:
        defaults = [one for one in usable if one.get("default") is True or one.get("config_name") == "default"]
        if len(defaults) != 1:
            names = ", ".join(sorted(name for one in usable if isinstance(name := one.get("config_name"), str)))
            raise UserError(
                f"{folder}: its card names several datasets ({brief(names, 200, quoted=False)}); expected the files of "
                "one of them"
            )
        usable = defaults
    return _of_data_files(folder, usable[0]["data_files"]) if usable else {}


def _head_of(card: Path) -> Mapping[str, Any]:
    try:
        with card.open(encoding="utf-8", errors="replace") as file:
            text = file.read(_MOST_README)
    except OSError:
        return {}
    parts = text.split("---\n", 2)
    if not text.startswith("---\n") or len(parts) < 3:
        return {}
    try:
        head = read_yaml(parts[1], str(card))
    except (RecipeError, RecursionError):  # whatever it is, it names no files
        return {}
    return head if isinstance(head, dict) else {}


def _of_data_files(folder: Path, data_files: Any) -> Splits:
    if not isinstance(data_files, list) or any(isinstance(one, str) for one in data_files):
        data_files = [{"split": "train", "path": data_files}]
    found: dict[str, list[Path]] = {}
    for split, pattern in islice(dict.fromkeys(_patterns(data_files)), _MOST_PATTERNS):
        found.setdefault(split, []).extend(_matching(folder, pattern))
    return {split: sorted(set(files)) for split, files in found.items() if files}


def _patterns(data_files: list[Any]) -> Iterator[tuple[str, str]]:
    """Each split with a pattern of its files."""
    for one in data_files:
        if not isinstance(one, dict):
            continue
        patterns, split = one.get("path"), one.get("split", "train")
        for pattern in patterns if isinstance(patterns, list) else [patterns]:
            if isinstance(pattern, str) and isinstance(split, str):
                yield split, pattern


_LONGEST_PATTERN = 500
"""Characters: `pathlib` calls itself for each part of a pattern."""
_MOST_DEEP = 3
"""`**` in a pattern: each is a walk through all folders that the one before has found."""
_MOST_PATTERNS = 1000
"""Patterns of one card: each walks through the folder."""


def _matching(folder: Path, pattern: str) -> list[Path]:
    """The files of a pattern, none outside the folder."""
    parts = Path(pattern).parts
    if not pattern or len(pattern) > _LONGEST_PATTERN or pattern.startswith("/") or ".." in parts:
        return []
    if parts.count("**") > _MOST_DEEP:
        return []
    once = [part for before, part in zip(("", *parts), parts, strict=False) if (before, part) != ("**", "**")]
    try:
        found = [path for path in folder.glob("/".join(once)) if path.is_file() and kind_of(path) is not None]
        home = folder.resolve()
        return [path for path in found if path.resolve().is_relative_to(home)]
    except (ValueError, NotImplementedError, OSError):
        return []


# -- what `save_to_disk` wrote -----------------------------------------------------------------------------------------


def _of_save_to_disk(folder: Path) -> Splits:
    if (own := _saved(folder)) is not None:
        return {"train": own}
    described = _json(folder / "dataset_dict.json").get("splits")
    if not isinstance(described, list):
        return {}
    names = [name for name in described if isinstance(name, str) and Path(name).name == name]
    return {name: files for name in names if (files := _saved(folder / name))}


def _saved(folder: Path) -> list[Path] | None:
    """The files of one dataset; those that `datasets` keeps beside it as a cache are none."""
    named = _json(folder / "state.json").get("_data_files")
    if not isinstance(named, list):
        return None
    names = [one.get("filename") for one in named if isinstance(one, dict)]
    paths = [folder / name for name in names if isinstance(name, str) and Path(name).name == name]
    return [path for path in paths if path.is_file()]


def _json(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


# -- what names say ----------------------------------------------------------------------------------------------------


def _of_names(folder: Path) -> Splits:
    """Of several kinds of files the commonest is the data, and where some names say a split, these files are."""
    files = [path for path in sorted(folder.rglob("*")) if _is_data(path, folder)]
    kinds = Counter(kind_of(path) for path in files)
    commonest = max(kinds, key=lambda kind: kinds[kind], default=None)
    found: dict[str, list[Path]] = {}
    for path in files:
        if kind_of(path) == commonest:
            found.setdefault(_split_of(path.relative_to(folder)) or "", []).append(path)
    unnamed = found.pop("", [])
    return found or ({"train": unnamed} if unnamed else {})


def passed_over(folder: Path, splits: Splits) -> list[Path]:
    """Files that look like data and are in no split."""
    read = {path for files in splits.values() for path in files}
    return [path for path in sorted(folder.rglob("*")) if _is_data(path, folder) and path not in read]


def _is_data(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    hidden = any(part.startswith((".", "__")) for part in parts)
    return not hidden and path.name not in _DESCRIPTIONS and kind_of(path) is not None and path.is_file()


def _split_of(path: Path) -> str | None:
    """The split that a path in a folder names, its file's name first."""
    if match := _SHARDED.match(path.name):
        return match[1]
    for part in (path.name.split(".")[0], *reversed(path.parts[:-1])):
        for split, pattern in _NAMED.items():
            if pattern.search(part):
                return split
    return None
