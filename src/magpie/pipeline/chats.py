"""Who asks and who answers: a model with its engine, its chat as that engine takes prompts, and its family's rules.

Knows templates and engine choices; knows no stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from magpie.errors import RecipeError, TemplateError
from magpie.modelfiles import ModelPlace
from magpie.pipeline.engines import ModelUse, choose_engine, choose_server, find_server
from magpie.pipeline.models import find
from magpie.recipes import Auto, Instruct, Recipe, Respond, Server, Template
from magpie.seams import Capability
from magpie.templates import (
    TEMPLATE_SYSTEM,
    UNKNOWN,
    ChatTemplate,
    Family,
    MessagesChat,
    ModelFiles,
    System,
    TemplateOptions,
    TextChat,
    derive,
    open_model,
)

ExactChat = ChatTemplate | TextChat
"""A chat that can write what stands before a user's message."""


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


def asking_model(recipe: Recipe) -> ChatModel:
    """The recipe's model, which writes the instructions. Raises `RecipeError` for a server that takes no prompts."""
    place = find(recipe.model)
    files = open_model(place.path)
    exact = _with_rules(derive(files, _template_options(recipe.template)), recipe.instruct)
    use = choose_engine(recipe.engine, place, files, _needs(exact.first_token_bans), "instruct")
    model = _spoken(use, exact, files, recipe.template)
    if isinstance(model.chat, MessagesChat):
        raise RecipeError(
            f"engine: {use.why}; it takes only whole conversations (/v1/chat/completions), and an instruction is what "
            "a model writes from the raw prompt before a user's message: use a server with /v1/completions that takes "
            "token ids or text, or a local engine; this one can answer instructions (respond.engine)"
        )
    return model


def answering_model(recipe: Recipe, respond: Respond, asker: ChatModel) -> ChatModel:
    """Who answers: the model that asks, unless the recipe says otherwise. What was found for it is not sought again."""
    if respond.model is None and respond.engine is None and respond.template is None:
        return asker
    another = respond.model is not None
    engine = respond.engine or (Auto() if another else recipe.engine)
    template = respond.template or (Template() if another else recipe.template)
    template = template if template.date else template.model_copy(update={"date": recipe.template.date})
    facts = None
    if isinstance(engine, Server):
        facts = asker.use.facts if engine == recipe.engine else find_server(engine)
        if facts is not None and facts.api == "chat":
            return _conversing(respond, choose_server(engine, facts), template)
    place, files = _files(recipe, respond, asker)
    exact = derive(files, _template_options(template))
    if engine == recipe.engine and not another:
        return _spoken(asker.use, exact, files, template)
    use = choose_engine(engine, place, files, frozenset(), "respond", facts)
    return _spoken(use, exact, files, template)


def _files(recipe: Recipe, respond: Respond, asker: ChatModel) -> tuple[ModelPlace, ModelFiles]:
    """Where the model that answers is, and its tokenizer and template."""
    known = asker.use
    if respond.model in (None, recipe.model) and known.place is not None and known.files is not None:
        return known.place, known.files
    place = find(respond.model or recipe.model)
    return place, open_model(place.path)


_OURS_TO_WRITE = {"thinking", "kwargs", "chat_template", "pre_query"}
"""Settings of a template that mean nothing where a server's own writes conversations out."""


def _conversing(respond: Respond, use: ModelUse, template: Template) -> ChatModel:
    """A server that takes only conversations. Raises `RecipeError` for what the recipe says and it cannot heed."""
    if respond.model is not None:
        raise RecipeError(
            f"respond.model {respond.model!r}: the server takes whole conversations and needs no tokenizer here; name "
            "the model on the server by respond.engine.served_model"
        )
    unheeded = sorted(name for name in _OURS_TO_WRITE & template.model_fields_set if getattr(template, name))
    if unheeded and respond.template is not None:
        raise RecipeError(
            f"respond.template.{unheeded[0]}: the server writes conversations out by its own template, and of ours "
            "heeds only system; set it on the server, or use one that takes token ids or text"
        )
    if unheeded:
        use = replace(use, why=f"{use.why}; template.{', template.'.join(unheeded)} mean nothing to it")
    return ChatModel(use, MessagesChat(template.system or None), template)


def _needs(banned: tuple[int, ...]) -> frozenset[Capability]:
    return frozenset({Capability.LOGIT_BIAS}) if banned else frozenset()


def _spoken(use: ModelUse, exact: ChatTemplate, files: ModelFiles, template: Template) -> ChatModel:
    """The model with its chat as the engine takes prompts."""
    chat: ExactChat | MessagesChat = exact
    kind = use.capabilities.prompts[0]
    if kind == "text":
        chat = TextChat(exact, files.bos_token if files.adds_bos else None)
    elif kind == "messages":
        chat = MessagesChat(template.system or None, exact)
    source = None if kind == "messages" else exact.script.renderer.source
    return ChatModel(use, chat, template, exact.family, exact.first_token_bans, source)


def _with_rules(chat: ChatTemplate, settings: Instruct) -> ChatTemplate:
    """The chat, with the recipe's word on what is otherwise the family's."""
    said = {"first_token_bans": settings.first_token_bans, "sanitize": settings.sanitize}
    update: Mapping[str, Any] = {name: value for name, value in said.items() if value is not None}
    return replace(chat, family=chat.family.model_copy(update=update)) if update else chat


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
    """In a recipe null is "as the template does" and false is "none"; in the options they are a marker and None."""
    if asked is None:
        return TEMPLATE_SYSTEM
    return asked or None


def _read_template(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"template.chat_template {str(path)!r}: cannot be read: {error}") from error
