"""Asks a judge for one label and reads how sure it is: the probability of each label at the first token of its reply.

One token is sampled, so that a judgment costs little more than reading the prompt. Knows a chat and a prompt's text;
knows no stage, and not what the labels mean.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from math import exp
from typing import Any

from magpie.errors import TemplateError
from magpie.seams import Chat, Completion, Message, Request, SamplingParams
from magpie.stages.prompts import JudgePrompt, Values, package_prompt

JUDGE = "judge"
"""The name that these requests give to the model they ask."""

MOST_LOGPROBS = 20
"""How many of the likeliest tokens are asked for: the most that servers tell (OpenAI, vLLM)."""
LEAST_MASS = 0.5
"""The least that all labels together must have: below it the judge was about to say something else."""

Distribution = tuple[float, ...]
"""The probability of each label, in their order; they add up to 1."""


def judge_by_logprob(
    chat: Chat, prompt: JudgePrompt | str, values: Values, labels: Sequence[str], model: str = JUDGE
) -> Generator[Request, Any, Distribution | None]:
    """The probability of each of `labels`, which are what the prompt asks to reply with: letters or digits.

    prompt: one of the package by its name, or a file that was read. Needs `Capability.LOGPROBS`. None where the judge
    says something else, and where its chat template refuses the text. Of several judgments of a row, ask for all at
    once: `letter_request` makes the request, `distribution` reads the reply.
    """
    request = letter_request(chat, prompt, values, model)
    if request is None:
        return None
    completion: Completion = yield request
    return distribution(completion, labels)


def letter_request(chat: Chat, prompt: JudgePrompt | str, values: Values, model: str = JUDGE) -> Request | None:
    """The request for the first token of a judgment; None where the chat template refuses the text."""
    text = (package_prompt(prompt) if isinstance(prompt, str) else prompt).render(values)
    try:
        asked = chat.next_assistant((Message("user", text),))
    except TemplateError:
        return None
    return Request(asked, SamplingParams(temperature=0.0, max_tokens=1), model, logprobs=MOST_LOGPROBS)


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
