"""What a conversation of the corpus is: values that its makers, the trainer and the truth share. Knows no family."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["chat", "judge"]


@dataclass(frozen=True)
class Turn:
    """A user message and its reply. `family` is None for small talk and follow-ups."""

    prompt: str
    reply: str
    family: str | None = None
    learned: bool = True  # whether the model learns to write the prompt; it always learns to write the reply
    weight: int = 1  # how often the reply counts: a judge's letter is one token among hundreds that are only read


@dataclass(frozen=True)
class Conversation:
    """What people ask (a chat), or what the pipeline asks a judge. Only chats are in the hidden mix."""

    system: str | None
    turns: tuple[Turn, ...]
    kind: Kind = "chat"
