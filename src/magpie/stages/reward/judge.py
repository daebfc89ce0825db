"""Scores responses by asking a judge for a digit: the expected digit by its probabilities is the reward, from 1 to 5.

A row stage, since a judge is a model that an engine runs. Of a longer conversation every response is judged with what
was said before it, and the reward is their mean. Of several responses to one conversation each is judged alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from magpie.errors import ContextFull
from magpie.seams import Asking, Chat, Completion, Request, Row, Tokens
from magpie.stages.judging.letters import distribution, expected, letter_request
from magpie.stages.judging.prompts import JudgePrompt
from magpie.stages.reward.rewards import Conversation, Score, columns, scored

DIGITS = "12345"
"""What the judge may reply, worst first."""


def judge_reward(
    row: Row, chat: Chat, prompt: JudgePrompt, names: Sequence[str], most_tokens: int | None = None
) -> Asking:
    """The columns called `names`. A reward is null where the judge says no digit, and where a conversation does not fit
    into its context (`most_tokens`, where prompts are token ids)."""
    of = scored(row)
    judgments = [_judgments(one, chat, prompt, most_tokens, last=of.is_list) for one in of.flat()]
    asked = [one for every in judgments for one in every if one is not None]
    try:
        answers = iter((yield asked) if asked else [])
    except ContextFull:
        return columns(of, [None] * len(of.flat()), names)
    scores = [_mean([None if one is None else _read(next(answers)) for one in every]) for every in judgments]
    return columns(of, scores, names)


def _judgments(
    conversation: Conversation, chat: Chat, prompt: JudgePrompt, most_tokens: int | None, *, last: bool
) -> list[Request | None]:
    """A request for every response of a conversation, or for the last one; None for one that cannot be asked about."""
    places = [place for place, message in enumerate(conversation) if message.role == "assistant"]
    places = places[-1:] if last else places
    requests = []
    for place in places:
        values = {"instruction": _said_before(conversation[:place]), "response": conversation[place].content}
        request = letter_request(chat, prompt, values)
        requests.append(None if request is None or _too_long(request, most_tokens) else request)
    return requests


def _said_before(messages: Conversation) -> str:
    """An instruction as it is; what was said before it, if anything was, with who said it."""
    if len(messages) == 1:
        return messages[0].content
    return "\n\n".join(f"{message.role}: {message.content}" for message in messages)


def _too_long(request: Request, most_tokens: int | None) -> bool:
    prompt = request.prompt
    return most_tokens is not None and isinstance(prompt, Tokens) and len(prompt.ids) >= most_tokens


def _read(answer: Completion) -> Score:
    probabilities = distribution(answer, DIGITS)
    return None if probabilities is None else expected(probabilities)


def _mean(scores: Sequence[Score]) -> Score:
    """Of all responses; None where one of them has no score."""
    known = [one for one in scores if one is not None]
    return fmean(known) if known and len(known) == len(scores) else None
