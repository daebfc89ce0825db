"""Lists of words for the placeholders of system prompts, read from files. Knows no stage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from magpie.errors import RecipeError
from magpie.stages.instruct.settings import Fill


def words_of(fill: Fill, where: str) -> tuple[str, ...]:
    """What may stand for the placeholder, in the file's order. Raises `RecipeError`, which names the line."""
    if fill.file is None:
        return fill.words
    path = Path(fill.file)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{where}.file: {path} cannot be read: {error}") from error
    read = _objects(lines, fill, path) if path.suffix in (".jsonl", ".ndjson") else map(str.strip, lines)
    found = tuple(one for one in read if one)
    if not found:
        raise RecipeError(f"{where}.file: {path} has nothing in it; expected one text on each line")
    return found


def _objects(lines: list[str], fill: Fill, path: Path) -> Iterator[str]:
    field = fill.field or fill.name
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise RecipeError(f"{path}:{number}: not JSON ({error})") from error
        text = value.get(field) if isinstance(value, dict) else value
        if not isinstance(text, str):
            found = f"an object with {', '.join(map(str, value))}" if isinstance(value, dict) else type(value).__name__
            raise RecipeError(
                f"{path}:{number}: expected a text, or an object with a text {field!r} (see fill.field), found {found}"
            )
        yield text.strip()
