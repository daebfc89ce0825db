"""`magpie report`: its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from magpie.cli.parsing.options import (
    AllowKeyOption,
    GpusOption,
    JsonOption,
    PerHourOption,
    PriceInOption,
    PriceOutOption,
    RunArgument,
)


def report(
    run: RunArgument,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against",
            metavar="RUN|FILE",
            help="Another run, or a file or folder of conversations, to compare with; may be given again.",
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="The HTML file to write [default: NAME.html].")
    ] = None,
    examples: Annotated[int, typer.Option("--examples", min=0, max=100, help="Rows to read, of each kind.")] = 6,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            "--tokenizer", metavar="MODEL", help="The model whose tokenizer counts tokens [default: the run's model]."
        ),
    ] = None,
    price_per_hour: PerHourOption = None,
    gpus: GpusOption = 1,
    price_in: PriceInOption = None,
    price_out: PriceOutOption = None,
    allow_key: AllowKeyOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a page that is there already.")] = False,
    json: JsonOption = False,
) -> None:
    """Write what is in a run as one HTML page: stages, lengths, categories, variety, cost, rows to read."""
    from magpie.cli.report import report
    from magpie.executors.limits import Prices

    prices = Prices(price_per_hour, gpus, price_in, price_out)
    asked, keys = list(against or ()), tuple(allow_key or ())
    report(
        run, asked, to, keys, examples=examples, prices=prices, tokenizer=tokenizer, overwrite=overwrite, as_json=json
    )
