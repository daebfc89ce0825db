"""`magpie import`: datasets become a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from magpie.cli.commands import command
from magpie.cli.text import print_json
from magpie.imports import Imported, Options, import_dataset
from magpie.runs import Run, located
from magpie.safe.terminal import brief, one_line, visible

_SHOWN = 60
_LONGEST = 60


def imports(inputs: Sequence[str], out: Path, options: Options, *, as_json: bool) -> None:
    with Console(stderr=True).status(escape(f"reading {one_line(' '.join(inputs))}")) as status:
        run, seen = import_dataset(
            inputs, located(out), options, watch=lambda rows: status.update(f"{rows:,} rows written")
        )
    if as_json:
        print_json(
            {
                "path": str(run.path),
                "rows": seen.rows,
                "columns": sorted(seen.columns),
                "meta": seen.meta,
                "dropped": dict(seen.dropped),
                "left_out": dict(seen.left_out),
                "unfit": dict(seen.unfit),
                "notes": seen.notes,
            },
            indent=True,
        )
        return
    _print(Console(highlight=False), run, seen)


def _print(console: Console, run: Run, seen: Imported) -> None:
    def line(text: str, style: str = "") -> None:
        console.print(Text(visible(text), style=style), soft_wrap=True)

    columns = sorted(seen.columns - {"meta"})
    line(f"{seen.rows:,} rows imported to {one_line(run.path)}, with {', '.join(columns)}.")
    for reason, count in seen.dropped.most_common(_SHOWN):
        line(f"  dropped {count:,}: {one_line(reason)} (the first: {one_line(seen.examples[reason])})", "yellow")
    if seen.meta:
        line(f"  kept beside the columns of a run, as meta.KEY: {_listed(seen.meta)}")
    if seen.left_out:
        line(f"  not kept: {_listed(sorted(seen.left_out))}")
    for name, count in seen.unfit.most_common(_SHOWN):
        line(f"  {count:,} values of {name} are none for this column: null there, and kept in meta", "yellow")
    for note in seen.notes:
        line(f"  {one_line(note)}", "yellow")
    if seen.meta.get("label") == "bool":
        line("  meta.label says which answers are good: train on those alone, or export them as kto", "yellow")
    line("")
    line("To read some of them:", "dim")
    line(f"  {command('show', run.path)}", "bold")
    line("To hold them to rules; likewise dedup, neighbors, and with a model (--set tag.model=MODEL) tag:", "dim")
    line(f"  {command('screen', run.path)}", "bold")


def _listed(names: Iterable[str]) -> str:
    shown = [brief(name, _LONGEST, quoted=False) for name in names]
    more = len(shown) - _SHOWN
    return ", ".join(shown[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
