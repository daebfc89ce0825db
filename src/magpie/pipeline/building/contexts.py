"""How many tokens a model takes, as far as it is known before it is loaded. Knows no stage."""

from __future__ import annotations

from magpie.pipeline.engines import ModelUse
from magpie.recipes.engines import MOST_CONTEXT


def context_of(use: ModelUse) -> int:
    """Tokens of a prompt and its continuation together: what the server or the recipe says, else what an engine takes
    by default."""
    if use.facts is not None:
        return use.facts.context
    trained = use.files.context if use.files is not None else None
    said: int | None = getattr(use.engine, "context", None)
    return said or min(trained or MOST_CONTEXT, MOST_CONTEXT)
