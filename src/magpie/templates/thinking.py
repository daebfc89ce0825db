"""Finds how a chat template lets a model reason before it answers, and what switches that on and off.

Renders the template with each variable that is named like a switch. Knows texts; knows no token and no model's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from magpie.errors import TemplateError
from magpie.templates.options import Switch
from magpie.templates.render import Refusal
from magpie.templates.script import Script
from magpie.templates.survey import ASK, ASK_AGAIN, REASONING, REPLY, with_thought

State = Literal["on", "off", "always", "model", "none"]
"""`on`, `off`: the default of a switch. `always`: the prompt opens the reasoning. `model`: the model decides, possibly
by a third value of a switch. `none`: the template has no reasoning."""

_NAMED: Final = re.compile(r"think|reason", re.IGNORECASE)
_REVERSED: Final = re.compile(r"disable|no_?think|skip|without", re.IGNORECASE)
_FORCES: Final = re.compile(r"force|always|must", re.IGNORECASE)
_GRADED: Final = re.compile(r"effort|budget|level|strength")
_OFF: Final = ("none", "off", "no", "false", "disabled", "disable", "nothink", "no_think", "non-thinking", "chat")
_ON: Final = ("on", "true", "enabled", "enable", "thinking", "think", "high", "medium", "low", "yes", "auto")
_OPEN: Final = re.compile(r"<(?:(?=[\w:]*+>)[\w:]*?think[\w:]*+|(?=\w*+>)\w*?reason\w*+)>|\[THINK\]", re.IGNORECASE)
_EMPTY: Final = re.compile(r"\s*([<\[][^<>\[\]\s]{1,60}[>\]]\w{0,40})\s*([<\[][^<>\[\]\s]{1,60}[>\]])\s*")
"""Empty reasoning: the tag that opens it, perhaps with a channel's name, and the tag that closes it."""
_CLOSE: Final = re.compile(r"</[\w:]*+>|\[/THINK\]", re.IGNORECASE)


@dataclass(frozen=True)
class Thinking:
    """How a chat template handles reasoning, in the words of the report."""

    state: State
    switch: str | None = None
    """The variable that the template reads."""
    on: Any = None
    off: Any = None
    tags: tuple[str, str] | None = None
    """The tags that open and close reasoning."""

    def thinks(self, asked: Switch) -> bool:
        """Whether answers start with reasoning when the switch is set to `asked`."""
        if asked == "default":
            return self.state in ("always", "on")
        return asked == "on" and self.state != "none"

    def described(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "switch": self.switch,
            "on": self.on,
            "off": self.off,
            "tags": list(self.tags) if self.tags else None,
        }


def find_thinking(script: Script) -> Thinking:
    """The switch of `script`'s template, and its default."""
    default = script.bare_prompt([ASK])
    thought = with_thought(script)
    tags = _open_tags(default) or _tags_around(thought) or _tags(script.renderer.source)
    for name in sorted(filter(_NAMED.search, script.renderer.facts["variables"]), key=_preference):
        found = _try(script, name, default, tags)
        if found:
            return found if found.tags or REASONING in thought else replace(found, tags=_tags_of_empty(script, found))
    return Thinking(_state_without_switch(default, tags, REASONING in thought), tags=tags)


def shows_thoughts(script: Script, thinking: Thinking) -> bool:
    """Whether the template shows how to separate reasoning from an answer."""
    return thinking.tags is not None or REASONING in with_thought(script)


def _preference(name: str) -> tuple[bool, bool, str]:
    """Sort key: a plain switch first, then an effort or a budget, then one that can only force reasoning."""
    return (bool(_FORCES.search(name)), bool(_GRADED.search(name)), name)


def _try(script: Script, name: str, default: str, tags: tuple[str, str] | None) -> Thinking | None:
    texts = {repr(value): (value, text) for value, text in _answers(script, name)}
    pair = _pair(name, texts, default, tags)
    if pair is None:
        return None
    on, off = pair
    return Thinking(_stands_at(default, {repr(on): "on", repr(off): "off"}, texts, tags), name, on, off, tags)


def _tags_of_empty(script: Script, found: Thinking) -> tuple[str, str] | None:
    """The tags of the empty reasoning with which the template's switch turns thinking off, where it writes some."""
    on, off = (_set(script, found.switch, value).bare_prompt([ASK]) for value in (found.on, found.off))
    asked, closed = (text.rpartition(ASK.content)[2] for text in (on, off))
    match = _EMPTY.fullmatch(closed[len(asked) :]) if closed.startswith(asked) else None
    return (match[1], match[2]) if match else None


def _set(script: Script, name: str | None, value: Any) -> Script:
    if name is None or value is None:
        return script
    return script.adopting(variables=(*script.manner.variables, (name, value)))


def _stands_at(
    default: str, states: dict[str, State], texts: dict[str, tuple[Any, str]], tags: tuple[str, str] | None
) -> State:
    """The switch's default: the value that renders the same prompt; if neither does, the model decides."""
    same = [state for key, state in states.items() if key == "None" or texts[key][1] == default]
    if same:
        return same[-1]
    return "on" if opens_thought(default, tags) else "model"


def _answers(script: Script, name: str) -> Iterator[tuple[Any, str]]:
    """Values to try, each with the prompt that it renders; a budget or an effort does not take booleans."""
    constants = [value for variable, value in script.renderer.facts["options"] if variable == name]
    plain = [] if _GRADED.search(name) else [True, False]
    for value in {repr(value): value for value in [*plain, *constants]}.values():
        try:
            yield value, _set(script, name, value).bare_prompt([ASK])
        except Refusal:
            continue


def _pair(
    name: str, texts: dict[str, tuple[Any, str]], default: str, tags: tuple[str, str] | None
) -> tuple[Any, Any] | None:
    """The values for on and off, if both are known and make a difference. None means that the variable is not set."""
    words = {str(value).lower(): value for value, _ in texts.values() if isinstance(value, str)}
    on = next((words[word] for word in _ON if word in words), None)
    off = next((words[word] for word in _OFF if word in words), None)
    pairs: list[tuple[Any, Any]] = [(False, True) if _REVERSED.search(name) else (True, False)]
    pairs += [(on, off)] if off is not None else []
    if _GRADED.search(name):
        pairs += [(None, 0), *((None, value) for value in _answered(texts, default, tags))]
    written = {key: text for key, (_, text) in texts.items()} | {"None": default}
    return next((pair for pair in pairs if _differ(pair, written)), None)


def _answered(texts: dict[str, tuple[Any, str]], default: str, tags: tuple[str, str] | None) -> list[Any]:
    """The values that make the template write more after the user's words than by default, without opening reasoning.

    The additional text is then empty reasoning.
    """
    usual = default.rpartition(ASK.content)[2]
    written = [(value, text.rpartition(ASK.content)[2]) for value, text in texts.values()]
    return [value for value, after in written if len(after) > len(usual) and not opens_thought(after, tags)]


def _differ(pair: tuple[Any, Any], written: dict[str, str]) -> bool:
    on, off = map(repr, pair)
    return on in written and off in written and written[on] != written[off]


def _open_tags(prompt: str) -> tuple[str, str] | None:
    """The tag that opens reasoning at the end of the prompt, with the one that closes it."""
    match = re.search(rf"(?:{_OPEN.pattern})\s*\Z", prompt, re.IGNORECASE)
    opened = match[0].rstrip() if match else ""
    return (opened, opened[0] + "/" + opened[1:]) if opened else None


def _tags_around(text: str) -> tuple[str, str] | None:
    """The tags that the template itself writes around reasoning, if their names say so."""
    found = re.search(rf"(<[^<>\s]+>)\s*{re.escape(REASONING)}\s*(<[^<>\s]+>)", text)
    return (found[1], found[2]) if found and _NAMED.search(found[1]) and _NAMED.search(found[2]) else None


def _tags(source: str) -> tuple[str, str] | None:
    """The first opening tag with a name for reasoning that is closed somewhere."""
    closing = dict.fromkeys(_CLOSE.findall(source))
    for match in _OPEN.finditer(source):
        opened = match[0]
        closed = opened[0] + "/" + opened[1:]
        if closed in closing:
            return opened, closed
    closed_only = next((closed for closed in closing if closed.startswith("<") and "think" in closed), None)
    return ("<" + closed_only[2:], closed_only) if closed_only else None


def _state_without_switch(prompt: str, tags: tuple[str, str] | None, prints_thoughts: bool) -> State:
    if opens_thought(prompt, tags):
        return "always"
    return "model" if tags or prints_thoughts else "none"


def opens_thought(prompt: str, tags: tuple[str, str] | None) -> bool:
    return tags is not None and prompt.rstrip().endswith(tags[0])


def apply(script: Script, thinking: Thinking, wanted: Switch) -> tuple[Script, list[str]]:
    """`script` with the switch as `wanted`, and the warnings about how that was done."""
    if wanted == "default":
        return script, []
    if thinking.switch:
        return _set(script, thinking.switch, thinking.on if wanted == "on" else thinking.off), []
    if wanted == "on":
        return script, [] if thinking.state in ("always", "model") else [_NOTHING_TO_SWITCH]
    return _without_thought(script, thinking)


def _without_thought(script: Script, thinking: Thinking) -> tuple[Script, list[str]]:
    if thinking.state == "none":
        return script, []
    if thinking.tags is None:
        raise TemplateError(
            "thinking: off was asked for, but the chat template has no switch and no closing tag to write; "
            "expected an enable_thinking-like variable: leave template.thinking at its default"
        )
    opened, closed = thinking.tags
    prompt = script.bare_prompt([ASK])
    own = _own_empty_thought(script, prompt, closed)
    if own is not None:
        return script.adopting(prefill=own, excess=prompt[len(prompt.rstrip()) :]), [_CLOSED_AS_SHOWN]
    start = "" if opens_thought(prompt, thinking.tags) else f"{opened}\n"
    newline = "" if (start or prompt).endswith("\n") else "\n"
    return script.adopting(prefill=f"{start}{newline}\n{closed}\n\n"), [_CLOSED_BY_HAND]


def _own_empty_thought(script: Script, prompt: str, closed: str) -> str | None:
    """What the template itself writes between the prompt and an answer without reasoning, where that holds `closed`."""
    asked = prompt.rpartition(ASK.content)[2].rstrip()
    for turns in ([ASK, REPLY], [ASK, REPLY, ASK_AGAIN]):
        before, _, _ = script.conversation(turns).partition(ASK.content)[2].partition(REPLY.content)
        if before.startswith(asked) and closed in before[len(asked) :]:
            return before[len(asked) :]
    return None


_NOTHING_TO_SWITCH: Final = "thinking: on has no effect: the chat template has no switch for it"
_CLOSED_AS_SHOWN: Final = (
    "the chat template has no thinking switch: magpie writes before each response the empty reasoning that the "
    "template writes in answers without reasoning"
)
_CLOSED_BY_HAND: Final = "the chat template has no thinking switch: magpie writes empty reasoning before each response"
