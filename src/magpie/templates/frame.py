"""Fast paths to prompts, each verified to equal full rendering on varied texts before it is used.

Special tokens cut a text for the tokenizer, so the text beyond the nearest ones can be tokenized once. A `Frame` makes
the prompt for one user message without rendering, unless the message holds anything that the template looks for.
An `Opening` makes a follow-up with one rendering in place of one for each placeholder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from magpie.modelfiles.probe import probe_texts
from magpie.seams import Tokenizer
from magpie.templates.sentinels import USER, split

Prompt = Callable[[str], tuple[str, list[int]]]
"""A user message to the whole prompt's text and ids."""
Anchors = Callable[[str], list[tuple[int, int]]]
"""A text to the places, start and end, of the special tokens in it."""


@dataclass(frozen=True)
class Frame:
    """Ids before, text just before, text just after, ids after; what a message may not hold.

    `drop` counts the ids at the end of the encoded text that do not belong to the prompt: they were encoded with it
    because of what the ids before them become when something follows.
    """

    before: tuple[int, ...]
    left: str
    right: str
    after: tuple[int, ...]
    drop: int
    needles: tuple[str, ...]
    encode: Callable[[str], list[int]] = field(repr=False)

    def fits(self, content: str) -> bool:
        """Whether the template is known to print `content` unchanged."""
        if not content or content[0].isspace() or content[-1].isspace():
            return False
        return not any(needle in content for needle in self.needles)

    def ids(self, content: str) -> tuple[int, ...]:
        middle = self.encode(self.left + content + self.right)
        return (*self.before, *(middle[: -self.drop] if self.drop else middle), *self.after)


@dataclass(frozen=True)
class Opening:
    """The text between the last special token before a user's words and the words, with its ids."""

    text: str
    ids: tuple[int, ...]


def build_opening(rows: Sequence[tuple[str, Sequence[int]]], tokenizer: Tokenizer, anchors: Anchors) -> Opening | None:
    """The opening that all `rows` share, each a text before a user's words and its ids by the long way; or None."""
    found = {_opening(text, ids, tokenizer, anchors) for text, ids in rows}
    return found.pop() if len(found) == 1 else None


def _opening(text: str, ids: Sequence[int], tokenizer: Tokenizer, anchors: Anchors) -> Opening | None:
    end = last_anchor(text, anchors)
    fixed = tokenizer.encode(text[:end])
    return Opening(text[end:], tuple(ids[len(fixed) :])) if end and list(ids[: len(fixed)]) == fixed else None


def last_anchor(text: str, anchors: Anchors) -> int:
    """The end of the last special token in `text`; 0 where there is none."""
    return max((end for _, end in anchors(text)), default=0)


def build_frame(prompt: Prompt, tokenizer: Tokenizer, anchors: Anchors, needles: Sequence[str]) -> Frame | None:
    """The frame of `prompt`, or None where the pieces and the whole give different ids."""
    text, whole = prompt(USER[0])
    before, after = split(text, USER[0], "user")
    frame = _cut(before, after, whole, USER[0], tokenizer, anchors, needles)
    if frame is None:
        return None
    fair = [text.strip() for text in probe_texts if frame.fits(text.strip())]
    return frame if all(frame.ids(text) == tuple(prompt(text)[1]) for text in [*USER, *fair]) else None


def _cut(
    before: str,
    after: str,
    whole: Sequence[int],
    words: str,
    tokenizer: Tokenizer,
    anchors: Anchors,
    needles: Sequence[str],
) -> Frame | None:
    left_at = max((start for start, _ in anchors(before)), default=0)
    right_at = min((end for _, end in anchors(after)), default=len(after))
    left, right = before[left_at:], after[:right_at]
    fixed, middle = tokenizer.encode(before[:left_at]), tokenizer.encode(left + words + right)
    pieces = [*fixed, *middle]
    drop = max(0, len(pieces) - len(whole))
    if pieces[: len(pieces) - drop] != list(whole[: len(pieces)]):
        return None
    return Frame(tuple(fixed), left, right, tuple(whole[len(pieces) :]), drop, tuple(needles), tokenizer.encode)
