"""Asks a judge for one label's probability, or for a verdict in words, again where it cannot be read. What the stages
`compare` and `grade` share. Knows a judge and labels; knows no column.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from math import exp
from typing import Any

from magpie.errors import ContextFull
from magpie.models.chats import ChatModel
from magpie.models.sampling import sampling_params
from magpie.seams import Capability, Completion, Request
from magpie.settings.sampling import Sampling
from magpie.stages.judging.judges import check_letters, prompt_room, thinks_first, thoughts_of
from magpie.stages.judging.letters import JUDGE, LEAST_MASS, judge_prompt, letter_request
from magpie.stages.judging.prompts import JudgePrompt, Values
from magpie.stages.respond.work import Responder

SAMPLING = {"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024}
AGAIN_TEMPERATURE = 0.7
"""The least at which a question is asked again: what greedy decoding got wrong, it gets wrong every time."""
LONGEST_RAW = 2000
"""Characters of a reply that are kept where it cannot be read."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A model that judges, and how it is asked."""

    speaker: Responder
    prompt: JudgePrompt
    labels: tuple[str, ...]
    by_letters: bool
    """Whether the first token's probabilities are read; else the reply."""
    room: int | None
    again: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What a judge says of one question."""

    value: float | None
    """None where it cannot be read."""
    mass: float | None = None
    """The probability of all labels together, where letters are read."""
    raw: str | None = None
    """The reply, where it cannot be read."""


def judge_of(
    model: ChatModel, prompt: JudgePrompt, labels: Sequence[str], sampling: Sampling, again: int, *, by_letters: bool
) -> Judge:
    """A model as a judge."""
    params = sampling_params(sampling, SAMPLING, model.chat.response_stop_token_ids, model.chat.response_stop)
    speaker = Responder(model.chat, params, thoughts_of(model), engine=JUDGE)
    room = prompt_room(model, 1 if by_letters else params.max_tokens)
    return Judge(speaker, prompt, tuple(labels), by_letters, room, again)


def why_no_letters(model: ChatModel, shown: str, labels: Sequence[str], stage: str) -> str | None:
    """Why the probability of a label cannot be read at the first token; None where it can.

    shown: a filled prompt.
    """
    from magpie.errors import RecipeError

    if Capability.LOGPROBS not in model.use.capabilities.can:
        return f"{stage}: the engine {model.use.engine.name} tells no log-probabilities"
    if thinks_first(model):
        return f"{stage}: the judge thinks before it replies"
    try:
        check_letters(model, shown, labels, stage)
    except RecipeError as error:
        return str(error)
    return None


def ask_judge(
    judge: Judge, questions: Sequence[Values], read: Callable[[str, Sequence[str]], float | None]
) -> Generator[Any, Any, list[Reply]]:
    """Ask all questions side by side. read: a verdict in words, and the labels, to a value.

    A value by letters is the expected place of the label: from 0, the first, to 1, the last, which a caller may turn.
    """
    if judge.by_letters:
        return (yield from _by_letters(judge, questions))
    return (yield from _by_words(judge, questions, read))


def _by_letters(judge: Judge, questions: Sequence[Values]) -> Generator[Any, Any, list[Reply]]:
    speaker = judge.speaker
    made = [letter_request(speaker.chat, judge.prompt, one, speaker.engine, judge.room) for one in questions]
    asked = [request for request in made if request is not None]
    try:
        completions = iter((yield asked) if asked else [])
    except ContextFull:  # prompts are shortened to the context as far as it is known
        return [Reply(None, raw="the context is full") for _ in questions]
    return [_refused() if one is None else _letter(next(completions), judge.labels) for one in made]


def _refused() -> Reply:
    return Reply(None, raw="the judge's chat template refuses the text")


def _letter(completion: Completion, labels: Sequence[str]) -> Reply:
    told = completion.logprobs[0] if completion.logprobs else ()
    shares = dict.fromkeys(labels, 0.0)
    for one in told:
        if (label := one.text.strip()) in shares:
            shares[label] += exp(one.logprob)
    mass = sum(shares.values())
    if mass < LEAST_MASS:
        return Reply(None, mass, completion.text[:LONGEST_RAW])
    last = len(labels) - 1
    place = sum(number * share for number, share in enumerate(shares.values())) / mass
    return Reply(place / last, mass)


def _by_words(
    judge: Judge, questions: Sequence[Values], read: Callable[[str, Sequence[str]], float | None]
) -> Generator[Any, Any, list[Reply]]:
    speaker = judge.speaker
    prompts = [judge_prompt(speaker.chat, judge.prompt, one, judge.room) for one in questions]
    found = [_refused() if prompt is None else Reply(None) for prompt in prompts]
    for attempt in range(1 + judge.again):
        open_ = [n for n, prompt in enumerate(prompts) if prompt is not None and found[n].value is None]
        if not open_:
            break
        sampling = speaker.sampling
        if attempt:
            sampling = replace(sampling, temperature=max(sampling.temperature, AGAIN_TEMPERATURE))
        requests = [Request(prompt, sampling, speaker.engine) for n in open_ if (prompt := prompts[n]) is not None]
        try:
            completions: Sequence[Completion] = yield requests
        except ContextFull:
            for n in open_:
                found[n] = Reply(None, raw=found[n].raw or "the context is full")
            break
        for n, completion in zip(open_, completions, strict=True):
            words = str(speaker.read(completion)[0]["response"])
            found[n] = Reply(read(words, judge.labels), raw=words[:LONGEST_RAW])
    return [replace(one, raw=None) if one.value is not None else one for one in found]


def said_before(turns: Any) -> str | None:
    """Turns before an instruction as a text; None where there are none."""
    if not turns:
        return None
    return "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in turns)
