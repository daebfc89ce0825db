"""A model's chat for servers that take no token ids: prompts as text, or as messages that the server writes out itself.

Both are `seams.Chat`s over what was derived. Knows no server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from magpie.errors import TemplateError
from magpie.seams import Message, Messages, Text
from magpie.templates.chat import ChatTemplate

NOT_EXACT: Final = (
    "the server takes text and no token ids: it tokenizes the prompts itself, and may split them at the seams in other "
    "ways than the model saw in training"
)


@dataclass(frozen=True)
class TextChat:
    """Prompts as text."""

    exact: ChatTemplate
    bos: str | None = None
    """The token that the server puts first by itself, as text: ours goes. None where it puts none."""

    stop_token_ids = response_stop_token_ids = ()
    """A server of texts stops at texts."""

    @cached_property
    def stop(self) -> tuple[str, ...]:
        return self._with_tokens(self.exact.stop, self.exact.stop_token_ids)

    @cached_property
    def response_stop(self) -> tuple[str, ...]:
        return self._with_tokens(self.exact.response_stop, self.exact.response_stop_token_ids)

    def _with_tokens(self, texts: Sequence[str], ids: Sequence[int]) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*texts, *(self.exact.text([token_id]) for token_id in ids)]))

    def next_user(self, messages: Sequence[Message]) -> Text:
        return self._text(self.exact.next_user(messages).ids)

    def next_assistant(self, messages: Sequence[Message]) -> Text:
        return self._text(self.exact.next_assistant(messages).ids)

    def _text(self, ids: Sequence[int]) -> Text:
        text = self.exact.text(ids)
        return Text(text.removeprefix(self.bos) if self.bos else text)

    def leaks(self, token_ids: Sequence[int], text: str) -> bool:
        return self.exact.leaks(token_ids, text)

    def user_text(self, sampled: str) -> str:
        return self.exact.user_text(sampled)

    def assistant_text(self, sampled: str) -> str:
        return self.exact.assistant_text(sampled)

    def text(self, token_ids: Sequence[int]) -> str:
        return self.exact.text(token_ids)

    def describe(self) -> dict[str, Any]:
        """What was found, with what is not exact about it."""
        found = self.exact.describe()
        return found | {"warnings": [*found["warnings"], NOT_EXACT]}


@dataclass(frozen=True)
class MessagesChat:
    """Conversations as they are: the server's template writes them out. It can answer, and not ask."""

    system: str | None = None
    """A system prompt that goes before every conversation."""
    exact: ChatTemplate | None = None
    """What was derived, where there is a tokenizer on this side too: then a leaked marker can be told."""

    stop_token_ids = response_stop_token_ids = ()
    stop = response_stop = ()
    """Where a turn ends is the server's business."""

    def next_user(self, messages: Sequence[Message]) -> Messages:  # noqa: ARG002 (no messages would help)
        raise TemplateError(
            "this server takes only whole conversations, and no model writes a user's message from those: instructions "
            "need the raw prompt"
        )

    def next_assistant(self, messages: Sequence[Message]) -> Messages:
        opening = () if self.system is None else (Message("system", self.system),)
        return Messages((*opening, *messages))

    def leaks(self, token_ids: Sequence[int], text: str) -> bool:
        return self.exact is not None and self.exact.leaks(token_ids, text)

    def user_text(self, sampled: str) -> str:
        return sampled.strip()

    def assistant_text(self, sampled: str) -> str:
        return sampled.strip()

    def text(self, token_ids: Sequence[int]) -> str:
        return "" if self.exact is None else self.exact.text(token_ids)

    def describe(self) -> Mapping[str, Any]:
        """What is known of the prompts: that they are the server's business."""
        return {"pre_query": None, "pre_response": None, "system": self.system, "by": "the server's own chat template"}
