"""The models of a recipe, each found when a stage first wants it. Knows no stage."""

from __future__ import annotations

from functools import cached_property

from magpie.pipeline.chats import ChatModel, Names, another_model, recipe_model
from magpie.recipes import Recipe
from magpie.seams import Capability


class Models:
    """A recipe's models, with the engines that run them."""

    def __init__(self, recipe: Recipe, needs: frozenset[Capability] = frozenset()) -> None:
        """`needs`: what the stages ask of the recipe's model, for `engine: auto` to heed."""
        self.recipe = recipe
        self.needs = needs

    @property
    def asked(self) -> bool:
        """Whether any stage has wanted the recipe's own model."""
        return "asker" in self.__dict__

    @cached_property
    def asker(self) -> ChatModel:
        """The recipe's model. Raises `UserError` where it cannot be used."""
        return recipe_model(self.recipe, self.needs)

    def answering(self, settings: Names, stage: str, needs: frozenset[Capability] = frozenset()) -> ChatModel:
        """Who a stage asks: the recipe's model, unless its settings say otherwise.

        needs: what the stage's requests ask of the engine, for `engine: auto` to heed. Raises `UserError`.
        """
        return another_model(self.recipe, settings, stage, lambda: self.asker, needs)
