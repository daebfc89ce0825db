"""Who wrote a run's texts: the models of its stages, as readers know them, with the licenses that their files state.

A license is read from a GGUF file's `general.license` or the front matter of a folder's README.md; none is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from magpie.errors import MagpieError
from magpie.modelfiles.gguf import read_metadata
from magpie.modelfiles.locate import shipped_models
from magpie.runs import Run
from magpie.safe.documents import check_values, read_yaml


@dataclass(frozen=True, slots=True)
class Generator:
    """A model and what it did."""

    name: str
    stages: tuple[str, ...]
    engine: str
    license: str | None
    """As its files state it; None where they state none, or are not here."""
    hub: str | None
    """The id of its repository, where it was taken from the Hub."""


def generators(run: Run) -> list[Generator]:
    """The models of the stages that asked one, in the order of the stages."""
    found: dict[tuple[str, str], list[str]] = {}
    for stage in run.info["stages"]:
        for told in stage.get("models", {}).values():
            found.setdefault((told["path"], told["engine"]), []).append(stage["stage"])
    return [_generator(path, engine, stages) for (path, engine), stages in found.items()]


def _generator(path: str, engine: str, stages: list[str]) -> Generator:
    place = Path(path)
    shipped = next((name for name, file in shipped_models().items() if place in (file, file.parent)), None)
    is_hub = not place.is_absolute() and path.count("/") == 1
    name = shipped or (path if is_hub else place.name)
    return Generator(name, tuple(dict.fromkeys(stages)), engine, _license(place, shipped), path if is_hub else None)


def _license(place: Path, shipped: str | None) -> str | None:
    if shipped is not None:
        return "mit"
    try:
        if place.is_file() and place.suffix == ".gguf":
            stated = read_metadata(place).get("general.license")
        elif place.is_dir():
            stated = dict(_front_matter(place / "README.md")).get("license")
        else:
            return None
        check_values(stated, "license")
    except (MagpieError, OSError, UnicodeDecodeError):
        return None
    return stated.strip()[:80] or None if isinstance(stated, str) else None


def _front_matter(path: Path) -> Iterator[tuple[str, Any]]:
    """The YAML between the first two lines of three dashes."""
    if not path.is_file():
        return
    _, opened, rest = path.read_text(encoding="utf-8").partition("---\n")
    found = read_yaml(rest.partition("\n---")[0], str(path)) if opened else None
    if isinstance(found, dict):
        yield from found.items()
