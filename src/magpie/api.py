"""The Python API: `run` and `open_run`, as `magpie` offers them. They import what they need when they are called."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from magpie.executors.local import Progress, Watch
    from magpie.plan.recipe import Recipe
    from magpie.runs import Run

_WHOLE = ("engine", "embedder", "kwargs", "engine_kwargs")
"""Settings whose mapping replaces the one that is there, since each is of one of several kinds or free in its keys."""


def run(
    recipe: str | Path | Mapping[str, Any] | Recipe | None = None,
    *,
    model: str | Path | None = None,
    size: int | None = None,
    seed: int | None = None,
    out: str | Path,
    settings: Mapping[str, Any] | Sequence[str] = (),
    progress: bool | Callable[[Progress | str], None] = True,
    remake: Sequence[str] = (),
    keep: bool = False,
    retry_failed: bool = False,
    allow_keys: Sequence[str] = (),
) -> Run:
    """Create a run in the folder `out`, or resume the one that is there, and return it. Only what is missing is made.

    Args:
        recipe: The name of a shipped recipe, a YAML file, a mapping as in YAML, or a `Recipe`. By default the run's
            own recipe, or `basic` for a new run.
        model: A GGUF file, a Hugging Face folder, a Hub id, or the name of a model inside the package.
        size: Rows of the run.
        seed: The seed of all randomness.
        out: The run's folder.
        settings: What to change in the recipe: a mapping such as `{"respond": {"n": 2}}` or `{"respond.n": 2}`, or
            strings as after `--set`, such as `["respond.n=2"]`. An empty mapping adds a stage with its defaults; a
            mapping for `engine` or `embedder` replaces the one that is there.
        progress: True shows the progress in a terminal or a notebook, and as lines on standard error elsewhere. False
            shows nothing. A function is called with each `Progress`, and with each line such as a warning.
        remake: Stages to make again, where this version of magpie resolves the run's recipe in another way than the
            version that made it; `["all"]` for all of them.
        keep: In that case, keep the run's own values. With neither, such a difference is an error.
        retry_failed: Try rows again that have failed three times.
        allow_keys: `NAME@HOST`, for keys that a recipe file names (`api_key_env`): the environment variable, and the
            host that may get its value.

    Raises:
        magpie.errors.UserError: What the caller can correct.
        magpie.errors.EngineDied: An engine is gone. Call `run` again to resume.
        magpie.errors.StageBug: A stage has an error of its own.
        KeyboardInterrupt: On Ctrl-C. Everything made is in the run, and the same call resumes it.

    Examples:
        >>> settings = {"respond": {"sampling": {"temperature": 0.7}}}
        >>> run = magpie.run("basic", size=12, out="runs/first", settings=settings)
        >>> run.kept()
        12
    """
    from magpie import log
    from magpie.executors.local import execute
    from magpie.plan.resolve import resolve
    from magpie.plan.upgrade import Choice
    from magpie.runs import located
    from magpie.safe.keys import allow, read_allowance

    if log.VARIABLE in os.environ:
        log.configure()
    replace = {"model": None if model is None else str(model), "size": size, "seed": seed}
    given = {name: value for name, value in replace.items() if value is not None}
    folder = located(out)
    resolved = resolve(_as_recipe(recipe), folder, _overrides(settings), given)
    allow(map(read_allowance, allow_keys))
    choice = Choice(tuple(remake), keep)
    with _watching(progress, folder) as watch:
        return execute(resolved, folder, watch, choice=choice, retry_failed=retry_failed)


def open_run(path: str | Path) -> Run:
    """The run in a folder, finished or not, also while another process writes it.

    Raises:
        magpie.errors.RunError: The folder holds no run, or one that a newer magpie made.

    Examples:
        >>> magpie.open_run("runs/first").size
        12
    """
    from magpie.runs import open_run

    return open_run(path)


def _as_recipe(recipe: str | Path | Mapping[str, Any] | Recipe | None) -> str | Recipe | None:
    """What `resolve` takes: a mapping is checked here; a path is never taken for the name of a shipped recipe."""
    from magpie.plan.load import check, shipped

    if isinstance(recipe, Path):
        return f"./{recipe}" if str(recipe) in shipped() else str(recipe)
    if isinstance(recipe, Mapping):
        return check(_plain(recipe), "recipe")
    return recipe


def _overrides(settings: Mapping[str, Any] | Sequence[str]) -> tuple[str, ...]:
    """The settings as strings of the form `a.b=value`, whose values are YAML."""
    if isinstance(settings, str):
        return (settings,)
    return tuple(_flat(settings)) if isinstance(settings, Mapping) else tuple(settings)


def _flat(settings: Mapping[str, Any], above: str = "") -> Iterator[str]:
    import yaml

    from magpie.errors import RecipeError

    for name, value in settings.items():
        path = f"{above}{name}"
        if isinstance(value, Mapping) and value and path.rpartition(".")[2] not in _WHOLE:
            yield from _flat(value, f"{path}.")
            continue
        try:
            text = yaml.safe_dump(_plain(value), default_flow_style=True, allow_unicode=True, width=2**31)
        except yaml.YAMLError:
            raise RecipeError(f"settings: {path}: expected plain values, found {type(value).__name__}") from None
        yield f"{path}={text.removesuffix(chr(10)).removesuffix('...').rstrip()}"


def _plain(value: Any) -> Any:
    """Paths as texts and tuples as lists, as YAML has them."""
    match value:
        case Mapping():
            return {str(name): _plain(item) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Path():
            return str(value)
    return value


@contextmanager
def _watching(progress: bool | Callable[[Progress | str], None], folder: Path) -> Iterator[Watch]:
    """What `execute` calls to report the progress of the run."""
    if callable(progress):
        yield progress
    elif not progress:
        yield lambda _: None
    else:
        from rich.console import Console

        from magpie.cli.notebook import in_notebook
        from magpie.cli.progress import watching

        console = Console(highlight=False, stderr=True)
        with in_notebook() if console.is_jupyter else watching(console, folder) as watch:
            yield watch
