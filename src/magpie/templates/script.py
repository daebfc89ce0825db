"""Writes conversations as one chat template writes them, given how that template wants to be spoken to.

Knows messages and texts; knows no token. How the template wants to be spoken to is found out in `survey`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from magpie.seams import Message
from magpie.templates.options import TEMPLATE_SYSTEM, System
from magpie.templates.render import Renderer

SystemRole = Literal["own turn", "first user turn", "last user turn", "refused", "ignored"]
"""What the template does with a system message: where it prints the words, or that it does not."""


@dataclass(frozen=True)
class Manner:
    """How a template wants to be spoken to."""

    parts: bool = False
    """Whether content must be a list of parts: `[{"type": "text", "text": ...}]`."""
    system: SystemRole = "own turn"
    variables: tuple[tuple[str, Any], ...] = ()
    """What the template must be given beside messages, and what the thinking switch sets."""
    excess: str = ""
    """White space at the end of the generation prompt that no whole conversation has there."""
    glue: str = ""
    """What the template leaves out between a user's turn and an assistant's words when asked for a prompt."""
    lead: str = ""
    """White space that the template puts between the prompt and the assistant's words."""
    first_words: str = ""
    """What the template has between the prompt and the words that is not white space: the model writes it first."""
    omitted: str = ""
    """What the template writes at the start of a conversation without a system message, and is cut: its own system
    turn."""
    prefill: str = ""
    """What magpie itself writes after the generation prompt: empty reasoning, to turn thinking off."""


@dataclass(frozen=True)
class Script:
    """A template and the manner to use it in."""

    renderer: Renderer
    manner: Manner = Manner()
    system: str | System | None = TEMPLATE_SYSTEM

    def adopting(self, **changes: Any) -> Script:
        return replace(self, manner=replace(self.manner, **changes))

    def conversation(self, messages: Sequence[Message], **extra: Any) -> str:
        """All turns as the template ends them, without a generation prompt. `extra` is added to the last message."""
        return self._render(messages, False, extra)

    def prompt(self, messages: Sequence[Message]) -> str:
        """All turns with the generation prompt, up to the assistant's next words."""
        return self.bare_prompt(messages).removesuffix(self.manner.excess) + self.manner.glue + self.manner.prefill

    def bare_prompt(self, messages: Sequence[Message]) -> str:
        return self._render(messages, True, {})

    def _render(self, messages: Sequence[Message], prompt: bool, extra: Mapping[str, Any]) -> str:
        shaped = [self._dress(message) for message in self.shape(messages)]
        if extra:
            shaped[-1] = {**shaped[-1], **extra}
        text = self.renderer.render(shaped, prompt, **dict(self.manner.variables))
        return self._without_omitted(text, messages) if self.manner.omitted else text

    def _without_omitted(self, text: str, messages: Sequence[Message]) -> str:
        """`text` without the template's own system turn, which comes before the first special token of a user's turn or
        after the BOS token."""
        omitted = self.manner.omitted
        place = text.find(omitted)
        if place < 0 or (messages and messages[0].role == "system"):
            return text
        return text[:place] + text[place + len(omitted) :]

    def shape(self, messages: Sequence[Message]) -> list[Message]:
        """The messages with the system prompt where this template will print it."""
        turns = list(messages)
        if isinstance(self.system, str) and (not turns or turns[0].role != "system"):
            turns = [Message("system", self.system), *turns]
        if len(turns) < 2 or turns[0].role != "system" or self.manner.system not in ("refused", "ignored"):
            return turns
        system, first = turns[:2]
        folded = Message("user", f"{system.content}\n\n{first.content}") if system.content else first
        return [folded, *turns[2:]]

    def _dress(self, message: Message) -> dict[str, Any]:
        content = [{"type": "text", "text": message.content}] if self.manner.parts else message.content
        return {"role": message.role, "content": content}
