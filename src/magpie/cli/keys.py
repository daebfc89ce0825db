"""Asks at a terminal whether a recipe may send a key: `--allow-key NAME@HOST` says it beforehand."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from magpie.models.keys import settle_keys
from magpie.plan.load import overrides_document
from magpie.plan.recipe import Recipe
from magpie.safe.keys import KeyUse
from magpie.safe.terminal import one_line


def settle(recipe: Recipe, overrides: Sequence[str], allowances: Sequence[str]) -> None:
    """Allow the keys that the user's options allow; ask about the others if there is a terminal.

    A key that is still not allowed is refused when the plan is made. Raises `UserError` for an invalid allowance.
    """
    at_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    settle_keys(recipe, overrides_document(overrides), allowances, _agrees if at_terminal else None)


def _agrees(use: KeyUse) -> bool:
    return typer.confirm(
        f"This recipe sends the key in {use.variable} to {one_line(use.host)}. Allow it, now and from now on?",
        default=False,
        err=True,
    )
