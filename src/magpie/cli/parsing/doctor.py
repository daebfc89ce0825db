"""`magpie doctor`: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from magpie.cli.parsing.options import JsonOption


def doctor(
    server: Annotated[
        list[str] | None,
        typer.Option(
            "--server",
            metavar="URL",
            help="What can be read off a server: its model, what it holds, what would make it faster; may be given "
            "again.",
        ),
    ] = None,
    api_key_env: Annotated[
        str | None,
        typer.Option("--api-key-env", metavar="NAME", help="The environment variable with the server's API key."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show which engines can run here and what to install; with --server, how a server is set up."""
    from magpie.cli.doctor import doctor, inspect

    if server:
        inspect(server, api_key_env, as_json=json)
    else:
        doctor(as_json=json)
