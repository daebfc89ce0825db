"""Plain text about the same world, for the base model: what is said in it, and never what was asked.

Passages of replies without their prompts, lists of words, equations. Knows the families; knows no chat format.
"""

from collections import defaultdict
from collections.abc import Iterator
from random import Random

from fledgling.chat import END_OF_TEXT
from fledgling.families import FAMILIES
from fledgling.family import Family

KINDS = {"passage": 0.7, "words": 0.2, "sums": 0.1}  # shares of the texts


def base_texts(seed: int) -> Iterator[list[tuple[str, bool]]]:
    """Texts without end, all of each learned."""
    rng = Random(seed)
    makers = {"passage": passage, "words": words, "sums": sums}
    while True:
        kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
        yield [(makers[kind](rng) + END_OF_TEXT, True)]


def passage(rng: Random) -> str:
    """What is said on one subject, in one language."""
    families = rng.choice(subjects())
    said = [reply(rng.choice(families), rng) for _ in range(rng.randint(1, 4))]
    return rng.choice(("\n", "\n\n", "\n\n")).join(said)


def subjects() -> list[list[Family]]:
    groups: dict[tuple[str, str], list[Family]] = defaultdict(list)
    for family in FAMILIES:
        groups[family.category, family.language].append(family)
    return list(groups.values())


def reply(family: Family, rng: Random) -> str:
    return family.reply(family.draw(rng), rng)


def words(rng: Random) -> str:
    """Some words that may stand in the same place."""
    vocabulary = rng.choice(vocabularies())
    some = rng.sample(vocabulary, min(len(vocabulary), rng.randint(3, 12)))
    return rng.choice((", ".join(some) + ".", "\n".join(some), "\n".join(f"- {word}" for word in some)))


def vocabularies() -> list[tuple[str, ...]]:
    return [slot.words for family in FAMILIES for slot in family.form.slots.values() if len(slot.words) > 2]


def sums(rng: Random) -> str:
    return "\n".join(equation(rng) for _ in range(rng.randint(2, 8)))


def equation(rng: Random) -> str:
    a, b = rng.randint(2, 99), rng.randint(2, 99)
    return rng.choice((f"{a} + {b} = {a + b}", f"{a + b} - {a} = {b}", f"{a} x {b % 10} = {a * (b % 10)}"))
