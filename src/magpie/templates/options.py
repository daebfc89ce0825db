"""What a user may decide about a chat template, as plain values. Knows no template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Literal


class System(Enum):
    """Stands where a system prompt's text could stand."""

    TEMPLATE = "template"
    OMIT = "omit"


TEMPLATE_SYSTEM: Final = System.TEMPLATE
"""Say nothing of a system prompt: the template does what it does by itself, which may be a default of its own."""

OMIT_SYSTEM: Final = System.OMIT
"""No system turn at all, be it an empty one: what the template writes by itself is cut where it cannot be switched."""

Switch = Literal["default", "on", "off"]


@dataclass(frozen=True)
class TemplateOptions:
    """How to speak to a model. The defaults leave every decision to its chat template."""

    system: str | System | None = TEMPLATE_SYSTEM
    """A text, None for no system prompt as far as the template allows it, `TEMPLATE_SYSTEM`, or `OMIT_SYSTEM`. A system
    message in a conversation wins."""
    thinking: Switch = "default"
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    """Handed to the template as they are; they win over what `thinking` sets."""
    chat_template: str | None = None
    """Jinja source that replaces the model's own."""
    name: str = "default"
    """Which of several named templates."""
    pre_query: str | None = None
    """The text before the first user message, by hand: for base-like models, and templates that cannot be asked."""
    date: str | None = None
    """The day that the template may print, as an ISO date; None is today."""
