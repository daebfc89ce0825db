"""magpie: alignment data from an aligned model and nothing else (Magpie, Xu et al. 2024, arXiv 2406.08464).

`run` creates or resumes a run, `open_run` reads one. `Run`, `Recipe` and `Progress` are what these give and take; they
are imported when they are first used, so that `import magpie` is instant. `magpie.errors` has what they raise.

    import magpie

    run = magpie.run("basic", size=200, out="runs/first")
    run.to_pandas()
"""

from typing import TYPE_CHECKING

from magpie import errors
from magpie.api import open_run, run

if TYPE_CHECKING:
    from magpie.executors.local import Progress
    from magpie.plan.recipe import Recipe
    from magpie.runs import Run

__all__ = ["Progress", "Recipe", "Run", "errors", "open_run", "run"]

_LAZY = {"Progress": "magpie.executors.local", "Recipe": "magpie.plan.recipe", "Run": "magpie.runs"}


def __getattr__(name: str) -> object:
    """One of the classes, imported at its first use."""
    if name not in _LAZY:
        raise AttributeError(f"module 'magpie' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__doc__", "__name__", "__path__"])
