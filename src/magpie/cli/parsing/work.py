"""`magpie work`: its options."""

from __future__ import annotations

from typing import Annotated

import typer

from magpie.cli.parsing.options import AllowKeyOption, JsonOption, RunArgument


def work(
    run: RunArgument,
    allow_key: AllowKeyOption = None,
    max_hours: Annotated[
        float | None, typer.Option("--max-hours", help="Leave after this time, with exit code 3; others go on.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", help="Leave after these prompt and completion tokens together.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Join a run from this machine, and generate its rows together with all other workers."""
    from magpie.cli.work import work
    from magpie.executors.limits import Limits

    work(run, tuple(allow_key or ()), Limits(max_hours, max_tokens), as_json=json)
