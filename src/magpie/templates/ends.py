"""Finds where turns end: the ids and texts to stop at, and the plain text to cut, from whole renderings.

No rule needs a special token right after the words: text between them is found and reported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from magpie.seams import Message
from magpie.templates.marks import between_marks, marks
from magpie.templates.render import Refusal
from magpie.templates.script import Script
from magpie.templates.sentinels import USER, split
from magpie.templates.survey import ASK, ASK_AGAIN, REASONING, REPLY, THOUGHTFUL, with_thought


@dataclass(frozen=True)
class End:
    """How a turn ends: at a token, or at a text, after some plain text that belongs to nobody's words."""

    token_ids: tuple[int, ...] = ()
    texts: tuple[str, ...] = ()
    between: str = ""
    """What the template puts between the words and the stop: the model writes it too."""


def user_end(script: Script, added: Mapping[str, int]) -> End:
    """What a model writes when it has said a user's words."""
    _, asked = split(script.prompt([ASK]), ASK.content, "user")
    whole = script.conversation([ASK, REPLY])
    _, told = split(whole, ASK.content, "user")
    return _end(_shared(asked, told), asked, added)


def _shared(one: str, other: str) -> str:
    count = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:count]


def _end(after: str, fallback: str, added: Mapping[str, int]) -> End:
    for text in (after, fallback):
        found = marks(text, added)
        if found:
            start, end = found[0]
            return End(token_ids=(added[text[start:end]],), between=text[:start])
    return End(texts=_stop_text(fallback))


def _stop_text(after: str) -> tuple[str, ...]:
    """The first line that is not blank, and the text before it: enough to recognize a turn's end."""
    match = re.match(r"(\s*)(\S[^\n]*)", after)
    if match:
        lead = match[1][max(match[1].rfind("\n"), 0) :]  # a model may write other empty lines before it
        return (lead + match[2].rstrip(),)
    return (after,) if after else ()


def assistant_end(script: Script, added: Mapping[str, int], eos: Sequence[int]) -> End:
    """What a model writes at the end of a complete answer. A token that also occurs inside an answer does not end
    it."""
    inside = inside_answer(script, added)
    last = _after(script.conversation([ASK, REPLY]), REPLY.content)
    earlier = _after(script.conversation([ASK, REPLY, ASK_AGAIN]), REPLY.content)
    ids = [_first_outside(text, added, inside) for text in (last, earlier)]
    known = tuple(dict.fromkeys(i for i in [*ids, *eos] if i is not None and i not in inside))
    if any(i is not None for i in ids):
        stop = next(i for i in ids if i is not None)
        text = last if ids[0] is not None else earlier
        return End(token_ids=known, between=text[: _place(text, added, stop)])
    return End(known, _next_header(script, earlier.partition(ASK_AGAIN.content)[0]), _first_token(last, added))


def _first_token(after: str, added: Mapping[str, int]) -> str:
    """The special token right after an answer that is no stop token, because reasoning ends with the same one."""
    found = marks(after, added)
    return after[: found[0][1]] if found and not after[: found[0][0]].strip() else ""


def _next_header(script: Script, upto_next: str) -> tuple[str, ...]:
    """The text that opens a later user's turn, up to where it counts the turns."""
    whole = script.conversation([ASK, REPLY, ASK_AGAIN, THOUGHTFUL, ASK])
    later = _after(whole.rpartition(ASK.content)[0], THOUGHTFUL.content)
    stops = _stop_text(upto_next), _stop_text(later)
    shared = _shared("".join(stops[0]), "".join(stops[1]))
    return (shared,) if shared.strip() else stops[0]


def _after(text: str, words: str) -> str:
    return text[text.rfind(words) + len(words) :] if words in text else ""


def _first_outside(text: str, added: Mapping[str, int], inside: set[int]) -> int | None:
    ids = [added[text[start:end]] for start, end in marks(text, added)]
    return next((i for i in ids if i not in inside), None)


def _place(text: str, added: Mapping[str, int], wanted: int) -> int:
    return next(start for start, end in marks(text, added) if added[text[start:end]] == wanted)


def inside_answer(script: Script, added: Mapping[str, int]) -> set[int]:
    """The special tokens between the reasoning and the last words of an answer."""
    answer = _after(with_thought(script), ASK.content).partition(THOUGHTFUL.content)[0]
    thought = _after(answer, REASONING) if REASONING in answer else ""
    return {added[thought[start:end]] for start, end in marks(thought, added)}


def texts_of(script: Script, added: Mapping[str, int]) -> tuple[str, ...]:
    """The special tokens that only the template writes in a conversation: in a model's words they are a leak."""
    turns = [ASK, REPLY, ASK_AGAIN]
    text = script.prompt(turns) + script.conversation([*turns, REPLY])
    found = dict.fromkeys(text[start:end] for start, end in marks(text, added))
    inside = inside_answer(script, added)
    return tuple(token for token in found if added[token] not in inside)


def plain_headers(script: Script, added: Mapping[str, int]) -> tuple[str, ...]:
    """The plain text that opens a user's turn, where it is more than a word: `USER:`, `### Instruction:`."""
    before, _ = split(script.prompt([ASK, REPLY, Message("user", USER[1])]), USER[1], "user")
    header = before.rpartition(REPLY.content)[2] if REPLY.content in before else ""
    plain = [text.strip() for text in between_marks(header, added)]
    return tuple(text for text in plain if len(text) >= 4 and not text.isalnum())


def sample_texts(script: Script) -> str:
    """All that the template writes around words, in one text to look for special tokens in."""
    turns = [ASK, REPLY, ASK_AGAIN]
    texts = [script.prompt(turns), script.conversation([*turns, REPLY])]
    try:
        texts += [script.prompt([Message("system", "Be brief."), *turns]), with_thought(script)]
    except Refusal:
        return "\n".join(texts)
    return "\n".join(texts)
