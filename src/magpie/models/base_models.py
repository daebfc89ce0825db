"""Base models: without a chat template, so that a prompt is a text of ours, and its tokens the tokenizer's own.

Knows models and engines; knows no stage and not what the text says.
"""

from __future__ import annotations

from dataclasses import dataclass

from magpie.errors import RecipeError
from magpie.modelfiles.locate import shipped_models
from magpie.modelfiles.model import ModelFiles, open_model
from magpie.models.engines import ModelUse, choose_engine
from magpie.models.find import find
from magpie.seams import Prompt, PromptKind, Text, Tokens
from magpie.settings.engines import Auto, Engine


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A model that continues a text."""

    use: ModelUse
    files: ModelFiles

    def prompt(self, text: str) -> Prompt:
        """`text` as the engine takes it, begun as the tokenizer begins a text."""
        if self._kind == "text":
            return Text(text)
        begin = self.files.tokenizer.id_of(self.files.bos_token or "") if self.files.adds_bos else None
        return Tokens((*(() if begin is None else (begin,)), *self.files.tokenizer.encode(text)))

    @property
    def _kind(self) -> PromptKind:
        return self.use.capabilities.prompts[0]


def open_base_model(stage: str, name: str | None, engine: Engine | None, recipe_model: str | None) -> BaseModel:
    """The model called `name`; without one, the base model that the package has of the recipe's. Raises `UserError`."""
    name = name or _of(recipe_model)
    if name is None:
        raise RecipeError(
            f"{stage}.model: names none, and of {recipe_model or 'imported rows'} the package has no base model: give "
            "the model that it was made from, such as meta-llama/Meta-Llama-3-8B for "
            "meta-llama/Meta-Llama-3-8B-Instruct"
        )
    place = find(name)
    files = open_model(place.path)
    use = choose_engine(engine or Auto(), place, files, frozenset(), stage)
    if use.capabilities.prompts[0] == "messages":
        raise RecipeError(
            f"{stage}.engine: {use.why}; it takes only whole conversations, and a base model continues a text: use "
            "a server with /v1/completions, or a local engine"
        )
    return BaseModel(use, files)


def _of(recipe_model: str | None) -> str | None:
    base = f"{recipe_model}-base"
    return base if base in shipped_models() else None
