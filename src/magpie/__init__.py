"""magpie: alignment data from an aligned model and nothing else (Magpie, Xu et al. 2024, arXiv 2406.08464).

`run` makes a run, or goes on with one; `open_run` reads one. The names load what they need when they are called.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from magpie.plan.recipe import Recipe
    from magpie.runs import Run

__all__ = ["open_run", "run"]


def run(
    recipe: str | Recipe | None = None,
    *,
    model: str | Path | None = None,
    size: int | None = None,
    seed: int | None = None,
    out: str | Path,
    settings: tuple[str, ...] = (),
    remake: tuple[str, ...] = (),
    keep: bool = False,
    retry_failed: bool = False,
    allow_keys: tuple[str, ...] = (),
) -> Run:
    """Make a run in the folder or at the address `out`, or go on with the one there, and return it.

    recipe: a shipped recipe's name, a YAML file, or a `Recipe`; by default the run's own, or `basic` for a new one.
    model: a GGUF file, or the name of a model inside the package. size: rows. seed: what all randomness follows from.
    settings: overrides such as `"instruct.sampling.temperature=1.2"`. What these leave out is as the recipe has it.
    remake, keep: what to do where this magpie resolves the run's recipe otherwise than the one that made it: stages to
    make anew, or going on with the run's own values; with neither it is an error. retry_failed: try rows again that
    could not be made at three tries. allow_keys: `NAME@HOST`, for keys that a recipe file names (`api_key_env`): the
    environment variable and the host that may get what it holds. Only what is missing is made.

    Raises `magpie.errors.UserError` for what the caller can mend, `EngineDied` and `StageBug` otherwise, and a
    `KeyboardInterrupt` on Ctrl-C; what was made until then is in the run, and the same call goes on from there.
    """
    from magpie.executors.local import execute
    from magpie.plan.resolve import resolve
    from magpie.plan.upgrade import Choice
    from magpie.runs import located
    from magpie.safe.keys import allow, read_allowance

    replace = {"model": None if model is None else str(model), "size": size, "seed": seed}
    given = {name: value for name, value in replace.items() if value is not None}
    folder = located(out)
    resolved = resolve(recipe, folder, settings, given)
    allow(map(read_allowance, allow_keys))
    return execute(resolved, folder, choice=Choice(remake, keep), retry_failed=retry_failed)


def open_run(path: str | Path) -> Run:
    """The run in a folder or at an address (`s3://bucket/run`), finished or not. Raises `magpie.errors.RunError`
    when there is none."""
    from magpie.runs import open_run

    return open_run(path)
