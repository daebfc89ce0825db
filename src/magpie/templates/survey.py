"""Asks a chat template how it wants to be spoken to: content, system role, default system prompt, generation prompt.

Every answer comes from renderings, none from a list of models. Knows texts; knows no token.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from magpie.errors import TemplateError
from magpie.seams import Message
from magpie.templates.marks import between_marks, marks
from magpie.templates.render import Refusal
from magpie.templates.script import Script, SystemRole
from magpie.templates.sentinels import ASSISTANT, NotPrinted, shared_end, shared_start, split

SYSTEM = "¶Numbats keep the minutes of this meeting¶"
"""Begins and ends with a sign that no template's own words do, so that what differs around it is seen whole."""
ASK = Message("user", "Do numbats wear hats on Sundays?")
REPLY = Message("assistant", "Only when echidnas visit them.")
ASK_AGAIN = Message("user", "And what do potoroos make of it?")
REASONING = "Bandicoots dig first."
THOUGHTFUL = Message("assistant", ASSISTANT[1])
"""The answer that comes after `REASONING`."""
_TAG = r"<[^<>\s]{1,60}>"
_FIRST_TAGS = re.compile(rf"(?:\s*+{_TAG})++")
_TAG_AND_SPACE = re.compile(rf"{_TAG}\s*+")
_EMPTY: dict[str, Any] = {"tools": [], "documents": [], "bos_token": "", "eos_token": ""}
"""What some templates need to be given, if empty: transformers has no tools as None and absent tokens undefined."""


@dataclass(frozen=True)
class Findings:
    """What the template does by itself."""

    default_system: str | None
    """The text that it adds to a conversation without a system message."""
    removes_default: bool
    """Whether an empty system message takes that text away."""
    generation_prompt: str
    """`asked`: printed on request; `always`: printed in any case; `never`: magpie takes it from whole conversations."""


def learn(script: Script, bos: str) -> Script:
    """`script` in the manner that its template wants. Raises `TemplateError` where no manner prints a user's words."""
    plain = _first_that_prints(script)
    role = _system_role(plain, bos)
    if role in ("refused", "ignored") and not plain.manner.parts:
        parts = plain.adopting(parts=True)
        if _prints(parts) is None and _system_role(parts, bos) not in ("refused", "ignored"):
            return parts.adopting(system=_system_role(parts, bos))
    return plain.adopting(system=role)


def _first_that_prints(script: Script) -> Script:
    """Content as text before content as parts; what transformers gives before what may be missing."""
    first = _prints(script)
    if first is None:
        return script
    given = tuple((name, value) for name, value in _EMPTY.items() if name not in script.renderer.variables)
    tries: list[dict[str, Any]] = [{"parts": True}, {"variables": given}, {"parts": True, "variables": given}]
    found = next((s for s in (script.adopting(**changes) for changes in tries) if _prints(s) is None), None)
    if found is None:
        raise first
    return found


def _prints(script: Script) -> TemplateError | None:
    """None where a user's words are printed once; else what went wrong."""
    try:
        split(script.bare_prompt([ASK]), ASK.content, "user")
    except TemplateError as error:
        if isinstance(error, Refusal | NotPrinted) and getattr(error, "kind", "") not in ("unsafe", "limit", "syntax"):
            return error
        raise
    return None


def _system_role(script: Script, bos: str) -> SystemRole:
    system = Message("system", SYSTEM)
    try:
        text = script.bare_prompt([system, ASK])
    except Refusal as refusal:
        if refusal.kind in ("unsafe", "limit"):
            raise
        return "refused"
    if SYSTEM not in text:
        return "ignored"
    if not _inside_user_turn(script, text.partition(SYSTEM)[0], bos):
        return "own turn"
    return "last user turn" if _follows_last_user(script, system) else "first user turn"


def _inside_user_turn(script: Script, before_system: str, bos: str) -> bool:
    """If the system's words come after the opening of a user's turn, the template puts them into the user's turn."""
    header, _ = split(script.bare_prompt([ASK]), ASK.content, "user")
    own = header.removeprefix(bos).strip()
    return bool(own) and before_system.startswith(header.rstrip())


def _follows_last_user(script: Script, system: Message) -> bool:
    text = script.bare_prompt([system, ASK, REPLY, ASK_AGAIN])
    return text.find(SYSTEM) > text.find(ASK.content)


def examine(script: Script, bos: str, added: Mapping[str, int]) -> Findings:
    """What the template adds by itself, after `learn` has found the manner."""
    default = _default_system(script, bos, added)
    return Findings(
        default, default is not None and _removed_by_empty(script, default), _generation_prompt(script, added)
    )


def _default_system(script: Script, bos: str, added: Mapping[str, int]) -> str | None:
    """What opens a conversation beyond a beginning-of-sequence token and the header of a user's turn."""
    whole, _ = split(script.bare_prompt([ASK]), ASK.content, "user")
    opening = whole.removeprefix(bos)
    opening = opening[: _tag_end(opening, len(opening) - shared_end(_uncounted([opening, _between_turns(script)])))]
    spoken = _framed(script, added) or max(_words(opening, added), key=len, default="") or _in_last_turn(script)
    return spoken.strip() or None


def _uncounted(texts: list[str]) -> list[str]:
    """`texts` with every digit the same: a header that counts the turns is still one header."""
    return [re.sub(r"\d", "0", text) for text in texts]


def _tag_end(text: str, cut: int) -> int:
    """`cut`, moved to the end of the tag that it falls into."""
    inside = re.match(r"[^<>]{0,60}>", text[cut:]) if text[:cut].rfind("<") > text[:cut].rfind(">") else None
    return cut + inside.end() if inside else cut


def _between_turns(script: Script) -> str:
    """The text between an assistant's words and the next user's."""
    text = script.bare_prompt([ASK, REPLY, ASK_AGAIN])
    before, _ = split(text, ASK_AGAIN.content, "second user")
    return before[before.rfind(REPLY.content) + len(REPLY.content) :] if REPLY.content in before else ""


def own_system_turn(script: Script, bos: str) -> str:
    """The turn that the template writes before the first user's turn when no system message is given; "" for none.

    The opening of a user's turn is the text between turns, without the end of an answer.
    """
    between = _between_turns(script)
    ended = script.conversation([ASK, REPLY]).rpartition(REPLY.content)[2]
    header = between[shared_start([between, ended]) :]
    before, _ = split(script.bare_prompt([ASK]), ASK.content, "user")
    own = before.removeprefix(bos)
    return own.removesuffix(header) if header.strip() and own.endswith(header) else ""


def _framed(script: Script, added: Mapping[str, int]) -> str:
    """The template's default system prompt, if it is exactly where a given one would be, possibly in the user's
    turn."""
    if script.manner.system in ("refused", "ignored"):
        return ""
    given = script.bare_prompt([Message("system", SYSTEM), ASK])
    none = script.bare_prompt([ASK])
    start, end = shared_start([given, none]), shared_end([given, none])
    if not given[start:].startswith(SYSTEM):
        return ""
    spoken = none[start : _before_marks(none, len(none) - end, added)]
    return "" if ASK.content in spoken else spoken


def _in_last_turn(script: Script) -> str:
    """What the template adds to a user's turn only as long as it is the last one."""
    last, _ = split(script.bare_prompt([ASK]), ASK.content, "user")
    earlier, _ = split(script.bare_prompt([ASK, REPLY, ASK_AGAIN]), ASK.content, "user")
    return last.removeprefix(earlier) if last.startswith(earlier) else ""


def _before_marks(text: str, cut: int, added: Mapping[str, int]) -> int:
    """`cut`, moved before the special tokens that it ends: some close a default turn otherwise than a given one."""
    for start, end in reversed(marks(text, added)):
        if start >= cut:
            continue
        if text[end:cut].strip():
            break
        cut = start
    return cut


def _words(text: str, added: Mapping[str, int]) -> list[str]:
    """The plain runs of a text; a line that is a bare role name is part of a header, not of a message.

    A tag at the edge may be a token that the tokenizer does not mark as special; within a run it belongs to the words.
    """
    runs = [_without_tags(run) for run in between_marks(text, added)]
    return [re.sub(r"\A\s*(system|developer)\s*(\n|\Z)", "", run, flags=re.IGNORECASE).strip() for run in runs]


def _without_tags(text: str) -> str:
    """`text` without the tags that it begins and ends with."""
    first = _FIRST_TAGS.match(text)
    start = run = end = first.end() if first else 0
    for tag in _TAG_AND_SPACE.finditer(text, start):
        if tag.start() != end:
            run = tag.start()
        end = tag.end()
    return text[start:run] if end == len(text) else text[start:]


def _removed_by_empty(script: Script, default: str) -> bool:
    if script.manner.system in ("refused", "ignored"):
        return False
    try:
        return default not in script.bare_prompt([Message("system", ""), ASK])
    except Refusal:
        return False


def _generation_prompt(script: Script, added: Collection[str]) -> str:
    if script.bare_prompt([ASK]) != script.conversation([ASK]):
        return "asked"
    return "never" if missing_header(script, added) else "always"


_THOUGHTS: tuple[dict[str, Any], ...] = (
    {"reasoning_content": REASONING, "reasoning": REASONING, "thinking": REASONING},
    {"thoughts": REASONING, "thought": REASONING},
    {"content": [{"type": "thinking", "thinking": REASONING}, {"type": "text", "text": THOUGHTFUL.content}]},
    {
        "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": REASONING}]},
            {"type": "text", "text": THOUGHTFUL.content},
        ]
    },
    {
        "content": {
            "blocks": [{"type": "thoughts", "text": REASONING}, {"type": "response", "text": THOUGHTFUL.content}]
        }
    },
)
"""The forms in which templates take an answer's reasoning: fields of the message, parts of its content, blocks."""


def with_thought(script: Script) -> str:
    """A conversation with reasoning before its answer, in the first form that makes the template print the reasoning.

    Without the reasoning where no form does; "" where the template refuses all of them.
    """
    texts = [text for form in _THOUGHTS if (text := _thoughtful(script, form)) is not None]
    return next((text for text in texts if REASONING in text), texts[0] if texts else "")


def _thoughtful(script: Script, form: Mapping[str, Any]) -> str | None:
    try:
        text = script.conversation([ASK, THOUGHTFUL], **form)
    except Refusal:
        return None
    printed_as_data = "'type'" in text or '"type"' in text  # the template expects a text there
    return None if printed_as_data or THOUGHTFUL.content not in text else text


def missing_header(script: Script, added: Collection[str]) -> str:
    """What a template that has no generation prompt puts between a user's turn and the assistant's words.

    A token that occurs before a user's words and again after them opens a turn: the model then writes the missing
    header.
    """
    prompt = script.bare_prompt([ASK])
    before, asked = split(prompt, ASK.content, "user")
    if prompt != script.conversation([ASK]) or any(t.strip() and t in before and t in asked for t in added):
        return ""
    _, after = split(script.conversation([ASK, REPLY]), ASK.content, "user")
    if REPLY.content not in after:
        return ""
    between = after[: after.index(REPLY.content)]
    return between[len(asked) :].rstrip(" ") if between.startswith(asked) else ""
