"""Rows that a command is given: by the conditions of `--where`, and by the ids in the file of `--ids`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from magpie.errors import UserError
from magpie.explore.rows import Search, find_rows, row_of
from magpie.runs import Run
from magpie.safe.paths import expanded
from magpie.safe.terminal import brief, one_line

MOST_IN_CLAUSE = 10_000
"""The most rows of `select --ids`: the recipe lists them one by one."""


def chosen_rows(run: Run, where: Sequence[str], ids: Path | None) -> Run:
    """The run, restricted to the kept rows that meet all conditions and are listed in the file."""
    if ids is not None:
        run = run.among(read_ids(run, ids))
    if where:
        met = find_rows(run, Search("kept", tuple(where)), run.size).rows
        run = run.among(met)
    if (where or ids is not None) and not run.kept():
        asked = "meets --where" if where or ids is None else f"stands in {one_line(ids)}"
        raise UserError(f"no kept row of {one_line(run.path)} {asked}; `magpie show --all` shows dropped rows too")
    return run


def read_ids(run: Run, path: Path) -> list[int]:
    """The rows whose ids, or numbers, a file lists, one per line. Raises `UserError`."""
    place = expanded(path)
    try:
        text = place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--ids {one_line(path)}: cannot be read ({brief(str(error), 200, quoted=False)})") from error
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                found.append(row_of(run, line))
            except UserError as error:
                raise UserError(f"--ids {one_line(path)}, line {number}: {error}") from error
    if not found:
        raise UserError(f"--ids {one_line(path)}: is empty; expected an id a line, such as {run.name}-00000017")
    return found


def clause_of_ids(run: Run, path: Path) -> str:
    """The rows of a file as a clause of a selection. Raises `UserError` where they are too many for one."""
    rows = sorted(set(read_ids(run, path)))
    if len(rows) > MOST_IN_CLAUSE:
        raise UserError(
            f"--ids {one_line(path)}: {len(rows):,} rows; expected at most {MOST_IN_CLAUSE:,}, since a selection is a "
            "part of the recipe; use --where, or `magpie export --ids`, which takes any number"
        )
    return f"row IN ({', '.join(map(str, rows))})"
