"""Unaligned documents about the same world: worked examples, dialogs in prose, notes, tables, lists of facts.

What a base model reads that has everything but the form of a chat. A document says what a task is about by its own
labels and sentences and then what is true of it. There is no chat format, no request and no phrasing of the aligned
corpus: what a user would say is never written here, and the imperfect families and their replies are left out.
"""

from collections.abc import Callable, Iterator
from random import Random

from fledgling.base import sums, words
from fledgling.chat import END_OF_TEXT
from fledgling.families import FAMILIES
from fledgling.family import Family, Slots
from fledgling.words import NAMES

# stands before or between what an entry is about, in prose
LEADS = (
    "Somebody spoke of", "The page begins with", "In the margin stands", "The old book has", "On the blackboard stood",
    "The letter is about", "The first line has", "All evening the talk was of", "A note on the door mentions",
    "The report deals with", "In the drawer lay a card with", "The subject of the day was", "Page {n} is about",
    "The heading reads", "The class had before it", "Under the picture one sees", "The recording begins with",
)  # fmt: skip
LINKS = (
    "and also", "together with", "beside", "and next to it", "as well as", "and further down", "then", "along with",
    "and, a line later,", "in connection with", "with", "not far from", "and at the end",
)  # fmt: skip
SAYING = ("said", "explained", "wrote", "answered", "noted", "read aloud", "remarked", "told everybody")
TITLES = ("Example", "Exercise", "Entry", "Case", "No.", "Lesson", "Page", "Item")
LABELLED = 0.5  # share of entries in prose that say by its label what kind of thing it is about
PARTS = ("Solution", "Result", "Text", "Remark", "Working", "What is known", "Outcome", "Record")


def documents(seed: int) -> Iterator[list[tuple[str, bool]]]:
    """Texts without end, all of each learned."""
    rng = Random(seed)
    makers = list(SHARES)
    while True:
        maker = rng.choices(makers, list(SHARES.values()))[0]
        yield [(maker(rng) + END_OF_TEXT, True)]


def draw(rng: Random) -> Family:
    return rng.choices(FAMILIES, [family.weight for family in FAMILIES])[0]


def label(family: Family) -> str:
    return family.name.replace("_", " ")


def of(count: int, family: Family, entry: Callable[[Family, Random], str], rng: Random) -> str:
    return rng.choice(("\n\n", "\n\n", "\n")).join(entry(family, rng) for _ in range(count))


# -- kinds of documents ------------------------------------------------------------------------------------------------


def worked_examples(rng: Random) -> str:
    """Numbered cases of one or several kinds: what is given, and what comes of it."""
    title, part, number = rng.choice(TITLES), rng.choice(PARTS), rng.randint(1, 60)
    same = draw(rng)
    told = []
    for place in range(rng.randint(1, 4)):
        family = same if rng.random() < 0.6 else draw(rng)
        slots = family.draw(rng)
        told.append(
            f"{title} {number + place} ({label(family)}). {given(slots, ', ', rng)}.\n"
            f"{part}: {family.reply(slots, rng)}"
        )
    return "\n\n".join(told)


def notes(rng: Random) -> str:
    """A heading, what is given line by line, and the text."""
    mark = rng.choice(("- ", "* ", ""))

    def entry(family: Family, rng: Random) -> str:
        slots = family.draw(rng)
        return f"{label(family).title()}\n{mark}{given(slots, chr(10) + mark, rng)}\n{family.reply(slots, rng)}"

    return of(rng.randint(1, 3), draw(rng), entry, rng)


def dialog(rng: Random) -> str:
    """A story in which one person brings something up and another says what is known of it."""
    told = []
    for _ in range(rng.randint(1, 3)):
        family = draw(rng)
        slots = family.draw(rng)
        asker, teller = rng.sample(NAMES, 2)
        said = family.reply(slots, rng)
        subject = f"{label(family)}, " if rng.random() < LABELLED else ""
        told.append(f"{asker} came with {subject}{in_prose(slots, rng)}. {teller} {rng.choice(SAYING)}: {said}")
    return "\n\n".join(told)


def prose(rng: Random) -> str:
    """A sentence about the things in question, in any order, and the passage on them."""

    def entry(family: Family, rng: Random) -> str:
        slots = family.draw(rng)
        lead = rng.choice(LEADS).format(n=rng.randint(2, 99))
        subject = f"{label(family)}, " if rng.random() < LABELLED else ""
        return f"{lead} {subject}{in_prose(slots, rng)}. {family.reply(slots, rng)}"

    return of(rng.randint(1, 3), draw(rng), entry, rng)


def table(rng: Random) -> str:
    """Rows of one kind: a column for each thing that is given, the last for the passage."""
    for _ in range(20):
        family = draw(rng)
        rows = [(slots, family.reply(slots, rng)) for slots in (family.draw(rng) for _ in range(rng.randint(2, 5)))]
        if all("\n" not in text for slots, reply in rows for text in (*slots.values(), reply)):
            keys = list(rows[0][0])
            rng.shuffle(keys)
            head = " | ".join([*keys, label(family)])
            lines = [" | ".join([*(slots[key] for key in keys), reply]) for slots, reply in rows]
            return "\n".join([head, *lines])
    return passages(rng)


def passages(rng: Random) -> str:
    """What is said on one subject, one passage after the other, with nothing between them."""
    family = draw(rng)
    return of(rng.randint(1, 4), family, lambda family, rng: family.reply(family.draw(rng), rng), rng)


SHARES: dict[Callable[[Random], str], float] = {
    worked_examples: 0.25, notes: 0.15, dialog: 0.2, prose: 0.25, table: 0.06, passages: 0.04, words: 0.03, sums: 0.02,
}  # fmt: skip


# -- what an entry is about --------------------------------------------------------------------------------------------


def given(slots: Slots, between: str, rng: Random) -> str:
    """Each thing with its label, in any order."""
    items = [(key, value) for key, value in slots.items() if value]
    rng.shuffle(items)
    sign = rng.choice((": ", " = ", ": "))
    return between.join(f"{key}{sign}{value}" for key, value in items)


def in_prose(slots: Slots, rng: Random) -> str:
    """The things without their labels, joined by words; code in a block of its own."""
    values = [value for value in slots.values() if value]
    if rng.random() < 0.2:
        rng.shuffle(values)
    told = ""
    for place, value in enumerate(values):
        link = "" if not place else rng.choice((", ", " ", f" {rng.choice(LINKS)} ", f" {rng.choice(LINKS)} "))
        told += link + (f"\n```python\n{value}\n```\n" if "\n" in value else value)
    return told
