"""The `Chat` of one model: messages in, prompts as token ids out.

It uses what `derive` found. Every prompt follows from a whole rendering that is tokenized whole; a cheaper way is used
only where it gives the same ids.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat
from typing import Any

from magpie.errors import TemplateError
from magpie.seams import Message, Tokenizer, Tokens
from magpie.templates.ends import End
from magpie.templates.families import Family
from magpie.templates.frame import Frame, Opening, build_frame, build_opening, last_anchor
from magpie.templates.marks import between_marks, marks
from magpie.templates.openings import Surroundings
from magpie.templates.script import Script
from magpie.templates.sentinels import ASSISTANT, USER, shared_start, split

_KEPT = 256
"""Pre-queries and frames kept, one for each system prompt in use."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a template has around words, as it appears in a model's text."""

    openings: tuple[str, ...]
    """One of these may come before the words."""
    bare_openings: tuple[str, ...]
    """The same where special tokens are not shown."""
    after: str
    bare_after: str


@dataclass(frozen=True)
class ChatTemplate:
    """Implements `seams.Chat`. `report` says what was found."""

    script: Script
    tokenizer: Tokenizer
    added: Mapping[str, int]
    """The special tokens that the template writes."""
    user_end: End
    assistant_end: End
    markers: tuple[str, ...]
    """Texts that only the template may write, such as `<|im_start|>`: in a model's text they are a leak."""
    family: Family
    around: Surroundings
    """What the template has around the words of an answer, where the model writes it."""
    heals: bool
    """Whether the end of a generation prompt has other ids when the assistant's words follow: then those are taken."""
    by_hand: str | None = None
    """The pre-query's text where a user gave it."""
    report: Mapping[str, Any] = field(default_factory=dict)
    _opened: dict[tuple[Message, ...], Tokens] = field(default_factory=dict, repr=False, compare=False)
    _frames: dict[str | None, Frame | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def stop_token_ids(self) -> tuple[int, ...]:
        """Where an instruction ends: the end of a user's turn, and the ends of generation."""
        return tuple(dict.fromkeys([*self.user_end.token_ids, *self.assistant_end.token_ids]))

    @property
    def stop(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.user_end.texts, *self.assistant_end.texts]))

    @property
    def response_stop_token_ids(self) -> tuple[int, ...]:
        """The tokens that end a response, without one that closes reasoning inside it, as in harmony."""
        return self.assistant_end.token_ids

    @property
    def response_stop(self) -> tuple[str, ...]:
        return self.assistant_end.texts

    @cached_property
    def marker_ids(self) -> frozenset[int]:
        return frozenset(self.added[text] for text in self.markers if text in self.added)

    @cached_property
    def first_token_bans(self) -> tuple[int, ...]:
        """The ids that an instruction of this family may not begin with."""
        opened = len(self.next_user([]).ids)
        rows = [self._ids_with(text)[opened : opened + 1] for text in self.family.first_token_bans]
        return tuple(dict.fromkeys(token for row in rows for token in row))

    def describe(self) -> dict[str, Any]:
        """What was found, as plain values."""
        return dict(self.report)

    def next_user(self, messages: Sequence[Message]) -> Tokens:
        """The prompt for the next user message. Raises `TemplateError` where the message's words would change it."""
        key = tuple(messages)
        if _without_system(key)[1]:
            return Tokens(tuple(self._follow_up(key)))
        if key not in self._opened:
            _make_room(self._opened)
            self._opened[key] = Tokens(tuple(self._pre_query(key)))
        return self._opened[key]

    def next_assistant(self, messages: Sequence[Message]) -> Tokens:
        """The whole conversation up to where the assistant writes."""
        system, turns = _without_system(messages)
        if len(turns) == 1 and turns[0].role == "user":
            frame = self.frame(system)
            if frame is not None and frame.fits(turns[0].content):
                return Tokens(frame.ids(turns[0].content))
        return Tokens(tuple(self.prompt_ids(messages)[1]))

    def text(self, token_ids: Sequence[int]) -> str:
        """The text of token ids, special tokens written out."""
        return self.tokenizer.decode(token_ids)

    def leaks(self, token_ids: Sequence[int], text: str) -> bool:
        """Whether a model wrote what only the template may write, as a token or as text.

        A token that opens an answer is the model's to write, once. `text` is without it.
        """
        if any(marker in text for marker in self.markers):
            return True
        if self.marker_ids.isdisjoint(token_ids):
            return False
        written = Counter(token for token in token_ids if token in self.marker_ids)
        return bool(written - self._opening_ids)

    @cached_property
    def _opening_ids(self) -> Counter[int]:
        """Tokens that may come before an answer, each as often as its opening has it."""
        allowed: Counter[int] = Counter()
        for opening in self.around.openings:
            allowed |= Counter(self.added[opening[start:end]] for start, end in marks(opening, self.added))
        return allowed

    def user_text(self, sampled: str) -> str:
        """The user message in what the model wrote as the user."""
        return _words(sampled, self._around_user)

    def assistant_text(self, sampled: str) -> str:
        """The response in what the model wrote as the assistant."""
        text = _words(sampled, self._around_assistant)
        for opens, closes in self.around.wrappers:
            if text.startswith(opens):
                text = text.removeprefix(opens).removesuffix(closes).strip()
        return text

    @cached_property
    def _around_user(self) -> Around:
        return self._around((), self.user_end.between)

    @cached_property
    def _around_assistant(self) -> Around:
        return self._around(self.around.openings, self.assistant_end.between)

    def _around(self, before: Sequence[str], after: str) -> Around:
        """What the template may have before words and has after them, with special tokens shown and without."""
        bare = tuple(dict.fromkeys(filter(None, map(self._without_marks, before))))
        return Around(tuple(text.strip() for text in before), bare, after.strip(), self._without_marks(after))

    def _without_marks(self, text: str) -> str:
        return "".join(between_marks(text, self.added)).strip()

    def prompt_ids(self, messages: Sequence[Message]) -> tuple[str, list[int]]:
        """The prompt for the assistant as text and ids, from a whole rendering."""
        text = self.script.prompt(messages)
        alone = self.tokenizer.encode(text)
        if not self.heals:
            return text, alone
        rows = [self.tokenizer.encode(text + self.script.manner.lead + words) for words in ASSISTANT]
        shared = rows[0][: shared_start(rows)]
        return text, alone if shared[: len(alone)] == alone else shared

    def before_user(self, messages: Sequence[Message]) -> tuple[str, list[int]]:
        """The text and the ids before any next user message: what the prompts of all placeholders share."""
        texts = [self.script.bare_prompt([*messages, Message("user", words)]) for words in USER]
        said = [sum(message.content.count(words) for message in messages) for words in USER]
        starts = {split(*each)[0] for each in zip(texts, USER, repeat("user"), said)}
        if len(starts) > 1:
            raise TemplateError(
                "the chat template writes something before the user's words that depends on them; expected the same "
                "text before any words: give template.pre_query by hand"
            )
        rows = [self.tokenizer.encode(text) for text in texts]
        return starts.pop(), rows[0][: shared_start(rows)]

    def _pre_query(self, messages: Sequence[Message]) -> list[int]:
        if self.by_hand is None:
            return self.before_user(messages)[1]
        rows = [self.tokenizer.encode(f"{self.by_hand}{words}") for words in USER]
        return rows[0][: shared_start(rows)]

    def _follow_up(self, messages: Sequence[Message]) -> list[int]:
        if self.opening is not None:
            before = self._text_before_user(messages)
            end = last_anchor(before, self.anchors)
            if before[end:] == self.opening.text:
                return [*self.tokenizer.encode(before[:end]), *self.opening.ids]
        return self.before_user(messages)[1]

    def _text_before_user(self, messages: Sequence[Message]) -> str:
        said = sum(message.content.count(USER[0]) for message in messages)
        return split(self.script.bare_prompt([*messages, Message("user", USER[0])]), USER[0], "user", said)[0]

    def _ids_with(self, words: str) -> list[int]:
        return self.tokenizer.encode(self.script.bare_prompt([Message("user", words)]))

    def anchors(self, text: str) -> list[tuple[int, int]]:
        return marks(text, self.added)

    @cached_property
    def opening(self) -> Opening | None:
        """What opens a later user turn, where that is the same after varied responses."""
        try:
            rows = [self.before_user([Message("user", "Why?"), Message("assistant", words)]) for words in ASSISTANT]
        except TemplateError:
            return None
        return build_opening(rows, self.tokenizer, self.anchors)

    def frame(self, system: str | None) -> Frame | None:
        """The shortcut to the prompt for one user message after `system`; None where it could not be proven."""
        if system not in self._frames:
            _make_room(self._frames)
            self._frames[system] = self._build_frame(system)
        return self._frames[system]

    def _build_frame(self, system: str | None) -> Frame | None:
        opening = [] if system is None else [Message("system", system)]

        def prompt(words: str) -> tuple[str, list[int]]:
            text, ids = self.prompt_ids([*opening, Message("user", words)])
            return (text + self.script.manner.lead + ASSISTANT[0] if self.heals else text), ids

        needles = self.script.renderer.facts["needles"]
        return build_frame(prompt, self.tokenizer, self.anchors, needles)


def _words(sampled: str, around: Around) -> str:
    """`sampled` without outer white space and what the template has around words.

    Where special tokens are shown, all of them are, so that nothing is sought in its bare form then.
    """
    text = sampled.strip()
    shown = next((one for one in around.openings if text.startswith(one)), "")
    if shown:
        return text.removeprefix(shown).removesuffix(around.after).strip()
    bare = next((one for one in around.bare_openings if _is_opening(one, text)), "")
    text = text.removeprefix(bare)
    if around.after and text.endswith(around.after):
        return text.removesuffix(around.after).strip()
    return text.removesuffix(around.bare_after if _is_ending(around.bare_after, text) else "").strip()


_CONTINUES = re.compile(r"[\s_,.;:!?)/'\u2019]|-\w")
"""What follows a word, and does not begin a text."""


def _is_opening(bare: str, text: str) -> bool:
    """Whether a text begins with an opening without its special tokens, and not with a word such as "finally": words
    stand right behind it, and begin as a text does. `finalThe answer` has one, `final exams` and `finals` have none."""
    if not text.startswith(bare):
        return False
    behind = text[len(bare) : len(bare) + 2]
    return not bare[-1].isalpha() or not (behind[:1].islower() or _CONTINUES.match(behind))


def _is_ending(bare: str, text: str) -> bool:
    """Whether a text ends with what stands behind words, without its special tokens: it stands right behind them."""
    before = text[: len(text) - len(bare)][-1:]
    return text.endswith(bare) and not (bare[:1].isalpha() and (before.isspace() or not before))


def _without_system(messages: Sequence[Message]) -> tuple[str | None, Sequence[Message]]:
    if messages and messages[0].role == "system":
        return messages[0].content, messages[1:]
    return None, messages


def _make_room(cache: dict[Any, Any]) -> None:
    if len(cache) >= _KEPT:
        cache.pop(next(iter(cache)))
