"""Figures in files of JSON, with what they were made from: none is taken for one of other settings."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def kept(path: Path, made_from: Mapping[str, Any], make: Callable[[], Any]) -> Any:
    """What `path` holds, where it was made from the same; else what `make` gives, which is then kept there.

    kept(Path("figures.json"), {"rows": 2000, "model": "3f2a91"}, measure)
    """
    found = read_kept(path, made_from)
    if found is None:
        keep(path, made_from, make())
        found = read_kept(path, made_from)
    return found


def read_kept(path: Path, made_from: Mapping[str, Any]) -> Any:
    """What `path` holds; None where it is not there or was made from something else."""
    if not path.exists():
        return None
    told = json.loads(path.read_text(encoding="utf-8"))
    is_same = isinstance(told, dict) and told.get("made_from") == json.loads(json.dumps(made_from))
    return told["found"] if is_same else None


def keep(path: Path, made_from: Mapping[str, Any], found: Any) -> None:
    """Write it whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    whole = {"made_from": made_from, "found": found}
    part.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)


def kept_file(path: Path, made_from: Mapping[str, Any], write: Callable[[Path], object]) -> Path:
    """The file that `write` makes, made only where there is none from the same; what it is from is kept beside it."""
    beside = path.with_name(path.name + ".from")
    if not path.exists() or read_kept(beside, made_from) is None:
        beside.unlink(missing_ok=True)
        write(path)
        keep(beside, made_from, path.name)
    return path


def digest_of(*folders: Path) -> str:
    """A digest of all files in the folders of models."""
    made = hashlib.sha256()
    for folder in folders:
        for path in sorted(one for one in folder.iterdir() if one.is_file()):
            made.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return made.hexdigest()
