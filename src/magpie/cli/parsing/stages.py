"""`magpie STAGE RUN`: one command for each stage that can run alone, those of other packages included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from magpie.cli.parsing.options import (
    AllowKeyOption,
    DryRunOption,
    JsonOption,
    KeepOption,
    RemakeOption,
    RetryOption,
    RunArgument,
    SetOption,
)

ALONE = "This runs the stage on an existing run, and before it the stages that it needs and that ask no model."


def stage_command(name: str) -> Callable[..., None]:
    """The command of the stage with this name."""

    def command(
        run: RunArgument,
        settings: SetOption = None,
        model: Annotated[
            str | None, typer.Option("--model", help="The model that this stage uses [default: the run's own].")
        ] = None,
        dry_run: DryRunOption = False,
        remake: RemakeOption = False,
        keep: KeepOption = False,
        retry_failed: RetryOption = False,
        allow_key: AllowKeyOption = None,
        json: JsonOption = False,
    ) -> None:
        from magpie.cli.stage import stage
        from magpie.plan.upgrade import Choice

        choice = Choice((name,) if remake else (), keep)
        keys = tuple(allow_key or ())
        stage(
            name,
            run,
            tuple(settings or ()),
            model,
            choice,
            keys,
            dry_run=dry_run,
            retry_failed=retry_failed,
            as_json=json,
        )

    return command
