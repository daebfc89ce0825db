"""The delimiters that a chat template puts around reasoning, with which it is separated from answers.

They are the tags that the template names, or else the text that it writes around reasoning. Knows no model's name.
"""

from __future__ import annotations

from typing import NamedTuple

from magpie.templates.chat import ChatTemplate
from magpie.templates.survey import ASK, REASONING, THOUGHTFUL, with_thought


class ThoughtMarks(NamedTuple):
    """The delimiters of reasoning, and whether the prompt for an answer has opened it already."""

    opens: str
    closes: str
    opened: bool


def thought_marks(chat: ChatTemplate) -> ThoughtMarks | None:
    """The delimiters of the chat's template; None where it has no reasoning."""
    found = chat.describe()
    marks = found["thinking"]["tags"] or _around(chat)
    if marks is None:
        return None
    opens, closes = marks
    return ThoughtMarks(opens, closes, chat.script.prompt([ASK]).rstrip().endswith(opens))


def _around(chat: ChatTemplate) -> tuple[str, str] | None:
    """What a rendered conversation has before the reasoning and between it and the answer, if neither is empty."""
    whole = with_thought(chat.script)
    before, _, after = whole.rpartition(ASK.content)[2].partition(REASONING)
    closes, _, _ = after.partition(THOUGHTFUL.content)
    if THOUGHTFUL.content not in after or not closes.strip():
        return None
    # A template without a generation prompt has its header in `prompt` alone.
    prompts = (chat.script.prompt([ASK]), chat.script.bare_prompt([ASK]))
    asked = next((one for one in (text.rpartition(ASK.content)[2] for text in prompts) if before.startswith(one)), "")
    shared = before.removeprefix(asked)
    opens = shared.strip() or _last_tag(before)
    return (opens, closes.strip()) if opens else None


def _last_tag(text: str) -> str:
    """The last tag in angle or square brackets: what opens reasoning at the end of a prompt."""
    start = max(text.rfind("<"), text.rfind("["))
    return text[start:].strip() if start >= 0 else ""
