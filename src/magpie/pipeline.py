"""From a recipe to ordered stages and opened engines: the one file that knows both.

Decides what a stage's fingerprint covers. Writes nothing, and knows nothing of shards or of who does the work.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from magpie.columns import MAKERS
from magpie.engines.llamacpp import LlamaCppSettings, import_llamacpp, open_llamacpp
from magpie.engines.scripted import ScriptedSettings, open_scripted
from magpie.errors import MissingExtra, ModelError, TemplateError, UserError
from magpie.modelfiles import file_digest, find_model, shipped_models
from magpie.recipes import (
    DEFAULT,
    Instruct,
    LlamaCpp,
    Recipe,
    Respond,
    Sampling,
    Scripted,
    Template,
    dump,
    parse,
    recipe_text,
)
from magpie.runs import RunFolder
from magpie.seams import Engine, SamplingParams, Stage
from magpie.stages import instruct, respond
from magpie.templates import (
    TEMPLATE_SYSTEM,
    ChatTemplate,
    ModelFiles,
    System,
    TemplateOptions,
    check_tokenizer,
    derive,
    open_model,
    sanitize,
)
from magpie.templates.hub import download

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")

VERSIONS = {"instruct": 1, "respond": 1}
"""Of each stage's code: raised when the same settings come to make other rows."""

NOT_IN_FINGERPRINT = {
    "about": "says what the recipe is for",
    "name": "names rows to people; inside, a row is its number",
    "model": "a path may move; the digest of the model stands in",
    "engine": "how a model is run, not which; only the scripted engine is a model of its own, by how it talks",
    "template": "what it came out as stands in: prompts and stops; and, for responses, what overrides the model's own",
    "size": "raising it must keep every row made",
    "shard_rows": "where rows lie, not what they are",
}
"""Settings of the recipe that no stage's fingerprint covers, each with its reason."""

PAPER: dict[str, dict[str, Any]] = {
    "instruct": {"temperature": 1.0, "top_p": 1.0, "max_tokens": 2048},
    "respond": {"temperature": 0.0, "top_p": 1.0, "max_tokens": 4096},
}
"""The paper's sampling (section 2 and appendix; instructions also at temperatures to 1.25 and top_p from 0.99)."""


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A stage in its place. `fingerprint` names its rows: the same fingerprint, the same work."""

    position: int
    stage: Stage
    fingerprint: str
    settings: Mapping[str, Any]
    """What it came to be set to: the recipe's word, else what suits the family, else the paper's."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a recipe comes down to on this machine. Nothing is loaded yet but the tokenizer."""

    recipe: Recipe
    model: ModelFiles
    model_path: Path
    chat: ChatTemplate
    stages: tuple[PlannedStage, ...]


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
    model, template = recipe.model, recipe.template
    if model not in shipped_models() and Path(model).expanduser().exists():
        model = str(Path(model).expanduser().resolve())
    if template.chat_template is not None:
        path = str(Path(template.chat_template).expanduser().resolve())
        template = template.model_copy(update={"chat_template": path})
    return recipe.model_copy(update={"model": model, "template": template})


def _dated(recipe: Recipe, made: Recipe | None) -> Recipe:
    """The recipe with the day that its template may print: the run's own, so that a run resumed tomorrow goes on."""
    day = recipe.template.date or (made.template.date if made is not None else None) or date.today()
    return recipe.model_copy(update={"template": recipe.template.model_copy(update={"date": day})})


def _run_name(path: Path) -> str:
    """The folder's name, as a run's name may be."""
    return "-".join(path.resolve().name.split())[:100] or "run"


def make_plan(recipe: Recipe) -> Plan:
    """Find the model, derive its prompts, order and fingerprint the stages.

    Raises `ModelError` and `TemplateError` for a model that cannot be used this way.
    """
    path = find_model(recipe.model)
    if isinstance(recipe.engine, LlamaCpp) and path.is_dir():
        raise ModelError(f"{path}: is a folder; the engine llamacpp runs GGUF files: give the path of one")
    model = open_model(path)
    chat = _with_rules(derive(model, _template_options(recipe)), recipe.instruct)
    common = {"model": _identity(recipe.engine, path), "seed": recipe.seed}
    planned: list[PlannedStage] = []
    for position, (stage, settings) in enumerate(_stages(recipe, chat), start=1):
        makers = {column.name: p for p in planned for column in p.stage.writes}
        read = {column: makers[column].fingerprint for column in stage.reads}
        fingerprint = _fingerprint(stage.name, {**common, "settings": settings, "read": read})
        planned.append(PlannedStage(position, stage, fingerprint, settings))
    return Plan(recipe, model, path, chat, tuple(planned))


def _identity(engine: LlamaCpp | Scripted, model: Path) -> Any:
    """What names the model: a file's content; the scripted engine is a model of its own, by how it talks."""
    if isinstance(engine, Scripted):
        return {"scripted": [engine.empty_rate, engine.length_rate]}
    return file_digest(model)


def _stages(recipe: Recipe, chat: ChatTemplate) -> Iterator[tuple[Stage, Mapping[str, Any]]]:
    """The recipe's stages in order, bound to their settings; and the settings, for the fingerprint."""
    yield _instruct(recipe.instruct, chat)
    if recipe.respond is not None:
        yield _respond(recipe.respond, chat, recipe.template)


def _instruct(asked: Instruct, chat: ChatTemplate) -> tuple[Stage, Mapping[str, Any]]:
    newline = ("\n",) if asked.stop_at_newline else ()
    suited = PAPER["instruct"] | dict(chat.family.instruct)
    sampling = _sampling(asked.sampling, suited, chat.stop_token_ids, (*chat.stop, *newline))
    rules, banned = chat.family.sanitize, chat.first_token_bans
    ask = partial(instruct, chat=chat, sampling=sampling, banned=banned, clean=partial(sanitize, rules=rules))
    pre_query = chat.describe()["pre_query"]
    settings = {"sampling": asdict(sampling), "first_token_bans": banned, "sanitize": rules, "pre_query": pre_query}
    return Stage("instruct", (), MAKERS["instruct"], ask), settings


def _respond(asked: Respond, chat: ChatTemplate, template: Template) -> tuple[Stage, Mapping[str, Any]]:
    """A template may treat any message in its own way: what overrides the model's own is covered whole."""
    suited = PAPER["respond"] | dict(chat.family.respond)
    sampling = _sampling(asked.sampling, suited, chat.response_stop_token_ids, chat.response_stop)
    ask = partial(respond, chat=chat, sampling=sampling)
    found = chat.describe()
    settings = {
        "sampling": asdict(sampling),
        "pre_query": found["pre_query"],
        "pre_response": found["pre_response"],
        "template": template.model_dump(mode="json", include={"system", "thinking", "kwargs"}),
        "chat_template": None if template.chat_template is None else file_digest(Path(template.chat_template)),
    }
    return Stage("respond", ("instruction",), MAKERS["respond"], ask), settings


def _sampling(
    settings: Sampling, suited: Mapping[str, Any], stop_token_ids: tuple[int, ...], stop: tuple[str, ...]
) -> SamplingParams:
    """What the recipe says, and where it says nothing what suits the model."""
    said = {name: value for name, value in settings.model_dump(exclude={"stop"}).items() if value is not None}
    return SamplingParams(**{**suited, **said}, stop_token_ids=stop_token_ids, stop=(*settings.stop, *stop))


def _with_rules(chat: ChatTemplate, settings: Instruct) -> ChatTemplate:
    """The chat, with the recipe's word on what is otherwise the family's."""
    said = {"first_token_bans": settings.first_token_bans, "sanitize": settings.sanitize}
    update = {name: value for name, value in said.items() if value is not None}
    return replace(chat, family=chat.family.model_copy(update=update)) if update else chat


def _template_options(recipe: Recipe) -> TemplateOptions:
    asked = recipe.template
    return TemplateOptions(
        system=_system(asked.system),
        thinking=asked.thinking or "default",
        kwargs=asked.kwargs,
        chat_template=None if asked.chat_template is None else _read_template(Path(asked.chat_template)),
        pre_query=asked.pre_query,
        date=None if asked.date is None else asked.date.isoformat(),
    )


def _system(asked: str | Literal[False] | None) -> str | System | None:
    """In a recipe null is "as the template does" and false is "none"; in the options they are a marker and None."""
    if asked is None:
        return TEMPLATE_SYSTEM
    return asked or None


def _read_template(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"template.chat_template {str(path)!r}: cannot be read: {error}") from error


def _fingerprint(stage: str, covered: Mapping[str, Any]) -> str:
    text = json.dumps({"stage": stage, "version": VERSIONS[stage], **covered}, sort_keys=True)
    return blake2b(text.encode(), digest_size=4).hexdigest()


def open_tokenizer(name_or_path: str) -> ModelFiles:
    """What magpie knows of a model without running it: of one in the package, at a path, or on the Hugging Face Hub by
    the id of its repository (`owner/name`), of which the weights are not fetched.
    """
    if _HUB_ID.fullmatch(name_or_path) and not Path(name_or_path).expanduser().exists():
        return open_model(download(name_or_path))
    return open_model(find_model(name_or_path))


@contextmanager
def open_engines(plan: Plan) -> Iterator[Mapping[str, Engine]]:
    """Load what the plan's stages ask, by the name that their requests give; unload it at the end."""
    settings = plan.recipe.engine
    if isinstance(settings, Scripted):
        with open_scripted(_scripted(settings, plan)) as engine:
            yield {"model": engine}
        return
    with open_llamacpp(plan.model_path, _llamacpp(settings)) as engine:
        check_tokenizer(plan.model.tokenizer, engine.tokenize)
        yield {"model": engine}


def _llamacpp(settings: LlamaCpp) -> LlamaCppSettings:
    return LlamaCppSettings(**settings.model_dump(exclude={"name"}, exclude_none=True))


def _scripted(settings: Scripted, plan: Plan) -> ScriptedSettings:
    return ScriptedSettings(vocab_size=plan.model.tokenizer.vocab_size, **settings.model_dump(exclude={"name"}))


@dataclass(frozen=True, slots=True)
class Fitness:
    """Whether an engine can run on this machine."""

    engine: str
    runs: bool
    about: str
    """What it runs and with what; or why it cannot."""


def engine_fitness() -> list[Fitness]:
    """Every engine, and whether it can run here. Opens the libraries to find out, and no model."""
    return [_llamacpp_fitness(), Fitness("scripted", True, "no model: for tests, and for what magpie itself costs")]


def _llamacpp_fitness() -> Fitness:
    try:
        library = import_llamacpp()
    except MissingExtra as error:
        return Fitness("llamacpp", False, str(error))
    return Fitness("llamacpp", True, f"any GGUF file, in this process, with xllamacpp {library.__version__}")
