"""What the truth says about one conversation: its family, whether the replies are right, what its true labels are.

Knows the families; knows no file, no statistics and no other conversation.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from fledgling.corpus import SMALL_TALK_REPLIES
from fledgling.family import Difficulty, Family, FollowUp, Slots
from fledgling.imperfect import ALL, REPEATED, TRUNCATED, Quality, as_asked, quality_of, recognise_any
from fledgling.surface import undressed

ANYTHING = (REPEATED, TRUNCATED)  # families whose form is any text
TAGS = ("input_quality", "difficulty", "task_category")


@dataclass(frozen=True)
class Talk:
    """A conversation as it was found: user and assistant in turn, after a system prompt or none."""

    system: str | None
    prompts: tuple[str, ...]
    replies: tuple[str, ...]  # one fewer than the prompts where the last was not answered
    tags: Mapping[str, str] = field(default_factory=dict)  # what a judge said, of TAGS
    ended: bool | None = None  # whether all of it ended by itself; None where that is not known


@dataclass(frozen=True)
class LaterTurn:
    """What came after the first reply. `follows` is None for small talk."""

    follows: bool | None
    right: bool


@dataclass(frozen=True)
class Verdict:
    talk: Talk
    family: Family | None
    slots: Slots

    @property
    def prompt(self) -> str:
        return self.talk.prompts[0]

    @cached_property
    def has_form(self) -> bool:
        """Whether some family asks like this, whatever stands in the slots."""
        if self.family is not None:
            return True
        texts = undressed(self.prompt)
        return any(family.resembles(text) for family in ALL if family not in ANYTHING for text in texts)

    @cached_property
    def right(self) -> bool:
        return bool(self.family and self.talk.replies) and is_right(self.family, self.slots, self.talk.replies[0])

    @property
    def task(self) -> tuple[Family, Slots]:
        """What is asked for: of a popular instruction, the family that it comes from."""
        assert self.family is not None, "only a recognised prompt has a task"
        return as_asked(self.slots) if self.family is REPEATED else (self.family, self.slots)

    @property
    def category(self) -> str:
        return self.task[0].category

    @property
    def language(self) -> str:
        return self.task[0].language

    @property
    def difficulty(self) -> Difficulty:
        family, slots = self.task
        return family.difficulty(slots)

    @property
    def quality(self) -> Quality:
        return quality_of(self.prompt, self.family, self.slots)

    def later_turns(self) -> Iterator[LaterTurn]:
        """The answered turns after the first, each against the first turn's family."""
        if self.family is None:
            return
        family, slots = self.task
        for prompt, reply in zip(self.talk.prompts[1:], self.talk.replies[1:], strict=False):
            if prompt in SMALL_TALK_REPLIES:
                yield LaterTurn(None, reply == SMALL_TALK_REPLIES[prompt])
            else:
                replies = list(follow_up_replies(family.follow_ups, slots, prompt))
                yield LaterTurn(bool(replies), reply in replies)


def judge(talk: Talk) -> Verdict:
    found = recognise_any(talk.prompts[0])
    return Verdict(talk, *found) if found else Verdict(talk, None, {})


def is_right(family: Family | None, slots: Slots, reply: str) -> bool:
    """Checkers are written for replies of their family; one that cannot read this has not found it right."""
    try:
        return family is not None and family.is_right(slots, reply)
    except (KeyError, ValueError, IndexError):
        return False


def follow_up_replies(follow_ups: Sequence[FollowUp], first: Slots, prompt: str) -> Iterator[str]:
    """The right replies to a follow-up, by each of its readings; none where it does not follow up."""
    for follow_up in follow_ups:
        for raw in (raw for text in undressed(prompt) for raw in follow_up.form.read(text)):
            own = follow_up.form.canonical(raw)
            if own is not None:
                yield from answer(follow_up, first, own)


def answer(follow_up: FollowUp, first: Slots, own: Slots) -> Iterator[str]:
    try:
        yield follow_up.reply(first, own)
    except (KeyError, ValueError, IndexError):  # a word that the first turn does not offer
        return
