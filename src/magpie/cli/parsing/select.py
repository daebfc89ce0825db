"""`magpie select`: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from magpie.cli.parsing.options import AllowKeyOption, IdsOption, JsonOption, RunArgument


def select(
    run: RunArgument,
    chosen: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="SELECTION",
            help="air, pro, pro-2 to pro-6, a file with a SELECT, or clauses as in SQL; by default the recipe's own.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="The most rows.")] = None,
    where: Annotated[
        list[str] | None, typer.Option("--where", metavar="CLAUSE", help="A further clause; may be given again.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="COLUMN",
            help="Leave out the selection's own clauses that read a column; may be given again.",
        ),
    ] = None,
    ids: IdsOption = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print how many rows each clause costs; select nothing.")
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Override a setting, as in select.diverse={}."),
    ] = None,
    allow_key: AllowKeyOption = None,
    json: JsonOption = False,
) -> None:
    """Choose the dataset from a run's rows.

    The other rows stay in the run, with the clause that dropped them.
    """
    from magpie.cli.select import select

    if ids is not None:
        from magpie.cli.chosen import clause_of_ids
        from magpie.runs import open_run

        where = [*(where or ()), clause_of_ids(open_run(run), ids)]
    given = {"limit": limit, "also": where, "without": without}
    select(run, chosen, given, tuple(settings or ()), tuple(allow_key or ()), explain=explain, as_json=json)
