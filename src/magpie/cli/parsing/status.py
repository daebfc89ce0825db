"""`magpie status`: its options."""

from __future__ import annotations

from magpie.cli.parsing.options import JsonOption, RunArgument


def status(run: RunArgument, json: JsonOption = False) -> None:
    """Show what a run has, what was dropped and why, and what it cost."""
    from magpie.cli.status import status

    status(run, as_json=json)
