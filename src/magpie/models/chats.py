"""Who asks and who answers: a model with its engine, its chat as that engine takes prompts, and its family's rules.

Knows templates and engine choices; knows no stage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from magpie.engines.server.info import Facts
from magpie.errors import RecipeError, TemplateError
from magpie.modelfiles.locate import ModelPlace
from magpie.modelfiles.model import ModelFiles
from magpie.models.engines import ModelUse, choose_engine, choose_server, find_server
from magpie.models.find import find, open_files
from magpie.seams import Capability
from magpie.settings.engines import Auto, Engine, Server
from magpie.settings.sampling import Template
from magpie.templates import (
    OMIT_SYSTEM,
    TEMPLATE_SYSTEM,
    UNKNOWN,
    ChatTemplate,
    Family,
    MessagesChat,
    System,
    TemplateOptions,
    TextChat,
    derive,
)
from magpie.templates.sanitize import rule_names

ExactChat = ChatTemplate | TextChat
"""A chat that can write what stands before a user's message."""


AskServer = Callable[[Server], Facts]
"""Finds out what a server is and serves."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What a recipe says of its own model."""

    model: str | None
    """None where rows were imported and the recipe names none."""
    engine: Engine
    template: Template
    rules: Mapping[str, Any] = field(default_factory=dict)
    """The recipe's word on what is otherwise the family's: `first_token_bans` and `sanitize`, where it has one."""


@dataclass(frozen=True, slots=True)
class ChatModel:
    """A model that stages ask."""

    use: ModelUse
    chat: ExactChat | MessagesChat
    template: Template
    family: Family = UNKNOWN
    first_token_bans: tuple[int, ...] = ()
    source: str | None = None
    """The chat template's text; None where a server's own writes conversations out."""

    @property
    def needs(self) -> frozenset[Capability]:
        """What asking it for instructions takes."""
        return _needs(self.first_token_bans)

    @property
    def exact(self) -> ChatTemplate | None:
        """What was derived from the model's chat template; None where the template is a server's own."""
        return self.chat if isinstance(self.chat, ChatTemplate) else self.chat.exact


def recipe_model(
    recipe: ModelSettings, needs: frozenset[Capability] = frozenset(), ask_server: AskServer = find_server
) -> ChatModel:
    """The recipe's model. `needs`: what stages ask of its engine beside what instructions take."""
    assert recipe.model is not None, "`check_named` saw to it"
    place = find(recipe.model)
    files = open_files(place)
    exact = _with_rules(derive(files, _template_options(recipe.template)), recipe.rules)
    facts = ask_server(recipe.engine) if isinstance(recipe.engine, Server) else None
    use = choose_engine(recipe.engine, place, files, needs | _needs(exact.first_token_bans), "instruct", facts)
    return _spoken(use, exact, files, recipe.template)


def check_named(stage: str, model: str | None) -> None:
    """Raise `RecipeError` where a stage needs the recipe's model and the recipe names none."""
    if model is None:
        raise RecipeError(
            f"{stage}: needs a model, and this run has none, since its rows were imported; give one, as in "
            f"`magpie {stage.replace('_', '-')} RUN --model PATH`"
        )


def check_takes_system(model: ChatModel, where: str, instead: str) -> None:
    """Raise `RecipeError`, with what to do `instead`, where the chat template has no place for a system prompt."""
    exact = model.exact
    if exact is not None and exact.script.manner.system in ("refused", "ignored"):
        raise RecipeError(
            f"{where}: the system role is {exact.script.manner.system} by the chat template of {model.use.name}; "
            f"{instead}, or take another model"
        )


def check_writes_as_user(model: ChatModel) -> None:
    """Raise `RecipeError` for a server that takes no prompts: nothing can be put before a user's message there."""
    if isinstance(model.chat, MessagesChat):
        raise RecipeError(
            f"engine: {model.use.why}; it takes only whole conversations (/v1/chat/completions), and an instruction is "
            "what a model writes from the raw prompt before a user's message: use a server with /v1/completions that "
            "takes token ids or text, or a local engine; this one can answer instructions (respond.engine)"
        )


class Names(Protocol):
    """Settings of a stage that may name another model than the recipe's."""

    @property
    def model(self) -> str | None: ...
    @property
    def engine(self) -> Engine | None: ...
    @property
    def template(self) -> Template | None: ...


@dataclass(frozen=True, slots=True)
class AnotherTemplate:
    """The recipe's model on its engine, with its chat template used in another way."""

    template: Template
    model: str | None = None
    engine: Engine | None = None


def another_model(
    recipe: ModelSettings,
    asked: Names,
    stage: str,
    asker: Callable[[], ChatModel],
    needs: frozenset[Capability] = frozenset(),
    ask_server: AskServer = find_server,
) -> ChatModel:
    """Who a stage asks: the recipe's model, unless its settings say otherwise. What was found for the recipe's is not
    sought again."""
    if asked.model is None and asked.engine is None and asked.template is None:
        return asker()
    another = asked.model is not None
    engine = asked.engine or (Auto() if another else recipe.engine)
    template = asked.template or (Template() if another else recipe.template)
    template = template if template.date else template.model_copy(update={"date": recipe.template.date})
    facts = None
    if isinstance(engine, Server):
        facts = ask_server(engine)
        if facts is not None and facts.api == "chat":
            return _conversing(asked, stage, choose_server(engine, facts), template)
    place, files = _files(recipe, asked, stage, asker)
    exact = derive(files, _template_options(template))
    if engine == recipe.engine and not another:
        return _spoken(asker().use, exact, files, template)
    use = choose_engine(engine, place, files, needs, stage, facts)
    return _spoken(use, exact, files, template)


def _files(
    recipe: ModelSettings, asked: Names, stage: str, asker: Callable[[], ChatModel]
) -> tuple[ModelPlace, ModelFiles]:
    """Where the model that is asked is, and its tokenizer and template."""
    if asked.model is None:
        check_named(stage, recipe.model)
    if asked.model in (None, recipe.model):
        known = asker().use
        if known.place is not None and known.files is not None:
            return known.place, known.files
    name = asked.model or recipe.model
    assert name is not None, "checked above"
    place = find(name)
    return place, open_files(place)


_OURS_TO_WRITE = {"thinking", "kwargs", "chat_template", "pre_query"}
"""Settings of a template that mean nothing where a server's own writes conversations out."""


def _conversing(asked: Names, stage: str, use: ModelUse, template: Template) -> ChatModel:
    """A server that takes only conversations. Raises `RecipeError` for what the recipe says and it cannot heed."""
    if asked.model is not None:
        raise RecipeError(
            f"{stage}.model {asked.model!r}: the server takes whole conversations and needs no tokenizer here; name "
            f"the model on the server by {stage}.engine.served_model"
        )
    unheeded = sorted(name for name in _OURS_TO_WRITE & template.model_fields_set if getattr(template, name))
    if unheeded and asked.template is not None:
        raise RecipeError(
            f"{stage}.template.{unheeded[0]}: the server writes conversations out by its own template, and of ours "
            "heeds only system; set it on the server, or use one that takes token ids or text"
        )
    if unheeded:
        use = replace(use, why=f"{use.why}; template.{', template.'.join(unheeded)} mean nothing to it")
    return ChatModel(use, MessagesChat(_told_system(stage, template)), template)


def _told_system(stage: str, template: Template) -> str | None:
    """The system prompt that goes to a server which writes conversations out itself. Raises `RecipeError`."""
    if template.system == OMIT_SYSTEM.value:
        raise RecipeError(
            f"{stage}.template.system: omit cuts what the chat template writes, and this server writes conversations "
            "out by its own; give it a template without a system turn, or use a server that takes token ids or text"
        )
    return template.system or None


def _needs(banned: tuple[int, ...]) -> frozenset[Capability]:
    return frozenset({Capability.LOGIT_BIAS}) if banned else frozenset()


def _spoken(use: ModelUse, exact: ChatTemplate, files: ModelFiles, template: Template) -> ChatModel:
    """The model with its chat as the engine takes prompts."""
    chat: ExactChat | MessagesChat = exact
    kind = use.capabilities.prompts[0]
    if kind == "text":
        chat = TextChat(exact, files.bos_token if files.adds_bos else None)
    elif kind == "messages":
        chat = MessagesChat(_told_system(use.name, template), exact)
    source = None if kind == "messages" else exact.script.renderer.source
    return ChatModel(use, chat, template, exact.family, exact.first_token_bans, source)


def _with_rules(chat: ChatTemplate, rules: Mapping[str, Any]) -> ChatTemplate:
    """The chat, with the recipe's word on what is otherwise the family's."""
    if "sanitize" in rules:
        rules = {**rules, "sanitize": rule_names(rules["sanitize"])}
    return replace(chat, family=chat.family.model_copy(update=rules)) if rules else chat


def _template_options(asked: Template) -> TemplateOptions:
    return TemplateOptions(
        system=_system(asked.system),
        thinking=asked.thinking or "default",
        kwargs=asked.kwargs,
        chat_template=None if asked.chat_template is None else _read_template(Path(asked.chat_template)),
        pre_query=asked.pre_query,
        date=None if asked.date is None else asked.date.isoformat(),
    )


def _system(asked: str | Literal[False] | None) -> str | System | None:
    """In a recipe null is "as the template does", false is "none" and `omit` is "no turn": markers and None here."""
    if asked is None:
        return TEMPLATE_SYSTEM
    return OMIT_SYSTEM if asked == OMIT_SYSTEM.value else asked or None


def _read_template(path: Path) -> str:
    """The text of a file that a recipe names, which may be any file: no error says what is in it."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        text = data.decode()
    except OSError as error:
        raise TemplateError(f"template.chat_template {str(path)!r}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise TemplateError(
            f"template.chat_template {str(path)!r}: cannot be read: no UTF-8 text at byte {error.start:,}; expected a "
            "Jinja file"
        ) from None
    if len(data) > _MOST_BYTES:
        raise TemplateError(
            f"template.chat_template {str(path)!r}: more than {_MOST_BYTES:,} bytes; expected a Jinja file"
        )
    return text


_MOST_BYTES = 1 << 20
"""Of a chat template's file."""
