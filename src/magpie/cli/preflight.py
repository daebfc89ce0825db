"""`magpie export RUN --check MODEL`: what a trainer of that model will make of the run's rows. Writes no file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from magpie.cli.text import print_json
from magpie.errors import UserError
from magpie.export import Options
from magpie.export.preflight import Checked, fitting_formats, preflight
from magpie.export.query import needed
from magpie.export.shapes import SHAPES
from magpie.models.find import open_tokenizer
from magpie.runs import open_run
from magpie.safe.terminal import one_line
from magpie.templates.supervised import TrainingTemplate


def check(path: Path, model: str, form: str | None, options: Options, max_length: int | None, *, as_json: bool) -> None:
    """form: the format to look at; None is every format that the run can fill. max_length: by default the context that
    the model was trained with."""
    run = open_run(path)
    files = open_tokenizer(model)
    template = TrainingTemplate.of(files)
    limit = max_length if max_length is not None else files.context
    forms = [form] if form is not None else fitting_formats(run)
    if not forms:
        raise UserError(f"{run.path}: has neither responses nor pairs, so there is nothing to train on: see `status`")
    found = [preflight(run, one, template, _fitting(options, one), limit) for one in forms]
    if as_json:
        print_json({"model": files.name, "max_length": limit, "formats": [one.plain() for one in found]}, indent=True)
        return
    _print(Console(highlight=False), files.name, found)


def _fitting(options: Options, form: str) -> Options:
    """Pairs hold no reasoning, and only some formats have a field for it beside a text."""
    if "chosen" in needed(form):
        return replace(options, reasoning="none")
    beside = form not in SHAPES or SHAPES[form].beside
    return options if beside or options.reasoning != "field" else replace(options, reasoning="inside")


def _print(console: Console, model: str, found: list[Checked]) -> None:
    console.print(f"By the tokenizer and the chat template of {one_line(model)}:", markup=False, soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("format")
    for name in ("rows", "median", "p95", "longest", "over", "supervised", "refused"):
        table.add_column(name, justify="right")
    for one in found:
        counts = (one.rows, one.median, one.p95, one.longest, one.over)
        shown = [f"{count:,}" for count in counts]
        table.add_row(one.form, *shown, f"{one.supervised:.1%}", f"{sum(one.refused.values()):,}")
    console.print(table)
    told = list(dict.fromkeys(note for one in found for note in _notes(one)))
    for note in told:
        typer.echo()
        console.print(note, markup=False)


def _notes(one: Checked) -> list[str]:
    rows = f"of {one.rows:,} rows"
    notes = []
    if one.rows < one.of:
        notes.append(f"{one.rows:,} of {one.of:,} rows were looked at, spread over the run.")
    for reason, count in list(one.refused.items())[:3]:
        notes.append(f"{count:,} {rows} are refused: {one_line(reason)}.")
    if one.over:
        notes.append(f"{one.over:,} {rows} have more than {one.max_length:,} tokens: a trainer cuts or drops them.")
    if one.unsupervised:
        notes.append(f"{one.unsupervised:,} {rows} have nothing to learn from within that length.")
    if one.unended:
        notes.append(f"{one.unended:,} {rows} have a turn that no special token ends: a model does not learn to stop.")
    if one.stripped:
        notes.append(f"{one.stripped:,} {rows} have reasoning in earlier turns that the template leaves out.")
    if one.unprinted:
        notes.append(f"{one.unprinted:,} {rows} have reasoning in the last turn that the template leaves out.")
    return notes
