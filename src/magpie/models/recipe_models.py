"""The models of a recipe, each found when a stage first wants it. Knows no stage."""

from __future__ import annotations

from functools import cached_property

from magpie.engines.server.info import Facts
from magpie.models.chats import ChatModel, ModelSettings, Names, another_model, check_named, recipe_model
from magpie.models.engines import find_server
from magpie.seams import Capability
from magpie.settings.engines import Server


class Models:
    """A recipe's models, with the engines that run them. A server is asked what it is once for all stages."""

    def __init__(self, settings: ModelSettings, needs: frozenset[Capability] = frozenset()) -> None:
        """`needs`: what the stages ask of the recipe's model, for `engine: auto` to heed."""
        self.settings = settings
        self.needs = needs
        self._servers: dict[str, Facts] = {}

    @property
    def name(self) -> str | None:
        """The recipe's model, as the recipe says it; None where it names none."""
        return self.settings.model

    @property
    def asked(self) -> bool:
        """Whether any stage has wanted the recipe's own model."""
        return "asker" in self.__dict__

    @cached_property
    def asker(self) -> ChatModel:
        """The recipe's model. Raises `UserError` where it cannot be used."""
        return recipe_model(self.settings, self.needs, self._facts)

    def own(self, stage: str) -> ChatModel:
        """The recipe's model, for a stage that can ask no other. Raises `UserError` where there is none."""
        check_named(stage, self.name)
        return self.asker

    def answering(self, settings: Names, stage: str, needs: frozenset[Capability] = frozenset()) -> ChatModel:
        """Who a stage asks: the recipe's model, unless its settings say otherwise.

        needs: what the stage's requests ask of the engine, for `engine: auto` to heed. Raises `UserError`.
        """
        return another_model(self.settings, settings, stage, lambda: self.own(stage), needs, self._facts)

    def _facts(self, server: Server) -> Facts:
        key = server.model_dump_json()
        if key not in self._servers:
            self._servers[key] = find_server(server)
        return self._servers[key]
