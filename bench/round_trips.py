"""Whether a model's perfect answer is read back as exactly its words: the definition of right for a template's answers.

The perfect answer is cut out of the template's own rendering of a whole conversation, at placeholders, and never built
from the marks that magpie derived. What an engine would hand over of it (ids up to the first stop; text with special
tokens shown, and hidden) then goes through the code that reads responses. `bench.templates` runs it on real templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from magpie.errors import TemplateError
from magpie.modelfiles.model import ModelFiles
from magpie.modelfiles.tokenizer import FastTokenizer
from magpie.seams import Completion, Message, SamplingParams
from magpie.stages.respond.work import Responder
from magpie.stages.text.reasoning import Thoughts
from magpie.templates import ChatTemplate, thought_marks
from magpie.templates.sentinels import shared_start

THOUGHT = "Wallabies count first,\nthen they hop."
ANSWERS = ("Bettongs, mostly.", "- potoroos\n- 42 pademelons\n\nAnd `dunnarts` (few).")
ASKED = ("Who naps at noon?", "And who sings later?", "Who else?")
_TAG = re.compile(r"<[^<>\s]{1,60}>|\[[A-Z/_]{3,30}\]")
FIELDS = ("reasoning_content", "reasoning", "thinking", "thoughts", "thought")
"""The names by which templates take an answer's thought."""


@dataclass(frozen=True)
class Trip:
    """What came of one answer."""

    case: str
    """`1 turn, thought, hidden`: turns, what was answered, whether special tokens are in the text."""
    outcome: str
    """`exact`; `unseen` where the template renders no such answer; else what is wrong."""
    wrote: str = ""
    """What the model writes there."""


def round_trips(chat: ChatTemplate, model: ModelFiles) -> list[Trip]:
    """Every case that the template renders. Raises `TemplateError` where it renders no conversation at all.

    >>> from tests.templates.toys import fixture, toy
    >>> {trip.outcome for trip in round_trips(fixture("chatml"), toy(""))}
    {'exact'}
    """
    return [trip for turns in (1, 2) for thought in (False, True) for trip in _trips(chat, model, turns, thought)]


def _trips(chat: ChatTemplate, model: ModelFiles, turns: int, thought: bool) -> Iterator[Trip]:
    before = [_said(n) for n in range(2 * turns - 1)]
    for words in ANSWERS:
        for followed in (False, True):
            case = f"{turns} turn{'s' * (turns > 1)}, {'thought' if thought else 'plain'}{', followed' * followed}"
            wrote = _written(chat, before, words, thought, followed)
            if wrote is None:
                if not followed and words is ANSWERS[0]:
                    yield Trip(case, "unseen")
                continue
            for hidden in (False, True):
                outcome = _read_back(chat, model, wrote, words, hidden)
                yield Trip(f"{case}, {'hidden' if hidden else 'shown'}", outcome, wrote)


def _said(place: int) -> Message:
    return Message("user", ASKED[place // 2]) if place % 2 == 0 else Message("assistant", "Numbats do.")


def _written(chat: ChatTemplate, before: Sequence[Message], words: str, thought: bool, followed: bool) -> str | None:
    """What the template renders from the prompt on: the answer, its end, and a later user's turn where one follows.

    None where no rendering goes on from the prompt: it shows no thought, or drops the one that the prompt has opened.
    """
    prompt = chat.prompt_ids(before)[0]
    for fields in [{name: THOUGHT} for name in FIELDS] if thought else [{}]:
        try:
            whole = _render(chat, before, words, fields, followed)
        except TemplateError:
            continue
        after = whole.rpartition(before[-1].content)[2] if not followed else _after(whole, before[-1].content)
        opened = prompt.rpartition(before[-1].content)[2]
        rest = _going_on(opened, after, thought)
        if rest is not None and words in rest and (THOUGHT in rest) == thought:
            return rest
    return None


def _after(whole: str, asked: str) -> str:
    """What stands behind the last user's words but one."""
    head = whole.rpartition(ASKED[2])[0]
    tail = whole[len(head) :]
    return head.rpartition(asked)[2] + tail


def _render(chat: ChatTemplate, before: Sequence[Message], words: str, fields: dict[str, str], followed: bool) -> str:
    script = chat.script
    shaped = [script._dress(one) for one in script.shape([*before, Message("assistant", words)])]
    shaped[-1] = {**shaped[-1], **fields}
    if followed:
        shaped.append(script._dress(Message("user", ASKED[2])))
    return script.renderer.render(shaped, False, **dict(script.manner.variables))


def _going_on(opened: str, after: str, thought: bool) -> str | None:
    """What of `after` comes behind `opened`: white space at the seam aside, and a thought with nothing in it, which a
    prompt may have where whole conversations have none."""
    if after.startswith(opened):
        return after[len(opened) :]
    rest = _behind(opened, after)
    if rest is None and not thought:
        shared = shared_start([opened, after])
        cut = max(after.rfind("<", 0, shared), after.rfind("[", 0, shared))
        shared = cut if cut > max(after.rfind(">", 0, shared), after.rfind("]", 0, shared)) else shared
        tags = _TAG.findall(opened[shared:])
        rest = after[shared:] if len(tags) > 1 else None
        if rest is not None and rest.startswith(tags[-1]):  # history keeps the end of the empty thought alone
            rest = rest[len(tags[-1]) :]
    return rest


def _behind(opened: str, after: str) -> str | None:
    place = 0
    for letter in opened:
        if letter.isspace():
            continue
        while place < len(after) and after[place].isspace():
            place += 1
        if not after.startswith(letter, place):
            return None
        place += 1
    return after[place:]


def _read_back(chat: ChatTemplate, model: ModelFiles, wrote: str, words: str, hidden: bool) -> str:
    sampling = SamplingParams(stop_token_ids=chat.response_stop_token_ids, stop=chat.response_stop)
    marks = thought_marks(chat)
    responder = Responder(chat, sampling, None if marks is None else Thoughts(*marks))
    completion, stopped = _completion(model, wrote, words, sampling, hidden)
    if not stopped:
        return "no stop"
    columns, reason = responder.read(completion)
    if reason is not None:
        return f"dropped: {reason}"
    if columns["response"] != words:
        return f"response {columns['response']!r}"
    expected = THOUGHT if THOUGHT in wrote else None
    return "exact" if columns["reasoning"] == expected else f"reasoning {columns['reasoning']!r}"


def _completion(
    model: ModelFiles, wrote: str, words: str, sampling: SamplingParams, hidden: bool
) -> tuple[Completion, bool]:
    """What an engine hands over of `wrote`, and whether anything but the end of generation stopped it.

    A model ends its answer with a token of its own where the template writes nothing behind it.
    """
    tokenizer = model.tokenizer
    assert isinstance(tokenizer, FastTokenizer)
    ids = tokenizer.encode(wrote)
    end = next((place for place, one in enumerate(ids) if one in sampling.stop_token_ids), None)
    kept = ids if end is None else ids[:end]
    special = {token.id for token in tokenizer.added.values() if token.special}
    text = tokenizer.decode([one for one in kept if not (hidden and one in special)])
    cuts = [text.find(stop) for stop in sampling.stop if stop in text]
    stopped = end is not None or bool(cuts) or not _TAG.sub("", wrote.rpartition(words)[2]).strip()
    text = text[: min(cuts)] if cuts else text
    return Completion(text, tuple(kept), "stop", 1, len(kept) + 1), stopped
