"""Settings of the stage `check`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from magpie.settings.base import Settings


class Check(Settings):
    """Say whether answers are right, where the truth is known. No code of an answer is run."""

    by: Literal["exact", "math", "checker"] = "exact"
    """`exact`: the answer, or the final answer in it, is the known one, as normalized text. `math`: also where
    math-verify finds them equal. `checker`: a function of your own says so."""
    checker: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")] | None = None
    """`module:function` that is imported from the current folder or what is installed. It is called with the
    instruction, the answer and the known answer (or null), and gives true, false, or null where it cannot say. It is
    called only where you typed its name (`--set`, `--checker`): a recipe or a run that names one is asked about."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.by == "checker") != (self.checker is not None):
            raise ValueError("checker: names a function where by is checker, and only there")
        return self
