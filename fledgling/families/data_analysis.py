"""Data analysis: how a number changed between two months. Lists of numbers have a file of their own."""

from random import Random

from fledgling.families import data_lists
from fledgling.family import Difficulty, Family, Form, Slots, exactly
from fledgling.slots import NUMBER, THINGS, between, number
from fledgling.steps import subtract_steps
from fledgling.words import MONTHS

MEASURES = (
    "sales", "scores", "visitors", "points", "orders", "hours", "votes", "goals", "books", "tickets", "calls", "steps",
    "guests", "medals", "letters", "miles",
)  # fmt: skip

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

FAMILIES = (TREND, *data_lists.FAMILIES)
