"""Tokenizes a conversation for training: its token ids by the model's own chat template, and a mask of those that the
assistant wrote. `magpie export --check` counts them, and `magpie train` trains on them.

An assistant's turn is found in whole renderings: it begins where the generation prompt ends, and ends with the special
token after its words. So a mask covers exactly what the model is to write, in every turn, whatever the template adds
around it. The template is used as `transformers` uses it: messages as they are.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from magpie.errors import TemplateError
from magpie.modelfiles.model import ModelFiles
from magpie.modelfiles.tokenizer import FastTokenizer, Vocabulary
from magpie.templates.render import Refusal, Renderer

ChatMessage = Mapping[str, Any]
"""A message as trainers read it: `role`, `content`, and what a template may look for beside them."""
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Turn:
    """What the assistant wrote of a conversation, in one turn."""

    start: int
    """Its first character in the rendered text: the text before it is the prompt."""
    end: int
    """The index after its last character."""
    ended: bool
    """Whether it ends with a special token: without one a model does not learn to stop."""


@dataclass(frozen=True, slots=True)
class Supervised:
    """A conversation as a trainer sees it."""

    text: str
    """As the chat template writes it."""
    ids: list[int]
    mask: list[bool]
    """For each id, whether the assistant wrote it and loss is taken on it."""
    turns: tuple[Turn, ...]

    @property
    def supervised(self) -> int:
        """How many tokens loss is taken on."""
        return sum(self.mask)


@dataclass(frozen=True)
class TrainingTemplate:
    """A model's chat template and tokenizer, as trainers use them."""

    renderer: Renderer
    tokenizer: Vocabulary

    @classmethod
    def of(cls, model: ModelFiles, source: str | None = None) -> TrainingTemplate:
        """source: a chat template to use in place of the model's own. Raises `TemplateError` where there is none.

        Example: `TrainingTemplate.of(open_model(find_model("fledgling")))`.
        """
        text = model.chat_template if source is None else source
        today = date.today().isoformat()
        return cls(Renderer(text, dict(model.special), today, unquoted=source is not None), model.tokenizer)


def supervise(messages: Sequence[ChatMessage], template: TrainingTemplate, *, last_only: bool = False) -> Supervised:
    """The ids of a conversation and the mask of what the assistant wrote: every turn, or the last one alone.

    Raises `TemplateError` where the template refuses the conversation, or does not print an assistant's words.

    Example:
        template = TrainingTemplate.of(open_model(find_model("fledgling")))
        found = supervise([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}], template)
        labels = [token if own else -100 for token, own in zip(found.ids, found.mask)]
    """
    text = template.renderer.render(messages, False)
    places = [place for place, message in enumerate(messages) if message["role"] == "assistant"]
    turns: list[Turn] = []
    for place in places[-1:] if last_only else places:
        turns.append(_turn(messages, place, text, template, turns[-1].end if turns else 0))
    ids, spans = _encoded(template.tokenizer, text)
    return Supervised(text, ids, _mask(spans, turns), tuple(turns))


def _turn(messages: Sequence[ChatMessage], place: int, text: str, template: TrainingTemplate, floor: int) -> Turn:
    """Where an assistant's turn is in the text of the whole conversation. floor: the end of the previous turn."""
    # 1. The same conversation with other words in this turn: what stays the same is not the assistant's.
    words = _unused(messages)
    other = template.renderer.render(
        [*messages[:place], {"role": "assistant", "content": words}, *messages[place + 1 :]], False
    )
    before, found, after = other.partition(words)
    if not found or not text.endswith(after):
        raise TemplateError(f"the chat template does not print message {place + 1}, an assistant's, where it stands")
    # 2. The turn begins where the generation prompt ends, as far as the whole conversation has that.
    start = _start(before, text, template, messages[:place], floor)
    # 3. It ends with the special token after the words.
    space = _SPACE.match(after)
    behind = space.end() if space else 0
    added = template.tokenizer.added.items()
    ends = [token for token, kind in added if kind.special and after.startswith(token, behind)]
    end = len(text) - len(after)
    return Turn(start, end + behind + len(max(ends, key=len)), True) if ends else Turn(start, end, False)


def _start(before: str, text: str, template: TrainingTemplate, earlier: Sequence[ChatMessage], floor: int) -> int:
    header = before[: _shared(before, text)]
    if earlier and earlier[-1]["role"] != "assistant":
        floor = max(floor, _behind_words(before, earlier[-1]))
    try:
        prompt = template.renderer.render(earlier, True)
        if len(prompt) >= floor and text.startswith(prompt):
            return len(prompt)
        shared = _shared(prompt, header)
        if shared > floor:
            return shared
        # Turns before this one are written otherwise while this is the last: the generation prompt is looked for.
        opening = prompt.removeprefix(template.renderer.render(earlier, False))
    except Refusal:
        return len(header)
    end = _last_begun(opening, header[floor:])
    return len(header) if end is None else floor + end


def _last_begun(opening: str, text: str) -> int | None:
    """Find the longest prefix of `opening` in the text; return the end of its last occurrence. A text that contains a
    prefix contains every shorter one, so bisection finds the length; `str.find` is linear, `str.rfind` is not."""
    least, most = 0, len(opening)
    while least < most:
        middle = (least + most + 1) // 2
        if opening[:middle] in text:
            least = middle
        else:
            most = middle - 1
    return None if least == 0 else len(text) - text[::-1].find(opening[:least][::-1])


def _shared(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one.startswith(other[least:middle], least):
            least = middle
        else:
            most = middle - 1
    return least


def _behind_words(before: str, message: ChatMessage) -> int:
    """The position after the words of the message before an assistant's."""
    words = message["content"].strip() if isinstance(message["content"], str) else ""
    at = before[::-1].find(words[::-1])  # the last occurrence, in linear time
    return len(before) - at if words and at >= 0 else 0


def _unused(messages: Sequence[ChatMessage]) -> str:
    """Words that occur in no message."""
    said = "\n".join(str(message["content"]) for message in messages)
    return next(words for number in range(10**6) if (words := f"Qx{number}xQ") not in said)


def _encoded(tokenizer: Vocabulary, text: str) -> tuple[list[int], list[tuple[int, int]]]:
    """The ids of a text, and the span of characters of each."""
    if isinstance(tokenizer, FastTokenizer):
        return tokenizer.encode_with_spans(text)
    ids = tokenizer.encode(text)
    spans, at = [], 0
    for token in ids:
        length = len(tokenizer.decode([token]))
        spans.append((at, at + length))
        at += length
    if at != len(text):
        raise TemplateError("the tokenizer does not say which characters a token stands for: expected tokenizer.json")
    return ids, spans


def _mask(spans: Sequence[tuple[int, int]], turns: Sequence[Turn]) -> list[bool]:
    """A token belongs to the turn of its last character: one across the start of an answer is trained on too."""
    starts = [turn.start for turn in turns]
    last = [bisect_left(starts, end) - 1 for _, end in spans]  # the turn that begins before the token's last character
    return [turn >= 0 and end <= turns[turn].end for turn, (_, end) in zip(last, spans, strict=True)]
