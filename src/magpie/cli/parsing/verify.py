"""`magpie verify`: its options."""

from __future__ import annotations

from magpie.cli.parsing.options import JsonOption, RunArgument


def verify(run: RunArgument, json: JsonOption = False) -> None:
    """Compare every file of a run with its recorded digest."""
    from magpie.cli.verify import verify

    verify(run, as_json=json)
