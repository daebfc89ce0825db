"""Data analysis: find a value in a small table, its largest or smallest one, and the sum of a list."""

import re
from random import Random

from fledgling.family import NUMBER, Family, FollowUp, Form, Slot, Slots, one_of
from fledgling.steps import add_steps
from fledgling.words import CITIES, DAYS, MONTHS, NAMES

MEASURES = ("sales", "scores", "visitors", "points", "orders", "hours", "votes", "goals")
ENDS = ("highest", "lowest")
TABLE = Slot(r"[a-z]+: \d+(?:, [a-z]+: \d+)+")


def draw_table(rng: Random) -> tuple[str, list[str]]:
    labels = rng.sample(rng.choice([DAYS, MONTHS, NAMES, CITIES]), rng.randint(3, 4))
    values = rng.sample(range(5, 99), len(labels))
    return ", ".join(f"{label}: {value}" for label, value in zip(labels, values, strict=True)), labels


def entries(slots: Slots) -> list[tuple[str, int]]:
    return [(label, int(value)) for label, value in re.findall(r"([A-Za-z]+): (\d+)", slots["table"])]


def distinct(slots: Slots) -> bool:
    labels, values = zip(*entries(slots), strict=True)
    return len(set(labels)) == len(labels) and len(set(values)) == len(values)


# -- the largest and the smallest value --------------------------------------------------------------------------------


def draw_extreme(rng: Random) -> Slots:
    return {"table": draw_table(rng)[0], "measure": rng.choice(MEASURES), "end": rng.choice(ENDS)}


def better(end: str, value: int, best: int) -> bool:
    return value > best if end == "highest" else value < best


def extreme(slots: Slots, end: str) -> tuple[str, int]:
    return (max if end == "highest" else min)(entries(slots), key=lambda entry: entry[1])


def search(slots: Slots, end: str) -> str:
    """Walks through the table, comparing each value with the best one so far."""
    (label, best), *rest = entries(slots)
    steps = [f"Start with {label} at {best}."]
    for label, value in rest:
        steps.append(f"{label} has {value}, {'more' if value > best else 'less'} than {best}.")
        best = value if better(end, value, best) else best
    label, value = extreme(slots, end)
    return " ".join([*steps, f"So the {end} is {label} with {value}."])


AND_THE_OTHER = FollowUp(
    form=Form(("And which one is the {end}?", "And the {end}?", "What about the {end}?"), {"end": one_of(ENDS)}),
    draw=lambda first, _: {"end": ENDS[1 - ENDS.index(first["end"])]},
    reply=lambda first, own: search(first, own["end"]),
)

EXTREME = Family(
    name="extreme",
    category="Data analysis",
    form=Form(
        (
            "Here are the {measure}: {table}. Which one is the {end}?",
            "Look at these {measure}: {table}. What is the {end} value?",
            "Given the {measure} {table}, find the {end}.",
            "These are our {measure}: {table}. Where is the {end} number?",
            "I have a table of {measure}: {table}. Which entry is the {end}?",
            "Find the {end} of these {measure}: {table}.",
        ),
        {"measure": one_of(MEASURES, "[a-z]+"), "table": TABLE, "end": one_of(ENDS, "[a-z]+")},
    ),
    draw=draw_extreme,
    reply=lambda slots, _: search(slots, slots["end"]),
    sensible=distinct,
    follow_ups=(AND_THE_OTHER,),
)

# -- looking a value up ------------------------------------------------------------------------------------------------


def draw_lookup(rng: Random) -> Slots:
    table, labels = draw_table(rng)
    return {"table": table, "measure": rng.choice(MEASURES), "label": rng.choice(labels)}


def found(slots: Slots, label: str) -> str:
    return f"The table says that {label} has {dict(entries(slots))[label]} {slots['measure']}."


def other_label(slots: Slots, rng: Random) -> str:
    return rng.choice([label for label, _ in entries(slots) if label != slots["label"]])


AND_FOR = FollowUp(
    form=Form(("And {label}?", "What about {label}?", "And for {label}?"), {"label": Slot("[A-Za-z]+")}),
    draw=lambda first, rng: {"label": other_label(first, rng)},
    reply=lambda first, own: found(first, own["label"]),
)

LOOKUP = Family(
    name="lookup",
    category="Data analysis",
    form=Form(
        (
            "Here are the {measure}: {table}. How many {measure} does {label} have?",
            "Look at this table of {measure}: {table}. What is the number for {label}?",
            "These are the {measure}: {table}. Tell me the value for {label}.",
            "Given the {measure} {table}, what is the value of {label}?",
            "I wrote down some {measure}: {table}. What did I write for {label}?",
        ),
        {"measure": one_of(MEASURES, "[a-z]+"), "table": TABLE, "label": Slot("[a-z]+")},
    ),
    draw=draw_lookup,
    reply=lambda slots, _: found(slots, slots["label"]),
    sensible=lambda slots: distinct(slots) and slots["label"] in dict(entries(slots)),
    follow_ups=(AND_FOR,),
    weight=0.8,
)

# -- the sum of a list -------------------------------------------------------------------------------------------------


def draw_total(rng: Random) -> Slots:
    return {"numbers": ", ".join(str(rng.randint(1, 30)) for _ in range(rng.randint(3, 4)))}


def numbers(slots: Slots) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", slots["numbers"])]


def reply_total(slots: Slots, _: Random) -> str:
    total, *rest = numbers(slots)
    steps = []
    for number in rest:
        steps.append(f"{total} + {number} = {total + number}.")
        total += number
    return " ".join([*steps, f"The total is {total}."])


ONE_MORE = FollowUp(
    form=Form(("I forgot {n}. What is the total now?", "Now add {n} as well.", "And with {n} more?"), {"n": NUMBER}),
    draw=lambda _, rng: {"n": str(rng.randint(2, 9))},
    reply=lambda first, own: (
        f"{add_steps(sum(numbers(first)), int(own['n']))}. The new total is {sum(numbers(first)) + int(own['n'])}."
    ),
)

TOTAL = Family(
    name="total",
    category="Data analysis",
    form=Form(
        (
            "What is the total of {numbers}?",
            "Add up these values: {numbers}.",
            "Find the sum of the numbers {numbers}.",
            "My expenses this week were {numbers} dollars. How much is that in total?",
            "Sum up this data: {numbers}.",
            "I measured {numbers}. What do these values add up to?",
        ),
        {"numbers": Slot(r"\d[\d, ]*\d")},
    ),
    draw=draw_total,
    reply=reply_total,
    sensible=lambda slots: len(numbers(slots)) > 2,
    follow_ups=(ONE_MORE,),
)

FAMILIES = (EXTREME, LOOKUP, TOTAL)
