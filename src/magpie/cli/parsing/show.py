"""`magpie show`: its options, and which of them exclude each other."""

from __future__ import annotations

from typing import Annotated

import typer

from magpie.cli.parsing.options import JsonOption, RunArgument
from magpie.errors import UserError


def show(
    run: RunArgument,
    count: Annotated[int, typer.Option("-n", min=1, help="How many conversations.")] = 5,
    dropped: Annotated[bool, typer.Option("--dropped", help="Show dropped rows, with their reasons.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Show kept, dropped and unfinished rows.")] = False,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="SQL", help="A condition, such as \"safety = 'unsafe'\"; may be given again."),
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option("--sort", metavar="SQL", help="The first rows in an order, such as 'instruct_reward DESC'."),
    ] = None,
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="A row by its id or number; may be given again.")
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="NAME", help="Show this column too; with --json, only such columns."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show conversations of a run with their judgments.

    By default these are kept rows, spread over the run.
    """
    from magpie.cli.show import Shown, show
    from magpie.explore.rows import Search

    if ids and (dropped or every or where or sort):
        raise UserError("--id: names rows; expected no --where, --sort, --dropped or --all beside it")
    if dropped and every:
        raise UserError("--dropped and --all: expected one of them; --all shows dropped rows too")
    scope = "dropped" if dropped else "all" if every else "kept"
    search = Search(scope, tuple(where or ()), sort, tuple(ids or ()))  # type: ignore[arg-type]
    show(run, search, Shown(count, tuple(columns or ()), json))
