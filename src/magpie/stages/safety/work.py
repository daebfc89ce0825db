"""Judges whether instructions and responses are safe, by a guard model or by any chat model that is asked for a letter.

Every response is judged in the light of what stands before it, and a row is as safe as the worst of its texts. Knows a
guard and the style of its replies; knows no other stage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from magpie.errors import ContextFull
from magpie.seams import Asking, Chat, Drop, Message, Prompt, Request, Row, SamplingParams
from magpie.stages.judging.letters import JUDGE, fitting, judge_prompt
from magpie.stages.judging.prompts import JudgePrompt
from magpie.stages.safety.styles import Reader, Verdict
from magpie.stages.text.conversations import answered_by_responses


@dataclass(frozen=True, slots=True)
class Guard:
    """A model that judges safety."""

    chat: Chat
    read: Reader
    sampling: SamplingParams
    prompt: JudgePrompt | None = None
    """What it is asked, with the texts in it; None for a guard that is given the conversation itself."""
    names: Mapping[str, str] | None = None
    """What its categories are called."""
    threshold: float = 0.5
    """The probability from which a text is unsafe."""
    logprobs: int = 0
    room: int | None = None
    """The most tokens of a prompt; None where that is not known."""

    def request(self, conversation: Sequence[Message]) -> Request | None:
        """None where the chat template refuses the conversation."""
        prompt = self._conversation(conversation) if self.prompt is None else self._filled(self.prompt, conversation)
        return None if prompt is None else Request(prompt, self.sampling, JUDGE, logprobs=self.logprobs)

    def _conversation(self, conversation: Sequence[Message]) -> Prompt | None:
        texts = {str(place): message.content for place, message in enumerate(conversation)}
        roles = [message.role for message in conversation]
        return fitting(self.chat, lambda shown: [*map(Message, roles, map(str, shown.values()))], texts, self.room)

    def _filled(self, prompt: JudgePrompt, conversation: Sequence[Message]) -> Prompt | None:
        """With the last instruction, and the response to it or none."""
        last = conversation[-1]
        answered = last.role == "assistant"
        instruction = conversation[-2].content if answered else last.content
        values = {"instruction": instruction, "response": last.content if answered else None}
        return judge_prompt(self.chat, prompt, values, self.room)

    def is_unsafe(self, verdict: Verdict) -> bool:
        return verdict.unsafe if verdict.harm is None else verdict.harm >= self.threshold

    def named(self, categories: Sequence[str]) -> list[str]:
        """A guard that judges one kind of harm alone names none: then that is "" in `names`."""
        names = self.names or {}
        alone = ("",) if "" in names else ()
        return [names.get(one, one) for one in categories or alone]


def safety(row: Row, guard: Guard, drop: bool = False) -> Asking:
    """Judge all texts of the row side by side; with `drop`, an unsafe row goes no further (`unsafe: CATEGORY`)."""
    conversations = conversations_of(row)
    requests = [guard.request(one) for one in conversations]
    asked = [request for request in requests if request is not None]
    try:
        replies: list[Any] = list((yield asked)) if asked else []
    except ContextFull:  # prompts are shortened to the context as far as it is known
        requests, replies = [None] * len(requests), []
    verdicts: list[Verdict | None] = []
    for conversation, request in zip(conversations, requests, strict=True):
        reply = None if request is None else replies.pop(0)
        verdicts.append(None if reply is None else guard.read(reply, conversation[-1].role == "assistant"))
    columns = _together(verdicts, guard)
    if not drop or columns["safety"] != "unsafe":
        return columns
    return Drop(": ".join(["unsafe", *columns["safety_categories"][:1]]), columns)


def conversations_of(row: Row) -> list[tuple[Message, ...]]:
    """What is judged, each text at the end of what stands before it: all responses, or the instruction alone."""
    asked = (Message("user", row["instruction"]),)
    several = row.get("responses")
    if several:
        before = answered_by_responses(row)
        answers = [place for place, message in enumerate(before) if message.role == "assistant"]
        earlier = [before[: place + 1] for place in answers]
        return [*earlier, *((*before, Message("assistant", one["response"])) for one in several)]
    if row.get("response") is None:
        return [asked]
    told = [*asked, Message("assistant", row["response"])]
    told += [Message(turn["role"], turn["content"]) for turn in row.get("turns") or ()]
    return [tuple(told[:end]) for end in range(1, len(told) + 1) if told[end - 1].role == "assistant"]


def _together(verdicts: Sequence[Verdict | None], guard: Guard) -> dict[str, Any]:
    """The worst of the verdicts; null where none is unsafe and one is missing."""
    known = [one for one in verdicts if one is not None]
    unsafe = [one for one in known if guard.is_unsafe(one)]
    harms = [one.harm for one in known if one.harm is not None]
    whole = len(known) == len(verdicts)
    kinds = dict.fromkeys(kind for one in unsafe for kind in guard.named(one.categories))
    return {
        "safety": "unsafe" if unsafe else "safe" if whole else None,
        "safety_categories": list(kinds) if unsafe or whole else None,
        "harm_probability": max(harms, default=None),
    }
