"""Asks a judge, and reads how sure it is: the probability of each label at the first token of its reply.

One token is sampled, so that a judgment costs little more than reading the prompt. Knows a chat and a prompt's text;
knows no stage, and not what the labels mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import exp

from magpie.errors import TemplateError
from magpie.seams import Chat, Completion, Message, Prompt, Request, SamplingParams, Tokens
from magpie.stages.judging.prompts import JudgePrompt, Values, package_prompt

JUDGE = "judge"
"""The name that these requests give to the model they ask."""

MOST_LOGPROBS = 20
"""How many of the likeliest tokens are asked for: the most that servers tell (OpenAI, vLLM)."""
LEAST_MASS = 0.5
"""The least that all labels together must have: below it the judge was about to say something else."""

LEFT_OUT = " [...] "
"""What stands for the middle of a text that is too long for the judge."""
_SHORTEST = 80
"""Characters of a text that are shown at least: a context that has no room for so few is too small to judge in."""

Distribution = tuple[float, ...]
"""The probability of each label, in their order; they add up to 1."""


def letter_request(
    chat: Chat, prompt: JudgePrompt | str, values: Values, model: str = JUDGE, room: int | None = None
) -> Request | None:
    """The request for the first token of a judgment; None where the chat template refuses the text."""
    asked = judge_prompt(chat, prompt, values, room)
    if asked is None:
        return None
    return Request(asked, SamplingParams(temperature=0.0, max_tokens=1), model, logprobs=MOST_LOGPROBS)


def judge_prompt(
    chat: Chat, prompt: JudgePrompt | str, values: Values, room: int | None = None, reply: Sequence[Message] = ()
) -> Prompt | None:
    """A filled prompt as the judge is asked it; None where its chat template refuses the text.

    room: the most tokens that it may have; the longest value is shown without its middle where that is needed (prompts
    that a server writes out have no known length, and stay whole). reply: turns after the prompt.
    """
    template = package_prompt(prompt) if isinstance(prompt, str) else prompt
    return fitting(chat, lambda shown: (Message("user", template.render(shown)), *reply), values, room)


def fitting(
    chat: Chat, messages: Callable[[Values], Sequence[Message]], values: Values, room: int | None
) -> Prompt | None:
    """The prompt for `messages` of the values, the longest of which loses its middle until the prompt has room."""
    while True:
        try:
            asked = chat.next_assistant(messages(values))
        except TemplateError:
            return None
        if room is None or not isinstance(asked, Tokens) or len(asked.ids) <= room:
            return asked
        shorter = _shorter(values, len(asked.ids) - room, len(asked.ids))
        if shorter is None:
            return asked
        values = shorter


def _shorter(values: Values, excess: int, tokens: int) -> Mapping[str, str | None] | None:
    """The values, the longest of them without as much of its middle as `excess` of `tokens` tokens seem to be."""
    name, text = max(((name, text) for name, text in values.items() if text), key=lambda one: len(one[1]))
    if len(text) <= _SHORTEST:
        return None
    whole = sum(len(text) for text in values.values() if text)
    kept = max(_SHORTEST, min(len(text) - excess * whole // tokens, len(text) * 9 // 10)) - len(LEFT_OUT)
    return {**values, name: text[: kept - kept // 2] + LEFT_OUT + text[len(text) - kept // 2 :]}


def distribution(completion: Completion, labels: Sequence[str]) -> Distribution | None:
    """The probability of each label among the labels. A label with a space before it is the same label."""
    told = completion.logprobs[0] if completion.logprobs else ()
    shares = dict.fromkeys(labels, 0.0)
    for one in told:
        if (label := one.text.strip()) in shares:
            shares[label] += exp(one.logprob)
    mass = sum(shares.values())
    return tuple(share / mass for share in shares.values()) if mass >= LEAST_MASS else None


def expected(probabilities: Distribution) -> float:
    """The mean place of the labels, the first of which is 1."""
    return sum(place * share for place, share in enumerate(probabilities, start=1))


def likeliest(probabilities: Distribution) -> int:
    """The place of the label with most probability, from 0; the first of several."""
    return max(range(len(probabilities)), key=probabilities.__getitem__)
