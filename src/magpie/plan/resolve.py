"""Completes a recipe for one run: what the run keeps from its making on, its name, its day, absolute paths.

Knows run folders and recipes; no model and no engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import yaml

from magpie.errors import RecipeError, UserError
from magpie.modelfiles.locate import shipped_models
from magpie.models.keys import note_keys
from magpie.plan.load import DEFAULT, check, overrides_document, parse, recipe_text, shipped, text_digest
from magpie.plan.recipe import Origin, Recipe
from magpie.runs import RunFolder
from magpie.safe.code import allow_code
from magpie.safe.paths import expanded
from magpie.safe.terminal import one_line
from magpie.settings.base import Place, Settings, places

S = TypeVar("S", bound=Settings)

FIXED = ("name", "shard_rows")
"""Settings that a run keeps from its making on."""


def resolve(
    recipe: str | Recipe | None, out: Path, overrides: Sequence[str] = (), replace: Mapping[str, Any] | None = None
) -> Recipe:
    """The recipe for a run in the folder `out`, complete, its paths absolute.

    recipe: a name, a file, or a recipe; None is the run's own, or the default for a new run. `overrides` and then
    `replace` win over it; what a run fixes when it is made wins over all. Keys that a file names, a run's own included,
    are sent only where they are allowed (`magpie.safe.keys`); a `Recipe` made in Python is its maker's word.

        resolve("basic", Path("runs/first"), ["respond.n=2"], {"size": 50})
    """
    folder = RunFolder(out)
    folder.check_usable()
    made = _made(folder, needed=recipe is None)
    if isinstance(recipe, Recipe):
        text, where = _yaml(recipe.given()), "recipe"
    elif recipe is not None or made is None:
        where = recipe or DEFAULT
        text = recipe_text(where)
    else:
        text, where = _yaml(_own_words(folder, made)), str(folder.path / "recipe.yaml")
    resolved = _complete(parse(text, where, overrides, replace), folder, made)
    note_keys(resolved, None if isinstance(recipe, Recipe) else overrides_document(overrides))
    _note_code(resolved, None if isinstance(recipe, Recipe) else overrides_document(overrides))
    return resolved.from_shipped(_origin(recipe, folder, made, text, overrides, replace or {}))


def _note_code(recipe: Recipe, typed: Mapping[str, Any] | None) -> None:
    """Let the function be called that the user named; one that only a file names is not."""
    name = getattr(recipe.settings("check"), "checker", None)
    said = typed.get("check") if typed is not None else None
    if name is not None and (typed is None or (isinstance(said, Mapping) and said.get("checker") == name)):
        allow_code(name)


def own_recipe(out: Path, recipe: Recipe) -> Recipe:
    """The recipe of the run in the folder `out`, resolved again by the package as it is now.

    Where the run and `recipe` are based on the same shipped recipe, it is that recipe as the package has it now, with
    the settings of the run's user: a change of the shipped recipe is then no edit of the user's.
    """
    folder = RunFolder(out)
    made = _made(folder, needed=True)
    assert made is not None, "a run that is there has a recipe"
    began, now = _began(folder), recipe.origin
    if began is not None and now is not None and began.name == now.name and began.digest != now.digest:
        parsed = parse(recipe_text(began.name), began.name, began.overrides, began.replace)
        return _noted(_complete(parsed, folder, made))
    index = folder.known_index() or {}
    given = index["given"] if _is_recipe(index.get("given")) else _own_words(folder, made)
    return _noted(_complete(parse(_yaml(given), str(folder.path / "run.json")), folder, made))


def _noted(recipe: Recipe) -> Recipe:
    """The recipe, with the keys that it names noted as a file's word."""
    note_keys(recipe, {})
    return recipe


def _complete(parsed: Recipe, folder: RunFolder, made: Recipe | None) -> Recipe:
    resolved = _absolute(parsed)
    fixed = {name: value for name, value in _fixed(folder, made).items() if value != getattr(resolved, name)}
    resolved = resolved.model_copy(update=fixed)
    named = resolved if resolved.name else resolved.model_copy(update={"name": _run_name(folder.path)})
    return _dated(named, made)


def _yaml(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)


def _own_words(folder: RunFolder, made: Recipe) -> Mapping[str, Any]:
    """What the run's user said. An edited `recipe.yaml` is the user's word, whole, and so is that of a run that an
    earlier magpie made."""
    index = folder.known_index() or {}
    if _is_recipe(index.get("given")) and index.get("recipe_digest") == text_digest(folder.recipe_text()):
        given: Mapping[str, Any] = index["given"]
        return given
    return made.model_dump(mode="json")


def _is_recipe(given: Any) -> bool:
    """Whether what `run.json` has of the user's words makes a recipe; else `recipe.yaml` counts."""
    if not isinstance(given, Mapping):
        return False
    try:
        check(given, "run.json")
    except RecipeError:
        return False
    return True


def _began(folder: RunFolder) -> Origin | None:
    """The shipped recipe that a run began with, where it says."""
    match (folder.known_index() or {}).get("origin"):
        case {"name": str(name), "digest": str(digest), "overrides": list(overrides), "replace": dict(replace)}:
            known = name in shipped() and all(isinstance(each, str) for each in overrides)
            return Origin(name, digest, tuple(overrides), replace) if known else None
    return None


def _origin(
    recipe: str | Recipe | None,
    folder: RunFolder,
    made: Recipe | None,
    text: str,
    overrides: Sequence[str],
    replace: Mapping[str, Any],
) -> Origin | None:
    if isinstance(recipe, Recipe):
        return recipe.origin
    if recipe is None and made is not None:
        began = _began(folder)
        return began and Origin(began.name, began.digest, (*began.overrides, *overrides), {**began.replace, **replace})
    name = recipe or DEFAULT
    return Origin(name, text_digest(text), tuple(overrides), replace) if name in shipped() else None


def _made(folder: RunFolder, *, needed: bool) -> Recipe | None:
    """The recipe that lies in the folder, also of a run that a kill left before it became one."""
    if not folder.is_run() and not folder.has_recipe():
        return None
    try:
        return parse(folder.recipe_text(), str(folder.path / "recipe.yaml"))
    except UserError:
        if needed:
            raise
        return None


def _fixed(folder: RunFolder, made: Recipe | None) -> dict[str, Any]:
    """What a run keeps from its making on, whatever was edited since."""
    if (index := folder.known_index()) is not None:
        return {name: index[name] for name in FIXED}
    return {} if made is None else {name: getattr(made, name) for name in FIXED}


def _absolute(settings: S) -> S:
    """The settings with every path of a file or a model in full, so that a run can be resumed from any folder."""
    update: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        marks = {mark for mark in field.metadata if isinstance(mark, Place)} | places(field.annotation)
        update[name] = _placed(getattr(settings, name), marks)
    changed = {name: value for name, value in update.items() if value is not getattr(settings, name)}
    return settings.model_copy(update=changed) if changed else settings


def _placed(value: Any, marks: set[Place]) -> Any:
    """A setting's value, with the places in it in full."""
    match value:
        case Settings():
            return _absolute(value)
        case tuple():
            return tuple(_placed(item, marks) for item in value)
        case Mapping() if any(isinstance(item, Settings) for item in value.values()):
            return {key: _placed(item, marks) for key, item in value.items()}
        case str() if Place.MODEL in marks:
            return _absolute_model(value)
        case str() if Place.FILE in marks:
            return _written(expanded(value).resolve())
    return value


def _absolute_model(model: str) -> str:
    known = model in shipped_models() or not expanded(model).exists()
    return model if known else _written(expanded(model).resolve())


def _written(path: Path) -> str:
    """A path as `recipe.yaml` has it. Raises `RecipeError` for one whose bytes are not text."""
    try:
        path.as_posix().encode()
    except UnicodeEncodeError:
        raise RecipeError(
            f"{one_line(path)}: its name is not UTF-8, and a recipe is text; rename the file or its folder"
        ) from None
    return str(path)


def _dated(recipe: Recipe, made: Recipe | None) -> Recipe:
    """The recipe with the date that its template may print: that of the run, so that it can be resumed on another
    day."""
    day = recipe.template.date or (made.template.date if made is not None else None) or date.today()
    return recipe.model_copy(update={"template": recipe.template.model_copy(update={"date": day})})


def _run_name(path: Path) -> str:
    """The folder's name, as a run's name may be: what cannot be printed or is not UTF-8 becomes `_`."""
    name = "-".join(path.resolve().name.split())
    return "".join(c if c.isprintable() and c != "\\" else "_" for c in name)[:100] or "run"
