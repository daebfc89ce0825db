"""`magpie export`: the kept rows as a file or a folder, and from there to the Hub."""

from __future__ import annotations

import codecs
import io
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO, cast, get_args

import typer

from magpie.cli.chosen import chosen_rows
from magpie.errors import UserError
from magpie.export import FORMATS, Exported, Options, Thoughts, Upload, check_can_push, packaged_formats, push, shown
from magpie.export import export as write
from magpie.export.atlas import ATLAS
from magpie.export.exporting import check, is_folder
from magpie.export.hub import check_name
from magpie.runs import Run, open_run
from magpie.safe.paths import expanded
from magpie.safe.terminal import one_line, visible_json


def export(
    path: Path,
    asked: str | None,
    to: Path | None,
    options: Options,
    upload: Upload | None,
    *,
    dry_run: bool,
    pictures: bool = True,
    where: Sequence[str] = (),
    ids: Path | None = None,
) -> None:
    """where, ids: conditions, and a file of ids: of the kept rows only these are exported."""
    if upload is not None:
        _to_hub(
            chosen_rows(open_run(path), where, ids),
            asked or "parquet",
            to,
            options,
            upload,
            dry_run=dry_run,
            pictures=pictures,
        )
        return
    if to is None:
        raise UserError("--to: expected a file, a folder or -, or --push-to-hub OWNER/NAME")
    if dry_run:
        raise UserError("--dry-run: shows what --push-to-hub would send; expected both")
    if asked == ATLAS:
        from magpie.cli.atlas import export_to_atlas

        export_to_atlas(chosen_rows(open_run(path), where, ids), to, options)
        return
    form = _format(asked, to)
    run = chosen_rows(open_run(path), where, ids)
    if pictures and str(to) != "-" and is_folder(form, expanded(to)):
        check(run, form, expanded(to), options)
        options = _with_pictures(run, options)
    if str(to) == "-":
        on_terminal = sys.stdout.isatty() and form != "parquet"
        made = write(run, form, _Shown(sys.stdout.buffer) if on_terminal else sys.stdout.buffer, options)
        sys.stdout.buffer.flush()
        typer.echo(f"{made.rows:,} rows written{_left_out(made)}", err=True)
        return
    made = write(run, form, expanded(to), options)
    typer.echo(f"{made.rows:,} rows written to {one_line(to)}{_split(made)}{_left_out(made)}")


class _Shown(io.BytesIO):
    """JSON for a terminal, with control characters escaped."""

    def __init__(self, terminal: BinaryIO) -> None:
        super().__init__()
        self._terminal, self._decoder = terminal, codecs.getincrementaldecoder("utf-8")()

    def write(self, data: Any, /) -> int:
        written = bytes(data)
        self._terminal.write(visible_json(self._decoder.decode(written)).encode())
        return len(written)


def check_options(
    model: str | None,
    form: str | None,
    to: Path | None,
    upload: Upload | None,
    max_length: int | None,
    *,
    as_json: bool,
) -> None:
    """Raise `UserError` for options of `--check` that do not go with the others. model: of `--check`."""
    if model is None:
        if max_length is not None:
            raise UserError("--max-length: counts what --check MODEL finds; expected both")
        if as_json:
            raise UserError("--json: prints what --check MODEL finds; expected both")
        return
    if to is not None or upload is not None:
        other = "--to" if to is not None else "--push-to-hub"
        raise UserError(f"--check looks and writes nothing; expected no {other}")
    if form is not None:
        _known("--format", form, (*FORMATS, ATLAS, *packaged_formats()))


def options(
    system: bool,
    reasoning: str,
    embeddings: bool,
    test_share: float,
    license: str | None,
    columns: Sequence[str],
    overwrite: bool,
) -> Options:
    """What the command line asks for. Raises `UserError` for a word that is not known."""
    _known("--reasoning", reasoning, get_args(Thoughts))
    if not 0 <= test_share < 1:
        raise UserError(f"--test-share {test_share:g}: expected a share from 0 to below 1, such as 0.01")
    named = tuple(dict.fromkeys(name.strip() for text in columns for name in text.split(",") if name.strip()))
    return Options(system, cast(Thoughts, reasoning), embeddings, test_share, license, named, overwrite)


def _with_pictures(run: Run, options: Options) -> Options:
    """The export, with the pictures that the card of a folder shows."""
    from magpie.report import picture_numbers
    from magpie.report.page import pictures

    return replace(options, pictures=pictures(picture_numbers(run)))


def _to_hub(
    run: Run, form: str, to: Path | None, options: Options, upload: Upload, *, dry_run: bool, pictures: bool
) -> None:
    """Export to the folder `to`, or to one that is gone afterwards, and send it."""
    _known("--format", form, (*FORMATS, ATLAS, *packaged_formats()))
    check_name(upload) if dry_run else check_can_push(upload)
    if to is not None and to.suffix:
        raise UserError(f"--to {str(to)!r}: --push-to-hub sends a folder; expected a folder's name, or no --to")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "dataset" if to is None or dry_run else expanded(to)
        check(run, form, folder, options)
        made = write(run, form, folder, _with_pictures(run, options) if pictures else options)
        if dry_run:
            typer.echo(shown(upload, made.files, made.splits))
            return
        address = push(folder, upload, f"{made.rows:,} rows of the run {run.name}, as {form}")
    typer.echo(f"{made.rows:,} rows sent to {address}{_split(made)}{_left_out(made)}")


def _split(made: Exported) -> str:
    if len(made.splits) < 2:
        return ""
    return f" ({', '.join(f'{count:,} in {split}' for split, count in made.splits.items())})"


def _left_out(made: Exported) -> str:
    return f"; {made.left_out:,} kept rows lack what the format shows and are not in it" if made.left_out else ""


def _format(asked: str | None, to: Path) -> str:
    """The given format; by default the one that fits the name of the path."""
    lines = to.suffix.lower() in (".jsonl", ".json") or str(to) == "-"
    form = asked or ("messages" if lines else "parquet")
    _known("--format", form, (*FORMATS, ATLAS, *packaged_formats()))
    if lines and form == "parquet" and str(to) != "-":
        raise UserError(f"--to {str(to)!r}: every column goes into Parquet; expected a .parquet file, or a folder")
    return form


def _known(option: str, word: str, words: Sequence[str]) -> None:
    if word not in words:
        close = get_close_matches(word, words, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UserError(f"{option} {word!r}: expected one of {', '.join(words)}{hint}")
