"""The delimiters that a chat template puts around a thought, for those who part thoughts from answers.

Where the template names a tag, that; else what it writes around a thought that it is given. Knows no model's name.
"""

from __future__ import annotations

from typing import NamedTuple

from magpie.templates.chat import ChatTemplate
from magpie.templates.survey import ASK, REASONING, THOUGHTFUL, with_thought


class ThoughtMarks(NamedTuple):
    """What opens and closes a thought, and whether the prompt for an answer has opened one already."""

    opens: str
    closes: str
    opened: bool


def thought_marks(chat: ChatTemplate) -> ThoughtMarks | None:
    """The delimiters of the chat's template; None where it knows no thoughts."""
    found = chat.describe()
    marks = found["thinking"]["tags"] or _around(chat)
    if marks is None:
        return None
    opens, closes = marks
    return ThoughtMarks(opens, closes, chat.script.prompt([ASK]).rstrip().endswith(opens))


def _around(chat: ChatTemplate) -> tuple[str, str] | None:
    """What a whole conversation has before a thought and between it and the answer, where both are something."""
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
    """The last thing in angle or square brackets: what a prompt ends with that opens a thought itself."""
    start = max(text.rfind("<"), text.rfind("["))
    return text[start:].strip() if start >= 0 else ""
