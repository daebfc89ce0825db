"""Completes a recipe for one run: what the run keeps from its making on, its name, its day, absolute paths.

Knows run folders and recipes; no model and no engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from magpie.errors import UserError
from magpie.modelfiles import shipped_models
from magpie.recipes import DEFAULT, Recipe, Respond, Template, dump, parse, recipe_text
from magpie.runs import RunFolder

FIXED = ("name", "shard_rows")
"""Settings that a run keeps from its making on."""


def resolve(
    recipe: str | Recipe | None, out: Path, overrides: Sequence[str] = (), replace: Mapping[str, Any] | None = None
) -> Recipe:
    """The recipe for a run in the folder `out`, complete, its paths absolute.

    recipe: a name, a file, or a recipe; None is the run's own, or the default for a new run. `overrides` and then
    `replace` win over it; what a run fixes when it is made wins over all.
    """
    folder = RunFolder(out)
    folder.check_usable()
    made = _made(folder, needed=recipe is None)
    given = recipe if recipe is not None else made or DEFAULT
    where = given if isinstance(given, str) else "recipe"
    text = recipe_text(given) if isinstance(given, str) else dump(given)
    resolved = _absolute(parse(text, where, overrides, replace))
    resolved = resolved.model_copy(update=_fixed(folder, made))
    named = resolved if resolved.name else resolved.model_copy(update={"name": _run_name(out)})
    return _dated(named, made)


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
    if folder.is_run():
        index = folder.index()
        return {name: index[name] for name in FIXED}
    return {} if made is None else {name: getattr(made, name) for name in FIXED}


def _absolute(recipe: Recipe) -> Recipe:
    """The recipe with absolute paths, so that a run goes on from any folder."""
    update: dict[str, Any] = {"model": _absolute_model(recipe.model), "template": _absolute_template(recipe.template)}
    if (respond := recipe.respond) is not None:
        update["respond"] = respond.model_copy(update=_absolute_responder(respond))
    return recipe.model_copy(update=update)


def _absolute_responder(respond: Respond) -> dict[str, Any]:
    template = None if respond.template is None else _absolute_template(respond.template)
    return {"model": None if respond.model is None else _absolute_model(respond.model), "template": template}


def _absolute_model(model: str) -> str:
    known = model in shipped_models() or not Path(model).expanduser().exists()
    return model if known else str(Path(model).expanduser().resolve())


def _absolute_template(template: Template) -> Template:
    if template.chat_template is None:
        return template
    path = str(Path(template.chat_template).expanduser().resolve())
    return template.model_copy(update={"chat_template": path})


def _dated(recipe: Recipe, made: Recipe | None) -> Recipe:
    """The recipe with the day that its template may print: the run's own, so that a run resumed tomorrow goes on."""
    day = recipe.template.date or (made.template.date if made is not None else None) or date.today()
    return recipe.model_copy(update={"template": recipe.template.model_copy(update={"date": day})})


def _run_name(path: Path) -> str:
    """The folder's name, as a run's name may be."""
    return "-".join(path.resolve().name.split())[:100] or "run"
