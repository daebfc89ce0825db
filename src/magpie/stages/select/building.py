"""From the settings of a selection to the selection: finds its text, and holds it against the columns that there are.

Knows settings, columns and their makers; runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

import pyarrow as pa

from magpie.columns import BOOKKEEPING, COMPUTED, Column, labels_of
from magpie.errors import RecipeError
from magpie.runs import arrow_schema
from magpie.stages.select.client import check_selection, read_selection
from magpie.stages.select.limits import TEXT_BYTES
from magpie.stages.select.process import sandbox_process
from magpie.stages.select.selection import Asked, Quota, Selection
from magpie.stages.select.settings import SelectionSettings
from magpie.stages.select.vectors import EMBEDDING
from magpie.stages.spec import Context

EVERYTHING = "SELECT row FROM rows"


def selections() -> dict[str, str]:
    """Name to SQL of the selections inside the package."""
    folder = files("magpie.stages.select") / "library"
    found = {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir()}
    return {name.removesuffix(".sql"): text for name, text in sorted(found.items()) if name.endswith(".sql")}


def selection_of(
    stage: str, asked: SelectionSettings, fallback: str, context: Context
) -> tuple[Selection, tuple[str, ...]]:
    """The selection that settings ask for, and the columns that it reads. `fallback`: its text, where they name none.

    Raises `RecipeError` for what is no selection, and for columns that are not there.
    """
    made = {name.lower(): column for name, (column, _) in context.available.items()}
    labels = [name for name, column in made.items() if labels_of(name) and column.type == "string"]
    try:
        given = _as_asked(asked, _text(asked, fallback, made, context))
        with sandbox_process() as process:
            selection = read_selection(process, given, labels)
            reads = _columns(stage, selection, made, context)
            check_selection(process, selection, _schema(reads, made))
    except RecipeError as error:
        raise RecipeError(f"{stage}: {error}") from error
    return selection, reads


def _as_asked(asked: SelectionSettings, text: str) -> Asked:
    quotas = tuple(Quota(quota.by, quota.most) for quota in asked.quotas)
    bands = None if asked.diverse is None else asked.diverse.bands
    diverse = asked.diverse is not None
    return Asked(text, asked.also, asked.without, asked.order, asked.limit, quotas, diverse, bands)


def _text(asked: SelectionSettings, fallback: str, made: Mapping[str, Column], context: Context) -> str:
    if asked.file is not None:
        return _read(asked.file)
    if asked.keep is None:
        return fallback
    shipped = selections()
    if asked.keep in shipped:
        return shipped[asked.keep]
    if _may_be_a_name(asked.keep) and asked.keep.lower() not in made and not context.map.maker(asked.keep.lower()):
        close = get_close_matches(asked.keep, [*shipped, *made], n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise RecipeError(f"no selection and no column is called {asked.keep!r}{hint} (shipped: {', '.join(shipped)})")
    return f"{EVERYTHING} WHERE {asked.keep}"


def _read(file: str) -> str:
    """The text of a file that a recipe names, which may be any file: mistakes are quoted only of what begins as SQL."""
    path = Path(file)
    if path.exists() and not path.is_file():
        raise RecipeError(f"{file}: not a regular file; expected a file of SQL")
    try:
        with path.open("rb") as opened:
            data = opened.read(TEXT_BYTES + 1)
        if len(data) > TEXT_BYTES:
            raise RecipeError(f"{file}: more than {TEXT_BYTES:,} bytes; expected a file of SQL")
        text = data.decode()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else f"no UTF-8 text at byte {error.start:,}"
        raise RecipeError(f"{file}: not a file of SQL that can be read: {said}") from error
    if not _BEGINS.match(text):
        raise RecipeError(f"{file}: not a file of SQL; expected SELECT row FROM rows WHERE ...")
    return text


_BEGINS = re.compile(r"(?:\s|--.*(?:\n|$)|/\*(?s:.*?)\*/)*(?:SELECT|FROM|WITH)\b", re.IGNORECASE)
"""How SQL that selects begins, comments passed over."""


def _may_be_a_name(keep: str) -> bool:
    return keep.replace("-", "_").isidentifier() and keep.lower() not in ("true", "false")


def _columns(stage: str, selection: Selection, made: Mapping[str, Column], context: Context) -> tuple[str, ...]:
    """The columns that the selection reads, by their own names. Raises `RecipeError` for one that is not there."""
    for name in selection.reads:
        if name.lower() not in made:
            words = [clause.words for clause in (*selection.clauses, *selection.shares) if name in clause.columns]
            there = "".join(f"{clause}: " for clause in words[:1])
            raise RecipeError(there + _not_there(stage, name.lower(), list(made), context))
    if selection.diverse and EMBEDDING not in made:
        raise RecipeError(f"diverse: {_not_there(stage, EMBEDDING, list(made), context)}")
    own = [made[name.lower()].name for name in selection.reads]
    return tuple(dict.fromkeys([*own, EMBEDDING] if selection.diverse else own))


def _not_there(stage: str, name: str, made: Sequence[str], context: Context) -> str:
    """What to do for a column to be there."""
    maker, order = context.map.maker(name), context.map.order
    if maker is None:
        return _unknown(name, made, context)
    if order.index(maker) >= order.index(stage):
        then = "a shortlist looks at instructions alone; put this into select" if stage == "shortlist" else "too late"
        return f"{name} is made by `{maker}`, after {stage}: {then}"
    if context.settings(maker) is not None:
        return f"{name} is made by `{maker}` only where its settings ask for it"
    return f"{name} is made by `{maker}`: add `{maker}: {{}}` to the recipe, or `magpie {_command(maker)} RUN`"


def _command(stage: str) -> str:
    return stage.replace("_", "-")


def _unknown(name: str, made: Sequence[str], context: Context) -> str:
    if name in COMPUTED or name in {column.name for column in BOOKKEEPING}:
        return f"{name} is what readers of a run see, and no column of its rows; there are {', '.join(sorted(made))}"
    close = get_close_matches(name, [*made, *context.map.columns], n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(made))}"
    return f"no column is called {name!r}; {hint}"


def _schema(reads: Sequence[str], made: Mapping[str, Column]) -> pa.Schema:
    """The types of what the selection is given."""
    types = arrow_schema([made[name.lower()] for name in reads])
    return pa.schema([types.field(name) for name in ("row", *reads)])
