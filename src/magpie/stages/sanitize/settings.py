"""Settings of the stage `sanitize`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from magpie.settings.base import FilePath, ModelName, Settings
from magpie.settings.engines import Engine
from magpie.settings.sampling import Sampling, Template


class Sanitize(Settings):
    """Let a judge say which part of each instruction is the user's own; what stands before and behind it is cut off.
    `sanitize: judge` is short for all settings as they are."""

    model: ModelName | None = None
    """The judge; `null` is the recipe's model."""
    engine: Engine | None = None
    """What runs another judge; `null` is the recipe's where the model is too, else `auto`."""
    template: Template | None = None
    """How the judge's chat template is used; `null` is the recipe's where the model is too, else its own way."""
    sampling: Sampling = Sampling()
    """Null settings are temperature 0, and at most 256 tokens; a judge that thinks needs more."""
    again: Annotated[int, Field(ge=0, le=5)] = 1
    """How often a reply that cannot be read is asked for again, held to a JSON schema where the engine can. What still
    cannot be read leaves the instruction as it is."""
    prompt: FilePath | None = None
    """A Jinja file with what the judge is asked, which is given `pieces`; `null` is magpie's."""

    @model_validator(mode="before")
    @classmethod
    def _in_short(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value != "judge":
            raise ValueError(f"expected judge, or settings such as {{model: NAME}}, found {value!r:.60}")
        return {}
