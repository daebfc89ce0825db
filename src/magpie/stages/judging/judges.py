"""What stages that ask a judge share: its context, its reasoning, and whether each label is one token.

Knows models and engines; knows no stage's settings.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from magpie.errors import RecipeError
from magpie.modelfiles.shape import read_shape
from magpie.models.chats import ChatModel
from magpie.models.engines import ModelUse
from magpie.seams import Message
from magpie.settings.engines import MOST_CONTEXT
from magpie.stages.text.reasoning import Thoughts
from magpie.templates import MessagesChat, thought_marks
from magpie.templates.thinking import Thinking

REPLY_SHARE = 4
"""The part of a small context that is kept for the reply: one in four."""


def prompt_room(model: ChatModel, max_tokens: int) -> int | None:
    """The most tokens that a prompt may have to leave room for a reply; None where the context is not known.

    No fingerprint covers it: it belongs to how a model is run, and only affects longer texts.
    """
    context = known_context(model.use)
    return None if context is None else context - min(max_tokens, context // REPLY_SHARE)


def known_context(use: ModelUse) -> int | None:
    """The most tokens of a prompt and its reply together, as the engine will have them once it is open."""
    if use.facts is not None:
        return use.facts.context
    asked = getattr(use.engine, "context", None) or MOST_CONTEXT
    trained = _trained_context(use)
    return asked if trained is None else min(asked, trained)


def _trained_context(use: ModelUse) -> int | None:
    if use.place is None or use.engine.name == "scripted":
        return None
    if use.place.gguf is not None:
        return read_shape(use.place.gguf).context or None
    try:
        told = json.loads((use.place.path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    found = told.get("max_position_embeddings") or (told.get("text_config") or {}).get("max_position_embeddings")
    return found if isinstance(found, int) else None


def thoughts_of(model: ChatModel) -> Thoughts | None:
    """How the judge delimits its reasoning; None where its template has no reasoning."""
    chat, exact = model.chat, model.exact
    marks = None if exact is None else thought_marks(exact)
    if isinstance(chat, MessagesChat):
        return Thoughts(*(marks[:2] if marks else ("<think>", "</think>")), opened=None)
    return None if marks is None else Thoughts(*marks)


def opens_thoughts(model: ChatModel) -> bool:
    """Whether each reply starts inside reasoning that the chat template has opened."""
    thoughts = thoughts_of(model)
    return thoughts is not None and bool(thoughts.opened)


def thinks_first(model: ChatModel) -> bool:
    """Whether each reply starts with reasoning, which the chat template or the model itself opens, as Qwen3 does unless
    its template's switch is off."""
    if model.exact is None:
        return False
    found = model.exact.describe()["thinking"]
    return opens_thoughts(model) or Thinking(found["state"]).thinks(found["asked"])


def check_letters(model: ChatModel, text: str, labels: Sequence[str], stage: str) -> None:
    """Raise `RecipeError` unless each label is one token after the prompt `text`: only then is the probability of its
    first token that of the label. Does not check a server whose tokenizer is not known here."""
    chat = model.exact
    if chat is None:
        return
    if thinks_first(model):
        who = "the chat template opens reasoning" if opens_thoughts(model) else "the judge writes its reasoning"
        raise RecipeError(
            f"{stage}: {who} before each reply, so that no letter comes first; set "
            f"{stage}.template.thinking to off, or use another judge"
        )
    before, ids = chat.prompt_ids((Message("user", text),))
    lead = before + chat.script.manner.lead
    split = [label for label in labels if len(chat.tokenizer.encode(lead + label)) != len(ids) + 1]
    if split:
        raise RecipeError(
            f"{stage}: the judge's tokenizer writes {split[0]!r} with more than one token, so that its first token's "
            "probability is not the label's; use another judge"
        )
