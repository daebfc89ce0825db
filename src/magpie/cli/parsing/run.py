"""`magpie run`: its options, and what they mean together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from magpie.cli.parsing.options import (
    AllowKeyOption,
    DryRunOption,
    GpusOption,
    JsonOption,
    KeepOption,
    MaxCostOption,
    MaxHoursOption,
    MaxTokensOption,
    PerHourOption,
    PriceInOption,
    PriceOutOption,
    RetryOption,
    shipped_recipes,
)
from magpie.errors import UserError


def run_command(
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            help="A shipped recipe or a YAML file [default: the run's own, or basic].",
            autocompletion=shipped_recipes,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", help="A GGUF file, a Hugging Face folder or Hub id, or a model inside the package."),
    ] = None,
    size: Annotated[int | None, typer.Option("--size", help="Rows to make.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The run's folder [default: runs/RECIPE].")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="The seed of all randomness.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Override a setting, as in instruct.sampling.temperature=1.2."
        ),
    ] = None,
    dry_run: DryRunOption = False,
    yaml: Annotated[
        bool, typer.Option("--yaml", help="With --dry-run: print the resolved recipe as YAML, and nothing else.")
    ] = False,
    remake: Annotated[
        list[str] | None,
        typer.Option(
            "--remake",
            metavar="STAGE",
            help="If this version of magpie would make a stage's rows differently, make them again; "
            "may be given again, or `all`.",
        ),
    ] = None,
    keep: KeepOption = False,
    retry_failed: RetryOption = False,
    allow_key: AllowKeyOption = None,
    max_hours: MaxHoursOption = None,
    max_tokens: MaxTokensOption = None,
    max_cost: MaxCostOption = None,
    price_per_hour: PerHourOption = None,
    gpus: GpusOption = 1,
    price_in: PriceInOption = None,
    price_out: PriceOutOption = None,
    executor: Annotated[
        str | None,
        typer.Option(
            "--executor",
            help="Who makes the rows: this process (local), `magpie work` on any machine (workers), or a Ray cluster "
            "(ray) [default: local].",
        ),
    ] = None,
    ray_address: Annotated[
        str | None, typer.Option("--ray-address", help="HOST:PORT of the Ray cluster's head [default: this machine's].")
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Workers on the Ray cluster [default: as many as fit].")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Create a run, or resume one. Only the rows that are missing are generated."""
    from magpie.cli.run import run
    from magpie.executors.limits import Limits, Prices
    from magpie.executors.placing import placing
    from magpie.plan.upgrade import Choice

    given = {"model": model, "size": size, "seed": seed}
    replace = {name: value for name, value in given.items() if value is not None}
    choice = Choice(tuple(remake or ()), keep)
    overrides = tuple(settings or ())
    if yaml and not dry_run:
        raise UserError("--yaml: expected --dry-run beside it")
    limits = Limits(max_hours, max_tokens, max_cost, Prices(price_per_hour, gpus, price_in, price_out))
    run(
        recipe,
        out,
        overrides,
        replace,
        choice,
        tuple(allow_key or ()),
        dry_run=dry_run,
        retry_failed=retry_failed,
        as_json=json,
        as_yaml=yaml,
        limits=limits,
        placed=placing(executor, ray_address, workers),
    )
