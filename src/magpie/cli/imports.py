"""`magpie import`: a dataset becomes a run."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from magpie.cli.commands import command
from magpie.cli.text import print_json
from magpie.imports import Imported, import_dataset
from magpie.runs import Run
from magpie.safe.paths import expanded
from magpie.safe.terminal import one_line, visible

_SHOWN = 12


def imports(path: Path, out: Path, *, as_json: bool) -> None:
    with Console(stderr=True).status(escape(f"reading {one_line(path)}")) as status:
        run, seen = import_dataset(
            expanded(path), expanded(out), watch=lambda rows: status.update(f"{rows:,} rows written")
        )
    if as_json:
        print_json(
            {
                "path": str(run.path),
                "rows": seen.rows,
                "columns": sorted(seen.columns),
                "dropped": dict(seen.dropped),
                "left_out": dict(seen.left_out),
            },
            indent=True,
        )
        return
    _print(Console(highlight=False), run, seen)


def _print(console: Console, run: Run, seen: Imported) -> None:
    def line(text: str, style: str = "") -> None:
        console.print(Text(visible(text), style=style), soft_wrap=True)

    line(f"{seen.rows:,} rows imported to {one_line(run.path)}, with {', '.join(sorted(seen.columns))}.")
    for reason, count in seen.dropped.most_common():
        line(f"  dropped {count:,}: {reason}")
    if seen.left_out:
        names = [name for name, _ in seen.left_out.most_common(_SHOWN)]
        more = len(seen.left_out) - len(names)
        line(f"  left out, since runs have no such column: {', '.join(names)}{f' and {more} more' if more else ''}")
    line("")
    line("To read some of them:", "dim")
    line(f"  {command('show', run.path)}", "bold")
    line("To hold them to rules; likewise dedup, neighbors, and with a model (--set tag.model=MODEL) tag:", "dim")
    line(f"  {command('screen', run.path)}", "bold")
