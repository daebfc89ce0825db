"""`magpie estimate`: its options."""

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
)


def estimate(
    what: Annotated[
        str, typer.Argument(metavar="RECIPE|RUN", help="A shipped recipe, a YAML file, or the folder of a run.")
    ],
    size: Annotated[
        int | None, typer.Option("--size", min=1, help="Rows of the run [default: the recipe's, or the run's].")
    ] = None,
    pilot: Annotated[
        int, typer.Option("--pilot", min=0, help="Rows to make first where there are fewer; they stay.")
    ] = 200,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder of a recipe's pilot [default: runs/RECIPE].")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Override a setting, as in tag.model=PATH.")
    ] = None,
    price_per_hour: PerHourOption = None,
    gpus: GpusOption = 1,
    price_in: PriceInOption = None,
    price_out: PriceOutOption = None,
    allow_key: AllowKeyOption = None,
    json: JsonOption = False,
) -> None:
    """Estimate what a run of a size costs and keeps: tokens, hours, money, disk and rows.

    The estimate measures real rows, which stay in the run.
    """
    from magpie.cli.estimate import estimate_command
    from magpie.executors.limits import Prices

    prices = Prices(price_per_hour, gpus, price_in, price_out)
    estimate_command(what, out, tuple(settings or ()), size, pilot, prices, tuple(allow_key or ()), as_json=json)
