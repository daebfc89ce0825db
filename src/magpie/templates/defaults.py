"""Says what the text is that a chat template adds by itself: a system prompt, settings, or an agent's instructions.

For readers: it decides nothing that a model will see. Pure.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Kind = Literal["system prompt", "settings", "agent"]

LONGEST: Final = 20_000
"""Characters of a default that are looked at."""
_SETTING: Final = re.compile(r"[\s#*_>-]*+[^\W\d][\w /-]{1,40}[*_]*\s?[:=\uff1a][*_]*\s?(?P<value>\S[^\n]{0,60})")
_SPOKEN: Final = re.compile(r"(?i)\b(?:you|your|assistant|user|please|must|should)\b")
_AGENT: Final = re.compile(
    r"(?i)\b(?:tools?|function(?: call)?s?|agent(?:ic)?|repositor(?:y|ies)|codebase|commands?|shell|bash|terminal|"
    r"file ?system|files?|edits?|commits?|pull requests?|scaffold|sandbox|environment|debug(?:ging)?)\b"
)
_LEAST_OF_AN_AGENT: Final = 3
"""Different words of an agent's work in a default that is one's."""


def kind_of_default(text: str | None) -> Kind | None:
    """What a template's own text is; None where it adds none.

    `settings`: every line names one, as `Reasoning Effort: Max` does, and none speaks to the model. `agent`: it speaks
    of tools, functions, files and commands, so that a user's message behind it is an agent's task.

    >>> kind_of_default("Reasoning Effort: Max")
    'settings'
    """
    if not text:
        return None
    shown = text[:LONGEST]
    lines = [line.strip() for line in shown.splitlines() if line.strip()]
    if all(_is_setting(line) for line in lines):
        return "settings"
    words = {match[0].casefold().rstrip("s") for match in _AGENT.finditer(shown)}
    return "agent" if len(words) >= _LEAST_OF_AN_AGENT else "system prompt"


def _is_setting(line: str) -> bool:
    return _SETTING.fullmatch(line) is not None and _SPOKEN.search(line) is None


def default_warning(text: str | None) -> str | None:
    """What a reader should know of a template's own text, where it is no plain system prompt."""
    match kind_of_default(text):
        case "settings":
            return (
                "what the chat template adds by itself are settings and no system prompt; prompts for instructions "
                "hold them too (template.kwargs may change them)"
            )
        case "agent":
            return (
                "the chat template's own system prompt is an agent's, of tools and files: instructions will be such "
                "tasks; give template.system, or template.system: false for none where the template lets it"
            )
    return None
