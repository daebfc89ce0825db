"""Finds the tags that a model writes before the words of its answer, as its template does: `<|START_RESPONSE|>`.

They belong neither to the reasoning nor to the answer. Derived from renderings; knows no model's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from magpie.templates.script import Script
from magpie.templates.sentinels import shared_start
from magpie.templates.survey import ASK, REASONING, REPLY, THOUGHTFUL, with_thought

_TAGS: Final = re.compile(r"(?:\s*(?:<[^<>\s]{1,60}>|\[[A-Z_/]{3,30}\]))+\s*")
_NAMED_TAGS: Final = re.compile(r"(?:[^<>\[\]\n]{0,40}(?:<[^<>\s]{1,60}>|\[[A-Z_/]{3,30}\])\s*)+")
"""The same with a few words before a tag: ` to=user<|message|>`."""
_WRAPPER: Final = re.compile(r"<(\w{0,20}(?:response|answer|reply|output)\w{0,20})>", re.IGNORECASE)


@dataclass(frozen=True)
class Surroundings:
    """The tags that the model writes around the words of an answer, apart from the stop token.

    `Surroundings(openings=("<|START_RESPONSE|>",))`: an answer may begin with that token, and has not leaked it.
    """

    openings: tuple[str, ...] = ()
    """Texts before the words, longest first."""
    wrappers: tuple[tuple[str, str], ...] = ()
    """Tags that the prompt asks the model to put its answer between, such as `<response>` and `</response>`."""


def surroundings(script: Script, closes_thought: str | None) -> Surroundings:
    """What `script`'s template has around an answer. `closes_thought` is the tag that closes reasoning, if known."""
    found = {script.manner.first_words.strip(), _after_prompt(script, closes_thought)}
    if closes_thought is not None:
        found.add(_after_thought(script, closes_thought))
    openings = sorted(found - {""}, key=lambda text: (-len(text), text))
    return Surroundings(tuple(openings), _wrappers(script.bare_prompt([ASK])))


def _after_prompt(script: Script, closes_thought: str | None) -> str:
    """The tags between the header of an answer and its words, without those of empty reasoning."""
    prompt, whole = script.prompt([ASK]), script.conversation([ASK, REPLY])
    start = min(shared_start([prompt, whole]), len(whole.rpartition(REPLY.content)[0]))
    goes_on = start == len(prompt)  # words beside those of the prompt are the end of a name that begins there
    return _only_tags(whole[_tag_start(whole, start) :].rpartition(REPLY.content)[0], closes_thought, named=goes_on)


def _tag_start(text: str, cut: int) -> int:
    """`cut`, moved before the tag that it falls into: two tags may begin alike."""
    opened = max(text.rfind("<", 0, cut), text.rfind("[", 0, cut))
    return opened if opened > max(text.rfind(">", 0, cut), text.rfind("]", 0, cut)) else cut


def _after_thought(script: Script, closes_thought: str) -> str:
    """The tags between the end of the reasoning and the answer's words."""
    _, thought, behind = with_thought(script).rpartition(REASONING)
    words = behind.partition(THOUGHTFUL.content)[0] if thought else ""  # no form of a message makes it print reasoning
    return _only_tags(words, closes_thought, named=True)


def _only_tags(text: str, closes_thought: str | None, *, named: bool) -> str:
    """`text` where it is tags and nothing else, or tags with a few words before each, where they may be `named`."""
    if closes_thought is not None and closes_thought in text:
        text = text.rpartition(closes_thought)[2]
    return text.strip() if (_NAMED_TAGS if named else _TAGS).fullmatch(text) else ""


def _wrappers(prompt: str) -> tuple[tuple[str, str], ...]:
    """Pairs of tags that the prompt names, and that are not the template's own marks around turns."""
    names = dict.fromkeys(match[1] for match in _WRAPPER.finditer(prompt))
    return tuple((f"<{name}>", f"</{name}>") for name in names if f"</{name}>" in prompt)
