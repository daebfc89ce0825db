"""`magpie doctor`: its options."""

from __future__ import annotations

from magpie.cli.parsing.options import JsonOption


def doctor(json: JsonOption = False) -> None:
    """Show which engines can run here, why others cannot, and what to install."""
    from magpie.cli.doctor import doctor

    doctor(as_json=json)
