"""Data analysis: small tables of names and numbers, and lists of numbers in a file of their own."""

import re
from random import Random

from fledgling.families import data_lists
from fledgling.family import Difficulty, Family, FollowUp, Form, Slot, Slots, exactly, one_of
from fledgling.slots import NUMBER, PERSON, THINGS, between, named, number
from fledgling.steps import subtract_steps
from fledgling.words import CITIES, DAYS, MONTHS, NAMES, comma_and, sentence

MEASURES = (
    "sales", "scores", "visitors", "points", "orders", "hours", "votes", "goals", "books", "tickets", "calls", "steps",
    "guests", "medals", "letters", "miles",
)  # fmt: skip
ENDS = ("highest", "lowest")
TABLE = Slot(r"[a-z]+: \d{1,3}(?:, [a-z]+: \d{1,3})+")
LABELS = (DAYS, MONTHS, NAMES, NAMES, CITIES)


def draw_table(rng: Random) -> tuple[str, list[str]]:
    """A table, and labels of its sort: those in it first."""
    sort = rng.choice(LABELS)
    labels = rng.sample(sort, 5)
    size = rng.randint(2, 4)
    values = rng.sample(range(5, 99), size)
    return ", ".join(f"{label}: {value}" for label, value in zip(labels[:size], values, strict=True)), labels


def entries(slots: Slots) -> list[tuple[str, int]]:
    return [(label, int(value)) for label, value in re.findall(r"([A-Za-z]+): (\d+)", slots["table"])]


def is_table(slots: Slots) -> bool:
    """Whether every label is a name, and no label and no value comes twice."""
    labels, values = zip(*entries(slots), strict=True)
    capitals = all(label[0].isupper() for label in labels)
    return capitals and len(set(labels)) == len(labels) and len(set(values)) == len(values)


def by_length(slots: Slots) -> Difficulty:
    return "easy" if len(entries(slots)) == 2 else "medium" if len(entries(slots)) == 3 else "hard"


# -- the largest and the smallest value --------------------------------------------------------------------------------


def draw_extreme(rng: Random) -> Slots:
    return {"table": draw_table(rng)[0], "measure": rng.choice(MEASURES), "end": rng.choice(ENDS)}


def search(slots: Slots, end: str) -> str:
    """Walks through the table and says at each step which label it holds on to."""
    (kept, best), *rest = entries(slots)
    steps = [f"Start with {kept} at {best}."]
    for label, value in rest:
        than = f"{label} has {value}, {'more' if value > best else 'less'} than {best}"
        if (value > best) == (end == "highest"):
            kept, best = label, value
        steps.append(f"{than}, so keep {kept}.")
    return " ".join([*steps, f"The {end} is {kept} with {best}."])


AND_THE_OTHER = FollowUp(
    form=Form(
        (
            "And which one is the {end}?",
            "And the {end}?",
            "What about the {end}?",
            "Now find the {end} one.",
            "Can you also tell me the {end}?",
        ),
        {"end": one_of(ENDS)},
    ),
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
            "Find the {end} number of {measure}: {table}.",
            "Which is the {end} in this list of {measure}? {table}",
            "We counted {measure}: {table}. Which count is the {end}?",
            "My notes on {measure} say {table}. Which number is the {end}?",
            "Read this small table of {measure} and name the {end}: {table}",
            "I need the {end} entry for a report on {measure}. The data: {table}.",
            "Can you see which of these {measure} is the {end}? {table}",
            "The chart of {measure} shows {table}. Point out the {end}.",
            "Who or what has the {end} number of {measure}? {table}",
            "From the numbers of {measure}, {table}, pick the {end}.",
            "Our {measure} this time were {table}. Tell me which was the {end}.",
        ),
        {"measure": THINGS, "table": TABLE, "end": one_of(ENDS, "[a-z]+")},
    ),
    draw=draw_extreme,
    reply=lambda slots, _: search(slots, slots["end"]),
    sensible=is_table,
    follow_ups=(AND_THE_OTHER,),
    intent="to find the largest or smallest entry of a small table",
    knowledge="reading a table and comparing numbers",
    difficulty=by_length,
    weight=1.2,
)

# -- looking a value up ------------------------------------------------------------------------------------------------


def draw_lookup(rng: Random) -> Slots:
    """Once in six the label asked for is not in the table, as it happens to people."""
    table, labels = draw_table(rng)
    size = table.count(":")
    label = labels[size] if rng.random() < 1 / 6 else rng.choice(labels[:size])
    return {"table": table, "measure": rng.choice(MEASURES), "label": label}


def found(slots: Slots, label: str) -> str:
    value = dict(entries(slots)).get(label)
    return f"There is no {label} in it." if value is None else f"So the number for {label} is {value}."


def recite(slots: Slots) -> str:
    return "The table has " + comma_and([f"{label} with {value}" for label, value in entries(slots)]) + "."


def other_label(slots: Slots, rng: Random) -> str:
    return rng.choice([label for label, _ in entries(slots) if label != slots["label"]])


def missing_is_harder(slots: Slots) -> Difficulty:
    return "easy" if slots["label"] in dict(entries(slots)) else "medium"


AND_FOR = FollowUp(
    form=Form(
        (
            "And {label}?",
            "What about {label}?",
            "And for {label}?",
            "Now give me the number for {label}.",
            "And what does it say for {label}?",
        ),
        {"label": PERSON},
    ),
    draw=lambda first, rng: {"label": other_label(first, rng)},
    reply=lambda first, own: sentence(found(first, own["label"]).removeprefix("So ")),
    anytime=True,
)

LOOKUP = Family(
    name="lookup",
    category="Data analysis",
    form=Form(
        (
            "Here are the {measure}: {table}. What is the number for {label}?",
            "Look at this table of {measure}: {table}. What does it say for {label}?",
            "These are the {measure}: {table}. Tell me the value for {label}.",
            "Given the {measure} {table}, what is the value of {label}?",
            "I wrote down some {measure}: {table}. What did I write for {label}?",
            "From this list of {measure}, read me the entry for {label}: {table}",
            "What is the number of {measure} for {label}? {table}",
            "My table of {measure}: {table}. I need the number for {label}.",
            "Please look up {label} in these {measure}: {table}.",
            "Find {label} in my {measure}: {table}",
            "I cannot read my own notes on {measure}. They say {table}. What about {label}?",
            "Our {measure} so far: {table}. How much is it for {label}?",
            "In the report on {measure} I see {table}. Which number belongs to {label}?",
            "Someone asks about {label}. The {measure} are {table}. What do I answer?",
            "Can you tell me the value for {label}? The {measure} are {table}.",
            "We keep a list of {measure}: {table}. What stands next to {label}?",
        ),
        {"measure": THINGS, "table": TABLE, "label": PERSON},
    ),
    draw=draw_lookup,
    reply=lambda slots, _: f"{recite(slots)} {found(slots, slots['label'])}",
    sensible=lambda slots: is_table(slots) and named(slots, "label"),
    follow_ups=(AND_FOR,),
    intent="to look up one number in a small table",
    knowledge="reading a table",
    difficulty=missing_is_harder,
    weight=1.2,
)

# -- from one month to the next ----------------------------------------------------------------------------------------


def draw_trend(rng: Random) -> Slots:
    a, b = sorted(rng.sample(MONTHS, 2), key=MONTHS.index)
    x, y = rng.sample(range(5, 100), 2)
    return {"measure": rng.choice(MEASURES), "a": a, "b": b, "x": str(x), "y": str(y)}


def reply_trend(slots: Slots) -> str:
    a, b, x, y = slots["a"], slots["b"], number(slots, "x"), number(slots, "y")
    if x == y:
        return f"The number of {slots['measure']} is {x} in both months, so nothing changed."
    compare, verb = ("more", "rose") if y > x else ("less", "fell")
    steps = subtract_steps(max(x, y), min(x, y))
    return (
        f"{y} is {compare} than {x}: {steps}. From {a} to {b} the number of {slots['measure']} {verb} by {abs(y - x)}."
    )


def needs_to_borrow(slots: Slots) -> Difficulty:
    high, low = max(number(slots, "x"), number(slots, "y")), min(number(slots, "x"), number(slots, "y"))
    return "medium" if high % 10 < low % 10 else "easy"


TREND = Family(
    name="trend",
    category="Data analysis",
    form=Form(
        (
            "We had {x} {measure} in {a} and {y} in {b}. How did the number change?",
            "The report says {a}: {x} {measure}, {b}: {y}. What is the change?",
            "In {a} we counted {x} {measure}, and in {b} we counted {y}. Is that more or less, and by how much?",
            "How much did {measure} change from {a} to {b}? They went from {x} to {y}.",
            "Our {measure} went from {x} in {a} to {y} in {b}. What is the difference?",
            "For {a} my table shows {x} {measure}, for {b} it shows {y}. Describe the change.",
            "Compare {a} with {b}: {x} {measure} against {y}. What happened?",
            "I see {x} {measure} for {a} and {y} for {b}. Did the number go up or down?",
            "Between {a} and {b} the {measure} changed from {x} to {y}. By how many?",
            "Tell me the trend: {a} had {x} {measure}, and {b} had {y}.",
            "There were {x} {measure} in {a}. Then came {b} with {y}. Did we do better?",
            "Please compare two numbers of {measure}: {x} in {a} and {y} in {b}.",
            "My boss wants to know how {measure} changed from {a} to {b}. It was {x} before and is {y} now.",
            "What does the step from {x} {measure} in {a} to {y} in {b} tell us?",
            "Is there a rise or a fall in {measure}? {a}: {x}, {b}: {y}.",
            "Look at {measure}. In {a} there were {x} and in {b} there were {y}. How large is the change?",
        ),
        {"measure": THINGS, "a": exactly(MONTHS), "b": exactly(MONTHS), "x": NUMBER, "y": NUMBER},
    ),
    draw=draw_trend,
    reply=lambda slots, _: reply_trend(slots),
    sensible=lambda slots: slots["a"] != slots["b"] and between(slots, 0, 999, "x", "y"),
    intent="to know how a number changed between two months",
    knowledge="comparing and subtracting two numbers",
    difficulty=needs_to_borrow,
    weight=1.1,
)

FAMILIES = (EXTREME, LOOKUP, TREND, *data_lists.FAMILIES)
