"""A plan held against the run in a folder: what an upgrade of the package would make otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from magpie.plan.plan import Plan
from magpie.plan.resolve import own_recipe
from magpie.plan.upgrade import UNDECIDED, Choice, Reconciled, reconcile
from magpie.runs import RunFolder


def reconcile_with(
    plan: Plan, folder: RunFolder, choice: Choice = UNDECIDED, only: Sequence[str] | None = None
) -> Reconciled:
    """A plan compared with the run in a folder, see `reconcile`; unchanged where there is no run."""
    index = folder.known_index()
    if index is None:
        return Reconciled(plan, {}, {})
    return reconcile(plan, index, lambda: own_recipe(folder.path, plan.recipe), choice, only)
