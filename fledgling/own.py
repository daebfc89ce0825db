"""Instructions of the chat model's own to learn from: valid ones, each family as often as in the hidden mix.

Knows the families, the mix and the shipped chat model, which torch runs.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

from fledgling.chat import before_user, system
from fledgling.corpus import draw_first, mix
from fledgling.imperfect import recognise_any
from fledgling.kept import digest_of, kept
from fledgling.systems import DOMAINS

CHAT_MODEL = Path("src/magpie/weights/fledgling")
OWN = 10_000  # that are written
LIMIT = 80  # tokens of one

Asked = tuple[str | None, str]  # a system prompt or None, and an instruction

DOMAIN_OF: Mapping[str | None, tuple[str, ...]] = {
    prompt: domain.families for domain in DOMAINS.values() for prompt in domain.prompts
}
"""System prompt to the families that are asked for under it."""


def own_instructions(work: Path, count: int, seed: int) -> list[Asked]:
    """Of `count` that the chat model writes at temperature 1, with the corpus's share of system prompts, those that
    some family has asked; under a domain's system prompt, one of the domain's. `own.json` in `work` keeps them."""
    made_from = {"seed": seed, "own": count, "chat model": digest_of(CHAT_MODEL)}
    found = kept(work / "own.json", made_from, lambda: list(in_the_mix(written(count, seed))))
    return [(told, prompt) for told, prompt in found]


def written(count: int, seed: int) -> list[Asked]:
    from fledgling.sample import Sampler  # what is kept needs no torch

    rng = Random(seed)
    systems = [draw_first(rng)[0] for _ in range(count)]
    texts = Sampler.of(CHAT_MODEL, seed).complete([system(told) + before_user() for told in systems], LIMIT, 1)
    return [(told, one.text) for told, one in zip(systems, texts, strict=True) if one.ended]


def in_the_mix(some: Sequence[Asked]) -> Iterator[Asked]:
    """What is valid. Of instructions without a system prompt no family has more than its share of the hidden mix."""
    valid = [(told, prompt, family) for told, prompt in some if (family := family_of(told, prompt)) is not None]
    shares, free = mix(), sum(told is None for told, _, _ in valid)
    taken = Counter[str]()
    for told, prompt, family in valid:
        if told is None:
            taken[family] += 1
            if taken[family] > shares[family] * free:
                continue
        yield told, prompt


def family_of(told: str | None, prompt: str) -> str | None:
    """The name of the family that asks this; None where none does, or none that the system prompt speaks of."""
    found = recognise_any(prompt)
    if found is None:
        return None
    name = found[0].name
    return name if told not in DOMAIN_OF or name in DOMAIN_OF[told] else None
